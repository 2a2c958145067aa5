"""Signed biases, thresholds and balanced accuracies against loops over rows and scikit-learn."""

import numpy as np
import pytest
import torch
from datasets import Dataset
from sklearn.metrics import balanced_accuracy_score

from hf_fairtune.errors import FairTuneError
from hf_fairtune.losses.loss import bias_loss_named
from hf_fairtune.losses.one_vs_rest import codes
from hf_fairtune.methods.facts import Facts
from hf_fairtune.methods.signed_bias import (
    THRESHOLDS,
    Judge,
    Least,
    Notion,
    Verdict,
    balanced_accuracies,
    contrast_weights,
    sides_of,
)


def rows(labels: torch.Tensor, groups: torch.Tensor) -> Dataset:
    return Dataset.from_dict({"labels": labels.tolist(), "groups": groups.tolist()})


def drawn(classes: int, findings: bool, n: int = 60) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Return probabilities, labels and groups."""
    draw = torch.Generator().manual_seed(3)
    scores = torch.rand(n, 1 if classes == 2 else classes, generator=draw, dtype=torch.float64)
    labels = torch.randint(0, classes, (n,), generator=draw)
    if findings:
        labels = torch.randint(0, 2, (n, classes), generator=draw).double()
        labels[torch.rand(n, classes, generator=draw) < 0.2] = torch.nan
    return scores, labels, torch.randint(0, 3, (n,), generator=draw)


@pytest.mark.parametrize("notion", ["statistical_parity", "equal_opportunity"])
@pytest.mark.parametrize(("classes", "findings"), [(2, False), (4, False), (3, True)])
def test_the_bias_of_probabilities_is_a_difference_of_means(classes: int, findings: bool, notion: Notion) -> None:
    scores, labels, groups = drawn(classes, findings)
    own = codes(labels, scores.shape[1])
    found = (contrast_weights(own, groups, (0, 1, 2), notion) * scores).sum(1)
    for side in range(3):
        for c in range(scores.shape[1]):
            mine, others = [], []
            for i in range(len(groups)):
                if own[i, c] == 1 or (notion == "statistical_parity" and own[i, c] == 0):
                    (mine if groups[i] == side else others).append(float(scores[i, c]))
            assert float(found[side, c]) == pytest.approx(np.mean(mine) - np.mean(others), abs=1e-6)
            loss = bias_loss_named(notion)(scores[:, c], own[:, c], groups == side)
            assert abs(float(found[side, c])) == pytest.approx(float(loss.value), abs=1e-6)


def test_a_side_without_rows_counts_nothing() -> None:
    own, groups = torch.tensor([[1], [0], [1]]), torch.tensor([0, 0, 0])
    assert not contrast_weights(own, groups, (1,), "statistical_parity").any()
    assert not contrast_weights(own, torch.tensor([0, 1, 0]), (1,), "equal_opportunity").any()


def test_balanced_accuracies_are_scikit_learns() -> None:
    scores, labels, _ = drawn(2, False)
    found = balanced_accuracies(scores[:, 0], labels)
    for threshold, value in zip(THRESHOLDS.tolist(), found.tolist(), strict=True):
        assert value == pytest.approx(balanced_accuracy_score(labels, scores[:, 0] > threshold))
    assert balanced_accuracies(scores[:, 0], torch.zeros(60)).isnan().all()


@pytest.mark.parametrize("notion", ["statistical_parity", "equal_opportunity"])
@pytest.mark.parametrize(("classes", "findings"), [(2, False), (4, False), (3, True)])
def test_a_verdict_is_at_the_best_threshold_of_each_class(classes: int, findings: bool, notion: Notion) -> None:
    scores, labels, groups = drawn(classes, findings)
    verdict = Judge.of(rows(labels, groups), (0, 1, 2), notion).of_scores(scores)
    own, accuracies = codes(labels, scores.shape[1]), []
    for c in range(scores.shape[1]):
        truth = own[:, c]
        known = truth >= 0
        at = [balanced_accuracy_score(truth[known], scores[known, c] > t) for t in THRESHOLDS.tolist()]
        decisions = (scores[:, c] > THRESHOLDS[int(np.argmax(at))]).double()
        accuracies.append(max(at))
        among = truth == 1 if notion == "equal_opportunity" else known
        for side in range(3):
            wanted = decisions[among & (groups == side)].mean() - decisions[among & (groups != side)].mean()
            assert float(verdict.bias[side, c]) == pytest.approx(float(wanted), abs=1e-6)
    assert verdict.balanced_accuracy == pytest.approx(np.mean(accuracies))
    assert verdict.size == pytest.approx(float(verdict.bias.abs().mean()))


def test_equal_shares_have_no_sign() -> None:
    """14 of 28 against 15 of 30."""
    groups = torch.tensor([0] * 28 + [1] * 30)
    scores = torch.tensor([0.9] * 14 + [0.1] * 14 + [0.9] * 15 + [0.1] * 15).double().unsqueeze(1)
    verdict = Judge.of(rows((scores[:, 0] > 0.5).long(), groups), (1,), "statistical_parity").of_scores(scores)
    assert not verdict.bias.any()


def verdict(bias: float, accuracy: float) -> Verdict:
    return Verdict(torch.tensor([[bias]]), accuracy)


def test_the_least_bias_above_the_floor_is_taken() -> None:
    least = Least.of(verdict(-0.3, 0.8), 0.6)
    assert [
        least.takes(v) for v in (verdict(0.2, 0.5), verdict(0.31, 0.9), verdict(0.2, 0.6), verdict(-0.2, 0.9))
    ] == [
        False,
        False,
        True,
        False,
    ]
    assert least.facts()["bias"] == pytest.approx(0.2)
    low = Least.of(verdict(0.1, 0.5), 0.6)
    assert not low.facts()["floor_reached"]
    assert low.takes(verdict(0.4, 0.7))
    assert low.facts()["floor_reached"]


def test_bad_input() -> None:
    with pytest.raises(FairTuneError, match="diffgda compares groups, but its rows have 1"):
        sides_of(Facts(("a", "b"), cells=np.array([[3, 2], [0, 0]])), "diffgda")
    assert sides_of(Facts(("a", "b"), cells=np.array([[3, 2], [1, 0]])), "diffgda") == (1,)
    assert sides_of(Facts(("a", "b", "c"), cells=np.array([[3, 2], [1, 0], [1, 1]])), "diffgda") == (0, 1, 2)
    with pytest.raises(FairTuneError, match="but they are a NoneType; give a `datasets.Dataset`"):
        Judge.of(None, (1,), "statistical_parity")
    data = rows(torch.zeros(4, dtype=torch.long), torch.tensor([0, 0, 1, 1]))
    with pytest.raises(FairTuneError, match="no class with rows of it and others"):
        Judge.of(data, (1,), "statistical_parity").of_scores(torch.rand(4, 1).double())


def test_a_bias_without_rows_is_counted_and_none_with_rows_is_refused() -> None:
    """A third group lacks on validation; then all but one group do, and all cases of one side."""
    labels, scores = torch.tensor([0, 1, 0, 1]), torch.tensor([[0.1], [0.9], [0.2], [0.3]]).double()
    judge = Judge.of(rows(labels, torch.tensor([0, 0, 1, 1])), (0, 1, 2), "statistical_parity")
    verdict = judge.of_scores(scores)
    assert verdict.unknown == 1
    assert verdict.bias[2] == 0
    assert Least.of(verdict, 0.5).facts()["biases_without_rows"] == 1
    for groups, notion in (([0, 0, 0, 0], "statistical_parity"), ([0, 1, 0, 1], "equal_opportunity")):
        lone = Judge.of(rows(labels, torch.tensor(groups)), (1,), notion)  # type: ignore[arg-type]
        with pytest.raises(FairTuneError, match="that count for the bias are of one group; add rows of others"):
            lone.of_scores(scores)
