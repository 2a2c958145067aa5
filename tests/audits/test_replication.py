"""Methods compared by several trainings: slow formulas, and how often the same recipe is called different."""

import numpy as np
import pytest
from scipy.stats import norm
from scipy.stats import t as student

from hf_fairtune.audits.replication import replicate
from hf_fairtune.document.replication import Replication
from hf_fairtune.errors import FairTuneError

NAMES = ["a", "b"]
Runs = tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]


def trained(
    rng: np.random.Generator, positives: int, gains: list[float], runs: int = 3, sd: float = 0.1, rows: float = 0.2
) -> Runs:
    """Draw labels, scores of two methods' runs, [k, n], and groups: AUC 0.8 and more, each run off by `sd`."""
    n = 5 * positives
    labels = np.tile(np.repeat([1, 0], [positives, n - positives]), len(gains))
    groups, shared = np.repeat(np.arange(len(gains)), n), rng.standard_normal(len(gains) * n)
    sides = []
    for own in (gains, [0.0] * len(gains)):
        means = np.sqrt(2) * norm.ppf(np.add(0.8, own)) + sd * rng.standard_normal((runs, len(gains)))
        noise = np.sqrt(1 - rows) * shared + np.sqrt(rows) * rng.standard_normal((runs, len(labels)))
        sides.append(noise + means[:, groups] * labels)
    return labels, sides[0], sides[1], groups


def verdict(drawn: Runs) -> str:
    labels, scores, others, groups = drawn
    return replicate(labels, scores, others, groups, list(map(str, range(groups.max() + 1)))).verdict


def kernel(labels: np.ndarray, scores: np.ndarray) -> np.ndarray:
    """Score every pair of a positive and a negative: 1, 1/2 or 0."""
    positives, negatives = scores[labels == 1][:, None], scores[labels == 0][None]
    whole: np.ndarray = (positives > negatives) + 0.5 * (positives == negatives)
    return whole


def test_both_variances_and_the_joint_interval_by_slow_formulas() -> None:
    labels, scores, others, groups = trained(np.random.default_rng(0), 30, [0.05, 0.0])
    found = replicate(labels, scores, others, groups, NAMES)
    for code, row in enumerate(found.groups):
        kept = groups == code
        pairs = [np.stack([kernel(labels[kept], run[kept]) for run in side]) for side in (scores, others)]
        aucs = [side.mean(axis=(1, 2)) for side in pairs]
        moved = pairs[0].mean(axis=0) - pairs[1].mean(axis=0)
        sampling = sum(moved.mean(axis=axis).var(ddof=1) / moved.shape[1 - axis] for axis in (0, 1))
        trainings = [side.var(ddof=1) / 3 for side in aucs]
        total = sampling + sum(trainings)
        freedom = total**2 / (sampling**2 / 29 + sum(own**2 / 2 for own in trainings))
        half = np.sqrt(total) * student.ppf(1 - 0.05 / 2 / 2, freedom)
        change, value = row.auc.change, aucs[0].mean() - aucs[1].mean()
        assert (change.mean.value, change.mean.low) == pytest.approx((value, value - half))
        assert change.sampling_error == pytest.approx(np.sqrt(sampling))
        assert change.training_error == pytest.approx(np.sqrt(sum(trainings)))
        assert row.auc.method.runs == pytest.approx(aucs[0])
        fall = np.sqrt(total) * student.ppf(0.95, freedom) - value
        assert row.fall == pytest.approx(max(0.0, fall))


def test_lowest_and_gap_are_means_over_runs_of_each_runs_own() -> None:
    labels, scores, others, groups = trained(np.random.default_rng(1), 25, [0.0, 0.1])
    found = replicate(labels, scores, others, groups, NAMES)
    by_run = np.array([[kernel(labels[groups == g], run[groups == g]).mean() for g in (0, 1)] for run in scores])
    assert found.min_group_auc.method.runs == pytest.approx(by_run.min(axis=1))
    assert found.auc_gap.method.runs == pytest.approx(np.ptp(by_run, axis=1))
    assert found.min_group_auc.method.mean.value == pytest.approx(by_run.min(axis=1).mean())


def test_a_given_model_has_no_variance_of_training() -> None:
    labels, scores, others, groups = trained(np.random.default_rng(2), 30, [0.0, 0.0])
    fixed = replicate(labels, scores, others[0], groups, NAMES)
    assert fixed.fixed
    assert fixed.auc.baseline.training_error == 0
    assert fixed.auc.change.training_error == fixed.auc.method.training_error > 0


def test_clusters_of_one_row_are_none_and_doubled_patients_tell_no_more() -> None:
    labels, scores, others, groups = trained(np.random.default_rng(3), 40, [0.0, 0.0])
    plain, ids = replicate(labels, scores, others, groups, NAMES), np.arange(len(labels))
    alone = replicate(labels, scores, others, groups, NAMES, clusters=ids)
    assert alone == plain
    twice = [np.concatenate([part, part], axis=-1) for part in (labels, scores, others, groups)]
    doubled = replicate(*twice, NAMES, clusters=np.tile(ids, 2))
    for one, other in zip(plain.groups, doubled.groups, strict=True):
        assert other.auc.change.sampling_error == pytest.approx(one.auc.change.sampling_error)


def test_the_same_runs_did_not_change_and_perfect_runs_keep_a_width() -> None:
    labels, scores, _, groups = trained(np.random.default_rng(4), 20, [0.0, 0.0])
    # One model thrice: nothing was trained, and both sides rank alike.
    same = replicate(labels, np.stack([scores[0]] * 3), scores[0], groups, NAMES)
    change = same.groups[0].auc.change.mean
    assert (change.value, change.low, change.high, same.groups[0].fall) == (0, 0, 0, 0)
    assert same.verdict == "not shown"
    perfect = labels + 0.5 * np.random.default_rng(5).random((6, len(labels)))
    found = replicate(labels, perfect[:3], perfect[3:], groups, NAMES).groups[0]
    assert found.auc.method.mean.value == 1
    assert found.auc.method.mean.low < 1
    assert found.auc.change.mean.low < 0 < found.auc.change.mean.high


def test_a_small_group_has_values_without_intervals_and_forbids_better() -> None:
    labels, scores, others, groups = trained(np.random.default_rng(6), 60, [0.15, 0.15], sd=0.01)
    first = np.flatnonzero((groups == 1) & (labels == 1))[:8]
    kept = (groups == 0) | (labels == 0) | np.isin(np.arange(len(labels)), first)
    found = replicate(labels[kept], scores[:, kept], others[:, kept], groups[kept], NAMES)
    small = found.groups[1]
    assert small.status == "not estimable"
    assert small.auc.change.mean.defined
    assert not small.auc.change.mean.bounded
    assert not found.min_group_auc.change.mean.bounded
    assert found.verdict == "gain"
    left_out = replicate(labels[kept], scores[:, kept], others[:, kept], groups[kept], NAMES, exclude=["b"])
    assert left_out.verdict == "better"


def test_two_runs_tell_nothing_of_a_method() -> None:
    labels, scores, others, groups = trained(np.random.default_rng(7), 20, [0.0, 0.0])
    with pytest.raises(FairTuneError, match=r"`scores` has shape \(2, 200\); pass one row a training run, 3 or more"):
        replicate(labels, scores[:2], others, groups, NAMES)
    with pytest.raises(FairTuneError, match="`reference_scores` has shape"):
        replicate(labels, scores, others[:, :-1], groups, NAMES)


@pytest.mark.parametrize(("groups", "runs"), [(2, 3), (4, 3), (2, 5)])
def test_the_same_recipe_is_seldom_called_different(groups: int, runs: int) -> None:
    """A/A: two sets of runs of one recipe; 5 % claims in all, and three Monte Carlo errors."""
    rng, pairs = np.random.default_rng(groups + runs), 200
    found = [verdict(trained(rng, 40, [0.0] * groups, runs)) for _ in range(pairs)]
    assert pairs - found.count("not shown") <= pairs * 0.05 + 3 * np.sqrt(pairs * 0.05)


def test_a_planted_gain_is_found() -> None:
    rng, pairs = np.random.default_rng(8), 60
    found = [verdict(trained(rng, 100, [0.1, 0.0], sd=0.05)) for _ in range(pairs)]
    assert sum(name in ("gain", "better") for name in found) >= 0.8 * pairs


def coverage(found: Replication, truth: float) -> bool:
    return found.groups[0].auc.change.mean.low <= truth <= found.groups[0].auc.change.mean.high


def test_the_interval_holds_the_true_change_of_the_methods() -> None:
    """Of one group, so that the interval is not simultaneous; here most of the variance is from training."""
    rng, pairs, held = np.random.default_rng(9), 300, 0
    for _ in range(pairs):
        labels, scores, others, groups = trained(rng, 50, [0.0], sd=0.2)
        held += coverage(replicate(labels, scores, others, groups, ["a"]), 0.0)
    assert 0.92 <= held / pairs <= 0.995
