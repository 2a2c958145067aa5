"""What rows of one cluster, such as a patient, share: effective numbers, design effects, and covariances of AUCs."""

from collections.abc import Sequence

import numpy as np
from scipy.stats import t as student

from ...document.estimate import NAN
from .delong import placements
from .rows import ScoredRows

# Labels, scores and clusters, [n] each.
Sample = tuple[np.ndarray, np.ndarray, np.ndarray]


def effective_clusters(clusters: np.ndarray) -> float:
    """Count clusters of equal size that would tell as much as these, from the cluster of each row, [n].

    n^2 / sum of m_i^2, m_i rows in cluster i: one large cluster among small ones counts for most of what is known.

    Source: Kish 1965, "Survey Sampling", 8.2, with clusters for weights.
    """
    sizes = np.bincount(clusters)
    return float(sizes.sum() ** 2 / (sizes @ sizes))


def effective_cases(rows: ScoredRows) -> np.ndarray:
    """Count effective clusters of positives and of negatives by group and, last, in all: [n_groups + 1, 2]."""
    found = np.zeros((len(rows.group_names) + 1, 2))
    assert rows.clusters is not None
    for code, label in np.ndindex(found.shape):
        own = (rows.labels == 1 - label) & ((rows.groups == code) | (code == len(rows.group_names)))
        found[code, label] = effective_clusters(rows.clusters[own]) if own.any() else 0
    return found


def auc_degrees(labels: np.ndarray, clusters: np.ndarray) -> float:
    """Return the degrees of freedom of an AUC's variance: effective clusters of the scarcer class less 1."""
    return min(effective_clusters(clusters[labels == 1]), effective_clusters(clusters[labels == 0])) - 1


def auc_covariances(samples: Sequence[Sample]) -> np.ndarray:
    """Compute variances and covariances of the AUCs of samples, which may share clusters, [k, k], in O(n log n).

    a_i / M and b_i / N are how far the positives and the negatives of cluster i, of M and N rows in all, move the AUC
    by their placements. The variance is I10 / (I10 - 1) sum of (a_i / M)^2 over the I10 clusters with positives, the
    same of the I01 with negatives, and 2 I / (I - 1) sum of a_i b_i / (M N) over all I; the covariance of two samples
    I / (I - 1) sum of the product of how far cluster i moves either. Where every row is a cluster, the variance is
    DeLong's. NaN for one with fewer than two clusters in a class.

    Source: Obuchowski 1997, "Nonparametric analysis of clustered ROC curve data", Biometrics 53, eq. 3 to 6.
    """
    size, k = 1 + max(int(clusters.max()) for _, _, clusters in samples), len(samples)
    moves, within = np.zeros((k, 2, size)), np.zeros((k, 2, size), dtype=bool)
    found = np.empty((k, k))
    for place, (labels, scores, clusters) in enumerate(samples):
        positive = labels == 1
        above, below = placements(positive, scores)
        for side, (kept, parts) in enumerate(((positive, above - above.mean()), (~positive, below.mean() - below))):
            moves[place, side] = np.bincount(clusters[kept], parts / len(parts), size)
            within[place, side] = np.bincount(clusters[kept], minlength=size) > 0
        for other in range(place):
            either = _unbiased(np.any(within[[place, other]], axis=0).any(axis=0))
            found[place, other] = found[other, place] = either * (moves[place].sum(axis=0) @ moves[other].sum(axis=0))
        of_class = [_unbiased(own) * (moved @ moved) for own, moved in zip(within[place], moves[place], strict=True)]
        crossed = _unbiased(within[place].any(axis=0)) * (moves[place, 0] @ moves[place, 1])
        found[place, place] = sum(of_class) + 2 * crossed
    return found


def _unbiased(occurring: np.ndarray) -> float:
    count = int(occurring.sum())
    return count / (count - 1) if count > 1 else NAN


def shrunk_effect(effect: float, seen: int, most: float) -> float:
    """Move an estimated design effect towards `most`, that of clusters whose rows are all alike.

    `seen` clusters hold the scarcer outcome and tell of the effect; one more, all alike, counts beside them. Where few
    do, the estimate is low just when the share is off: plain, it covers .89 to .93 where hits are rare. Without the
    outcome, at a share of 0 or 1, it is `most`.
    """
    return (seen * effect + max(effect, most)) / (seen + 1)


def effective_trials(hits: np.ndarray, rows: ScoredRows, confidence: float) -> np.ndarray:
    """Count the independent rows that would tell as much of a share, by group and, last, in all: [n_groups + 1].

    That is n over the design effect, what the clusters' variance of the share, C / (C - 1) sum of e_i^2 / n^2 with e_i
    the deviations of cluster i, is of the variance p (1 - p) / (n - 1) of independent rows, but no less than 1; few
    hits or few misses hardly tell it, see `shrunk_effect`. Times the squared ratio of the quantiles of t with n - 1
    degrees of freedom and with effective clusters - 1, so that the score interval on them knows how little few
    clusters tell of that variance. Where every row is a cluster it is n.

    Hits are 0 or 1, [n], rows those in the denominator; NaN for a group with fewer than two clusters there.

    Source: Kish 1965, "Survey Sampling", 8.2, and Cochran 1977, "Sampling Techniques", 3.12, for the ratio estimator's
    variance; Korn & Graubard 1998, "Confidence intervals for proportions with small expected number of positive counts
    estimated from survey data", Survey Methodology 24, for the quantiles.
    """
    found = np.full(len(rows.group_names) + 1, np.nan)
    assert rows.clusters is not None
    for code in range(len(found)):
        inside = rows.groups == code if code < len(found) - 1 else rows.groups >= 0
        own, clusters = hits[inside], rows.clusters[inside]
        n, units = len(own), len(np.unique(clusters))
        if units < 2:
            continue
        share, effective = float(own.mean()), effective_clusters(clusters)
        effect, independent = 1.0, share * (1 - share) / (n - 1)
        if independent > 0:
            sums = np.bincount(clusters, own - share)
            effect = max(1.0, units / (units - 1) * float(sums @ sums) / n**2 / independent)
        seen = min(len(np.unique(clusters[own != 0])), len(np.unique(clusters[own == 0])))
        effect = shrunk_effect(effect, seen, n / effective)
        few, many = student.ppf((1 + confidence) / 2, [effective - 1, n - 1])
        found[code] = n / effect * (many / few) ** 2
    return found
