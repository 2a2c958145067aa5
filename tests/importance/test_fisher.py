"""The importance against autograd row by row, on real architectures and on odd ones."""

import copy
import logging
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from hf_fairtune import catalog
from hf_fairtune.importance.fisher import fisher_importance
from hf_fairtune.importance.importance import Importance
from hf_fairtune.importance.layer_taps import checked_taps
from hf_fairtune.losses.contrast import EachGroup, GroupPair, contrast_for
from hf_fairtune.losses.loss import BiasValue, bias_loss_named, weighted_bce
from tests.conftest import table, tiny_vit

from .fisher_oracle import MODELS, Batch, by_row, lively, log_odds, mean, rows, split, squared, swin
from .odd_models import SLOW, Odd, PositionsFirst


def agree(got: dict[str, Tensor], wanted: dict[str, Tensor], rtol: float = 1e-5) -> None:
    """Compare entry by entry; below 1e-14 of the largest is the rounding of a gradient that is 0."""
    assert list(got) == list(wanted)
    floor = 1e-14 * max(float(values.max()) for values in wanted.values())
    assert floor > 0
    for name, values in wanted.items():
        assert got[name].dtype == torch.float32
        torch.testing.assert_close(
            got[name].double(), values, rtol=rtol, atol=floor, msg=lambda m, n=name: f"{n}: {m}"
        )


def check(model: nn.Module, batch: Batch, bias: str = "equalized_odds", **options: Any) -> None:
    """Compare both importances with the definition."""
    got = fisher_importance(model, split(batch, 4), bias=bias, **options)
    prediction, biased = by_row(model, batch, bias, got.contrast)
    agree(got.prediction, prediction)
    agree(got.bias, biased)
    assert (got.rows, got.empty_cells) == (len(batch["labels"]), 0)


@pytest.mark.parametrize("name", MODELS)
def test_architectures(name: str) -> None:
    model, size = lively(MODELS[name]()), 16 if name == "vit" else 32
    batch = rows(5, size=size)
    check(model, batch, chunk_size=3)
    assert checked_taps(model.requires_grad_(False), batch["pixel_values"][:2]).covered() == {
        name for name, _ in model.named_parameters()
    }


def test_windows_folded_into_rows() -> None:
    model, batch = lively(swin()), rows(6)
    check(model, batch, chunk_size=3)
    slow = {n for n, _ in model.named_parameters() if n.endswith("relative_position_bias_table")}
    covered = checked_taps(model.requires_grad_(False), batch["pixel_values"][:2]).covered()
    assert slow | covered == {n for n, _ in model.named_parameters()}


@pytest.mark.parametrize("n_groups", [2, 3])
@pytest.mark.parametrize("bias", catalog.names("losses"))
def test_bias_losses_and_contrasts(bias: str, n_groups: int) -> None:
    model, batch = lively(tiny_vit(1)), rows(14, n_groups)
    for contrast in ("pair", "mean"):
        check(model, batch, bias, contrast=contrast)


@pytest.mark.filterwarnings("ignore:Using padding='same' with even kernel lengths:UserWarning")
@pytest.mark.parametrize("kind", SLOW, ids=lambda kind: kind.__name__)
def test_odd_models(kind: type[Odd], caplog: pytest.LogCaptureFixture) -> None:
    torch.manual_seed(0)
    model, batch = lively(kind()), rows(17, size=8)
    with caplog.at_level(logging.INFO):
        check(model, batch, chunk_size=16)
    slow = {n for n, _ in model.named_parameters()} - checked_taps(
        model.requires_grad_(False), batch["pixel_values"][:2]
    ).covered()
    assert slow == SLOW[kind]
    assert ("one image at a time" in caplog.text) == bool(slow)


def squared_difference(probabilities: Tensor, labels: Tensor, side: Tensor) -> BiasValue:
    """Return a loss whose derivative grows with the difference, so that later rows change what earlier ones weigh."""
    found = bias_loss_named("statistical_parity")(probabilities, labels, side)
    return BiasValue(found.value.square(), found.empty)


def test_a_loss_that_is_no_absolute_difference(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hf_fairtune.losses.equalized_odds.LOSS", squared_difference)
    check(lively(tiny_vit(1)), rows())


def test_first_rows_of_equal_log_odds_weigh_as_the_others_do() -> None:
    batch = rows(12, size=8)
    batch["pixel_values"][:8] = 0
    check(lively(Odd()), batch, chunk_size=4)


def test_two_groups_take_one_run_of_the_model_over_the_rows() -> None:
    seen: list[int] = []

    class Counting(Odd):
        def forward(self, pixel_values: Tensor) -> Tensor:
            seen.append(len(pixel_values))
            return super().forward(pixel_values)

    model, n = lively(Counting()), 40
    fisher_importance(model, [rows(n, size=8)])
    two, tried = sum(seen), 2 * 5 + 2 * 4  # tried on two rows first, and these and their mirrors in two types
    seen.clear()
    fisher_importance(model, [rows(n, 3, size=8)])
    assert n <= two <= n + tried
    assert 2 * n <= sum(seen) <= 2 * n + tried


def test_first_dimension_that_looks_like_rows_is_found_out() -> None:
    """With two positions and two rows, only the weights of rows tell positions from rows."""

    class Short(PositionsFirst):
        def between(self, x: Tensor) -> Tensor:
            return super().between(x[:, :2])

    model = lively(Short()).requires_grad_(False)
    assert checked_taps(model, rows(2, size=8)["pixel_values"]).covered() == {"head.weight", "head.bias"}


@pytest.mark.parametrize("chunk_size", [1, 2, 7, 100])
def test_chunks_and_batches_do_not_matter(chunk_size: int) -> None:
    model, batch = lively(tiny_vit(1)), rows()
    whole = fisher_importance(model, [batch])
    for size in (1, 4, 11):
        got = fisher_importance(model, split(batch, size), chunk_size=chunk_size)
        agree(got.prediction, {name: values.double() for name, values in whole.prediction.items()})
        agree(got.bias, {name: values.double() for name, values in whole.bias.items()})


@given(seed=st.integers(0, 10**6), n=st.integers(8, 16))
@settings(max_examples=10)
def test_order_of_rows_and_names_of_groups_do_not_matter(seed: int, n: int) -> None:
    model, batch = lively(Odd()), rows(n, size=8, seed=seed)
    order = torch.randperm(n, generator=torch.Generator().manual_seed(seed))
    turned = {name: values[order] for name, values in batch.items()}
    turned["groups"] = 1 - turned["groups"]
    one, other = fisher_importance(model, [batch]), fisher_importance(model, [turned])
    assert all(float(values.min()) >= 0 for values in (*one.prediction.values(), *one.bias.values()))
    agree(other.prediction, {name: values.double() for name, values in one.prediction.items()})
    agree(other.bias, {name: values.double() for name, values in one.bias.items()})


def test_datasets_and_float32() -> None:
    model, data = tiny_vit(), table(24)
    got = fisher_importance(model, data, batch_size=5)
    batch = {name: torch.stack([row[name] for row in data]) for name in ("pixel_values", "labels", "groups")}
    batch["pixel_values"] = batch["pixel_values"].double()
    prediction, biased = by_row(copy.deepcopy(model).double(), batch, "equalized_odds", got.contrast)
    for found, wanted in ((got.prediction, prediction), (got.bias, biased)):
        for name, values in wanted.items():
            torch.testing.assert_close(found[name].double(), values, rtol=1e-3, atol=1e-5 * float(values.max()) + 1e-9)


def test_bfloat16_is_close() -> None:
    model = tiny_vit()
    batch = {name: v.float() if name == "pixel_values" else v for name, v in rows(24).items()}
    exact = fisher_importance(model, [batch])
    rough = fisher_importance(model, [batch], dtype=torch.bfloat16)
    for name in ("prediction", "bias"):
        one, other = (torch.cat([v.flatten() for v in getattr(i, name).values()]) for i in (exact, rough))
        assert 0 < float((one - other).norm()) < 0.05 * float(one.norm())
        assert other.dtype == torch.float32


@pytest.mark.parametrize("form", ["sample", "batch", "whole"])
def test_the_model_is_left_as_it_was(form: str) -> None:
    model = MODELS["resnet"]().train()
    parameters = list(model.parameters())
    parameters[0].requires_grad_(False)
    parameters[1].grad = torch.ones_like(parameters[1])
    next(iter(model.children())).eval()
    modes = [module.training for module in model.modules()]
    before = {name: values.clone() for name, values in model.state_dict().items()}
    batch = {name: v.float() if name == "pixel_values" else v for name, v in rows(size=32).items()}
    with torch.no_grad():
        got = fisher_importance(model, split(batch, 4), form=form)
    assert [module.training for module in model.modules()] == modes
    assert [p.requires_grad for p in parameters] == [False] + [True] * (len(parameters) - 1)
    assert [p.grad is None for p in parameters] == [True, False] + [True] * (len(parameters) - 2)
    assert all(torch.equal(values, before[name]) for name, values in model.state_dict().items())
    assert not any(module._forward_hooks for module in model.modules())
    assert not any(values.requires_grad for values in got.bias.values())
    assert float(next(iter(got.prediction.values())).sum()) > 0  # the frozen one


@pytest.mark.parametrize("contrast", ["pair", "mean"])
def test_batch_form_is_a_loop_over_batches(contrast: str) -> None:
    model, batch = lively(tiny_vit(1)), rows(13, 3)
    got = fisher_importance(model, split(batch, 4), form="batch", contrast=contrast, bias="equal_opportunity")
    margins = log_odds(model, batch["pixel_values"]).detach()
    chosen = contrast_for(contrast, margins.unsqueeze(1), batch["labels"].unsqueeze(1), batch["groups"])
    prediction, biased, empty = [], [], 0
    for part in split(batch, 4):
        prediction.append(squared(model, weighted_bce(log_odds(model, part["pixel_values"]), part["labels"])))
        p = log_odds(model, part["pixel_values"]).sigmoid()
        found = chosen(bias_loss_named("equal_opportunity"), p, part["labels"], part["groups"])
        biased.append(squared(model, found.value))
        empty += int(found.empty)
    agree(got.prediction, mean(prediction))
    agree(got.bias, mean(biased))
    assert got.empty_cells == empty > 0


@pytest.mark.parametrize("contrast", ["pair", "mean"])
def test_whole_form_squares_the_gradient_of_the_bias_of_all_rows(contrast: str) -> None:
    model, batch = lively(tiny_vit(1)), rows(13, 3)
    got = fisher_importance(model, split(batch, 4), form="whole", contrast=contrast, chunk_size=3)
    p = log_odds(model, batch["pixel_values"]).sigmoid()
    found = got.contrast(bias_loss_named("equalized_odds"), p, batch["labels"], batch["groups"])
    agree(got.bias, squared(model, found.value))
    agree(got.prediction, by_row(model, batch, "equalized_odds", got.contrast)[0])


def test_by_row_the_bias_does_not_know_the_groups_but_whole_it_does() -> None:
    """In a balanced set a swap of two rows' groups changes no squared slope of a row, but the sum of all of them."""
    model, batch = lively(Odd()), rows(16, size=8)
    batch |= {"labels": torch.arange(16) % 2, "groups": torch.arange(16) // 2 % 2}
    swapped = batch | {"groups": batch["groups"][torch.tensor([2, 1, 0, *range(3, 16)])]}

    def bias(form: str, rows_: Batch) -> Tensor:
        return fisher_importance(model, [rows_], form=form).bias["inner.weight"]

    torch.testing.assert_close(bias("sample", batch), bias("sample", swapped))
    assert not torch.allclose(bias("whole", batch), bias("whole", swapped), rtol=1e-3)


def test_one_batch_of_all_rows_is_not_the_sample_form() -> None:
    model, batch = lively(Odd()), rows(size=8)
    sample, whole = (fisher_importance(model, [batch], form=form) for form in ("sample", "batch"))
    assert not torch.allclose(sample.prediction["inner.weight"], whole.prediction["inner.weight"], rtol=0.1)


def test_the_contrast_is_reported_or_given() -> None:
    model, batch = lively(Odd()), rows(12, 3, size=8)
    assert fisher_importance(model, [batch], contrast="mean").contrast == EachGroup((0, 1, 2))
    asked = fisher_importance(model, [batch], contrast=GroupPair(2, 0))
    assert asked.contrast == GroupPair(2, 0)
    agree(asked.bias, by_row(model, batch, "equalized_odds", GroupPair(2, 0))[1])
    assert isinstance(asked, Importance)
