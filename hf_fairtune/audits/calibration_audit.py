"""The audit of calibration: are so many patients of each group ill as the scores say?"""

import numpy as np

from ..document.audit import CalibrationAudit, CalibrationGroup
from .engine.resampled_rows import ALL, ResampledRows
from .metrics.brier import brier
from .metrics.calibration_slope import calibration_intercept, calibration_slope
from .metrics.expected_calibration_error import BINS, calibration_null, expected_calibration_error
from .threshold_audit import OVERALL


def audit_calibration(resampled: ResampledRows, seed: int = 0) -> CalibrationAudit | None:
    """Audit calibration of all rows and by group; None where scores leave [0, 1] and so are no probabilities.

    Intervals are withheld where a group is not estimable.
    """
    if resampled.rows.scores.min() < 0 or resampled.rows.scores.max() > 1:
        return None
    found = []
    for code, name in enumerate((OVERALL, *resampled.rows.group_names), start=ALL):
        part, rng, estimates = resampled.inside(code), np.random.default_rng([seed, code + 1]), []
        columns, weights = (part.labels, part.scores, resampled.shared(part)), part.weights
        for metric in (brier, calibration_slope, calibration_intercept):
            estimates.append(resampled.guarded(metric(*columns, resampled.confidence, weights), code))
        error = expected_calibration_error(part.labels, part.scores, weights)
        mean, high, p = calibration_null(*columns, rng, weights=weights)
        found.append(CalibrationGroup(name, estimates[0], error, mean, high, error - mean, p, *estimates[1:]))
    return CalibrationAudit(BINS, found[0], found[1:])
