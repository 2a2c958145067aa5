"""Margins and the weighted cross-entropy, against the equation row by row."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from hf_fairtune.errors import FairTuneError
from hf_fairtune.losses.loss import margin, weighted_bce


def test_margin_is_the_log_odds() -> None:
    logits = torch.tensor([[1.0, 3.0], [0.5, -1.0]])
    p = torch.softmax(logits, dim=1)[:, 1]
    assert torch.allclose(margin(logits), torch.log(p / (1 - p)), atol=1e-6)
    assert torch.equal(margin(torch.tensor([[2.0], [3.0]])), torch.tensor([2.0, 3.0]))
    assert torch.equal(margin(torch.tensor([2.0, 3.0])), torch.tensor([2.0, 3.0]))


@pytest.mark.parametrize("shape", [(4, 3), (4, 0), (2, 2, 2)])
def test_other_heads_are_refused_by_their_number_of_classes(shape: tuple[int, ...]) -> None:
    with pytest.raises(FairTuneError, match=f"{shape[-1]} classes"):
        margin(torch.zeros(shape))


@given(rows=st.lists(st.tuples(st.floats(-20, 20), st.integers(0, 1)), min_size=1, max_size=20))
@settings(max_examples=60)
def test_weighted_bce_is_equation_1(rows: list[tuple[float, int]]) -> None:
    n, n_positive = len(rows), sum(y for _, y in rows)
    total = 0.0
    for z, y in rows:
        total += (n - n_positive) / n * math.log1p(math.exp(-z)) if y else n_positive / n * math.log1p(math.exp(z))
    margins, labels = (torch.tensor(column) for column in zip(*rows, strict=True))
    assert weighted_bce(margins.double(), labels).item() == pytest.approx(total / n, rel=1e-6, abs=1e-9)


def test_weighted_bce_is_finite_far_out() -> None:
    margins = torch.tensor([1e4, -1e4, 1e4, -1e4], requires_grad=True)
    loss = weighted_bce(margins, torch.tensor([0, 1, 1, 0]))
    loss.backward()
    assert loss.item() == pytest.approx(0.5 * 2e4 / 4)
    assert margins.grad is not None
    assert torch.isfinite(margins.grad).all()


def test_half_precision_counts_exactly() -> None:
    labels = (torch.arange(4000) % 4 == 0).long()
    got = weighted_bce(torch.zeros(4000, dtype=torch.bfloat16), labels)
    assert got.item() == pytest.approx(2 * 0.25 * 0.75 * math.log(2), rel=1e-6)


@pytest.mark.parametrize(("margins", "labels"), [((3,), (2,)), ((0,), (0,)), ((2, 1), (2, 1))])
def test_weighted_bce_refuses_other_shapes(margins: tuple[int, ...], labels: tuple[int, ...]) -> None:
    with pytest.raises(FairTuneError, match="one of each a row"):
        weighted_bce(torch.zeros(margins), torch.zeros(labels, dtype=torch.long))
