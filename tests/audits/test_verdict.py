"""Simultaneous intervals of the groups' changes against slow formulas, and how often verdicts are right."""

import numpy as np
import pytest
from scipy.stats import norm
from scipy.stats import t as student

from hf_fairtune.audits.comparison import compare
from hf_fairtune.document.comparison import Comparison
from hf_fairtune.errors import FairTuneError
from hf_fairtune.show.compared import comparison

from .samples import NAMES, QUICK, two_models


def slow_error(labels: np.ndarray, first: np.ndarray, second: np.ndarray) -> float:
    """Delong's standard error of a change by all pairs of rows: eq. 5 of DeLong 1988 on differences of kernels."""

    def kernel(scores: np.ndarray) -> np.ndarray:
        positives, negatives = scores[labels == 1][:, None], scores[labels == 0][None]
        whole: np.ndarray = (positives > negatives) + 0.5 * (positives == negatives)
        return whole

    moved = kernel(first) - kernel(second)
    return float(np.sqrt(sum(moved.mean(axis=axis).var(ddof=1) / moved.shape[1 - axis] for axis in (0, 1))))


def test_intervals_are_bonferronis_with_students_quantile() -> None:
    labels, scores, reference, groups = two_models()
    found = compare(labels, scores, reference, groups, NAMES, **QUICK)
    for code, row in enumerate(found.groups):
        kept = groups == code
        error = slow_error(labels[kept], scores[kept], reference[kept])
        freedom = min(labels[kept].sum(), (1 - labels[kept]).sum()) - 1
        half = error * student.ppf(1 - 0.05 / 2 / 3, freedom)
        assert (row.joint.low, row.joint.high) == pytest.approx((row.auc.value - half, row.auc.value + half))
        assert row.fall == pytest.approx(max(0, error * student.ppf(0.95, freedom) - row.auc.value))


def test_a_group_that_both_models_rank_alike_did_not_change() -> None:
    labels, scores, reference, groups = two_models()
    reference = np.where(groups == 0, scores / 2, reference)
    alone, moved, _ = compare(labels, scores, reference, groups, NAMES, **QUICK).groups
    assert (alone.joint.value, alone.joint.low, alone.joint.high, alone.fall) == (0, 0, 0, 0)
    kept = groups == 1
    error = slow_error(labels[kept], scores[kept], reference[kept])
    freedom = min(labels[kept].sum(), (1 - labels[kept]).sum()) - 1
    # Two groups changed.
    assert moved.joint.high - moved.joint.value == pytest.approx(error * student.ppf(1 - 0.05 / 4, freedom))


def test_a_perfect_group_that_was_ranked_anew_keeps_a_width() -> None:
    """At an AUC of 1 under both models DeLong's variance is 0, which does not show that nobody can have lost."""
    rng = np.random.default_rng(0)
    labels, groups = np.tile(np.repeat([1, 0], 20), 2), np.repeat([0, 1], 40)
    scores, reference = (labels + rng.uniform(0, 0.5, 80) for _ in range(2))
    for row in compare(labels, scores, reference, groups, "ab", **QUICK).groups:
        assert row.joint.low < 0 < row.joint.high
        assert row.fall > 0.02


def test_clusters_of_one_row_give_nearly_the_same_intervals() -> None:
    labels, scores, reference, groups = two_models()
    plain = compare(labels, scores, reference, groups, NAMES, n_boot=2000)
    alone = compare(labels, scores, reference, groups, NAMES, clusters=np.arange(len(labels)), n_boot=2000)
    for one, other in zip(plain.groups, alone.groups, strict=True):
        assert other.joint.low == pytest.approx(one.joint.low, abs=0.02)
        assert other.fall == pytest.approx(one.fall, abs=0.02)


def binormal(rng: np.random.Generator, positives: int, gains: list[float]) -> Comparison:
    """Compare two models of AUC 0.8 and correlation 0.9, of which one gains in some groups."""
    n = 5 * positives
    labels = np.tile(np.repeat([1, 0], [positives, n - positives]), len(gains))
    groups = np.repeat(np.arange(len(gains)), n)
    means = np.sqrt(2) * norm.ppf([np.add(0.8, gains), np.full(len(gains), 0.8)])
    shared, own = rng.standard_normal((2, len(labels)))
    model = 0.9 * shared + np.sqrt(1 - 0.81) * own + means[0][groups] * labels
    reference = shared + means[1][groups] * labels
    return compare(labels, model, reference, groups, list(map(str, range(len(gains)))), n_boot=0)


@pytest.mark.parametrize(("groups", "positives"), [(2, 12), (4, 20), (8, 50)])
def test_equal_models_are_seldom_called_worse(groups: int, positives: int) -> None:
    rng, runs = np.random.default_rng(groups), 200
    found = [binormal(rng, positives, [0.0] * groups).verdict for _ in range(runs)]
    # 5 % family-wise, and three Monte Carlo errors.
    assert sum(verdict in ("worse", "level-down") for verdict in found) <= runs * 0.05 + 3 * np.sqrt(runs * 0.05)
    assert sum(verdict in ("better", "gain") for verdict in found) <= runs * 0.05 + 3 * np.sqrt(runs * 0.05)


def test_a_gain_is_named_and_with_enough_cases_it_is_better() -> None:
    rng = np.random.default_rng(1)
    few = [binormal(rng, 50, [0.1, 0.0]).verdict for _ in range(60)]
    assert sum(verdict in ("better", "gain") for verdict in few) >= 0.8 * 60
    many = [binormal(rng, 200, [0.1, 0.0]).verdict for _ in range(60)]
    assert many.count("better") >= 0.6 * 60


def test_the_sentence_names_who_gained_and_which_fall_is_open() -> None:
    rng = np.random.default_rng(3)
    found = binormal(rng, 50, [0.15, 0.0])
    assert found.verdict == "gain"
    said = comparison(found).replace("\u2068", "").replace("\u2069", "")
    assert said == f'better for "0"; for "1" a fall of up to {found.groups[1].fall:.2f} is not excluded.'


def test_the_margin_is_the_users() -> None:
    labels, scores, reference, groups = two_models()
    found = compare(labels, scores, reference, groups, NAMES, margin=0.5, **QUICK)
    assert found.margin == 0.5
    with pytest.raises(FairTuneError, match="`margin` is -1; pass 0 or more"):
        compare(labels, scores, reference, groups, NAMES, margin=-1, **QUICK)
