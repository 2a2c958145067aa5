"""How far each row moves an AUC of pairs within one fold, where another model scored the rows of each fold."""

import numpy as np

from .auc_influence import auc_influence
from .rows import ScoredRows


def fold_auc_influence(
    rows: ScoredRows, scores: np.ndarray, kept: np.ndarray, folds: np.ndarray
) -> tuple[float, np.ndarray]:
    """Compute the AUC of pairs within one fold and the influence of every row on it, as `auc_influence` does of one.

    The AUC is the mean of the folds' AUCs weighted by their pairs; a pair across folds would compare the scales of two
    models. A row moves its own fold's AUC, by that fold's share. A class of one independent case in a fold shows no
    spread there: it moves the AUC by how far its fold is from the others' mean.

    Args:
        rows: without weights.
        scores: [n].
        kept: rows that count, bool [n].
        folds: test fold of each row, int [n].

    Returns:
        AUC, NaN without a pair within a fold, and influences, [n], 0 where a row does not count.

    Source: Airola et al. 2011, "An experimental comparison of cross-validation techniques for estimating the area
    under the ROC curve", Computational Statistics & Data Analysis 55; see `folds`.
    """
    present = np.unique(folds[kept])
    if len(present) == 1:
        return auc_influence(rows, scores, kept)
    found, pairs = [], []
    for fold in present:
        part = kept & (folds == fold)
        positives = int(rows.labels[part].sum())
        pairs.append(positives * (int(part.sum()) - positives))
        found.append(auc_influence(rows, scores, part))
    shares = np.array(pairs, dtype=float)
    if not shares.any():
        return np.nan, np.full(len(scores), np.nan)
    shares /= shares.sum()
    value = float(sum(share * auc for share, (auc, _) in zip(shares, found, strict=True) if share))
    influence = np.zeros(len(scores))
    for share, (auc, moves) in zip(shares, found, strict=True):
        if share:
            influence += share * _filled(rows.labels, moves, auc - value)
    return value, influence


def _filled(labels: np.ndarray, moves: np.ndarray, off: float) -> np.ndarray:
    """Let the rows of a class without spread move the AUC by `off` together."""
    filled = moves.copy()
    for label in (0, 1):
        lone = np.isnan(moves) & (labels == label)
        filled[lone] = off / max(int(lone.sum()), 1)
    return filled
