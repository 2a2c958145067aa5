"""The tables of an audit, each once for one model and for two: on ranks, at thresholds, of calibration, of counts."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from ..document.audit import ThresholdAudit
from ..document.document import Document
from ..document.estimate import Estimate, Size
from ..document.gate import Gate
from .table import Cell, Change, Noted, Table
from .view import View, finding
from .words import DEGENERATE, bound, cut, metric, name, number, p_value, percent, rule, size, threshold

ALL = "all rows"
SUMMARIES = {
    ALL: "auc",
    "lowest group": "min_group_auc",
    "gap, best - lowest": "auc_gap",
    "equity-scaled AUC": "es_auc",
}
MAIN = ("equalized_odds_difference", "equal_opportunity_difference", "predictive_equality_difference")
UNLIKE = (
    "no change is given: this threshold means another thing to each model, as the probabilities of only one are "
    "calibrated"
)


def _heads(view: View, what: str) -> list[str]:
    """Head a column for each model, and one for the change."""
    heads = [what] if len(view.audits) == 1 else [f"{what}, {title}" for title in view.audits]
    return [*heads, "change"] if view.comparison else heads


def _table(
    view: View, what: str, header: Sequence[str], rows: Sequence[Sequence[Cell]], notes: Iterable[str] = ()
) -> Table:
    """Build a table of one audit, under its place and the level of its intervals."""
    return Table.of(f"{what} {view.place} [{view.level}]", header, rows, notes, view.digits)


def auc_table(view: View) -> Table:
    """Build a row a group, then all rows, the lowest group, the gap and the equity-scaled AUC."""
    audit, found = view.audit, view.comparison
    rows: list[list[Cell]] = []
    for place, groups in enumerate(zip(*(one.groups for one in view.audits.values()), strict=True)):
        row = groups[-1]
        change = [Change(found.groups[place].auc)] if found else []
        status = Noted(row.status, row.reasons)
        aucs = [group.auc for group in groups]
        rows.append(
            [row.group, row.n, row.positives, row.prevalence, *aucs, *change, percent(row.worst_share), status]
        )
    for what, key in SUMMARIES.items():
        sizes: list[Cell] = [audit.n, audit.positives, ""] if what == ALL else [""] * 3
        changed = [Change(getattr(found, key)) if hasattr(found, key) else ""] if found else []
        rows.append([what, *sizes, *(getattr(one, key) for one in view.audits.values()), *changed, "", ""])
    header = ["group", "rows", "with the finding", "prevalence", *_heads(view, "AUC"), "lowest in resamples", "status"]
    return _table(view, "AUC", header, rows, _auc_notes(view))


def _auc_notes(view: View) -> Iterator[str]:
    """Name the lowest and the best group of each model, what chance makes of a gap, and who is left out."""
    for title, audit in view.audits.items():
        gap, who = audit.auc_gap, f"{title}: " if len(view.audits) > 1 else ""
        if audit.min_group_auc.group:
            best = f", best group {name(gap.best)}" if gap.best else ""
            yield f"{who}lowest group {name(audit.min_group_auc.group)}{best}"
        if gap.null_high == gap.null_high:
            mean, high = number(gap.null_mean, view.digits), number(gap.null_high, view.digits)
            yield f"{who}gap by chance alone: {mean} on average, at most {high} in 19 of 20 permutations"
    if view.audit.excluded:
        yield f"left out of the lowest group, the gap and the differences: {', '.join(map(name, view.audit.excluded))}"
    if view.comparison:
        yield f"change: {view.title} minus {view.reference} on the same rows, paired ({view.comparison.auc.method})"


def pair_table(view: View, tested_only: bool = False) -> Table:
    """Build the signed differences from the reference group, their p-values and what could have been seen."""
    rows: list[list[Cell]] = []
    for pairs in zip(*(one.pairs for one in view.audits.values()), strict=True):
        pair = pairs[-1]
        if tested_only and math.isnan(pair.p):
            continue
        differences = [Change(one.auc_difference) for one in pairs]
        found = [p_value(pair.p), p_value(pair.p_adjusted), pair.detectable]
        wanted = [pair.positives_wanted, pair.negatives_wanted]
        rows.append([f"{pair.group} - {pair.reference}", *differences, *found, *wanted])
    heads = [head for head in _heads(view, "difference of AUC") if head != "change"]
    header = ["group - reference", *heads, "p", "p adjusted", "detectable", "positives wanted", "negatives wanted"]
    return _table(view, "Differences between groups", header, rows)


def measure_table(view: View) -> Table:
    """Build the other numbers that need no threshold: a row a group, then all rows and what lies across the groups."""
    audits, keys = list(view.audits.values()), list(view.audit.measures)
    rows: list[list[Cell]] = []
    for groups in zip(*(one.groups for one in audits), strict=True):
        rows.append([groups[-1].group, *(group.measures.get(key) for key in keys for group in groups)])
    rows.append([ALL, *(one.measures.get(key) for key in keys for one in audits)])
    for what, pattern in {"lowest group": "min_group_{}", "gap, best - lowest": "{}_gap"}.items():
        rows.append([what, *(one.across.get(pattern.format(key)) for key in keys for one in audits)])
    heads = [head for key in keys for head in _heads(view, metric(key)) if head != "change"]
    return _table(view, "More measures", ["group", *heads], rows)


def rate_table(view: View, at: ThresholdAudit) -> Table:
    """Build the model's rates by group at a threshold, and the counts they come from."""
    own, names = at.by_group or {}, list(at.overall.rates)
    rows: list[list[Cell]] = []
    for row in [*at.groups, replace(at.overall, group=ALL)]:
        counts = [row.n, row.positives, row.true_positives, row.false_positives]
        rows.append([row.group, own.get(row.group, ""), *counts, *(row.rates.get(key) for key in names)])
    header = ["group", "cut", "rows", "with the finding", "found", "flagged in error", *map(metric, names)]
    who = f" of {view.title}" if len(view.audits) > 1 else ""
    notes = [DEGENERATE] if at.degenerate else []
    return _table(view, f"Rates{who} at {cut(at, view.digits)},", header, rows, notes)


def gap_table(view: View, at: ThresholdAudit) -> Table:
    """Build the differences between groups at a threshold; where a change was taken, every group's rates as well."""
    cuts, change = view.cuts(at), view.change(at)
    rows: list[list[Cell]] = [["threshold", *(one.value for one in cuts.values()), ""]] if len(cuts) > 1 else []
    for key in at.gaps:
        changed = Change(change.gaps[key]) if change and key in change.gaps else ""
        rows.append([metric(key), *(one.gaps.get(key) for one in cuts.values()), changed])
    degenerate = any(one.degenerate for one in cuts.values())
    if len(cuts) > 1 and change and not degenerate:
        for place, moved in enumerate(change.groups):
            for key, item in moved.rates.items():
                rates = [one.groups[place].rates.get(key) for one in cuts.values()]
                rows.append([f"{metric(key)}, {moved.group}", *rates, Change(item)])
    header = ["measure", *(cuts if len(cuts) > 1 else ["value"]), "change"]
    notes = [*([DEGENERATE] if degenerate else []), *([UNLIKE] if view.comparison and not change else [])]
    return _table(
        view, f"Differences at {cut(at, view.digits) if len(cuts) == 1 else threshold(at)},", header, rows, notes
    )


def operating_tables(view: View) -> list[Table]:
    """Build, for each criterion and target, what every group reaches at its own cut."""
    tables = []
    for point in view.audit.operating_points:
        rows: list[list[Cell]] = []
        for row in [*point.groups, replace(point.overall, group=ALL)]:
            rows.append([row.group, row.value, row.achieved, row.threshold])
        wanted, held = point.criterion.split(" at ")
        header = ["group", wanted, f"{held} achieved", "cut"]
        tables.append(_table(view, f"{point.criterion.capitalize()} {point.target:g},", header, rows))
    return tables


def calibration_table(view: View) -> Table:
    """Build the calibration of every group; without rows where the scores are no probabilities."""
    found = view.audit.calibration
    rows: list[list[Cell]] = []
    for row in [*found.groups, replace(found.overall, group=ALL)] if found else []:
        errors: list[Cell] = [row.ece, row.ece_null, row.ece_null_high, row.ece_excess, p_value(row.p)]
        rows.append([row.group, row.brier, row.slope, row.intercept, *errors])
    header = ["group", "Brier score", "slope", "intercept", "ECE", "ECE by chance", "by chance, up to", "excess", "p"]
    return _table(view, "Calibration", header, rows)


def cross_table(view: View) -> Table:
    """Build how each group ranks against the others under one shared order of scores."""
    rows: list[list[Cell]] = [[row.group, row.bpsn, row.bnsp] for row in view.audit.cross_group]
    header = ["group", "its negatives below others' positives", "its positives above others' negatives"]
    return _table(view, "Ranking across groups", header, rows)


def ranking_table(view: View) -> Table:
    """Build the ranking in which small groups borrow strength; without rows where it was not made."""
    found = view.audit.ranking
    if found is None:
        return Table("", [], [])
    rows: list[list[Cell]] = []
    for row in found.groups:
        pooled = Estimate(row.pooled, row.low, row.high, found.method)
        rows.append([row.group, row.rank, pooled, percent(row.worst_share)])
    notes = [f"{found.method}: mean {number(found.mean)}, spread between groups {number(found.tau)}"]
    notes += [f"left out: {', '.join(map(name, found.left_out))}"] if found.left_out else []
    header = ["group", "rank", "pooled AUC", "chance of being lowest"]
    return _table(view, "Groups ranked, small ones drawn towards the mean,", header, rows, notes)


def across_table(every: Sequence[View]) -> Table:
    """Build the main differences between groups at every threshold: a row an audit and threshold."""
    rows: list[list[Cell]] = []
    for view in every:
        for at in view.audit.thresholds:
            flag = "degenerate" if at.degenerate else ""
            rows.append([view.place, cut(at, view.digits), *(at.gaps.get(key) for key in MAIN), flag])
    header = ["audit", "threshold", *map(metric, MAIN), ""]
    return Table.of("Differences at every threshold", header, rows, digits=every[0].digits if every else 2)


def threshold_tables(view: View) -> list[Table]:
    """Build the rates and the differences at every threshold."""
    return [table for at in view.audit.thresholds for table in (rate_table(view, at), gap_table(view, at))]


def sheet_tables(document: Document) -> list[Table]:
    """Build the counts of every attribute: a row a group, for each split its rows and those with each finding."""
    splits = document.data.splits
    names = dict.fromkeys(attribute.name for sheet in splits.values() for attribute in sheet.attributes)
    return [_sheet(document, name) for name in names]


def _sheet(document: Document, name: str) -> Table:
    splits, targets = document.data.splits, [target.name for target in document.data.targets]
    held = {split: one for split, sheet in splits.items() for one in sheet.attributes if one.name == name}
    levels = {split: {level.group: level for level in one.levels} for split, one in held.items()}
    header, rows = ["group"], {group: [group] for found in levels.values() for group in found} | {ALL: [ALL]}
    for split, found in levels.items():
        where = f"{split}: " if len(levels) > 1 else ""
        header += [f"{where}{what}" for what in ("rows", *(finding(document, target) for target in targets))]
        for group, cells in rows.items():
            one = splits[split] if group == ALL else found.get(group)
            counts = [one.positives.get(target) for target in targets] if one else [None] * len(targets)
            n = one.n if one else None
            cells += [_part(n, splits[split].n), *(_part(count, n) for count in counts)]
    return Table.of(f"Rows by {name}", header, list(rows.values()))


def _part(some: Size, whole: Size) -> str:
    """Write a size, and what share of the whole it is."""
    if isinstance(some, int) and isinstance(whole, int) and some < whole:
        return f"{size(some)} ({percent(some / whole)})"
    return size(some)


def gate_table(gate: Gate) -> Table:
    """Build the rules of a gate: a row a number or a comparison judged."""
    rows: list[list[Cell]] = []
    for row in gate.rows:
        found: Cell = row.found if row.found is not None else row.comparison
        where = ", ".join(part for part in (row.target, row.attribute) if part)
        rows.append([Noted(rule(row), row.reasons), where, bound(row), found, row.verdict])
    header = ["rule", "where", "bound", "found [interval]", "verdict"]
    return Table.of(f"Rules of {gate.file}: {gate.verdict}", header, rows)
