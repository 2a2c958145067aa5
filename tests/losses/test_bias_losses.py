"""Bias losses against sums written row by row, in double precision."""

import math
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from hf_fairtune import catalog
from hf_fairtune.errors import FairTuneError
from hf_fairtune.losses.loss import bias_loss_named

NAMES = catalog.names("losses")


def mean(values: list[float]) -> float | None:
    return sum(values) / len(values) if values else None


def gap(first: float | None, second: float | None) -> float | None:
    return None if first is None or second is None else first - second


def rate_gap(rows: list[tuple[float, int, bool]], label: int) -> float | None:
    """Mean probability of one label's rows, disadvantaged minus others; None where a cell is empty."""
    cells = [mean([p for p, y, a in rows if y == label and a is side]) for side in (True, False)]
    return gap(*cells)


def error_gap(rows: list[tuple[float, int, bool]], label: int) -> float | None:
    """Mass of errors on one label by rows of the group; None where a group lacks the label."""
    if rate_gap(rows, label) is None:
        return None
    mass = [[(1 - p if y else p) * (y == label) for p, y, a in rows if a is side] for side in (True, False)]
    return gap(*[mean(values) for values in mass])


def discrepancy(rows: list[tuple[float, int, bool]], label: int) -> float | None:
    """Mean kernel within each side, minus twice that across; None where a cell is empty."""
    one, other = ([p for p, y, a in rows if y == label and a is side] for side in (True, False))
    pairs = [
        [math.exp(-((p - q) ** 2) / 0.02) for p in a for q in b] for a, b in ((one, one), (other, other), (one, other))
    ]
    first, second, across = map(mean, pairs)
    return None if first is None or second is None or across is None else first + second - 2 * across


def oracle(name: str, rows: list[tuple[float, int, bool]]) -> tuple[float, int]:
    """Return the bias and the number of terms that are undefined."""
    tpr, fpr = rate_gap(rows, 1), rate_gap(rows, 0)
    sides = [mean([p for p, _, a in rows if a is side]) for side in (True, False)]
    terms: dict[str, list[float | None]] = {
        "equalized_odds": [tpr, fpr],
        "equalized_odds_signed": [tpr, fpr],
        "equalized_odds_joint": [error_gap(rows, 1), error_gap(rows, 0)],
        "statistical_parity": [gap(*sides)],
        "equal_opportunity": [tpr],
    }
    if name == "worst_group":
        errors = [mean([(p - y) ** 2 for p, y, a in rows if a is side]) for side in (True, False)]
        known = [error for error in errors if error is not None]
        return (max(known), 0) if len(known) == 2 else (0.0, 1)
    if name == "mmd":
        found = [discrepancy(rows, label) for label in (1, 0)]
        return sum(t for t in found if t is not None) / 2, found.count(None)
    known = [t for t in terms[name] if t is not None]
    value = abs(sum(known)) if name == "equalized_odds_signed" else sum(abs(t) for t in known)
    half = name in ("equalized_odds", "equalized_odds_signed")
    return (value / 2 if half else value), len(terms[name]) - len(known)


def tensors(rows: list[tuple[float, int, bool]]) -> tuple[Tensor, Tensor, Tensor]:
    p, y, a = zip(*rows, strict=True)
    return torch.tensor(p, dtype=torch.float64), torch.tensor(y), torch.tensor(a)


ROW = st.tuples(st.floats(0, 1), st.integers(0, 1), st.booleans())
ROWS = st.lists(ROW, min_size=1, max_size=12)


def test_a_loss_has_the_name_of_its_file() -> None:
    assert [bias_loss_named(name).__name__ for name in NAMES] == NAMES


def test_an_unknown_loss_is_one_line() -> None:
    with pytest.raises(FairTuneError, match="`odds` is not one of the losses; choose from equal_opportunity"):
        bias_loss_named("odds")


@pytest.mark.parametrize("name", NAMES)
@given(rows=ROWS)
@settings(max_examples=60)
def test_value_and_empty_terms(name: str, rows: list[tuple[float, int, bool]]) -> None:
    got = bias_loss_named(name)(*tensors(rows))
    value, empty = oracle(name, rows)
    assert got.value.item() == pytest.approx(value, abs=1e-12)
    assert got.empty.item() == empty
    assert got.empty.dtype == torch.int32


@pytest.mark.parametrize("name", NAMES)
@given(rows=ROWS)
@settings(max_examples=40)
def test_it_does_not_matter_which_side_is_disadvantaged(name: str, rows: list[tuple[float, int, bool]]) -> None:
    p, y, side = tensors(rows)
    loss = bias_loss_named(name)
    assert loss(p, y, side).value.item() == pytest.approx(loss(p, y, ~side).value.item(), abs=1e-12)


@pytest.mark.parametrize("name", NAMES)
@given(rows=ROWS, extra=ROWS)
@settings(max_examples=40)
def test_a_row_of_label_minus_one_does_not_count(name: str, rows: Any, extra: Any) -> None:
    loss = bias_loss_named(name)
    got = loss(*tensors(rows + [(p, -1, a) for p, _, a in extra]))
    alone = loss(*tensors(rows))
    assert got.value.item() == pytest.approx(alone.value.item(), abs=1e-12)
    assert got.empty == alone.empty


@pytest.mark.parametrize("name", NAMES)
def test_gradient_is_that_of_finite_differences(name: str) -> None:
    draw = torch.Generator().manual_seed(0)
    p = torch.rand(16, generator=draw, dtype=torch.float64, requires_grad=True)
    y, side = torch.arange(16) % 2, torch.arange(16) // 2 % 2 == 0
    assert torch.autograd.gradcheck(lambda x: bias_loss_named(name)(x, y, side).value, (p,))


@pytest.mark.parametrize("name", NAMES)
def test_one_group_only_gives_zero_and_a_zero_gradient(name: str) -> None:
    p = torch.rand(6, requires_grad=True)
    got = bias_loss_named(name)(p, torch.arange(6) % 2, torch.ones(6, dtype=torch.bool))
    got.value.backward()
    assert got.value == 0
    assert got.empty == (1 if name in ("statistical_parity", "equal_opportunity", "worst_group") else 2)
    assert p.grad is not None
    assert not p.grad.any()


def test_half_precision_counts_exactly() -> None:
    n = 4000
    y, side = torch.ones(n, dtype=torch.long), torch.arange(n) % 2 == 0
    p = torch.where(side, 0.75, 0.25).to(torch.bfloat16)
    got = bias_loss_named("equal_opportunity")(p, y, side)
    assert got.value.dtype == torch.float32
    assert got.value.item() == pytest.approx(0.5, abs=1e-6)


def test_opposite_differences_cancel_only_in_the_signed_loss() -> None:
    rows = [(0.9, 1, True), (0.5, 1, False), (0.1, 0, True), (0.5, 0, False)]
    assert bias_loss_named("equalized_odds_signed")(*tensors(rows)).value.item() == pytest.approx(0)
    assert bias_loss_named("equalized_odds")(*tensors(rows)).value.item() == pytest.approx(0.4)
