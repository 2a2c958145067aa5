import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import norm
from scipy.stats import t as student

from hf_fairtune.audits.engine.clusters import (
    auc_covariances,
    auc_degrees,
    effective_cases,
    effective_clusters,
    effective_rows,
    effective_trials,
    paired_variance,
)
from hf_fairtune.audits.engine.delong import auc, auc_interval, paired_delong
from hf_fairtune.audits.engine.proportions import wilson
from hf_fairtune.audits.engine.rows import ScoredRows, check_rows

from ..samples import slow_auc, split, tied_splits

SIZES = (1, 1, 2, 3, 8)


def test_effective_clusters_by_hand() -> None:
    assert effective_clusters(np.repeat(np.arange(7), 3)) == pytest.approx(7)
    assert effective_clusters(np.arange(9)) == 9
    assert effective_clusters(np.repeat([0, 1, 4, 5, 9], SIZES)) == pytest.approx(15**2 / 79)
    labels, clusters = np.array([1, 1, 1, 0, 0, 0, 0, 0]), np.array([0, 0, 1, 2, 2, 3, 3, 3])
    assert auc_degrees(labels, clusters) == pytest.approx(min(9 / 5, 25 / 13) - 1)


def slow_covariance(first: tuple[np.ndarray, ...], second: tuple[np.ndarray, ...]) -> float:
    """Over clusters, products of what each moves either AUC: its positives' and its negatives' shares of the pairs."""
    ids, moved = set(first[2].tolist()) | set(second[2].tolist()), []
    for labels, scores, clusters in (first, second):
        value, own = slow_auc(labels, scores), dict.fromkeys(ids, 0.0)
        high, low = np.flatnonzero(labels == 1), np.flatnonzero(labels == 0)
        for i in high:
            won = sum((scores[i] > scores[j]) + (scores[i] == scores[j]) / 2 for j in low)
            own[clusters[i]] += (won / len(low) - value) / len(high)
        for j in low:
            won = sum((scores[i] > scores[j]) + (scores[i] == scores[j]) / 2 for i in high)
            own[clusters[j]] += (won / len(high) - value) / len(low)
        moved.append(own)
    return len(ids) / (len(ids) - 1) * sum(moved[0][i] * moved[1][i] for i in ids) if len(ids) > 1 else math.nan


@given(tied_splits(least=2), st.integers(0, 10**6))
def test_covariances_are_sums_over_clusters(drawn: tuple[np.ndarray, ...], seed: int) -> None:
    labels, scores, groups = drawn
    clusters = np.random.default_rng(seed).integers(9, size=len(labels))
    samples = [(labels[groups == g], scores[groups == g], clusters[groups == g]) for g in range(3)]
    found = auc_covariances(samples)
    np.testing.assert_array_equal(found, found.T)
    for one in range(3):
        for other in range(one):
            wanted = slow_covariance(samples[one], samples[other])
            assert found[one, other] == pytest.approx(wanted, abs=1e-14, nan_ok=True)


def test_covariance_is_that_of_repeated_samples() -> None:
    """Patients with an image in either group: the AUCs go together."""
    rng, sick = np.random.default_rng(7), np.repeat([1, 0], [30, 60])
    aucs, estimated = [], []
    for _ in range(600):
        level = rng.normal(1.2 * sick)
        both = [(sick, level + rng.normal(0, 0.6, 90), np.arange(90)) for _ in range(2)]
        aucs.append([auc(*own[:2]) for own in both])
        estimated.append(auc_covariances(both))
    wanted = np.cov(np.array(aucs).T)
    np.testing.assert_allclose(np.mean(estimated, axis=0), wanted, rtol=0.15)
    assert wanted[0, 1] > 0.5 * wanted[0, 0]


@given(tied_splits(least=2), st.integers(0, 10**6))
def test_paired_variance_is_a_sum_over_clusters(drawn: tuple[np.ndarray, ...], seed: int) -> None:
    """Obuchowski's by hand: what clusters move the one AUC further than the other, by class and crossed."""
    labels, scores, groups = drawn
    rng = np.random.default_rng(seed)
    clusters, other = rng.integers(9, size=len(labels)), rng.permutation(scores)
    high, low = np.flatnonzero(labels == 1), np.flatnonzero(labels == 0)
    kernels = [(x[high][:, None] > x[low]) + (x[high][:, None] == x[low]) / 2 for x in (scores, other)]
    moved = kernels[0] - kernels[1]
    by_row = moved.mean(axis=1) - moved.mean(), moved.mean(axis=0) - moved.mean()
    sums: list[dict[int, float]] = [{}, {}]
    for side, places in enumerate((high, low)):
        for place, own in zip(places, by_row[side], strict=True):
            sums[side][clusters[place]] = sums[side].get(clusters[place], 0.0) + own / len(places)
    ids = {*sums[0], *sums[1]}
    wanted = sum(
        len(own) / (len(own) - 1) * sum(x * x for x in own.values()) if len(own) > 1 else np.nan for own in sums
    )
    crossed = sum(sums[0].get(i, 0.0) * sums[1].get(i, 0.0) for i in ids)
    wanted += 2 * len(ids) / (len(ids) - 1) * crossed if len(ids) > 1 else np.nan
    assert paired_variance(labels, scores, other, clusters) == pytest.approx(wanted, abs=1e-14, nan_ok=True)
    alone = paired_variance(labels, scores, other, np.arange(len(labels)))
    assert alone == pytest.approx(paired_delong(labels, scores, other)[1], abs=1e-14)


def slow_trials(hits: np.ndarray, clusters: np.ndarray) -> float:
    """Rows over the design effect from sums by hand, with one cluster more that is all alike, and quantiles of t."""
    n, share, ids = len(hits), sum(hits) / len(hits), sorted(set(clusters.tolist()))
    sizes = [sum(clusters == own) for own in ids]
    effective = n**2 / sum(size**2 for size in sizes)
    effect = 1.0
    if 0 < share < 1:
        squares = sum((sum(hits[clusters == own]) - size * share) ** 2 for own, size in zip(ids, sizes, strict=True))
        of_ratio = len(ids) / (len(ids) - 1) * squares / n**2
        effect = max(1.0, of_ratio / (share * (1 - share) / (n - 1)))
    scarcer = min(len({own for own, hit in zip(clusters, hits, strict=True) if hit == value}) for value in (0, 1))
    effect = (scarcer * effect + max(effect, n / effective)) / (scarcer + 1)
    return n / effect * (student.ppf(0.975, n - 1) / student.ppf(0.975, effective - 1)) ** 2


def clustered(hits: np.ndarray, clusters: np.ndarray, groups: np.ndarray) -> ScoredRows:
    return ScoredRows(hits, hits * 1.0, groups, ("a", "b", "c"), clusters)


@pytest.mark.parametrize("share", [0.0, 0.2, 0.7, 1.0])
def test_effective_trials_are_those_of_the_slow_form(share: float) -> None:
    rng, clusters = np.random.default_rng(0), np.repeat(np.arange(25), SIZES * 5)
    hits = (np.repeat(rng.random(25), SIZES * 5) < share).astype(int) ^ (rng.random(75) < 0.1 * (0 < share < 1))
    groups = (clusters % 2).astype(int)
    found = effective_trials(hits, clustered(hits, clusters, groups), 0.95)
    for code, inside in enumerate((groups == 0, groups == 1)):
        assert found[code] == pytest.approx(slow_trials(hits[inside], clusters[inside]))
    assert np.isnan(found[2])
    assert found[-1] == pytest.approx(slow_trials(hits, clusters))


def test_effective_rows_of_changes_are_those_of_their_spread() -> None:
    """Changes of -1, 0 and 1, alike in three images of each of forty patients: forty rows, less what t asks."""
    changes = np.random.default_rng(0).choice([-1.0, 0.0, 1.0], 40)
    found = effective_rows(np.repeat(changes, 3), np.repeat(np.arange(40), 3), 0.95)
    ratio = (student.ppf(0.975, 119) / student.ppf(0.975, 39)) ** 2
    assert found == pytest.approx(39 * 120 / 119 * ratio)
    assert np.isnan(effective_rows(changes, np.zeros(40, dtype=int), 0.95))


def test_rows_alone_are_all_their_trials_and_copies_none() -> None:
    labels, _, groups = split()
    alone = effective_trials(labels, clustered(labels, np.arange(len(labels)), groups), 0.95)
    assert alone.tolist() == pytest.approx([*np.bincount(groups), len(groups)])
    four = [np.repeat(column, 4) for column in (labels, np.arange(len(labels)), groups)]
    copied = effective_trials(four[0], clustered(*four), 0.95)
    assert (copied < alone).all()
    assert (copied > 0.93 * alone).all()


def test_effective_cases_are_those_of_each_class() -> None:
    labels, scores, groups = split((6, 4), (9, 12))
    clusters = np.random.default_rng(3).integers(8, size=len(labels))
    found = effective_cases(check_rows(labels, scores, groups, ["a", "b", "empty"], clusters))
    for code, inside in enumerate((groups == 0, groups == 1, groups == 2, groups >= 0)):
        for column, label in enumerate((1, 0)):
            sizes = [np.sum(inside & (labels == label) & (clusters == own)) for own in range(8)]
            assert found[code, column] == pytest.approx(sum(sizes) ** 2 / max(1, sum(m * m for m in sizes)))


def test_coverage_with_unequal_clusters() -> None:
    """Twenty patients with the finding, with 1 to 8 images that are much alike: shares and AUCs."""
    rng, runs, inside = np.random.default_rng(5), 400, np.zeros(4)
    sick = np.repeat([1, 0], [20, 40])
    clusters = np.repeat(np.arange(60), SIZES * 12)
    labels, truth = sick[clusters], 0.85
    apart = math.sqrt(2) * norm.ppf(truth)
    for _ in range(runs):
        noise = rng.normal(size=60)[clusters] * math.sqrt(0.7) + rng.normal(size=len(clusters)) * math.sqrt(0.3)
        scores = noise + apart * labels
        rows = check_rows(labels, scores, labels * 0, ["a"], clusters)
        assert rows.clusters is not None
        hits, positive = (scores >= apart / 2).astype(int), labels == 1
        trials = effective_trials(hits[positive], rows.take(positive), 0.95)[0]
        share = float(hits[positive].mean())
        bounds = [wilson(share * size, size)[1:] for size in (trials, positive.sum())]
        bounds += [(own.low, own.high) for own in (auc_interval(labels, scores, c) for c in (rows.clusters, None))]
        truths = (norm.cdf(apart / 2),) * 2 + (truth,) * 2
        inside += [low <= own <= high for own, (low, high) in zip(truths, bounds, strict=True)]
    shares, ignored, aucs, naive = inside / runs
    assert 0.91 <= shares <= 0.98
    assert 0.91 <= aucs <= 0.98
    assert max(ignored, naive) < 0.85


@pytest.mark.parametrize("share", [0.06, 0.12])
def test_coverage_of_a_rare_share(share: float) -> None:
    """Forty patients, images much alike: a design effect that is not shrunk is low where the share is; it held .91."""
    rng, runs, inside = np.random.default_rng(1), 1500, np.zeros(2)
    clusters = np.repeat(np.arange(40), SIZES * 8)
    groups = np.zeros(len(clusters), dtype=np.int64)
    for _ in range(runs):
        noise = rng.normal(size=40)[clusters] * math.sqrt(0.95) + rng.normal(size=len(clusters)) * math.sqrt(0.05)
        hits = (noise > norm.isf(share)).astype(int)
        rows, found = check_rows(hits, noise, groups, ["a"], clusters), float(hits.mean())
        trials = float(effective_trials(hits, rows, 0.95)[0])
        _, low, high = wilson(found * trials, trials)
        inside += low <= share <= high, found == 0
    assert 0.93 <= inside[0] / runs <= 0.985
    assert inside[1] / runs < 0.1
