"""Units of several architectures: pruning one is to silence what it gives, and nothing else."""

from typing import Any

import pytest
import torch
from torch import nn
from transformers import ConvNextConfig, ConvNextForImageClassification, SwinConfig, SwinForImageClassification

from hf_fairtune.families.parts import parts_of
from hf_fairtune.families.units import unit_layers
from tests import classifiers


def swin(classes: int) -> Any:
    torch.manual_seed(0)
    config = SwinConfig(
        image_size=32, patch_size=4, embed_dim=8, depths=[1, 1], num_heads=[2, 4], window_size=2, num_labels=classes
    )
    return SwinForImageClassification(config).eval()


def convnext(classes: int) -> Any:
    torch.manual_seed(0)
    config = ConvNextConfig(hidden_sizes=[8, 16], depths=[1, 1], num_stages=2, num_labels=classes)
    return ConvNextForImageClassification(config).eval()


MODELS: dict[str, Any] = {
    "vit": lambda: classifiers.vit(2)[0],
    "resnet": lambda: classifiers.resnet(2)[0],
    "mobilenet": lambda: classifiers.mobilenet(2)[0],
    "swin": lambda: swin(2),
    "convnext": lambda: convnext(2),
}
# Layers that read units, and the units of the first two as count x width.
WANTED = {
    "vit": (6, [(2, 8), (32, 1)]),
    "resnet": (4, [(2, 1), (2, 1)]),
    "mobilenet": (16, [(48, 1), (48, 1)]),
    "swin": (4, [(2, 4), (32, 1)]),
    "convnext": (4, [(8, 1), (32, 1)]),
}


@pytest.mark.parametrize("kind", MODELS)
def test_units_of_an_architecture(kind: str) -> None:
    model = MODELS[kind]()
    found = unit_layers(model, parts_of(model))
    layers, first = WANTED[kind]
    assert len(found) == layers
    assert [(one.count, one.width) for one in found[:2]] == first
    assert all(one.count * one.width == one.layer.weight.shape[1] for one in found)


@pytest.mark.parametrize("kind", MODELS)
def test_a_pruned_unit_counts_as_if_its_factor_were_0(kind: str) -> None:
    pixels = torch.randn(3, 3, 16 if kind == "vit" else 32, 16 if kind == "vit" else 32)
    silent, pruned = MODELS[kind](), MODELS[kind]()
    for i, one in enumerate(unit_layers(silent, parts_of(silent))):
        factors = torch.ones(one.count)
        factors[i % one.count] = 0
        one.layer.register_forward_pre_hook(lambda _, args, one=one, f=factors: (one.scaled(args[0], f),))
        unit_layers(pruned, parts_of(pruned))[i].prune(torch.tensor([i % one.count]))
    with torch.no_grad():
        torch.testing.assert_close(pruned(pixel_values=pixels).logits, silent(pixel_values=pixels).logits)
    start = dict(MODELS[kind]().named_parameters())
    changed = {name for name, values in pruned.named_parameters() if not torch.equal(values, start[name])}
    assert changed == {f"{one.name}.weight" for one in unit_layers(pruned, parts_of(pruned))}


def test_a_model_without_blocks_has_none() -> None:
    model = nn.Sequential(nn.Flatten(), nn.Linear(12, 2))
    assert not unit_layers(model, parts_of(model))
