"""Sample documents of an audit: valid by schema, their counts agreeing with each other, their intervals made up."""

from __future__ import annotations

import json
from typing import Any

import numpy as np

from .parts import Row, calibration, counts, curves, estimate, group, operating_points, pair, threshold
from .rows import TARGETS, Cells, Partition, Patients, counted, drawn

POLICIES = {"fixed": 0.5, "sensitivity=0.9": 0.221748}


def document(
    task: str = "binary",
    attributes: int = 2,
    *,
    small: bool = False,
    cells: Cells | None = None,
    extras: tuple[str, ...] = (),
    n: int = 1200,
    seed: int = 0,
) -> dict[str, Any]:
    """Make the document of an audit.

    Args:
        task: binary, multiclass or multilabel (three targets).
        attributes: one to three; two or more have their intersection, too.
        small: whether each attribute has a rare level: not estimable, of one class for the first target.
        cells: (level of each attribute) -> (positives, negatives), instead of drawn patients; binary.
        extras: any of "clusters", "reference" (a comparison), "gate", "by group" (a cut for each group).
    """
    patients = counted(cells, seed) if cells else drawn(task, attributes, n, small, seed)
    names = TARGETS[task]
    audits = [
        {"target": target, "attribute": part.name, "audit": audit(patients, k, part, extras)}
        for k, target in enumerate(names)
        for part in patients.partitions
    ]
    everyone = Partition("", [], "levels", [], np.zeros(len(patients.labels), dtype=int), ["all rows"])
    overall = [{"target": target, "audit": audit(patients, k, everyone, extras)} for k, target in enumerate(names)]
    ta = [({"target": entry["target"], "attribute": entry["attribute"]}, entry["audit"]) for entry in audits]
    shown = ("group", "reference", "auc_difference", "p", "p_adjusted", "p_method")
    made = {
        "schema_version": 1,
        "created": "2026-01-01T00:00:00+00:00",
        "versions": {"python": "3.12.3", "hf-fairtune": "0.1.0", "numpy": "2.3.1"},
        "git": None,
        "arguments": {"label": ["diagnosis"], "group": ["sex", "age:60"], "n_boot": 2000},
        "source": {
            "kind": "predictions",
            "name": "made-up numbers, no data set",
            "model": None,
            "split": None,
            "rows": len(patients.labels),
            "hash": f"{7:064x}",
        },
        "task": task,
        "label": "diagnosis",
        "scores": "probability",
        "targets": [
            {"name": name, "finding": f"{name} found", **counts(patients.labels[:, k])} for k, name in enumerate(names)
        ],
        "cluster": "patient_id" if "clusters" in extras else None,
        "attributes": [attribute(part, patients, names) for part in patients.partitions],
        "options": {
            "confidence": 0.95,
            "n_boot": 2000,
            "n_permutations": 1000,
            "seed": 0,
            "exclude": [],
            "correction": "holm",
            "family": "all pairs of all targets and attributes",
        },
        **counts(patients.labels[:, 0]),
        "auc": overall[0]["audit"]["auc"],
        "groups": [where | row for where, made in ta for row in made["groups"]],
        "pairs": [where | {key: row[key] for key in shown} for where, made in ta for row in made["pairs"]],
        "overall": overall,
        "audits": audits,
        "rankings": [where | ranking(made) for where, made in ta],
        "curves": [
            {"target": target, "attribute": part.name or None, **drawn_curves(patients, k, part)}
            for k, target in enumerate(names)
            for part in (everyone, *patients.partitions)
        ],
        "comparisons": [where | comparison(made) for where, made in ta] if "reference" in extras else [],
        "gate": gate(names[0], patients.partitions[0].name) if "gate" in extras else None,
    }
    return json.loads(json.dumps(made))  # type: ignore[no-any-return]


def attribute(part: Partition, patients: Patients, targets: list[str]) -> Row:
    """Count the levels of an attribute."""
    levels = []
    for code, name in enumerate(part.names):
        held = patients.labels[part.codes == code]
        positives = {target: int(held[:, k].sum()) for k, target in enumerate(targets)}
        levels.append({"group": name, "n": len(held), "missing": name == "missing", "positives": positives})
    missing = sum(level["n"] for level in levels if level["missing"])
    about = {"name": part.name, "columns": part.columns, "kind": part.kind, "cuts": part.cuts}
    return about | {"missing": missing, "levels": levels}


def audit(patients: Patients, k: int, part: Partition, extras: tuple[str, ...]) -> Row:
    """Make the audit of one target by one attribute."""
    labels, scores = patients.labels[:, k], patients.scores[:, k]
    inside = {name: part.codes == code for code, name in enumerate(part.names)}
    rows = [group(name, labels[held], scores[held]) for name, held in inside.items()]
    complete = len(rows) > 1 and all(row["auc"] is not None for row in rows)
    order = sorted((row for row in rows if row["auc"] is not None), key=lambda row: float(row["auc"]))
    for row in rows:
        row["worst_share"] = float(row is order[0]) * 0.8 + 0.2 / len(rows) if complete else None
    worst, best = (order[0], order[-1]) if complete else (None, None)
    gap = best["auc"] - worst["auc"] if best and worst else None
    estimable = [row for row in rows if row["status"] != "not estimable"]
    reference = max(estimable, key=lambda row: int(row["n"]), default=None)
    made: Row = {
        **counts(labels),
        "confidence": 0.95,
        "n_boot": 2000,
        "seed": 0,
        "excluded": [],
        "clusters": len(labels) // 3 if "clusters" in extras else None,
        "auc": estimate(group("", labels, scores)["auc"], 900, method="logit-DeLong"),
        "min_group_auc": estimate(worst and worst["auc"]) | {"group": worst and worst["group"]},
        "auc_gap": estimate(gap) | {"best": best and best["group"], "worst": worst and worst["group"]},
        "es_auc": estimate(0.78 if complete else None),
        "groups": rows,
        "pairs": [pair(row, reference, len(rows)) for row in rows if reference and row is not reference],
        "cross_group": [{"group": name, "bpsn": estimate(0.81), "bnsp": estimate(0.84)} for name in inside],
        "operating_points": operating_points(labels, scores, inside),
        "calibration": calibration(labels, scores, inside),
        "thresholds": [threshold(policy, cut, labels, scores, inside) for policy, cut in POLICIES.items()],
    }
    null = (
        {"null_mean": 0.0216, "null_high": 0.0533, "p": 0.004}
        if complete
        else dict.fromkeys(("null_mean", "null_high", "p"))
    )
    made["auc_gap"] |= null | {"excess": None if gap is None else gap - 0.0216, "permutations": 1000}
    if "by group" in extras:
        cut = made["thresholds"][-1]
        cut |= {"value": None, "by_group": dict.fromkeys(inside, POLICIES["sensitivity=0.9"])}
    return made


def ranking(made: Row) -> Row:
    """Rank the groups that have an AUC."""
    known = sorted((row for row in made["groups"] if row["auc"] is not None), key=lambda row: float(row["auc"]))
    rows = [
        {key: row[key] for key in ("group", "n", "positives", "status", "auc", "worst_share")}
        | {"pooled": (row["auc"] + 0.8) / 2, "low": 0.7, "high": 0.9, "rank": place}
        for place, row in enumerate(known, 1)
    ]
    left_out = [row["group"] for row in made["groups"] if row["auc"] is None]
    return {"method": "made up", "mean": 0.8, "tau": 0.03, "groups": rows, "left_out": left_out}


def drawn_curves(patients: Patients, k: int, part: Partition) -> Row:
    """Draw the curves of every group."""
    labels, scores = patients.labels[:, k], patients.scores[:, k]
    inside = {name: part.codes == code for code, name in enumerate(part.names)}
    both = [curves(name, labels[held], scores[held]) for name, held in inside.items()]
    return {"roc": [roc for roc, _ in both if roc], "reliability": [reliability for _, reliability in both]}


def comparison(made: Row) -> Row:
    """Compare with a reference of made-up scores."""
    kept = ("confidence", "n_boot", "seed", "clusters", "n", "positives", "negatives", "excluded")
    shown = ("group", "n", "positives", "negatives", "status", "reason")
    rates = ("tpr", "fpr", "selection_rate")
    spreads = ("equalized_odds_difference", "demographic_parity_difference", "tpr_difference", "fpr_difference")
    thresholds = [
        {**{key: cut[key] for key in ("policy", "fitted_on", "value")}, "reference_value": 0.31}
        | {key: estimate(-0.02) for key in spreads}
        | {"groups": [{"group": r["group"]} | {rate: estimate(0.01) for rate in rates} for r in cut["groups"]]}
        for cut in made["thresholds"]
    ]
    rows = [{key: row[key] for key in shown} | {"auc": estimate(0.013)} for row in made["groups"]]
    across = {key: estimate(0.012) for key in ("auc", "min_group_auc", "auc_gap")}
    told = {"model": "tuned", "reference": "baseline", "verdict": "mixed"} | {key: made[key] for key in kept}
    return told | across | {"groups": rows, "thresholds": thresholds}


def gate(target: str, name: str) -> Row:
    """Judge two rules."""
    rule = {"target": target, "attribute": name, "reason": None}
    first = {"rule": "lowest AUC of a group at least 0.7", "metric": "min_group_auc", "verdict": "pass"}
    second = {"rule": "AUC gap at most 0.05", "metric": "auc_gap", "verdict": "insufficient evidence"}
    return {
        "file": "gate.yaml",
        "verdict": "insufficient evidence",
        "rules": [
            rule | first | {"value": 0.78, "low": 0.72, "high": 0.83, "bound": ">= 0.7"},
            rule | second | {"value": 0.06, "low": 0.01, "high": 0.1, "bound": "<= 0.05"},
        ],
    }
