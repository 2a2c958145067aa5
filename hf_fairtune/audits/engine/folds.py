"""Numbers that rank rows, where another model scored the rows of each fold: rows rank among those of their fold.

Each model has a scale of its own: pairs across folds compare scales, not patients, and pull a pooled AUC down.

Source: Parker, Günter & Bedo 2007, "Stratification bias in low signal microarray studies", BMC Bioinformatics 8;
Airola et al. 2011, "An experimental comparison of cross-validation techniques for estimating the area under the ROC
curve", Computational Statistics & Data Analysis 55.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
from scipy.special import ndtri

from ...document.estimate import NAN, Estimate, undefined
from .bootstrap import bootstrap
from .delong import (
    LOGIT_DELONG,
    NEWCOMBE,
    ROUNDING,
    auc,
    auc_interval,
    delong_parts,
    logit_interval,
    newcombe_interval,
)
from .proportions import ratio, total
from .rows import ScoredRows


def fold_auc(labels: np.ndarray, scores: np.ndarray, folds: np.ndarray, confidence: float = 0.95) -> Estimate:
    """Compute the AUC of pairs within one fold, [n] each, with its interval; NaN without a pair.

    It is the mean of the folds' AUCs weighted by their pairs. Given the models, folds are independent: its variance is
    the sum of DeLong's by the squared weights. Of one fold it is `auc_interval`.
    """
    parts = [folds == fold for fold in np.unique(folds)]
    if len(parts) == 1:
        return auc_interval(labels, scores, confidence=confidence)
    pairs = np.array([(labels[part] == 1).sum() * (labels[part] == 0).sum() for part in parts])
    if not pairs.any():
        return undefined(LOGIT_DELONG)
    shares, kept = pairs[pairs > 0] / pairs.sum(), [part for part, count in zip(parts, pairs, strict=True) if count]
    value = float(shares @ [auc(labels[part], scores[part]) for part in kept])
    variance = float(shares**2 @ [delong_parts(labels[part], scores[part]).sum() for part in kept])
    if not variance > ROUNDING or value in (0.0, 1.0):
        sizes = float((labels == 1).sum()), float((labels == 0).sum())
        return Estimate(value, *newcombe_interval(value, *sizes, confidence), NEWCOMBE)
    return Estimate(value, *logit_interval(value, variance, float(ndtri((1 + confidence) / 2))), LOGIT_DELONG)


def fold_mean(
    number: Callable[[np.ndarray, np.ndarray], float], labels: np.ndarray, scores: np.ndarray, folds: np.ndarray
) -> float:
    """Compute a mean over positives, such as average precision, each ranked within its fold, [n] each.

    Folds where the number is not defined do not count; NaN where it is in none.
    """
    parts = [folds == fold for fold in np.unique(folds)]
    values = np.array([number(labels[part], scores[part]) for part in parts])
    counts, known = np.array([(labels[part] == 1).sum() for part in parts]), ~np.isnan(values)
    return float(np.average(values[known], weights=counts[known])) if known.any() else NAN


def fold_draws(models: Sequence[ScoredRows], folds: np.ndarray, n_boot: int, seed: int) -> list[np.ndarray]:
    """Compute AUCs of pairs within one fold on resamples, by group and, last, of all rows.

    Rows are drawn within fold, group and label, of all rows within fold and label, and whole clusters as in
    `bootstrap`. Folds, [n], count from 0.

    Returns:
        AUCs of each model on the same resamples, [n_boot, n_groups + 1].
    """
    size, nobody = len(models[0].group_names), np.zeros(len(folds), dtype=np.int64)
    by_group = _drawn(models, folds, models[0].groups, size, n_boot, seed)
    whole = _drawn(models, folds, nobody, 1, n_boot, seed)
    return [np.concatenate(both, axis=1) for both in zip(by_group, whole, strict=True)]


def _drawn(
    models: Sequence[ScoredRows], folds: np.ndarray, groups: np.ndarray, size: int, n_boot: int, seed: int
) -> list[np.ndarray]:
    """Resample with each fold of each group as a group of its own, and join them by pairs, [n_boot, size] each."""
    codes, count = folds * size + groups, int(folds.max()) + 1
    names = tuple(map(str, range(count * size)))
    cells = [replace(model, groups=codes, group_names=names) for model in models]
    found = []
    for drawn in bootstrap(cells, [np.zeros((1, len(folds)), dtype=bool)] * len(models), n_boot, seed):
        pairs = total(drawn.counts, ["positives"]) * total(drawn.counts, ["negatives"])
        pairs = pairs[:, 0, :-1].reshape(n_boot, count, size)
        won = np.nan_to_num(drawn.auc[:, :-1]).reshape(n_boot, count, size) * pairs
        found.append(ratio(won.sum(axis=1), pairs.sum(axis=1)))
    return found
