"""Each gap against fairlearn where fairlearn has it, and against its formula over all pairs otherwise."""

from itertools import combinations, permutations

import fairlearn.metrics
import numpy as np
import pytest
from hypothesis import given, settings

from hf_fairtune.audits.engine.proportions import confusion
from hf_fairtune.audits.metrics.metric import gaps, rates

from ..samples import tied_splits

Split = tuple[np.ndarray, np.ndarray, np.ndarray]
FAIRLEARN = {
    "equalized_odds_difference": lambda *a, **k: fairlearn.metrics.equalized_odds_difference(*a, **k),
    "equalized_odds_mean": lambda *a, **k: fairlearn.metrics.equalized_odds_difference(*a, agg="mean", **k),
    "equalized_odds_score": lambda *a, **k: 1 - fairlearn.metrics.equalized_odds_difference(*a, agg="mean", **k),
    "demographic_parity_difference": fairlearn.metrics.demographic_parity_difference,
    "demographic_parity_ratio": fairlearn.metrics.demographic_parity_ratio,
    "equal_opportunity_difference": fairlearn.metrics.true_positive_rate_difference,
    "predictive_equality_difference": fairlearn.metrics.false_positive_rate_difference,
}


def cells(drawn: Split) -> tuple[np.ndarray, np.ndarray]:
    labels, scores, groups = drawn
    predictions = (scores >= 0.5).astype(int)
    return predictions, confusion(labels, predictions, groups, 3)[:, :3]


@settings(max_examples=12)
@given(tied_splits(least=1))
def test_they_are_fairlearns(drawn: Split) -> None:
    predictions, counts = cells(drawn)
    for name, oracle in FAIRLEARN.items():
        if name == "demographic_parity_ratio" and not predictions.any():
            assert np.isnan(float(gaps()[name](counts)))
            continue
        wanted = oracle(drawn[0], predictions, sensitive_features=drawn[2])
        assert float(gaps()[name](counts)) == pytest.approx(wanted), name


@settings(max_examples=25)
@given(tied_splits(least=1))
def test_the_others_are_their_formulas(drawn: Split) -> None:
    _, counts = cells(drawn)
    tpr, fpr, rate = (rates()[name](counts) for name in ("tpr", "fpr", "selection_rate"))
    joint = max(abs(tpr[a] - tpr[b] + fpr[a] - fpr[b]) / 2 for a, b in combinations(range(3), 2))
    assert float(gaps()["equalized_odds_joint"](counts)) == pytest.approx(joint)
    for reference in range(3):
        others = [g for g in range(3) if g != reference]
        signed = [(tpr[g] - tpr[reference] + fpr[g] - fpr[reference]) / 2 for g in others]
        parity = [rate[g] - rate[reference] for g in others]
        for name, wanted in (("equalized_odds_signed", signed), ("statistical_parity_difference", parity)):
            found = float(gaps()[name](counts, reference))
            assert abs(found) == pytest.approx(max(map(abs, wanted))), name
            assert any(found == pytest.approx(value, abs=1e-12) for value in wanted), name


def classifier(tpr: tuple[float, ...], fpr: tuple[float, ...]) -> np.ndarray:
    """Cells of groups of 10 positives and 10 negatives with these rates."""
    hits, alarms = np.rint(np.multiply(tpr, 10)).astype(int), np.rint(np.multiply(fpr, 10)).astype(int)
    return np.stack([10 - alarms, alarms, 10 - hits, hits])


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("equalized_odds_difference", 0.30),
        ("equalized_odds_mean", 0.20),
        ("equalized_odds_signed", -0.10),
        ("equalized_odds_joint", 0.10),
        ("equalized_odds_score", 0.80),
    ],
)
def test_one_classifier_has_five_equalized_odds(name: str, value: float) -> None:
    """Positives of the second group are found less often (0.6 of 0.9), its negatives flagged more often (0.2, 0.1)."""
    assert float(gaps()[name](classifier((0.9, 0.6), (0.1, 0.2)), 0)) == pytest.approx(value)


def test_harms_cancel_in_the_joint_gap_only() -> None:
    unfair = classifier((0.8, 0.6), (0.1, 0.3))
    assert float(gaps()["equalized_odds_joint"](unfair)) == pytest.approx(0, abs=1e-12)
    assert float(gaps()["equalized_odds_difference"](unfair)) == pytest.approx(0.2)


@pytest.mark.parametrize("name", gaps())
def test_the_order_of_groups_does_not_matter(name: str) -> None:
    counts = np.random.default_rng(3).integers(1, 60, (4, 4))
    for order in permutations(range(4)):
        found = float(gaps()[name](counts[:, order], order.index(2)))
        assert found == pytest.approx(float(gaps()[name](counts, 2)))


def test_two_groups_signed_is_parity_with_a_sign() -> None:
    counts = classifier((0.9, 0.2), (0.3, 0.1))
    assert float(gaps()["statistical_parity_difference"](counts, 0)) == pytest.approx(-0.45)
    assert float(gaps()["statistical_parity_difference"](counts, 1)) == pytest.approx(0.45)
    assert float(gaps()["demographic_parity_difference"](counts)) == pytest.approx(0.45)
