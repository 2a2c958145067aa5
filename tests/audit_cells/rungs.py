"""An attacker on confusion counts: all that a published audit tells of rows above a cut, and between two cuts."""

from __future__ import annotations

from itertools import combinations
from typing import Any

from .attack import EVERYONE

Row = dict[str, Any]
Key = tuple[str, str | None, str]  # target, attribute, group
SMALL = range(1, 11)


def leaks(document: Row) -> set[tuple[Key, str, int]]:
    """Find every count of 1 to 10 positives or negatives between two told cuts of a group, with how it was told."""
    found = set()
    for (key, side), told in rungs(document).items():
        for (one, first), (two, second) in combinations(sorted(told), 2):
            if abs(first - second) in SMALL:
                found.add((key, f"{side}: {one}, {two}", abs(first - second)))
    return found


def rungs(document: Row) -> dict[tuple[Key, str], set[tuple[str, int]]]:
    """Gather the told counts above every cut of each group, by side: none, those at cuts of any kind, all."""
    totals = totals_of(document)
    found: dict[tuple[Key, str], set[tuple[str, int]]] = {
        (key, side): {("end", 0), ("end", total)}
        for key, both in totals.items()
        for side, total in zip(("hits", "alarms"), both, strict=True)
    }

    def tell(key: Key, source: str, hits: float | None, alarms: float | None) -> None:
        for side, count in (("hits", hits), ("alarms", alarms)):
            if count is not None and (key, side) in found:
                found[key, side].add((source, round(count)))

    for entry in [*document["overall"], *document["audits"]]:
        target, attribute = entry["target"], entry.get("attribute")
        for place, cut in enumerate(entry["audit"]["thresholds"]):
            at = {group: solved(row) for group, row in named(cut, target, attribute).items()}
            for key, (hits, alarms) in at.items():
                tell(key, f"threshold {place}", hits, alarms)
            for key, hits, alarms in missing(at, (target, *EVERYONE)):
                tell(key, f"threshold {place}, by subtraction", hits, alarms)
        for point in entry["audit"]["operating_points"]:
            for i, row in enumerate(point["groups"]):
                key = (target, *EVERYONE) if i == 0 or attribute is None else (target, attribute, row["group"])
                if key in totals and None not in (row["value"]["value"], row["achieved"]):
                    both = row["value"]["value"], row["achieved"]
                    found_, quiet = both if point["criterion"].startswith("sens") else both[::-1]
                    tell(key, point["criterion"], found_ * totals[key][0], (1 - quiet) * totals[key][1])
    for key, source, hits, alarms in drawn(document, totals):
        tell(key, source, hits, alarms)
    return found


def totals_of(document: Row) -> dict[Key, tuple[int, int]]:
    """Gather the told positives and negatives of every group."""
    rows = {(row["target"], row["attribute"], row["group"]): row for row in document["groups"]}
    rows |= {(row["name"], *EVERYONE): row for row in document["targets"]}
    both = {key: (row["positives"], row["negatives"]) for key, row in rows.items()}
    return {key: pair for key, pair in both.items() if None not in pair}


def named(cut: Row, target: str, attribute: str | None) -> dict[Key, Row]:
    """Name the rows of a threshold."""
    rows = {(target, attribute, row["group"]): row for row in cut["groups"]} if attribute else {}
    return {(target, *EVERYONE): cut["overall"], **rows}


def solved(row: Row) -> tuple[float | None, float | None]:
    """Solve for true and false positives from all that is told of a group at a threshold."""
    if row["positives"] is None:
        return None, None
    hits, alarms = row["true_positives"], row["false_positives"]
    rates = {"tpr": row["tpr"], "fpr": row["fpr"], "selection_rate": row["selection_rate"], **row["rates"]}
    known = {name: item["value"] for name, item in rates.items() if item["value"] is not None}
    hits = known["tpr"] * row["positives"] if hits is None and "tpr" in known else hits
    alarms = known["fpr"] * row["negatives"] if alarms is None and "fpr" in known else alarms
    flagged = known["selection_rate"] * row["n"] if "selection_rate" in known else row["predicted_positives"]
    if flagged is None and "ppv" in known and hits and known["ppv"]:
        flagged = hits / known["ppv"]
    if flagged is not None and hits is not None:
        return hits, flagged - hits
    return (flagged - alarms, alarms) if flagged is not None and alarms is not None else (hits, alarms)


def missing(
    at: dict[Key, tuple[float | None, float | None]], everyone: Key
) -> list[tuple[Key, float | None, float | None]]:
    """Subtract the groups of an attribute from all rows where one of them is not told."""
    found = []
    for side in (0, 1):
        groups = {key: both[side] for key, both in at.items() if key != everyone}
        gone, total = [key for key, count in groups.items() if count is None], at[everyone][side]
        if len(gone) == 1 and total is not None:
            rest = total - sum(count for count in groups.values() if count is not None)
            found.append((gone[0], rest if side == 0 else None, rest if side else None))
    return found


def drawn(document: Row, totals: dict[Key, tuple[int, int]]) -> list[tuple[Key, str, float, float]]:
    """Read the counts off the points of ROC curves and the borders between bins."""
    found = []
    for entry in document["curves"]:
        for row in entry["roc"]:
            key = (entry["target"], entry["attribute"], row["group"])
            points = zip(row["tpr"], row["fpr"], strict=True) if key in totals else ()
            found += [(key, "ROC", t * totals[key][0], f * totals[key][1]) for t, f in points]
        for row in entry["reliability"] or ():
            key = (entry["target"], entry["attribute"], row["group"])
            for place in range(1, len(row["bins"])):
                upper = row["bins"][place:]
                hits = sum(round(one["observed"] * one["n"]) for one in upper)
                found.append((key, "reliability", hits, sum(one["n"] for one in upper) - hits))
    return found
