"""An attacker: all counts that a published document tells, added up by linear programming."""

from __future__ import annotations

from itertools import product
from typing import Any

import numpy as np
from scipy.optimize import linprog

Key = tuple[Any, ...]
EVERYONE = (None, "all rows")
KINDS = ("n", "positives", "negatives", "true_positives", "false_positives", "predicted_positives")


def told(document: dict[str, Any]) -> dict[Key, int | None]:
    """Gather every count of a document by what it counts: (kind, target, threshold, attribute, group)."""
    found: dict[Key, int | None] = {}

    def tell(row: dict[str, Any], target: str, attribute: str | None, group: str, cut: int | None = None) -> None:
        for kind in KINDS[:3] if cut is None else KINDS[3:]:
            if kind in row:
                key = (kind, None if kind == "n" else target, cut, attribute, group)
                found[key] = row[kind] if found.get(key) is None else found[key]

    for target in document["targets"]:
        tell(target, target["name"], None, "all rows")
        tell(document["source"] | {"n": document["source"]["rows"]}, target["name"], None, "all rows")
    for part in document["attributes"]:
        for level in part["levels"]:
            for target, count in level["positives"].items():
                tell({"n": level["n"], "positives": count}, target, part["name"], level["group"])
    for entry in [*document["audits"], *document["overall"]]:
        target, attribute, audit = entry["target"], entry.get("attribute"), entry["audit"]
        tell(audit, target, None, "all rows")
        rows = [*audit["groups"], *audit["calibration"]["groups"][1:]]
        for place, cut in enumerate(audit["thresholds"]):
            tell(cut["overall"], target, None, "all rows")
            tell(cut["overall"], target, None, "all rows", place)
            rows += cut["groups"]
            for row in cut["groups"]:
                tell(row, target, attribute, row["group"], place)
        for row in rows:
            tell(row, target, attribute, row["group"])
    for entry in [*document["rankings"], *document["comparisons"], *document["curves"]]:
        for kind in ("groups", "roc", "reliability"):
            for row in entry.get(kind) or []:
                tell(row, entry["target"], entry["attribute"], row["group"])
    for row in document["groups"]:
        tell(row, row["target"], row["attribute"], row["group"])
    return found


def ranges(document: dict[str, Any], public: dict[str, Any]) -> dict[Key, tuple[float, float]]:
    """Work out the range of every count of 1 to 10 that `public` does not tell.

    Counted are rows, positives and negatives; those above and below each cut; and those between cuts.
    """
    truth, known = told(document), told(public)
    places = {key: place for place, key in enumerate(truth)}
    equal, below = constraints(document, places)
    below = np.vstack([below, *largest(public, places)])
    least = spoken(public)
    bounds = [(least.get(key, 0), None) if known.get(key) is None else (known[key], known[key]) for key in places]
    found = {}
    for key, terms in counted(truth).items():
        if 1 <= sum(sign * (truth[term] or 0) for term, sign in terms.items()) <= 10:
            objective = np.zeros(len(places))
            for term, sign in terms.items():
                objective[places[term]] = sign
            ends = [linprog(s * objective, below, zeros(below), equal, zeros(equal), bounds) for s in (1, -1)]
            assert all(end.status in (0, 3) for end in ends), "what is told contradicts itself"
            found[key] = tuple(np.inf if e.status == 3 else objective @ e.x for e in ends)
    return found  # type: ignore[return-value]


def counted(truth: dict[Key, int | None]) -> dict[Key, dict[Key, int]]:
    """Write every count as a sum: those told, those below a cut, those between a cut and another."""
    found: dict[Key, dict[Key, int]] = {key: {key: 1} for key in truth if key[0] != "predicted_positives"}
    for kind, target, cut, *group in truth:
        total = {"true_positives": "positives", "false_positives": "negatives"}.get(kind)
        if total:
            below = {(total, target, None, *group): 1, (kind, target, cut, *group): -1}
            found[("below", kind, target, cut, *group)] = below
        if total and cut and (kind, target, cut - 1, *group) in truth:
            both = {(kind, target, cut, *group): 1, (kind, target, cut - 1, *group): -1}
            found[("between", kind, target, cut, *group)] = both
    return found


def spoken(public: dict[str, Any]) -> dict[Key, int]:
    """Find whose AUC is told without its counts: it has 40 positives and negatives at least."""
    rows = [row for row in public["groups"] if row["auc"] is not None and row["positives"] is None]
    where = [(row["target"], None, row["attribute"], row["group"]) for row in rows]
    return {(kind, *place): 40 for place in where for kind in ("positives", "negatives")}


def largest(public: dict[str, Any], places: dict[Key, int]) -> list[np.ndarray]:
    """Write down that the reference of an audit has no fewer rows than any group that is told to be estimable."""
    rows = []
    for entry in public["audits"]:
        for pair in entry["audit"]["pairs"][:1]:
            for group in entry["audit"]["groups"]:
                row = np.zeros(len(places))
                row[places["n", None, None, entry["attribute"], pair["reference"]]] -= 1
                row[places["n", None, None, entry["attribute"], group["group"]]] += 1
                rows += [row] if group["status"] in ("ok", "weak") else []
    return rows


def zeros(matrix: np.ndarray) -> np.ndarray:
    """Return the right-hand side of a matrix of constraints."""
    return np.zeros(len(matrix))


def constraints(document: dict[str, Any], places: dict[Key, int]) -> tuple[np.ndarray, np.ndarray]:
    """Write down all that anybody knows of the counts: levels add up, cells too, and parts are no larger."""
    single = [part for part in document["attributes"] if part["kind"] != "intersection"]
    levels = [[level["group"] for level in part["levels"]] for part in single]
    equal, below = [], []

    def add(into: list[np.ndarray], terms: dict[Key, int]) -> None:
        row = np.zeros(len(places))
        for key, sign in terms.items():
            if key not in places:
                return
            row[places[key]] += sign
        into.append(row)

    for kind, target, cut, attribute, group in places:
        rest = (attribute, group)
        if kind == "n":
            for name in [target["name"] for target in document["targets"]]:
                parts = {("positives", name, None, *rest): 1, ("negatives", name, None, *rest): 1}
                add(equal, {**parts, ("n", None, None, *rest): -1})
            if document["task"] == "multiclass":
                names = [target["name"] for target in document["targets"]]
                add(equal, {("n", None, None, *rest): -1} | {("positives", t, None, *rest): 1 for t in names})
        if cut is not None and kind == "predicted_positives":
            parts = {(k, target, cut, *rest): 1 for k in ("true_positives", "false_positives")}
            add(equal, {**parts, (kind, target, cut, *rest): -1})
            for over, under in (("true_positives", "positives"), ("false_positives", "negatives")):
                add(below, {(over, target, cut, *rest): 1, (under, target, None, *rest): -1})
                # The sample's cuts become lower from one threshold to the next.
                add(below, {(over, target, cut - 1, *rest): 1, (over, target, cut, *rest): -1})
    for what in {key[:3] for key in places}:
        for part in document["attributes"]:
            inside = {(*what, part["name"], level["group"]): 1 for level in part["levels"]}
            add(equal, {**inside, (*what, None, "all rows"): -1})
        for joint in [part["name"] for part in document["attributes"] if part["kind"] == "intersection"]:
            cells = [cell for cell in product(*levels) if (*what, joint, " & ".join(cell)) in places]
            for a, part in enumerate(single):
                for name in levels[a]:
                    inside = {(*what, joint, " & ".join(cell)): 1 for cell in cells if cell[a] == name}
                    add(equal, {**inside, (*what, part["name"], name): -1})
    return np.array(equal), np.array(below)
