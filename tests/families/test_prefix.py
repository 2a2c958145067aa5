"""The prefix: what its layers give in place of pixels leads to the same logits and gradients."""

from typing import Any

import pytest
import torch
from torch import Tensor
from transformers import ResNetConfig, ResNetForImageClassification

from hf_fairtune.families.prefix import Prefix
from hf_fairtune.masks.config import masked
from hf_fairtune.masks.mask import apply_mask
from tests.conftest import tiny_vit

LATE, LAST = "000000101", "000000000"


def gradients(model: Any, values: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
    """Return the logits for some values, and the gradients of their sum of squares by parameter."""
    model.zero_grad()
    logits = model(pixel_values=values).logits
    logits.square().sum().backward()
    return logits.detach(), {n: p.grad.clone() for n, p in model.named_parameters() if p.grad is not None}


@pytest.mark.parametrize("peft", [True, False], ids=["PEFT", "plain"])
@pytest.mark.parametrize(
    ("mask", "blocks", "tokens"), [("000001110", 1, 5), (LATE, 2, 5), (LAST, 3, 1)], ids=["1", "2", "all"]
)
def test_stored_values_lead_to_the_same(mask: str, blocks: int, tokens: int, peft: bool, pixels: Tensor) -> None:
    made = (masked if peft else apply_mask)(tiny_vit(), mask)
    model: Any = made.train()
    prefix = Prefix.of(model)
    assert prefix is not None
    assert len(prefix.blocks) == blocks
    wanted, slopes = gradients(model, pixels)
    stored = prefix(pixels)
    assert stored.shape == (4, tokens, 16)
    assert all(module.training for module in model.modules())
    with prefix.skipped():
        found, own = gradients(model, stored)
        # Pixels go their usual way.
        assert torch.equal(gradients(model, pixels)[0], wanted)
    torch.testing.assert_close(found, wanted, rtol=1e-6, atol=1e-6)
    assert set(own) == set(slopes)
    for name, slope in slopes.items():
        torch.testing.assert_close(own[name], slope, rtol=1e-5, atol=1e-5)
    assert not any("forward" in vars(module) for module in model.modules())


def test_the_last_block_calculates_what_is_read(pixels: Tensor) -> None:
    """With dropout it is run whole, so that chance falls as without."""
    model = apply_mask(tiny_vit(), LATE).train()
    last, seen = model.get_submodule("vit.layers.2"), []
    last.mlp.register_forward_pre_hook(lambda _, args: seen.append(args[0].shape[1]))
    for drop in (0.0, 0.5):
        last.dropout.p = drop
        prefix = Prefix.of(model)
        assert prefix is not None
        assert not prefix.is_random
        outputs = []
        with prefix.skipped():
            for values in (prefix(pixels), pixels):
                torch.manual_seed(0)
                outputs.append(model(values).logits)
        torch.testing.assert_close(*outputs, rtol=1e-6, atol=1e-6)
    assert seen == [1, 5, 5, 5]


def test_no_prefix_where_it_is_trained_or_not_known() -> None:
    assert Prefix.of(tiny_vit()) is None
    assert Prefix.of(apply_mask(tiny_vit(), "001000000")) is None
    model = apply_mask(tiny_vit(), LATE)
    model.get_parameter("vit.embeddings.cls_token").requires_grad_(True)
    assert Prefix.of(model) is None
    config = ResNetConfig(embedding_size=4, hidden_sizes=[4, 4], depths=[1, 1], layer_type="basic", num_labels=2)
    assert Prefix.of(ResNetForImageClassification(config).requires_grad_(False)) is None


def test_dropout_before_what_is_trained_is_chance() -> None:
    model = apply_mask(tiny_vit(), LATE)
    for module, name in (("vit.layers.0.dropout", "p"), ("vit.layers.1.attention", "attention_dropout")):
        found = Prefix.of(model)
        assert found is not None
        assert not found.is_random
        setattr(model.get_submodule(module), name, 0.1)
        assert found.is_random
        setattr(model.get_submodule(module), name, 0.0)


def test_the_digest_is_of_all_that_counts() -> None:
    model = apply_mask(tiny_vit(), LATE)
    prefix = Prefix.of(model)
    assert prefix is not None
    known = {prefix.digest}
    with torch.no_grad():
        model.classifier.weight.add_(1)
        model.vit.layers[2].mlp.fc1.weight.add_(1)
    assert prefix.digest in known
    for weight in (model.vit.layers[1].mlp.fc1.bias, model.vit.embeddings.cls_token):
        with torch.no_grad():
            weight.view(-1)[0].add_(1e-3)
        known.add(prefix.digest)
    for mask, kind in ((LAST, torch.float32), (LATE, torch.bfloat16)):
        found = Prefix.of(apply_mask(model.to(kind), mask))
        assert found is not None
        known.add(found.digest)
    assert len(known) == 5
