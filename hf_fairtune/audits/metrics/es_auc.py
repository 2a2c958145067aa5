"""Equity-scaled AUC (ES-AUC).

Definition: AUC / (1 + sum over groups of |AUC - AUC of the group|), AUC being that of all rows.

Range: 0 to 1; never above the AUC, and equal to it where every group has the AUC of all rows.

Direction: Higher is better.

Traps: It sums deviations, so it falls with the number of groups: at an AUC of 0.85 groups that lie 0.03 from it give
0.802 where there are two, 0.759 where there are four, 0.685 where there are eight. Never compare it between attributes
with different numbers of groups. Small groups deviate by chance, which lowers it as well. The AUC of all rows also
holds pairs of rows from different groups and may lie above or below every group's.

Citation: Luo et al. 2024, "FairVision: equitable deep learning for eye disease screening via fair identity scaling";
Tian et al. 2024, "FairSeg: a large-scale medical image segmentation dataset for fairness learning", ICLR, for equity
scaling.
"""

from collections.abc import Sequence
from functools import partial

import numpy as np

from ...document.estimate import NAN, Estimate
from ..engine.bands import Bounds
from ..engine.resampled_rows import ALL, BOTH, VALUE, ResampledRows
from .metric import Metric

METRIC = Metric(better="higher")
CONVENTION = "AUC / (1 + sum of deviations over groups)"


def es_auc(overall: np.ndarray | float, by_group: np.ndarray) -> np.ndarray:
    """Scale the AUC of all rows, [...], by how far the groups', [..., n_groups], lie from it; NaN propagates."""
    whole = np.asarray(overall, dtype=np.float64)
    return np.asarray(whole / (1 + np.abs(whole[..., None] - by_group).sum(axis=-1)))


def es_auc_bounds(values: np.ndarray, confidence: float, draws: np.ndarray) -> Bounds:
    """Bound ES-AUC by a joint band of the AUC and of the sum of deviations.

    Groups differ more in a resample than in the rows it is drawn from, so replicates of the sum lie too high, and a
    percentile interval between equal groups hardly ever holds the truth. Here the sum gets the radius that the summed
    errors of the deviations keep within (they bound the error of the sum, triangle inequality), the AUC a multiple of
    its standard error, both so that they hold at once; the interval is what ES-AUC may be within that band. It
    contains the value, and covers more often than it claims.

    Values are the AUCs of each group and, last, of all rows, [n_groups + 1], each of which varies over its draws.

    Source: the critical value as for sup-t, Montiel Olea & Plagborg-Moller 2019, "Simultaneous confidence bands".
    """
    deviations, drawn = values[:-1] - values[-1], draws[:, :-1] - draws[:, -1:]
    errors, radii = np.abs(draws[:, -1] - values[-1]), np.abs(drawn - deviations).sum(axis=1)
    spread, scale = draws[:, -1].std(), max(float(radii.mean()), 1e-300)
    critical = float(np.quantile(np.maximum(errors / spread, radii / scale), confidence))
    total = float(np.abs(deviations).sum())
    least, most = max(0.0, total - critical * scale), total + critical * scale
    low, high = values[-1] - critical * spread, values[-1] + critical * spread
    return max(0.0, float(low / (1 + most))), min(1.0, float(high / (1 + least)))


def es_auc_estimate(resampled: ResampledRows, aucs: Sequence[Estimate]) -> Estimate:
    """Compute ES-AUC from the AUCs of every group and, last, of all rows, with its interval.

    Undefined where an included group lacks a class; without interval where one has too few cases of it.
    """
    columns, known = [*resampled.included, ALL], resampled.replicates
    values = np.array(list(map(VALUE, aucs)))[columns]
    return resampled.across(
        float(es_auc(values[-1], values[:-1])) if resampled.included else NAN,
        BOTH,
        CONVENTION,
        None if known is None else known.auc[:, columns],
        partial(es_auc_bounds, values, resampled.confidence),
        [*resampled.names, None],
    )
