"""Classes one against the rest, and findings: against sums by hand; two classes are today's comparison bit for bit."""

import math

import numpy as np
import pytest
import torch
from torch import Tensor

from hf_fairtune import catalog
from hf_fairtune.data.probabilities import class_log_odds
from hf_fairtune.losses.balanced import balanced_cross_entropy, balanced_of_classes
from hf_fairtune.losses.contrast import GroupPair
from hf_fairtune.losses.loss import bias_loss_named, margin, weighted_bce
from hf_fairtune.losses.one_vs_rest import bias_of, codes, log_odds

NAMES = catalog.names("losses")
PAIR = GroupPair(1, 0)


def drawn(n: int = 40, k: int = 4, seed: int = 0) -> tuple[Tensor, Tensor, Tensor]:
    draw = torch.Generator().manual_seed(seed)
    logits = torch.randn(n, k, generator=draw, dtype=torch.float64)
    return logits, torch.randint(k, (n,), generator=draw), torch.arange(n) % 2


def findings(n: int = 40, k: int = 4) -> Tensor:
    draw = torch.Generator().manual_seed(1)
    labels = torch.randint(2, (n, k), generator=draw).float()
    return torch.where(torch.rand(n, k, generator=draw) < 0.3, torch.nan, labels)


def test_the_sigmoid_of_log_odds_is_the_softmax() -> None:
    logits, labels, _ = drawn()
    torch.testing.assert_close(log_odds(logits, labels).sigmoid(), logits.softmax(1))
    far = torch.tensor([[1e4, 0.0, -1e4]])
    assert log_odds(far, labels[:1])[0].tolist() == [1e4, -1e4, -2e4]
    assert torch.equal(log_odds(logits, findings()), logits)
    wide = 30 * drawn(k=100)[0]
    np.testing.assert_allclose(log_odds(wide, labels).numpy(), class_log_odds(wide.numpy()), rtol=1e-12)
    assert codes(torch.tensor([2, 0, -1]), 3).tolist() == [[0, 0, 1], [1, 0, 0], [-1, -1, -1]]
    assert codes(torch.tensor([[1.0, 0.0, torch.nan]]), 3).tolist() == [[1, 0, -1]]


@pytest.mark.parametrize("name", NAMES)
def test_two_classes_are_the_comparison_of_class_1_bit_for_bit(name: str) -> None:
    logits, labels, groups = drawn(k=2)
    logits, loss = logits.float(), bias_loss_named(name)
    wanted = PAIR(loss, margin(logits).sigmoid(), labels, groups)
    for over in ("mean", "worst"):
        for given in (logits, margin(logits)):
            got = bias_of(given, labels, groups, loss, PAIR, over)
            assert torch.equal(got.value, wanted.value)
            assert got.empty == wanted.empty
    assert torch.equal(balanced_cross_entropy(logits, labels), weighted_bce(margin(logits), labels))


@pytest.mark.parametrize("name", NAMES)
def test_mean_and_worst_of_the_classes(name: str) -> None:
    logits, labels, groups = drawn()
    loss = bias_loss_named(name)
    each = [loss(logits.softmax(1)[:, c], (labels == c).long(), groups == 1).value.item() for c in range(4)]
    got = {over: bias_of(logits, labels, groups, loss, PAIR, over).value.item() for over in ("mean", "worst")}
    assert got == {"mean": pytest.approx(np.mean(each)), "worst": pytest.approx(max(each))}


@pytest.mark.parametrize("name", NAMES)
def test_a_finding_counts_the_rows_where_it_is_known(name: str) -> None:
    (logits, _, groups), labels = drawn(), findings()
    loss, each = bias_loss_named(name), []
    for z, y in zip(logits.T, labels.T, strict=True):
        known = ~y.isnan()
        each.append(loss(z[known].sigmoid(), y[known].long(), groups[known] == 1).value.item())
    assert bias_of(logits, labels, groups, loss, PAIR).value.item() == pytest.approx(np.mean(each))
    assert bias_of(logits, labels * torch.nan, groups, loss, PAIR).value == 0


def test_order_of_classes_and_empty_terms() -> None:
    logits, labels, groups = drawn()
    order, loss = [3, 1, 0, 2], bias_loss_named("equalized_odds")
    turned = torch.tensor([order.index(c) for c in range(4)])[labels]
    for over in ("mean", "worst"):
        one, other = (
            bias_of(logits, labels, groups, loss, PAIR, over),
            bias_of(logits[:, order], turned, groups, loss, PAIR, over),
        )
        torch.testing.assert_close(one.value, other.value)
    fewer = torch.where((groups == 1) & (labels == 2), 0, labels)
    assert bias_of(logits, fewer, groups, loss, PAIR).empty == 1


@pytest.mark.parametrize("over", ["mean", "worst"])
def test_gradients_are_those_of_finite_differences(over: str) -> None:
    (logits, labels, groups), loss = drawn(12, 3), bias_loss_named("equalized_odds")
    z = logits.requires_grad_()
    assert torch.autograd.gradcheck(lambda x: bias_of(x, labels, groups, loss, PAIR, over).value, (z,))
    assert torch.autograd.gradcheck(lambda x: balanced_cross_entropy(x, labels), (z,))
    assert torch.autograd.gradcheck(lambda x: balanced_cross_entropy(x, findings(12, 3)), (z,))


@pytest.mark.parametrize("k", [2, 3, 5])
def test_every_class_has_the_same_weight_in_all(k: int) -> None:
    """Row by row: H / (2 N_y), which is eq. 1 at two classes."""
    logits, labels, _ = drawn(k=k)
    counts = torch.bincount(labels, minlength=k).tolist()
    harmonic = k / sum(1 / n for n in counts)
    terms = [
        harmonic / (2 * counts[y]) * (math.log(sum(map(math.exp, z))) - z[y])
        for z, y in zip(logits.tolist(), labels.tolist(), strict=True)
    ]
    assert balanced_of_classes(logits, labels).item() == pytest.approx(np.mean(terms))
    if k == 2:
        assert weighted_bce(margin(logits), labels).item() == pytest.approx(np.mean(terms))


def test_equal_classes_have_half_the_cross_entropy() -> None:
    logits, labels = drawn(40)[0], torch.arange(40) % 4
    wanted = torch.nn.functional.cross_entropy(logits, labels) / 2
    torch.testing.assert_close(balanced_cross_entropy(logits, labels), wanted)


def test_classes_that_do_not_occur() -> None:
    logits, labels, _ = drawn(k=3)
    some = torch.where(labels == 1, 0, labels)
    weights = 1 / torch.bincount(some, minlength=3).clamp(min=1).double() * torch.tensor([1, 0, 1])
    terms = torch.nn.functional.cross_entropy(logits, some, weights / weights.sum(), reduction="none")
    torch.testing.assert_close(balanced_cross_entropy(logits, some), terms.mean())
    alone = logits.requires_grad_()
    loss = balanced_cross_entropy(alone, torch.zeros_like(labels))
    loss.backward()
    assert loss == 0
    assert alone.grad is not None
    assert not alone.grad.any()


def test_findings_are_eq_1_each() -> None:
    (logits, _, _), labels = drawn(), findings()
    each = []
    for z, y in zip(logits.T, labels.T, strict=True):
        known = ~y.isnan()
        each.append(weighted_bce(z[known], y[known]).item())
    assert balanced_cross_entropy(logits, labels).item() == pytest.approx(np.mean(each))
    assert balanced_cross_entropy(logits, labels * torch.nan) == 0
