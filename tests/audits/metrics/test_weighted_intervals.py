"""Widths of weighted intervals, against leaving one row, or one patient, out at a time."""

from collections.abc import Callable

import numpy as np
import pytest
from scipy.special import expit
from sklearn.metrics import average_precision_score

from hf_fairtune.audits.engine.influence import left_out
from hf_fairtune.audits.metrics.average_precision import influences
from hf_fairtune.audits.metrics.brier import brier
from hf_fairtune.audits.metrics.calibration_slope import calibration_intercept, calibration_slope
from hf_fairtune.audits.metrics.net_benefit import net_benefit
from hf_fairtune.document.estimate import Estimate

Number = Callable[..., Estimate]


def test_the_error_of_an_average_precision_knows_heavy_rows() -> None:
    """Beside leaving each row out of 30 positives and 90 others; influences alone have .82 of that variance."""
    ratios = []
    for seed in range(10):
        rng = np.random.default_rng(seed)
        labels, weights = np.repeat([1, 0], [30, 90]), rng.gamma(1.0, size=120) + 0.05
        scores = rng.normal(labels)
        order = np.argsort(scores)
        labels, scores, weights = labels[order], scores[order], weights[order]
        whole, moved = average_precision_score(labels, scores, sample_weight=weights), []
        for row in range(120):
            kept = np.arange(120) != row
            moved.append(whole - average_precision_score(labels[kept], scores[kept], sample_weight=weights[kept]))
        moves = influences(labels, scores, weights)
        ratios.append([np.sum(own**2) / np.sum(np.square(moved)) for own in (left_out(moves, labels, weights), moves)])
    known, plain = np.mean(ratios, axis=0)
    assert plain < 0.88 < known < 1


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
