"""Gradients that are rounding count for nothing, and true ones stay however small they are."""

import copy

import pytest
import torch
from torch import Tensor, nn

from hf_fairtune.importance.fisher import fisher_importance
from hf_fairtune.importance.importance import FORMS
from hf_fairtune.importance.rounding import rounding
from hf_fairtune.masks.soft_mask import NORMALIZATIONS, soft_mask
from tests.conftest import table, tiny_vit

from .fisher_oracle import MODELS, by_row, resnet, rows, swin
from .odd_models import Odd


def unreal(model: nn.Module, size: int = 16) -> dict[str, Tensor]:
    """Return the parameters with an entry that is rounding."""
    pixels = torch.randn(2, 3, size, size, generator=torch.Generator().manual_seed(5))
    return {name: found for name, found in rounding(model.eval(), pixels).items() if found.any()}


@pytest.mark.parametrize("attention", ["eager", "sdpa"])
def test_every_key_bias_of_a_transformer_and_nothing_else(attention: str) -> None:
    """The softmax takes no notice of what all its arguments have in common; eager attention casts it to float32."""
    for model in (tiny_vit(), swin()):
        model.set_attn_implementation(attention)
        found = unreal(model)
        assert set(found) == {name for name, _ in model.named_parameters() if name.endswith("k_proj.bias")}
        assert all(values.all() for values in found.values())


@pytest.mark.parametrize("name", [name for name in MODELS if name != "vit"])
def test_nothing_of_a_network_whose_units_are_half_dead(name: str) -> None:
    torch.manual_seed(0)
    assert not unreal(MODELS[name](), 32)


class Faint(Odd):
    """Has a branch 1e-7 times the other's size, and a tensor of which the first entry cancels in a softmax."""

    def __init__(self) -> None:
        super().__init__()
        self.faint = nn.Linear(12, 12)
        self.shifts = nn.Parameter(torch.zeros(2))

    def between(self, x: Tensor) -> Tensor:
        shares = (self.inner(x)[..., :1] + self.shifts[0]).softmax(1)
        return x * shares + self.shifts[1] + 1e-7 * self.faint(x).tanh()


def faint() -> Faint:
    torch.manual_seed(0)
    return Faint()


@pytest.mark.parametrize("form", FORMS)
def test_a_faint_gradient_stays_and_one_that_cancels_is_zero(form: str) -> None:
    model, batch = faint(), rows(size=8)
    batch["pixel_values"] = batch["pixel_values"].float()
    found = fisher_importance(model, [batch], form=form)
    for side in (found.prediction, found.bias):
        assert side["shifts"][0] == 0
        assert side["shifts"][1] > 0
        assert (side["faint.weight"] > 0).all()
        assert (side["faint.weight"] < 1e-12 * side["head.weight"].max()).all()
    for normalization in NORMALIZATIONS:
        assert soft_mask(found, normalization)["shifts"][0] == 0
    assert (soft_mask(found)["faint.weight"] > 0).sum() >= 12 * 12 - 1  # all but the least
    assert (soft_mask(found)["inner.bias"][1:] == 0).all()  # no gradient at all


def test_a_faint_gradient_is_the_definitions() -> None:
    model, batch = faint(), rows(size=8)
    got = fisher_importance(model, [batch | {"pixel_values": batch["pixel_values"].float()}])
    exact, _ = by_row(copy.deepcopy(model).double(), batch, "equalized_odds", got.contrast)
    torch.testing.assert_close(got.prediction["faint.weight"].double(), exact["faint.weight"], rtol=1e-3, atol=0)


def test_the_type_of_the_weights_does_not_matter() -> None:
    for change in (nn.Module.double, nn.Module.bfloat16):
        assert set(unreal(change(tiny_vit()))) == set(unreal(tiny_vit()))
    model = resnet().train()
    before = {name: values.clone() for name, values in model.state_dict().items()}
    unreal(model, 32)
    assert all(torch.equal(values, before[name]) for name, values in model.state_dict().items())


@pytest.mark.parametrize("form", FORMS)
def test_the_chunk_size_changes_masks_by_rounding_only(form: str) -> None:
    """In float32, where rows that cancel leave 1e-4 of rounding in the form "whole"."""

    def masks(chunk_size: int, normalization: str) -> dict[str, Tensor]:
        data = table(48)
        return soft_mask(fisher_importance(tiny_vit(), data, form=form, chunk_size=chunk_size), normalization)

    for normalization in NORMALIZATIONS:
        one = masks(1, normalization)
        for chunk_size in (3, 8, 48):
            other = masks(chunk_size, normalization)
            assert max(float((one[name] - other[name]).abs().max()) for name in one) < 2e-3
            assert not any(values.any() for name, values in other.items() if name.endswith("k_proj.bias"))
            assert all(values.any() for name, values in other.items() if not name.endswith("k_proj.bias"))
