"""The gap that chance alone makes between the AUCs of groups whose rows lie in clusters or are weighted."""

from collections.abc import Sequence

import numpy as np
from scipy.special import expit

from .auc_tests import logit_point
from .clusters import auc_covariances, auc_degrees
from .delong import ROUNDING, auc, class_sizes
from .permutations import SAME, GapNull
from .rows import ScoredRows


def clustered_gap_null(groups: Sequence[ScoredRows], draws: int = 1000, seed: int = 0) -> GapNull:
    """Draw the groups' AUCs around one common AUC, and compute the gap (best minus worst) each time.

    The null is that all groups have the same AUC. Only clusters of the same composition could trade their groups in a
    permutation: those of a composition of their own would keep them, and with them the true gap. So logits of the
    AUCs are drawn with Obuchowski's covariances, as Student's t with the degrees of freedom of each group's effective
    clusters, around their mean, weighted by those; for an AUC without variance see `logit_point`. Every group has
    both labels. How often it rejects equal groups is in `scripts/benchmarks/coverage.md`.

    Source: Student's t as a normal number over the root of a chi-square over its degrees of freedom; p counts the data
    in, as for permutations, Phipson & Smyth 2010, eq. 2.
    """
    samples, points, k = [], np.empty((len(groups), 2)), len(groups)
    values, free = np.empty(k), np.empty(k)
    for own in groups:
        assert own.clusters is not None
        samples.append((own.labels, own.scores, own.clusters))
    covariances = auc_covariances(samples, [own.weights for own in groups])
    for place, (labels, scores, clusters) in enumerate(samples):
        weights = groups[place].weights
        cases = class_sizes(labels, clusters, weights)
        values[place], free[place] = auc(labels, scores, weights), max(1.0, auc_degrees(labels, clusters, weights))
        points[place] = logit_point(float(values[place]), float(covariances[place, place]), *cases)
    (centres, errors), rng = points.T, np.random.default_rng(seed)
    # Correlations of logits are those of the AUCs; an AUC without variance has none.
    scale = np.sqrt(np.outer(np.diag(covariances), np.diag(covariances)))
    shared = np.divide(covariances, scale, out=np.eye(k), where=scale > ROUNDING)
    normal = rng.multivariate_normal(np.zeros(k), shared, draws, check_valid="ignore", method="eigh")
    students = normal / np.sqrt(rng.chisquare(free, (draws, k)) / free)
    common = np.average(centres, weights=free)
    gaps = np.ptp(expit(common + students * errors), axis=1)
    p = (1 + int((gaps >= float(np.ptp(values)) - SAME).sum())) / (1 + draws)
    return GapNull(float(gaps.mean()), float(np.quantile(gaps, 0.95)), p, draws)
