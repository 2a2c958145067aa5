"""The audit's equity-scaled AUC."""

from __future__ import annotations

import numpy as np

from ..intervals.equity_band import equity_interval
from ..intervals.estimate import NAN, Estimate
from ..metrics.auc import auc, group_aucs
from ..metrics.es_auc import es_auc
from .evidence import NO_BOOTSTRAP, NOT_ASKED, Evidence

CONVENTION = "AUC / (1 + sum of deviations over groups)"
BLIND = 1e-12


def audit_es_auc(evidence: Evidence) -> Estimate:
    """Compute ES-AUC of all rows over the included groups, with its interval (see `equity_interval`).

    Undefined where an included group lacks a class; without interval where one has too few cases of it.
    """
    rows, kept = evidence.rows, list(evidence.included)
    by_group = group_aucs(rows.labels, rows.scores, rows.groups, len(rows.group_names))[kept]
    values = np.append(by_group, auc(rows.labels, rows.scores))
    value = float(es_auc(values[-1], values[:-1])) if kept else NAN
    method = f"{CONVENTION}; {evidence.replicates.method if evidence.replicates else NO_BOOTSTRAP}"
    withheld = evidence.withheld(value, ("positives", "negatives"), method)
    return withheld or _with_interval(evidence, value, values, method)


def _with_interval(evidence: Evidence, value: float, values: np.ndarray, method: str) -> Estimate:
    if evidence.replicates is None:
        return Estimate(value, NAN, NAN, method, NOT_ASKED)
    draws = evidence.replicates.auc[:, [*evidence.included, -1]]
    defined = draws[~np.isnan(draws).any(axis=1)]
    if not len(defined):
        return Estimate(value, NAN, NAN, method, "no interval: undefined in every resample")
    blind = np.flatnonzero(np.ptp(defined, axis=0) < BLIND)
    if blind.size:
        names = [*(evidence.rows.group_names[g] for g in evidence.included), "all rows"]
        listed = ", ".join(f"`{names[i]}`" for i in blind)
        return Estimate(value, NAN, NAN, method, f"no interval: the AUC of {listed} is the same in every resample")
    lost = len(draws) - len(defined)
    low, high = equity_interval(values, defined, evidence.confidence)
    return Estimate(value, low, high, method, f"undefined in {lost} of {len(draws)} resamples" if lost else None)
