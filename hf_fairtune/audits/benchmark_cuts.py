"""Numbers of a method at thresholds, and of its probabilities, by training: mean and spread over seeds."""

from collections.abc import Sequence

import numpy as np

from ..document.benchmark_task import CutNumbers, OverSeeds
from ..document.estimate import NAN
from .engine.resampled_rows import ResampledRows
from .metrics.brier import brier
from .metrics.expected_calibration_error import expected_calibration_error
from .metrics.metric import gaps, rates
from .threshold_audit import DEGENERATE_RATE, Decided

HALF, FITTED = "0.5", "youden, fitted on validation"
# The larger of the two differences of equalized odds stands beside both.
GAPS = (
    "equalized_odds_difference",
    "equal_opportunity_difference",
    "predictive_equality_difference",
    "demographic_parity_difference",
)
MEASURES = ("balanced_accuracy", "selection_rate")


def over_seeds(runs: Sequence[float]) -> OverSeeds:
    """Sum up a number by training: mean and standard deviation of those that have it; NaN for none, or of one."""
    values = np.asarray(runs, dtype=float)
    known = values[~np.isnan(values)]
    mean = float(known.mean()) if len(known) else NAN
    sd = float(known.std(ddof=1)) if len(known) > 1 else NAN
    return OverSeeds(values.tolist(), mean, sd)


def probability_numbers(labels: np.ndarray, scores: np.ndarray) -> dict[str, OverSeeds]:
    """Compute Brier score and expected calibration error of all rows, scores [k, n]; NaN for a missing training."""
    finished = ~np.isnan(scores).any(axis=1)
    errors, squares = np.full(len(scores), NAN), np.full(len(scores), NAN)
    for run in np.flatnonzero(finished):
        squares[run] = brier(labels, scores[run]).value
        errors[run] = expected_calibration_error(labels, scores[run])
    return {"brier": over_seeds(squares.tolist()), "expected_calibration_error": over_seeds(errors.tolist())}


def cut_numbers(resampled: ResampledRows, scores: np.ndarray, cuts: np.ndarray) -> list[CutNumbers]:
    """Compute rates of all rows and gaps between the included groups, at 0.5 and at fitted cuts, [k, n] both.

    A training without scores, or without cuts, has NaN.
    """
    return [_at(resampled, name, scores, at) for name, at in ((HALF, np.full(scores.shape, 0.5)), (FITTED, cuts))]


def _at(resampled: ResampledRows, name: str, scores: np.ndarray, cuts: np.ndarray) -> CutNumbers:
    found = {key: [NAN] * len(scores) for key in (*MEASURES, *GAPS)}
    degenerate, included = 0, [*resampled.included]
    for run, (own, at) in enumerate(zip(scores, cuts, strict=True)):
        if np.isnan(own).any() or np.isnan(at).any():
            continue
        decided = Decided(resampled, (own >= at).astype(np.int64), 0)
        for key in MEASURES:
            found[key][run] = float(rates()[key](decided.counts)[-1])
        for key in GAPS:
            found[key][run] = float(gaps()[key](decided.counts[:, included]))
        degenerate += _decides_nothing(decided)
    summed = {key: over_seeds(runs) for key, runs in found.items()}
    return CutNumbers(name, {key: summed[key] for key in MEASURES}, {key: summed[key] for key in GAPS}, degenerate)


def _decides_nothing(decided: Decided) -> bool:
    """Tell whether of some group hardly anybody, or nearly everybody, is predicted positive, as the interval shows."""
    selected = decided.rate(rates()["selection_rate"])
    some = [selected[code] for code in decided.resampled.included]
    return any(rate.high < DEGENERATE_RATE or rate.low > 1 - DEGENERATE_RATE for rate in some)
