"""What is withheld of whom, and a row of a group without it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from .blank import blank, rounded
from .counts import EVERYONE, Counts, Group
from .ranges import Withheld

Row = dict[str, Any]
Triple = tuple[str, str | None, str]
NAMED = ("group", "target", "attribute")
KEPT = (*NAMED, "status", "rank")


@dataclass(frozen=True)
class Scope:
    """The groups whose rows are not told, the (target, attribute, group) whose counts are not, and who has an AUC."""

    rows: set[Group]
    pairs: set[Triple]
    spoken: set[Triple]

    def hidden(self, target: str, attribute: str | None) -> set[str]:
        """Name the groups of an attribute whose counts and rates are not told for a target."""
        return {group for t, a, group in self.pairs if (t, a) == (target, attribute)}

    def mute(self, target: str, attribute: str | None) -> set[str]:
        """Name those of which nothing is told, no AUC either."""
        return {group for t, a, group in self.pairs - self.spoken if (t, a) == (target, attribute)}

    def row(self, row: Row, target: str, attribute: str | None) -> Row:
        """Blank a group's row, down to its rows where these are told."""
        group = EVERYONE if attribute is None else (attribute, row["group"])
        if (target, *group) not in self.pairs:
            return row
        if (target, *group) in self.spoken and "auc" in row:
            return rounded(row, KEPT if group in self.rows else (*KEPT, "n"))
        kept = NAMED if group in self.rows else (*NAMED, "n")
        return {key: value if key in kept else blank(key, value) for key, value in row.items()}

    def listed(self, rows: list[Row], target: str, attribute: str | None) -> list[Row]:
        """Blank the rows of a list."""
        return [self.row(row, target, attribute) for row in rows]

    def summed(self, rows: list[Row], target: str, attribute: str | None) -> list[Row]:
        """Blank the rows of a list whose first is of all rows."""
        return [*self.listed(rows[:1], target, None), *self.listed(rows[1:], target, attribute)]

    def total(self, row: Row, target: str) -> Row:
        """Blank the counts, and the AUC, of all rows where they are withheld."""
        if (target, *EVERYONE) not in self.pairs:
            return {}
        gone = ("positives", "negatives", "auc", "p", *(("n",) if EVERYONE in self.rows else ()))
        return {key: blank(key, row[key]) for key in gone if key in row}

    def pair(self, row: Row, target: str, attribute: str) -> Row:
        """Blank a difference with a withheld group."""
        both = {row["group"], row["reference"]}
        if not both & self.hidden(target, attribute):
            return row
        if not both & self.mute(target, attribute):
            return rounded(row, (*NAMED, "reference"))
        return {key: value if key in (*NAMED, "reference") else blank(key, value) for key, value in row.items()}


def scope_of(counts: Counts, found: Withheld) -> Scope:
    """Name what is withheld."""
    pairs, spoken = (
        {(counts.targets[t], *counts.groups[g]) for t, g in zip(*chosen.nonzero(), strict=True)}
        for chosen in (found.pairs, found.spoken)
    )
    return Scope({counts.groups[i] for i in found.n.nonzero()[0]}, pairs, spoken)
