"""Several classes or findings beside each other: the worst cell of class and group, a table and a figure of all cells.

A cell takes part as in a search: with 10 cases or more, and as many others.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from itertools import groupby
from operator import attrgetter, itemgetter

import numpy as np

from ..audits.class_numbers import single_key
from ..document.document import Document
from ..document.estimate import Estimate, point, undefined
from . import drawing as ink
from .drawing import Mark, Panel, Picture, Row, described, draw
from .figures import COLOURS
from .table import Cell, Table
from .view import View
from .words import MISSING, listed, name, number, threshold

ALL = "all rows"
MARKERS = ("o", "s", "D", "^", "v", "P")
NOTHING = undefined("no cases")
# Numbers across the groups of a class, of their AUCs.
LOWS: dict[str, Callable[[np.ndarray], float]] = {
    "auc": np.min,
    "min_group_auc": np.min,
    "max_group_auc": np.max,
    "auc_gap": np.ptp,
}
WORST = (
    "Of {targets} classes {place}, the lowest AUC is {value}, of {target} in {group}{rest}. The lowest of many is "
    "partly chance."
)
FEW = "; {few} of {cells} cells of class and group have too few cases to be judged ({named})"
UNKNOWN = "Of {targets} classes {place}, no cell of class and group has enough cases to be judged."
DASH = "a dash, or a number without an interval: fewer than 10 cases of the class, or of others, in the group"


def several(document: Document) -> bool:
    """Tell whether a document is about several classes or findings."""
    return len(document.data.targets) > 1


def by_attribute(every: Sequence[View]) -> Iterator[tuple[str, list[View]]]:
    """Yield each split and attribute in words, and the views of its classes."""
    ordered = sorted(every, key=lambda view: view.split)
    for split in dict.fromkeys(map(attrgetter("split"), every)):
        own = [view for view in ordered if view.split == split]
        for attribute in dict.fromkeys(map(attrgetter("attribute"), own)):
            some = [view for view in own if view.attribute == attribute]
            yield f"by {attribute}{some[0].scope.removeprefix(f', {some[0].target}')}", some


def cells(some: Sequence[View]) -> list[tuple[str, str, Estimate, bool]]:
    """List class, group, AUC and whether the cell takes part, of every group that is not left out."""
    found = []
    for view in some:
        for row in view.audit.groups:
            if row.group not in view.audit.excluded:
                taking = row.status != "not estimable" and row.auc.defined
                found.append((view.target, row.group, row.auc, taking))
    return found


def worst_cells(every: Sequence[View]) -> list[str]:
    """Say for each attribute which class is ranked worst in which group, and which cells cannot be judged."""
    said = []
    for place, some in by_attribute(every):
        found = cells(some)
        taking = [one for one in found if one[3]]
        few = [f"{target} in {group}" for target, group, _, taken in found if not taken]
        rest = FEW.format(few=len(few), cells=len(found), named=listed(few, 4, ", ")) if few else ""
        if not taking:
            said.append(UNKNOWN.format(targets=len(some), place=place))
            continue
        target, group, auc, _ = min(taking, key=lambda one: one[2].value)
        about = {"value": number(auc), "target": name(target), "group": name(group), "rest": rest}
        said.append(WORST.format(targets=len(some), place=place, **about))
    return said


def class_tables(every: Sequence[View]) -> list[Table]:
    """Build a table for each attribute: AUC by group and class, and of all rows."""
    found = []
    for place, some in by_attribute(every):
        groups = dict.fromkeys(row.group for view in some for row in view.audit.groups)
        columns: list[list[Cell]] = []
        for view in some:
            own = dict(map(attrgetter("group", "auc"), view.audit.groups))
            columns.append([_bare(own.get(group)) for group in groups] + [_bare(view.audit.auc)])
        rows = list(zip([*groups, ALL], *columns, strict=True))
        header = ["group", *map(attrgetter("target"), some)]
        title = f"AUC of every class {place} [{some[0].level}]"
        found.append(Table.of(title, header, rows, [DASH], digits=some[0].digits))
    return found


def class_figure(every: Sequence[View]) -> Picture | None:
    """Draw the AUC of every class in the groups of each attribute of the first split; None where no cell has one."""
    panels = []
    for place, some in by_attribute([view for view in every if view.split == every[0].split]):
        sizes = [(row.n if isinstance(row.n, int) else 0, row.group) for row in some[0].audit.groups]
        shown = list(map(itemgetter(1), sorted(sizes, key=itemgetter(0), reverse=True)[: len(COLOURS)]))
        shown = [group for _, group in sizes if group in shown]
        known = [{group: auc for _, group, auc, taking in cells([view]) if taking} for view in some]
        shown, rows = [group for group in shown if any(group in own for own in known)], []
        for view, own in zip(some, known, strict=True):
            # One without a value keeps its place, so that a group has the same one in every row.
            looks = zip(shown, COLOURS, MARKERS, strict=False)
            marks = [Mark(own.get(group, NOTHING), group, *look) for group, *look in looks]
            rows += [Row(view.target, marks)] if own else []
        part = f", largest {len(COLOURS)} groups" if len(sizes) > len(COLOURS) else ""
        panels += [Panel(f"{place}{part}", rows, f"AUC, bars: {some[0].level}s")] if rows else []
    if not panels:
        return None
    figure = draw(panels, [], ink.WIDE, digits=every[0].digits)
    return Picture("classes", "AUC of every class and group", figure, described(panels), CLASSES)


CLASSES = (
    "Each row is a class against all others, each mark a group: the AUC, with its interval. Where the marks of a row "
    "lie apart, the model ranks that class better in one group than in another; bars that overlap do not show that "
    "two groups are equal. Cells with fewer than 10 cases, or fewer than 10 others, have no mark."
)


def changed_views(every: Sequence[View]) -> list[View]:
    """Return the views of which a card tells changes: of several classes those by the last attribute."""
    if len(set(map(attrgetter("target"), every))) < 2:
        return list(every)
    last = {split: list(some)[-1].attribute for split, some in groupby(every, attrgetter("split"))}
    return [view for view in every if view.attribute == last[view.split]]


def drawn_changes(every: Sequence[View]) -> list[View]:
    """Return the views whose changes a card draws: of several classes none without a change."""
    found = changed_views(every)
    if len(set(map(attrgetter("target"), every))) < 2:
        return found
    return [view for view in found if view.comparison is None or view.comparison.auc.defined]


def on_test(every: Sequence[View], objective: str) -> Estimate | None:
    """Return a search's objective on the test split by the last attribute, of several classes: without an interval.

    None where it is none of AUCs, or no cell has enough cases.
    """
    some = [view for view in changed_views(every) if view.split == "test"]
    key, (mean, own) = single_key(objective, [view.target for view in some], LOWS)
    values = list[float]()
    for view in some if key in LOWS else ():
        groups = np.array([auc.value for *_, auc, taking in cells([view]) if taking])
        taken = [view.audit.auc.value] if view.audit.auc.bounded else []
        part = np.array(taken) if key == "auc" else groups
        if own in ("", f"_{view.target}") and len(part) > (key == "auc_gap"):
            values.append(float(LOWS[key](part)))
    if not values:
        return None
    return point(float(np.mean(values)) if mean else max(values) if key == "auc_gap" else min(values), "over classes")


def class_cuts(every: Sequence[View]) -> dict[str, str]:
    """List the thresholds of the model by how they were chosen: one for each class where they were fitted."""
    found: dict[str, dict[str, str]] = {}
    for view in every:
        for at in view.audit.thresholds:
            found.setdefault(threshold(at), {})[view.target] = number(at.value)
    return {
        policy: ", ".join(f"{target} {value}" for target, value in values.items() if value != MISSING)
        for policy, values in found.items()
    }


def _bare(found: Estimate | None) -> Cell:
    """Return an estimate without the reasons that a table would repeat for every cell."""
    return None if found is None else replace(found, reasons=())
