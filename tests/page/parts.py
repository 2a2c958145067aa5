"""Parts of a sample document: numbers counted from made-up rows, with made-up intervals."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from .rows import auc

Row = dict[str, Any]
MEASURES = (
    "equal_opportunity_difference",
    "predictive_equality_difference",
    "equalized_odds_mean",
    "statistical_parity_difference",
    "demographic_parity_ratio",
)
RATES = {  # name -> numerator, denominator
    "tpr": ("true_positives", "positives"),
    "fpr": ("false_positives", "negatives"),
    "selection_rate": ("predicted_positives", "n"),
    "ppv": ("true_positives", "predicted_positives"),
}


def estimate(value: float | None, cases: float = 100, reason: str | None = None, method: str = "made up") -> Row:
    """Make an estimate with an interval as wide as `cases` cases give; None is undefined, a reason withholds."""
    if value is None:
        return {"value": None, "low": None, "high": None, "method": method, "reason": reason or "not defined"}
    half = 1.2 / math.sqrt(cases + 4)
    low, high = (None, None) if reason else (value - half, value + half)
    return {"value": value, "low": low, "high": high, "method": method, "reason": reason}


def counts(labels: np.ndarray) -> dict[str, int]:
    """Count rows, positives and negatives of labels [n]."""
    return {"n": len(labels), "positives": int(labels.sum()), "negatives": int(len(labels) - labels.sum())}


def group(name: str, labels: np.ndarray, scores: np.ndarray) -> Row:
    """Make a group's row of AUCs."""
    found, value = counts(labels), auc(labels, scores)
    least = min(found["positives"], found["negatives"])
    status = "not estimable" if least < 10 else "weak" if least < 20 else "ok"
    kind = "positives" if found["positives"] == least else "negatives"
    reason = f"{least} {kind}, fewer than {10 if least < 10 else 20}" if least else f"no {kind}"
    judged = estimate(value, least, reason if status == "not estimable" else None)
    return {
        "group": name,
        **found,
        "prevalence": found["positives"] / found["n"] if found["n"] else None,
        "status": status,
        "reason": None if status == "ok" else reason,
        "auc": value,
        "auc_low": judged["low"],
        "auc_high": judged["high"],
        "auc_method": "logit-DeLong",
        "worst_share": None,
    }


def rate_group(name: str, labels: np.ndarray, predicted: np.ndarray) -> Row:
    """Make a group's row of rates at a threshold."""
    made: Row = {"group": name, **counts(labels)}
    made["true_positives"] = int((predicted & (labels == 1)).sum())
    made["false_positives"] = int((predicted & (labels == 0)).sum())
    made["predicted_positives"] = int(predicted.sum())
    rates = {
        rate: estimate(made[over] / made[under] if made[under] else None, made[under], method="Wilson")
        for rate, (over, under) in RATES.items()
    }
    return made | {rate: rates.pop(rate) for rate in ("tpr", "fpr", "selection_rate")} | {"rates": rates}


def threshold(policy: str, value: float, labels: np.ndarray, scores: np.ndarray, inside: dict[str, np.ndarray]) -> Row:
    """Make the rates of every group at a cut and what they differ by."""
    groups = [rate_group(name, labels[rows], scores[rows] >= value) for name, rows in inside.items()]
    spread = {rate: _spread([row[rate]["value"] for row in groups]) for rate in ("tpr", "fpr", "selection_rate")}
    both = None if None in (spread["tpr"], spread["fpr"]) else max(spread["tpr"] or 0, spread["fpr"] or 0)
    return {
        "policy": policy,
        "fitted_on": None if policy == "fixed" else "validation",
        "value": value,
        "by_group": None,
        "degenerate": any(not 0.01 <= (row["selection_rate"]["value"] or 0) <= 0.99 for row in groups),
        "equalized_odds_difference": estimate(both, 200),
        "demographic_parity_difference": estimate(spread["selection_rate"], 400),
        "tpr_difference": estimate(spread["tpr"], 200),
        "fpr_difference": estimate(spread["fpr"], 400),
        "measures": {name: estimate(both) for name in MEASURES},
        "overall": rate_group("overall", labels, scores >= value),
        "groups": groups,
    }


def _spread(values: list[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return max(known) - min(known) if len(known) == len(values) > 1 else None


def pair(row: Row, reference: Row, family: int) -> Row:
    """Make a group's difference from the reference."""
    known = row["auc"] is not None
    value = row["auc"] - reference["auc"] if known else None
    withheld = row["reason"] if row["status"] == "not estimable" else None
    p = None if withheld or not known else round(math.exp(-60 * abs(value)), 6)
    return {
        "group": row["group"],
        "reference": reference["group"],
        "auc_difference": estimate(value, row["positives"], withheld and f"`{row['group']}`: {withheld}"),
        "p": p,
        "p_adjusted": None if p is None else min(1.0, p * family),
        "p_method": None if p is None else "made up",
        "detectable": 1.4 / math.sqrt(row["positives"]) if row["positives"] else None,
        "positives_wanted": 340,
        "negatives_wanted": 1020,
    }


def calibration(labels: np.ndarray, scores: np.ndarray, inside: dict[str, np.ndarray]) -> Row:
    """Make the calibration of all rows and of every group."""
    rows = []
    for name, held in {"overall": np.ones(len(labels), dtype=bool), **inside}.items():
        y, p = labels[held], scores[held]
        error = float(abs(y.mean() - p.mean())) if len(y) else None
        made: Row = {"group": name, "n": len(y), "brier": estimate(float(((y - p) ** 2).mean()), len(y))}
        made |= {"ece": error, "ece_null": 0.02, "ece_null_high": 0.05, "p": 0.2}
        made |= {"ece_excess": None if error is None else error - 0.02}
        few = "too few of one class" if min(y.sum(), (1 - y).sum()) < 10 else None
        rows.append(made | {"slope": estimate(0.9, len(y), few), "intercept": estimate(-0.1, len(y), few)})
    return {"bins": 10, "groups": rows}


def curves(name: str, labels: np.ndarray, scores: np.ndarray) -> tuple[Row | None, Row]:
    """Make a group's ROC (None where a class is absent) and its reliability."""
    order = np.argsort(scores)
    bins = []
    for held in np.array_split(order, min(10, len(order))):
        observed = float(labels[held].mean())
        low, high = max(0.0, observed - 0.1), min(1.0, observed + 0.1)
        made = {"mean_score": float(scores[held].mean()), "observed": observed, "low": low, "high": high}
        bins.append({**made, "n": len(held)})
    found, cuts = counts(labels), np.unique(scores)[::-1]
    cuts = cuts[:: max(1, len(cuts) // 40)]
    reliability = {"group": name, "n": len(labels), "bins": bins}
    if not found["positives"] or not found["negatives"]:
        return None, reliability
    rates = {
        kind: [0.0, *(float((scores[labels == y] >= cut).mean()) for cut in cuts), 1.0]
        for y, kind in enumerate(("fpr", "tpr"))
    }
    return {"group": name, **found, **rates}, reliability


def operating_points(labels: np.ndarray, scores: np.ndarray, inside: dict[str, np.ndarray]) -> list[Row]:
    """Make each group's own operating point at a sensitivity, or specificity, of 0.9 at least."""
    held = {"overall": np.ones(len(labels), dtype=bool), **inside}
    return [
        {
            "criterion": what,
            "target": 0.9,
            "groups": [{"group": name} | _own(labels[rows], scores[rows], what) for name, rows in held.items()],
        }
        for what in ("sensitivity at specificity", "specificity at sensitivity")
    ]


def _own(labels: np.ndarray, scores: np.ndarray, what: str) -> Row:
    """Try every cut, and one above all: which reaches the most of one share while it keeps 0.9 of the other."""
    if len(np.unique(labels)) < 2:
        return {"value": estimate(None), "achieved": None, "threshold": None}
    tried = []
    for cut in [*np.unique(scores).tolist(), float(scores.max()) + 1]:
        shares = float((scores[labels == 1] >= cut).mean()), float((scores[labels == 0] < cut).mean())
        value, achieved = shares if what.startswith("sensitivity") else shares[::-1]
        tried += [(value, achieved, cut)] if achieved >= 0.9 else []
    value, achieved, cut = max(tried)
    return {"value": estimate(value), "achieved": achieved, "threshold": cut}
