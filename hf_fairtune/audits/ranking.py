"""Groups ranked by AUC after partial pooling: who is worst, and how sure that is."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from scipy.special import expit, logit
from scipy.stats import norm

from ..intervals.auc_test import logit_slope
from ..intervals.clustered_delong import clustered_delong
from ..intervals.delong import ROUNDING, delong_variance, newcombe_interval
from ..intervals.estimate import Estimate
from ..intervals.pooling import pool
from ..intervals.power import hanley_mcneil_variance
from ..metrics.auc import auc
from .evidence import Evidence

METHOD = "partial pooling of logit AUCs, normal around normal; rank 1 is the lowest"


def rank_groups(evidence: Evidence, aucs: list[Estimate], seed: int = 0) -> dict[str, Any] | None:
    """Rank the included groups that have an AUC by their pooled AUC, lowest first.

    Errors are DeLong's (by clusters: Obuchowski's). A group that is not estimable cannot tell its own error: logit
    and error are taken along the tangent at the AUC of the whole split, with Hanley & McNeil's error there. A group
    whose AUC has no variance, as at 1, enters with Newcombe's interval, its logits cut half a pair short of 0 and 1.

    Args:
        aucs: every group's AUC, [n_groups].
        seed: of the draws from the posterior.

    Returns:
        The method, the groups' mean AUC and the spread `tau` of their logits, a row a group, and the names left out
        (excluded, or without an AUC); None with fewer than two groups to rank. `worst_share` is the posterior
        probability of being the lowest.
    """
    kept = [code for code in evidence.included if not math.isnan(aucs[code].value)]
    if len(kept) < 2:
        return None
    whole = auc(evidence.rows.labels, evidence.rows.scores)
    points = np.array([_point(evidence, aucs[code].value, code, whole) for code in kept])
    found = pool(points[:, 0], points[:, 1], evidence.confidence, seed)
    place = np.argsort(np.argsort(found.centres, kind="stable"), kind="stable") + 1
    numbers = np.column_stack([*map(expit, (found.centres, found.low, found.high)), found.worst_shares]).tolist()
    rows = [
        _row(evidence, aucs[code].value, code) | dict(zip(("pooled", "low", "high", "worst_share"), own, strict=True))
        for code, own in zip(kept, numbers, strict=True)
    ]
    return {
        "method": METHOD,
        "mean": float(expit(found.mean)),
        "tau": found.tau,
        "groups": [row | {"rank": int(rank)} for row, rank in zip(rows, place, strict=True)],
        "left_out": [name for code, name in enumerate(evidence.rows.group_names) if code not in kept],
    }


def _row(evidence: Evidence, value: float, code: int) -> dict[str, Any]:
    negatives, positives = evidence.rows.counts()[code].tolist()
    return {
        "group": evidence.rows.group_names[code],
        "n": negatives + positives,
        "positives": positives,
        "status": evidence.guards[code].status,
        "auc": value,
    }


def _point(evidence: Evidence, value: float, code: int, whole: float) -> tuple[float, float]:
    """Return a group's logit and its standard error, `whole` being the AUC of the whole split."""
    positives, negatives, _ = (int(counts[code]) for counts in evidence.counts.values())
    # If the whole split is ranked perfectly, so is every group.
    if evidence.guards[code].status == "not estimable" and 0 < whole < 1:
        error = math.sqrt(hanley_mcneil_variance(whole, positives, negatives))
        return float(logit(whole)) + (value - whole) * logit_slope(whole), error * logit_slope(whole)
    variance = _variance(evidence, code)
    if variance > ROUNDING and 0 < value < 1:
        return float(logit(value)), math.sqrt(variance) * logit_slope(value)
    half = 0.5 / (positives * negatives + 1)
    low, high = logit(np.clip(newcombe_interval(value, positives, negatives), half, 1 - half))
    return float(low + high) / 2, float(high - low) / 2 / float(norm.ppf(0.975))


def _variance(evidence: Evidence, code: int) -> float:
    rows, inside = evidence.rows, evidence.rows.groups == code
    if rows.clusters is None:
        return delong_variance(rows.labels[inside], rows.scores[inside])
    return clustered_delong(rows.labels[inside], rows.scores[inside], rows.clusters[inside])[1]
