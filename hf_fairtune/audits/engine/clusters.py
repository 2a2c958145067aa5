"""What rows of one cluster, such as a patient, share: effective numbers, design effects, and covariances of AUCs."""

from collections.abc import Sequence

import numpy as np
from scipy.special import stdtrit

from ...document.estimate import NAN
from .delong import placements
from .influence import mean_moves
from .rows import ScoredRows

# Labels, scores and clusters, [n] each.
Sample = tuple[np.ndarray, np.ndarray, np.ndarray]


def effective_clusters(clusters: np.ndarray, weights: np.ndarray | None = None) -> float:
    """Count clusters of equal size that would tell as much as these, from the cluster of each row, [n].

    n^2 / sum of m_i^2, m_i rows in cluster i, or their weights: one large cluster among small ones counts for most of
    what is known.

    Source: Kish 1965, "Survey Sampling", 8.2, with clusters for weights.
    """
    return kish(np.bincount(clusters, weights))


def kish(sizes: np.ndarray) -> float:
    """Count parts of equal size that would tell as much as these, [n]: (sum of sizes)^2 / sum of their squares."""
    return float(sizes.sum() ** 2 / (sizes @ sizes))


def independent(clusters: np.ndarray, weights: np.ndarray | None) -> float:
    """Count the clusters of some rows, [n]; of weighted rows the effective ones."""
    return float(len(np.unique(clusters))) if weights is None else effective_clusters(clusters, weights)


def effective_cases(rows: ScoredRows) -> np.ndarray:
    """Count effective clusters of positives, negatives and rows by group and, last, in all: [n_groups + 1, 3]."""
    found = np.zeros((len(rows.group_names) + 1, 3))
    assert rows.clusters is not None
    classes = rows.labels == 1, rows.labels == 0, rows.labels >= 0
    for code, place in np.ndindex(found.shape):
        own = classes[place] & ((rows.groups == code) | (code == len(rows.group_names)))
        part = rows.take(own)
        assert part.clusters is not None
        found[code, place] = effective_clusters(part.clusters, part.weights) if own.any() else 0
    return found


def auc_degrees(labels: np.ndarray, clusters: np.ndarray, weights: np.ndarray | None = None) -> float:
    """Return the degrees of freedom of an AUC's variance: effective clusters of the scarcer class less 1."""
    found = []
    for own in (labels == 1, labels == 0):
        found.append(effective_clusters(clusters[own], None if weights is None else weights[own]))
    return min(found) - 1


def auc_covariances(samples: Sequence[Sample], weights: Sequence[np.ndarray | None] | None = None) -> np.ndarray:
    """Compute variances and covariances of the AUCs of samples, which may share clusters, [k, k], in O(n log n).

    a_i / M and b_i / N are how far the positives and the negatives of cluster i, of M and N rows in all, move the AUC
    by their placements. The variance is I10 / (I10 - 1) sum of (a_i / M)^2 over the I10 clusters with positives, the
    same of the I01 with negatives, and 2 I / (I - 1) sum of a_i b_i / (M N) over all I; the covariance of two samples
    I / (I - 1) sum of the product of how far cluster i moves either. Where every row is a cluster, the variance is
    DeLong's. NaN for one with fewer than two clusters in a class. Where a sample has weights, [n], a_i and b_i are
    weighted sums, M and N the weights of each class: linearisation, as for a ratio.

    Source: Obuchowski 1997, "Nonparametric analysis of clustered ROC curve data", Biometrics 53, eq. 3 to 6.
    """
    size, k = 1 + max(int(clusters.max()) for _, _, clusters in samples), len(samples)
    moves, within = np.zeros((k, 2, size)), np.zeros((k, 2, size), dtype=bool)
    found = np.empty((k, k))
    for place, sample in enumerate(samples):
        moves[place], within[place] = _moves(sample, size, None if weights is None else weights[place])
        for other in range(place):
            either = _unbiased(np.any(within[[place, other]], axis=0).any(axis=0))
            found[place, other] = found[other, place] = either * (moves[place].sum(axis=0) @ moves[other].sum(axis=0))
        found[place, place] = _variance(moves[place], within[place])
    return found


def paired_variance(
    labels: np.ndarray,
    first: np.ndarray,
    second: np.ndarray,
    clusters: np.ndarray,
    weights: np.ndarray | None = None,
) -> float:
    """Compute the variance of the difference of two models' AUCs on the same rows, which lie in clusters.

    As `auc_covariances`, of how much further a cluster moves the first AUC than the second. Where every row is a
    cluster it is DeLong's, and 0 where both models rank all rows alike; NaN with fewer than two clusters in a class.
    Scores are [n], as labels, clusters and weights.

    Source: Obuchowski 1997, "Nonparametric analysis of clustered ROC curve data", Biometrics 53, on two tests.
    """
    size = int(clusters.max()) + 1
    (one, within), (other, _) = (_moves((labels, scores, clusters), size, weights) for scores in (first, second))
    return _variance(one - other, within)


def _moves(sample: Sample, size: int, weights: np.ndarray | None) -> tuple[np.ndarray, np.ndarray]:
    """Return how far positives and negatives of each cluster move the AUC, and which clusters have any: [2, size]."""
    labels, scores, clusters = sample
    positive, moves, within = labels == 1, np.zeros((2, size)), np.zeros((2, size), dtype=bool)
    above, below = placements(positive, scores, weights)
    for side, (kept, parts) in enumerate(((positive, above), (~positive, -below))):
        moves[side] = np.bincount(clusters[kept], mean_moves(parts, None if weights is None else weights[kept]), size)
        within[side] = np.bincount(clusters[kept], minlength=size) > 0
    return moves, within


def _variance(moves: np.ndarray, within: np.ndarray) -> float:
    either, found = within[0] | within[1], 0.0
    for own, moved in zip(within, moves, strict=True):
        found += _unbiased(own) * float(moved @ moved)
    return found + 2 * _unbiased(either) * float(moves[0] @ moves[1])


def _unbiased(occurring: np.ndarray) -> float:
    count = int(occurring.sum())
    return count / (count - 1) if count > 1 else NAN


def _occurring(clusters: np.ndarray, weights: np.ndarray | None, own: np.ndarray) -> float:
    """Count clusters with such rows, bool [n]; weighted ones by the mean weight of these rows, as Kish does."""
    if weights is None or not own.any():
        return len(np.unique(clusters[own]))
    sizes = np.bincount(clusters[own])
    return kish(np.bincount(clusters[own], weights[own])[sizes > 0] / sizes[sizes > 0])


def shrunk_effect(effect: float, seen: float, most: float) -> float:
    """Move an estimated design effect towards `most`, that of clusters whose rows are all alike.

    `seen` clusters hold the scarcer outcome and tell of the effect; one more, all alike, counts beside them. Where few
    do, the estimate is low just when the share is off: plain, it covers .89 to .93 where hits are rare. Without the
    outcome, at a share of 0 or 1, it is `most`.
    """
    return (seen * effect + max(effect, most)) / (seen + 1)


def effective_trials(hits: np.ndarray, rows: ScoredRows, confidence: float) -> np.ndarray:
    """Count the independent rows that would tell as much of a share, by group and, last, in all: [n_groups + 1].

    Hits are 0 or 1, [n], rows those in the denominator; see `effective_rows`.
    """
    assert rows.clusters is not None
    found, last = np.empty(len(rows.group_names) + 1), len(rows.group_names)
    for code in range(len(found)):
        inside = (rows.groups == code) | (code == last)
        weights = None if rows.weights is None else rows.weights[inside]
        found[code] = effective_rows(hits[inside], rows.clusters[inside], confidence, weights)
    return found


def effective_rows(
    hits: np.ndarray, clusters: np.ndarray, confidence: float, weights: np.ndarray | None = None
) -> float:
    """Count the independent rows that would tell as much of the mean of `hits`, [n], as these in their clusters, [n].

    That is n over the design effect, what the clusters' variance of the mean, C / (C - 1) sum of e_i^2 / n^2 with e_i
    the deviations of cluster i, is of the variance s^2 / n of independent rows, but no less than 1; few hits
    or few misses hardly tell it, see `shrunk_effect`. Times the squared ratio of the quantiles of t with n - 1 degrees
    of freedom and with effective clusters - 1, so that the score interval on them knows how little few clusters tell
    of that variance. Where every row is a cluster it is n; NaN with fewer than two clusters. Weights, [n], count in
    the mean, in e_i, whose sum of weights stands for n there, in s^2, and in the effective clusters.

    Source: Kish 1965, "Survey Sampling", 8.2, and Cochran 1977, "Sampling Techniques", 3.12, for the ratio estimator's
    variance; Korn & Graubard 1998, "Confidence intervals for proportions with small expected number of positive counts
    estimated from survey data", Survey Methodology 24, for the quantiles.
    """
    return ClusteredShare(hits, clusters, weights).trials(confidence)


class ClusteredShare:
    """The mean of numbers of rows that lie in clusters, both [n], such as hits, 0 or 1; see `effective_rows`."""

    def __init__(self, hits: np.ndarray, clusters: np.ndarray, weights: np.ndarray | None = None) -> None:
        self.n, self.effect, self.effective = len(hits), NAN, NAN
        units = int((np.bincount(clusters) > 0).sum()) if len(hits) else 0
        if units < 2:
            return
        self.effective, deviations = effective_clusters(clusters, weights), hits - np.average(hits, weights=weights)
        counted = deviations if weights is None else deviations * weights
        whole = self.n if weights is None else float(weights.sum())
        effect, independent = 1.0, float(counted @ deviations) / (self.n - 1) / whole
        if independent > 0:
            sums = np.bincount(clusters, counted)
            effect = max(1.0, units / (units - 1) * float(sums @ sums) / whole**2 / independent)
        seen = min(_occurring(clusters, weights, own) for own in (hits != 0, hits == 0))
        self.effect = shrunk_effect(effect, seen, self.n / self.effective)

    @property
    def correlation(self) -> float:
        """Return how much rows of one cluster are alike, 0 to 1: what makes the design effect of clusters so large."""
        excess = self.n / self.effective - 1
        return min(1.0, (self.effect - 1) / excess) if excess > 0 else 0.0

    def at_least(self, correlation: float) -> None:
        """Raise the design effect to that of clusters whose rows are so much alike.

        Source: Kish 1965, "Survey Sampling", 5.4: 1 + (m - 1) r, m the mean size of a row's cluster.
        """
        self.effect = max(self.effect, 1 + (self.n / self.effective - 1) * correlation)

    def trials(self, confidence: float) -> float:
        """Count the independent rows that would tell as much, for an interval of this level; NaN for one cluster."""
        few, many = stdtrit([self.effective - 1, self.n - 1], (1 + confidence) / 2)
        return float(self.n / self.effect * (many / few) ** 2)
