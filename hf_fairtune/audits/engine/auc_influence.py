"""How far each row moves an AUC, so that numbers made of several AUCs have a variance too."""

import numpy as np

from .delong import auc, placements
from .influence import mean_moves
from .rows import ScoredRows


def auc_influence(rows: ScoredRows, scores: np.ndarray, kept: np.ndarray) -> tuple[float, np.ndarray]:
    """Compute the AUC of some rows (bool, [n]) and the influence of every row on it, [n], 0 outside.

    The squares of the sums over clusters, or over rows, add up to the variance: without clusters that is DeLong's.
    With them it is Obuchowski's but for the factor of the covariance between the classes, which is the geometric mean
    of the classes' own. NaN with fewer than two independent cases in a class.

    Source: DeLong, DeLong & Clarke-Pearson 1988, eq. 4 to 6; Obuchowski 1997, eq. 3 to 6.
    """
    influence, positive, weights = np.zeros(len(scores)), rows.labels[kept] == 1, rows.take(kept).weights
    value = auc(rows.labels[kept], scores[kept], weights)
    if np.isnan(value):
        return value, np.full(len(scores), np.nan)
    above, below = placements(positive, scores[kept], weights)
    places = np.flatnonzero(kept)
    for side, part in ((positive, above), (~positive, -below)):
        own, moves = places[side], mean_moves(part, None if weights is None else weights[side])
        units = len(own) if rows.clusters is None else len(np.unique(rows.clusters[own]))
        influence[own] = moves * np.sqrt(units / (units - 1)) if units > 1 else np.nan
    return value, influence


def spread(influence: np.ndarray, clusters: np.ndarray | None) -> float:
    """Return the standard error that influences of rows, [n], add up to; rows of one cluster, [n], move together."""
    moved = influence if clusters is None else np.bincount(clusters, influence)
    return float(np.sqrt(moved @ moved))
