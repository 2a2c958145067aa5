"""Interval of the equity-scaled AUC."""

from __future__ import annotations

import numpy as np


def equity_interval(values: np.ndarray, draws: np.ndarray, confidence: float) -> tuple[float, float]:
    """Bound AUC / (1 + sum of |AUC of the group - AUC|) by a joint band of the AUC and of that sum.

    Groups differ more in a resample than in the rows it is drawn from, so replicates of the sum lie too high, and a
    percentile interval between equal groups hardly ever holds the truth. Here the sum gets the radius that the summed
    errors of the deviations keep within (they bound the error of the sum, triangle inequality), the AUC a multiple of
    its standard error, both so that they hold at once; the interval is what ES-AUC may be within that band. It
    contains the value, and covers more often than it claims.

    Args:
        values: AUC of each group and, last, of all rows, [n_groups + 1].
        draws: their replicates, [n_boot, n_groups + 1], no NaN, and each column varies.
        confidence: such as 0.95.

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
