"""DomainInd against heads trained by hand, one a group; the sum of the blocks is the head, exactly."""

from pathlib import Path

import pytest
import torch
from torch.nn.functional import binary_cross_entropy_with_logits, cross_entropy

from hf_fairtune.errors import FairTuneError
from hf_fairtune.families.head import MULTI_LABEL
from hf_fairtune.methods.domainind import Blocks, DomainInd
from hf_fairtune.methods.facts import Facts
from hf_fairtune.methods.full import Full
from tests.conftest import table, tiny_vit

from .game import batch, ends, equal, facts


def test_one_group_is_full_fine_tuning_bit_for_bit(tmp_path: Path) -> None:
    full, other = ends(tmp_path, Full(), DomainInd(), data=table(group_names=("all",)))
    assert equal(full, other)


@pytest.mark.parametrize("groups", range(2, 8))
def test_at_first_the_blocks_are_the_head(groups: int) -> None:
    """Each a share of it, and their sum it exactly, for any number of groups."""
    layer = torch.nn.Linear(50, 3)
    blocks, whole = Blocks(layer, groups), torch.nn.Linear(50, 3)
    whole.load_state_dict({"weight": layer.weight + blocks.weight.sum(0), "bias": layer.bias + blocks.bias.sum(0)})
    assert blocks.weight.shape == (groups - 1, 3, 50)
    torch.testing.assert_close(layer.weight, whole.weight / groups)
    model, pixels = tiny_vit(num_labels=3), batch()["pixel_values"]
    wanted = model(pixel_values=pixels).logits
    DomainInd().prepare(model, facts(groups, 3))
    with torch.no_grad():
        assert torch.equal(model(pixel_values=pixels).logits, wanted)
    assert torch.equal(model(pixel_values=pixels).logits, wanted)


def test_every_step_trains_the_blocks_by_their_own_rows_alone() -> None:
    """Against heads of their own on the same features, in plain SGD."""
    method, model = DomainInd(), tiny_vit(num_labels=3)
    method.prepare(model, facts(3, 3))
    model.vit.requires_grad_(False)
    head, parts = tiny_vit(num_labels=3).classifier, []
    for _ in range(3):
        part = torch.nn.Linear(16, 3)
        part.load_state_dict({name: values / 3 for name, values in head.state_dict().items()})
        parts.append(part)
    optimizer = torch.optim.SGD([p for p in model.parameters() if p.requires_grad], lr=0.3)
    rows = batch(3, 3, 24)
    with torch.no_grad():
        features = model.vit(rows["pixel_values"]).last_hidden_state[:, 0]
    for _ in range(3):
        optimizer.zero_grad()
        loss, _ = method.loss(model, rows)
        loss.backward()
        optimizer.step()
        terms = [
            cross_entropy(parts[g](x).unsqueeze(0), y.unsqueeze(0))
            for x, y, g in zip(features, rows["labels"], rows["groups"], strict=True)
        ]
        wanted = torch.stack(terms).mean()
        torch.testing.assert_close(loss, wanted)
        gradients = torch.autograd.grad(wanted, [p for part in parts for p in part.parameters()])
        with torch.no_grad():
            for p, g in zip((p for part in parts for p in part.parameters()), gradients, strict=True):
                p.sub_(0.3 * g)
    with torch.no_grad():
        merged, evaluated = sum(part(features) for part in parts), method.loss(model, rows)
    torch.testing.assert_close(evaluated[1].logits, merged)
    torch.testing.assert_close(evaluated[0], cross_entropy(merged, rows["labels"]))
    method.finish(model)
    with torch.no_grad():
        assert torch.equal(method.loss(model, rows)[1].logits, evaluated[1].logits)
    assert model.state_dict().keys() == tiny_vit().state_dict().keys()


def test_only_groups_with_rows_have_a_block() -> None:
    """The one of a group without rows would never be trained, and take part in every prediction."""
    method, model = DomainInd(), tiny_vit()
    method.prepare(model, facts(4, 2, [[3, 1], [0, 0], [2, 2], [5, 0]]))
    assert model.classifier.attached.weight.shape == (2, 2, 16)
    rows = batch(n=3) | {"groups": torch.tensor([0, 2, 3])}
    loss, _ = method.loss(model, rows)
    loss.backward()
    assert method.blocks.tolist() == [0, 0, 1, 2]
    assert (model.classifier.attached.weight.grad.flatten(1).norm(dim=1) > 0).all()
    alone = DomainInd()
    alone.prepare(model, facts(2, 2, [[0, 0], [4, 4]]))
    assert not hasattr(model.classifier, "attached")
    assert torch.equal(alone.loss(model, rows | {"groups": torch.ones(3).long()})[0], Full().loss(model, rows)[0])


def test_findings_have_a_block_for_each_group() -> None:
    method, model = DomainInd(), tiny_vit(num_labels=3)
    model.config.problem_type = MULTI_LABEL
    method.prepare(model, facts(2, 1))
    rows = batch(n=6) | {"labels": torch.tensor([[0, 1, 1], [1, 0, 0]] * 3).float()}
    loss, outputs = method.loss(model, rows)
    # Both blocks are halves of the head at first.
    torch.testing.assert_close(loss, binary_cross_entropy_with_logits(outputs.logits / 2, rows["labels"]))


def test_without_groups_it_is_refused() -> None:
    with pytest.raises(FairTuneError, match="domainind needs a column `groups` in the training data"):
        DomainInd().prepare(tiny_vit(), Facts())
