"""The cross-entropy with its options: an oracle row by row, scikit-learn's weights, and what is refused."""

import math
from typing import Any

import numpy as np
import pytest
import torch
from sklearn.utils.class_weight import compute_class_weight

from hf_fairtune.errors import FairTuneError
from hf_fairtune.losses.cross_entropy import CrossEntropy, class_weights


def batch(n: int = 7) -> tuple[torch.Tensor, torch.Tensor]:
    draw = torch.Generator().manual_seed(n)
    return torch.randn(n, 2, generator=draw), torch.randint(0, 2, (n,), generator=draw)


@pytest.mark.parametrize("smoothing", [0.0, 0.2])
def test_a_weighted_row_counts_by_its_class(smoothing: float) -> None:
    (logits, labels), weights = batch(), (0.5, 3.0)
    rows = []
    for scores, label in zip(logits.tolist(), labels.tolist(), strict=True):
        logs = [score - math.log(sum(map(math.exp, scores))) for score in scores]
        spread = sum(smoothing / 2 * w * log for w, log in zip(weights, logs, strict=True))
        rows.append(-((1 - smoothing) * weights[label] * logs[label] + spread))
    found = CrossEntropy(smoothing, weights)(logits, labels)
    assert math.isclose(found, np.mean(rows), rel_tol=1e-5)


def test_without_weights_it_is_torchs_bit_for_bit() -> None:
    logits, labels = batch()
    assert torch.equal(
        CrossEntropy(0.1)(logits, labels), torch.nn.functional.cross_entropy(logits, labels, label_smoothing=0.1)
    )
    half = logits.bfloat16()
    assert torch.equal(CrossEntropy()(half, labels), torch.nn.functional.cross_entropy(half.float(), labels))


def test_halves_of_a_batch_have_the_mean_of_the_whole() -> None:
    """So that accumulation and several processes change nothing; torch's own mean is over weights."""
    logits, labels = batch(8)
    loss = CrossEntropy(class_weights=(0.4, 2.5))
    halves = [loss(logits[half], labels[half]) for half in (slice(4), slice(4, 8))]
    torch.testing.assert_close(sum(halves) / 2, loss(logits, labels))


def test_balanced_weights_are_those_of_scikit_learn() -> None:
    labels = np.repeat([0, 1, 2], [50, 7, 13])
    wanted = compute_class_weight("balanced", classes=np.arange(3), y=labels)
    np.testing.assert_allclose(class_weights(["balanced"], np.bincount(labels)), wanted)
    assert class_weights(["1", "3"], np.array([5, 5])) == (1.0, 3.0)
    assert class_weights(["1", "3"], None) == (1.0, 3.0)


def findings(n: int = 6, k: int = 3) -> tuple[torch.Tensor, torch.Tensor]:
    """Return logits and labels of findings: some missing, a row without any, and a finding that is never known."""
    draw = torch.Generator().manual_seed(n)
    labels = torch.randint(0, 2, (n, k), generator=draw).float()
    labels[torch.rand(n, k, generator=draw) < 0.3] = torch.nan
    labels[1], labels[:, 2] = torch.nan, torch.nan
    return torch.randn(n, k, generator=draw), labels


@pytest.mark.parametrize("smoothing", [0.0, 0.2])
@pytest.mark.parametrize("weights", [(), (0.5, 3.0, 1.0, 2.0, 0.7, 0.7)])
def test_known_findings_count_alike(smoothing: float, weights: tuple[float, ...]) -> None:
    (logits, labels), terms = findings(), []
    for i, j in (~labels.isnan()).nonzero().tolist():
        p, y = 1 / (1 + math.exp(-logits[i, j])), float(labels[i, j]) * (1 - smoothing) + smoothing / 2
        no, yes = weights[2 * j : 2 * j + 2] or (1.0, 1.0)
        terms.append(-(yes * y * math.log(p) + no * (1 - y) * math.log(1 - p)))
    assert CrossEntropy(smoothing, weights)(logits, labels).item() == pytest.approx(np.mean(terms), rel=1e-5)


@pytest.mark.parametrize("smoothing", [0.0, 0.2])
@pytest.mark.parametrize("weights", [(), (0.5, 3.0)])
def test_one_finding_is_two_classes(smoothing: float, weights: tuple[float, ...]) -> None:
    (logits, labels), loss = batch(), CrossEntropy(smoothing, weights)
    one = loss((logits[:, 1] - logits[:, 0]).unsqueeze(1), labels.float().unsqueeze(1))
    torch.testing.assert_close(one, loss(logits, labels))


def test_missing_findings_have_no_gradient_and_a_batch_of_them_none_at_all() -> None:
    logits, labels = findings()
    logits.requires_grad_()
    CrossEntropy()(logits, labels).backward()
    assert logits.grad is not None
    assert torch.equal(logits.grad == 0, labels.isnan())
    loss = CrossEntropy(0.1)(logits, labels * torch.nan)
    loss.backward()
    assert loss == 0
    assert logits.grad.isfinite().all()


def test_balanced_weights_of_findings_are_those_of_each() -> None:
    labels = np.repeat([[0, 0], [1, 0], [1, 1]], [50, 7, 13], axis=0)
    counts = np.stack([np.bincount(column) for column in labels.T])
    wanted = [compute_class_weight("balanced", classes=np.arange(2), y=column) for column in labels.T]
    np.testing.assert_allclose(class_weights(["balanced"], counts), np.ravel(wanted))
    assert class_weights(["1", "3", "1", "5"], counts) == (1.0, 3.0, 1.0, 5.0)


@pytest.mark.parametrize(
    ("asked", "counts", "said"),
    [
        (["balanced"], None, "needs training rows of every class, but the rows are not known"),
        (["balanced"], [5, 0], "needs training rows of every class, but a class has none"),
        (["balanced", "2"], [5, 5], "is balanced 2; give balanced, or a number above 0"),
        (["1", "nan"], [5, 5], "is 1 nan; give balanced, or a number above 0"),
        (["1", "0"], [5, 5], "is 1 0; give balanced, or a number above 0"),
        (["1", "2"], [5, 5, 5], "has 2 numbers, the labels 3 classes"),
        (["1", "2"], [[5, 5], [3, 7]], "has 2 numbers, the labels 2 findings; give two each"),
        (["balanced"], [[5, 5], [3, 0]], "needs training rows of every class, but a class has none"),
    ],
)
def test_other_weights_are_refused(asked: list[str], counts: list[Any] | None, said: str) -> None:
    with pytest.raises(FairTuneError, match=said):
        class_weights(asked, None if counts is None else np.array(counts))
