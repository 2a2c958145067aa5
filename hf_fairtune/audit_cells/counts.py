"""The counts that an audit tells, and the lines along which they add up."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from .nested import nested

Group = tuple[str | None, str]
EVERYONE: Group = (None, "all rows")


@dataclass(frozen=True)
class Numerators:
    """True and false positives of every group at one threshold of one target, [n_groups]; -1 where not told."""

    target: int
    true_positives: np.ndarray
    false_positives: np.ndarray


@dataclass(frozen=True)
class Counts:
    """Rows and positives of every group, all rows first, and what adds up to what.

    Args:
        targets: names, [n_targets].
        groups: attribute and level, [n_groups].
        n: rows, [n_groups].
        positives: [n_targets, n_groups].
        lines: a group and those it is the sum of, as places in `groups`.
        exhaustive: whether every row is positive for exactly one target.
        closed: groups of attributes that are in no line, because nothing of them is told.
        numerators: one for each target and threshold.
        largest: a group that an audit names as its reference, and those it is no smaller than.
    """

    targets: list[str]
    groups: list[Group]
    n: np.ndarray
    positives: np.ndarray
    lines: list[tuple[int, list[int]]]
    exhaustive: bool
    closed: list[int]
    numerators: list[Numerators]
    largest: list[tuple[int, list[int]]]

    @property
    def intersections(self) -> list[str]:
        """Name the attributes whose groups lie in the levels of others and are in lines."""
        return list(dict.fromkeys(str(self.groups[parts[0]][0]) for whole, parts in self.lines if whole))

    def inside(self, attribute: str) -> list[int]:
        """Place the groups of an attribute."""
        return [place for place, (name, _) in enumerate(self.groups) if name == attribute]

    def without(self, attribute: str) -> Counts:
        """Leave an attribute out of every line, as nothing of it is told."""
        gone = self.inside(attribute)
        lines = [line for line in self.lines if not set(line[1]) & set(gone)]
        return replace(self, lines=lines, closed=[*self.closed, *gone])

    def only(self, target: int) -> Counts:
        """Keep one target."""
        numerators = [replace(row, target=0) for row in self.numerators if row.target == target]
        kept = {"targets": [self.targets[target]], "positives": self.positives[[target]], "numerators": numerators}
        return replace(self, **kept)  # type: ignore[arg-type]

    @property
    def negatives(self) -> np.ndarray:
        """Count rows that are not positive: [n_targets, n_groups]."""
        return self.n - self.positives


def counts_of(document: dict[str, Any]) -> Counts:
    """Read the counts of a document of an audit."""
    targets = [target["name"] for target in document["targets"]]
    levels = [(part["name"], level) for part in document["attributes"] for level in part["levels"]]
    groups = [EVERYONE, *((name, level["group"]) for name, level in levels)]
    totals = [target["positives"] for target in document["targets"]]
    positives = [totals, *([level["positives"][name] for name in targets] for _, level in levels)]
    places = {group: place for place, group in enumerate(groups)}
    lines, closed = _lines(document["attributes"], places)
    return Counts(
        targets=targets,
        groups=groups,
        n=np.array([document["n"], *(level["n"] for _, level in levels)]),
        positives=np.array(positives).T,
        lines=lines,
        exhaustive=document["task"] == "multiclass" and bool(sum(totals) == document["n"]),
        closed=closed,
        numerators=_numerators(document, targets, groups),
        largest=[found for entry in document["audits"] for found in _reference(entry, places)],
    )


def _lines(
    attributes: list[dict[str, Any]], places: dict[Group, int]
) -> tuple[list[tuple[int, list[int]]], list[int]]:
    """Find what adds up: all rows over each attribute's levels, and each level over the cells of an intersection."""
    hidden = nested(attributes)
    single = [part for part in attributes if part["kind"] != "intersection" and part["name"] not in hidden]
    lines = [(0, [places[part["name"], level["group"]] for level in part["levels"]]) for part in single]
    names = [[level["group"] for level in part["levels"]] for part in single]
    closed = [places[p["name"], level["group"]] for p in attributes if p["name"] in hidden for level in p["levels"]]
    for joint in (part for part in attributes if part["kind"] == "intersection"):
        cells = [level["group"] for level in joint["levels"]]
        traced = [traces(cell, names) for cell in cells]
        if any(len(found) != 1 for found in traced):
            closed += [places[joint["name"], cell] for cell in cells]
            continue
        lines.append((0, [places[joint["name"], cell] for cell in cells]))
        for a, part in enumerate(single):
            for name in names[a]:
                inside = [cell for cell, found in zip(cells, traced, strict=True) if found[0][a] == name]
                lines += [(places[part["name"], name], [places[joint["name"], c] for c in inside])] if inside else []
    return lines, closed


def traces(cell: str, names: list[list[str]]) -> list[list[str]]:
    """Read the levels off a cell's name, `F & >60`, in every way the attributes' level names allow."""
    if len(names) == 1:
        return [[cell]] if cell in names[0] else []
    found = [name for name in names[0] if cell.startswith(f"{name} & ")]
    return [[name, *rest] for name in found for rest in traces(cell[len(name) + 3 :], names[1:])]


def _reference(entry: dict[str, Any], places: dict[Group, int]) -> list[tuple[int, list[int]]]:
    """Place the reference of an audit, which is the largest of the groups that are estimable and not left out."""
    audit, name = entry["audit"], entry["attribute"]
    rows = [row["group"] for row in audit["groups"] if row["status"] != "not estimable"]
    rest = [places[name, group] for group in rows if group not in audit["excluded"]]
    return [(places[name, pair["reference"]], rest) for pair in audit["pairs"][:1]]


def _numerators(document: dict[str, Any], targets: list[str], groups: list[Group]) -> list[Numerators]:
    told: dict[tuple[int, int], dict[Group, dict[str, Any]]] = {}
    for entry in document["audits"]:
        for place, cut in enumerate(entry["audit"]["thresholds"]):
            rows = told.setdefault((targets.index(entry["target"]), place), {EVERYONE: cut["overall"]})
            rows |= {(entry["attribute"], row["group"]): row for row in cut["groups"]}
    return [
        Numerators(
            target,
            *(
                np.array([rows[group][kind] if group in rows else -1 for group in groups])
                for kind in ("true_positives", "false_positives")
            ),
        )
        for (target, _), rows in told.items()
    ]
