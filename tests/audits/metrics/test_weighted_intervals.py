"""Widths of weighted intervals, against leaving one row, or one patient, out at a time."""

from collections.abc import Callable

import numpy as np
import pytest
from scipy.special import expit

from hf_fairtune.audits.metrics.brier import brier
from hf_fairtune.audits.metrics.calibration_slope import calibration_intercept, calibration_slope
from hf_fairtune.audits.metrics.net_benefit import net_benefit
from hf_fairtune.document.estimate import Estimate

Number = Callable[..., Estimate]


def of_cells(labels: np.ndarray, scores: np.ndarray, clusters: np.ndarray, level: float, w: np.ndarray) -> Estimate:
    return net_benefit(labels * 2 + (scores >= 0.4), clusters, 0.4, level, w)


@pytest.mark.parametrize("per_cluster", [1, 3])
@pytest.mark.parametrize("number", [brier, calibration_slope, calibration_intercept, of_cells])
def test_the_error_is_that_of_leaving_units_out(number: Number, per_cluster: int) -> None:
    rng = np.random.default_rng(4)
    n = 600
    clusters = np.arange(n) // per_cluster
    z = rng.normal(size=n) + np.repeat(rng.normal(size=n // per_cluster), per_cluster)
    labels, weights = (rng.random(n) < expit(z)).astype(int), rng.gamma(1.0, size=n) + 0.05
    scores = expit(0.7 * z + 0.2)
    values = []
    for unit in range(n // per_cluster):
        kept = clusters != unit
        values.append(number(labels[kept], scores[kept], clusters[kept], 0.95, weights[kept]).value)
    error = np.sqrt((len(values) - 1) ** 2 / len(values) * np.var(values, ddof=1))
    found = number(labels, scores, clusters, 0.95, weights)
    assert (found.high - found.low) / 2 == pytest.approx(1.97 * error, rel=0.06)
