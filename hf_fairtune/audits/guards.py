"""Guards against numbers from too few cases."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from ..metrics.rows import Rows

ESTIMABLE = 10
SOLID = 20
# How messages of the library say what a missing class calls for.
EXCLUDE = "(`exclude` leaves a group out)"


@dataclass(frozen=True)
class Guard:
    """Status of a group ("ok", "weak" or "not estimable") and the counts that made it so."""

    status: str
    reason: str | None = None


def guard(positives: int, negatives: int, unit: str = "") -> Guard:
    """Grade a group by its scarcer class: under 10 "not estimable", 10 to 19 "weak", else "ok".

    The levels are where intervals of an AUC difference that claim 95 % hold it: about 0.88 at 5 cases, 0.92 at 10,
    0.95 at 20. Hence what follows from "not estimable":

    - a group with both classes keeps its AUC in its row and **takes part** in the minimum, the gap and the
      differences, for dropping it could hide the worst group; but every interval it enters is withheld, and the
      reason names it;
    - a group that lacks a class has no AUC: the minimum, the gap and the differences are NaN and the reason names it;
    - only naming a group in `exclude` leaves it out, and the audit records that.

    Args:
        positives: independent cases of class 1.
        negatives: independent cases of class 0.
        unit: what is counted where it is not rows, for example "clusters with ".
    """
    counts = {f"{unit}positives": positives, f"{unit}negatives": negatives}
    least = min(counts.values())
    status = "not estimable" if least < ESTIMABLE else "weak" if least < SOLID else "ok"
    return Guard(status, describe(counts, ESTIMABLE if least < ESTIMABLE else SOLID))


def overall_guard(rows: Rows) -> Guard:
    """Grade all rows together as one group, counting clusters where there are any."""
    whole = Rows(rows.labels, rows.scores, np.zeros_like(rows.groups), ("overall",), rows.clusters)
    negatives, positives, _ = whole.units()[0].tolist()
    return guard(positives, negatives, "" if rows.clusters is None else "clusters with ")


def counted(n: int, what: str) -> str:
    """Put a number before a plural, such as "7 clusters with positives", or "1 cluster with positives"."""
    first, *rest = what.split(" ")
    return " ".join([str(n), first.removesuffix("s") if n == 1 else first, *rest])


def too_few(groups: int) -> str:
    """Say that so many groups cannot be compared."""
    return f"{counted(groups, 'groups')} {'takes' if groups == 1 else 'take'} part, too few"


def describe(counts: Mapping[str, int], least: int) -> str | None:
    """Name the counts below `least`, such as "no positives" or "7 negatives, fewer than 10"; None if none is."""
    low = {name: count for name, count in counts.items() if count < least}
    found = [f"{counted(n, name)}, fewer than {least}" if n else f"no {name}" for name, n in low.items()]
    return "; ".join(found) or None


def shortage(
    names: Sequence[str], counts: Mapping[str, np.ndarray], included: Sequence[int], least: int
) -> str | None:
    """Name every included group with a count below `least`, and the count; None if there is none.

    Args:
        names: of the groups, [n_groups].
        counts: what is counted -> one count a group, [n_groups].
        included: codes of the groups that take part.
    """
    found = []
    for code in included:
        reason = describe({kind: int(values[code]) for kind, values in counts.items()}, least)
        found += [f"`{names[code]}`: {reason}"] if reason else []
    return " / ".join(found) or None
