"""The tables of an audit, each once for one model and for two: on ranks, at thresholds, of calibration, of counts."""

import math
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import product, repeat
from operator import attrgetter, itemgetter, methodcaller

from ..audits.metrics.metric import cut_metrics, score_metrics
from ..document.audit import ThresholdAudit
from ..document.data import Level, SplitSheet
from ..document.document import Document
from ..document.estimate import Reason, Size
from .table import Cell, Table
from .view import View, beside, prevalences
from .words import DEGENERATE, metric, name, number, p_value, percent, threshold

ALL = "all rows"
SUMMARIES = {
    ALL: "auc",
    "lowest group": "min_group_auc",
    "gap, best - lowest": "auc_gap",
    "equity-scaled AUC": "es_auc",
}
UNLIKE = "no change is given, as this threshold is of calibrated probabilities of one model only"
OWN_CUTS = "each group has its own cut, chosen on these rows: the values are too good, and the cuts not for use"
# What heads of columns and rows mean, told below the table where they stand.
GLOSSARY = {
    "AUC": "area under the ROC curve, the share of pairs of a case and another row that the scores order right",
    "worth": "so many rows, and cases, of equal weight would tell as much (Kish's effective sample size)",
    "lowest in resamples": "the share of bootstrap resamples in which the group's AUC is the lowest",
    "lowest group": "its interval and that of the gap are simultaneous over the groups, unlike those of single groups",
    "equity-scaled AUC": "AUC of all rows / (1 + the sum of the groups' distances from it)",
    "p": "how often chance alone would make as large a difference, were there none",
    "p adjusted": "for all pairs of groups of this document",
    "detectable": "a true difference that so many cases would show in 4 of 5 such audits",
    "positives wanted": "cases of the group with which a difference of 0.05 would be seen in 4 of 5 such audits",
    "negatives wanted": "the same, of other rows",
    "measure": "between the highest and the lowest group, unless signed; 0 is no difference, 1 of a ratio",
    "F1": "the harmonic mean of true positive rate and positive predictive value",
    "specificity achieved": OWN_CUTS,
    "sensitivity achieved": OWN_CUTS,
    "its negatives below others' positives": "where it is low, this group is alarmed in the place of others",
    "its positives above others' negatives": "where it is low, this group is missed in favour of others",
    "by chance (prevalence)": "the average precision of a random ranking; compare how far above it groups are",
    "net benefit": "found less false alarms at the odds of the cut, per patient; of use above 0 and flagging all",
    "ECE": "expected calibration error; even a calibrated model has one by chance, so read the excess",
    "slope": "1 is right, and an intercept of 0; below 1 scores are too extreme, an intercept below 0: too high",
}
RANKED = ("group", "rank", "pooled", "low", "high", "worst_share")
AUC, DIFFERENCE = attrgetter("auc"), attrgetter("auc_difference")


def _table(
    view: View,
    what: str,
    header: Sequence[str],
    rows: Sequence[Sequence[Cell]],
    said: Iterable[str] = (),
    *,
    why: Iterable[Reason] = (),
    signed: Collection[str] = ("change",),
) -> Table:
    """Build a table of one audit, under its place and the level of its intervals; its heads are explained below it."""
    title = f"{what} {view.place} [{view.level}]"
    table = Table.of(title, header, rows, said, why=why, signed=signed, digits=view.digits)
    notes = dict.fromkeys(table.notes)
    for head in (*table.header, *map(itemgetter(0), rows)):
        key = str(head).partition(",")[0]
        notes |= {f"{key}: {GLOSSARY[key]}": None} if key in GLOSSARY else {}
    return replace(table, notes=list(notes))


def _heads(view: View, what: str) -> list[str]:
    """Head a column for each model."""
    return [what] if len(view.audits) == 1 else list(map(f"{what}, {{}}".format, view.audits))


def auc_table(view: View) -> Table:
    """Build a row a group, then all rows, the lowest group, the gap and the equity-scaled AUC."""
    audit, found = view.audit, view.comparison
    rows: list[list[Cell]] = []
    why, worth = list[Reason](), [] if audit.effective is None else ["worth", "worth, cases"]
    for place, groups in enumerate(beside(view.audits.values(), "groups")):
        row = groups[-1]
        change = found.groups[place].auc if found else ""
        sizes = [row.n, row.positives, row.prevalence, *[row.effective, row.effective_positives][: len(worth)]]
        rows.append([row.group, *sizes, *map(AUC, groups), change, percent(row.worst_share), row.status])
        for reason in row.reasons:
            why.append(replace(reason, group=row.group))
    for what, key in SUMMARIES.items():
        size: list[Cell] = [audit.n, audit.positives, "", audit.effective, audit.effective_positives]
        size = size[: 3 + len(worth)] if what == ALL else [""] * (3 + len(worth))
        rows.append([what, *size, *map(attrgetter(key), view.audits.values()), getattr(found, key, ""), "", ""])
    header = ["group", "rows", "with the finding", "prevalence", *worth, *_heads(view, "AUC")]
    return _table(view, "AUC", [*header, "change", "lowest in resamples", "status"], rows, _auc_notes(view), why=why)


def _auc_notes(view: View) -> Iterator[str]:
    """Name the lowest and the best group of each model, what chance makes of a gap, and who is left out."""
    for title, audit in view.audits.items():
        gap, who = audit.auc_gap, f"{title}: " if len(view.audits) > 1 else ""
        if audit.min_group_auc.group:
            best = f", best group {name(gap.best)}" if gap.best else ""
            yield f"{who}lowest group {name(audit.min_group_auc.group)}{best}"
        if not math.isnan(gap.null_high):
            mean, high = number(gap.null_mean, view.digits), number(gap.null_high, view.digits)
            yield f"{who}gap by chance alone: {mean} on average, at most {high} in 19 of 20 audits"
    if view.audit.excluded:
        yield f"left out of the lowest group, the gap and the differences: {', '.join(map(name, view.audit.excluded))}"
    if view.comparison:
        yield f"change: {view.title} minus {view.reference} on the same rows, paired ({view.comparison.auc.method})"


def pair_table(view: View, tested_only: bool = False) -> Table:
    """Build the signed differences from the reference group, their p-values and what could have been seen."""
    rows: list[list[Cell]] = []
    for pairs in beside(view.audits.values(), "pairs"):
        pair = pairs[-1]
        if not (tested_only and math.isnan(pair.p)):
            found = [p_value(pair.p), p_value(pair.p_adjusted), pair.detectable]
            wanted = [pair.positives_wanted, pair.negatives_wanted]
            rows.append([f"{pair.group} - {pair.reference}", *map(DIFFERENCE, pairs), *found, *wanted])
    heads = _heads(view, "difference of AUC")
    header = ["group - reference", *heads, "p", "p adjusted", "detectable", "positives wanted", "negatives wanted"]
    return _table(view, "Differences between groups", header, rows, signed=heads)


def measure_table(view: View) -> Table:
    """Build the other numbers that need no threshold: a row a group, then all rows and what lies across the groups."""
    header, columns = ["group"], [[*map(attrgetter("group"), view.audit.groups), ALL, "worst group", "gap"]]
    known, shares = score_metrics(), prevalences(view.audit)
    for key in view.audit.measures:
        header += _heads(view, metric(key))
        for audit in view.audits.values():
            worst = audit.across.get(f"min_group_{key}") or audit.across.get(f"max_group_{key}")
            across = audit.measures.get(key), worst, audit.across.get(f"{key}_gap")
            columns.append([*map(methodcaller("get", key), map(attrgetter("measures"), audit.groups)), *across])
        if key in known and known[key].chance == "prevalence":
            header.append("by chance (prevalence)")
            columns.append([*shares, "", ""])
    return _table(view, "More measures", header, list(zip(*columns, strict=True)))


def rate_table(view: View, at: ThresholdAudit) -> Table:
    """Build the model's rates by group at a threshold, the counts they come from, and what flagging all would do."""
    own, names, known = at.by_group or {}, list(at.overall.rates), cut_metrics()
    rows: list[list[Cell]] = []
    compared = list(filter(known.__contains__, names))
    for row, share in zip([*at.groups, replace(at.overall, group=ALL)], prevalences(view.audit), strict=True):
        counts = [row.n, row.positives, row.true_positives, row.false_positives]
        rows.append([row.group, own.get(row.group, ""), *counts, *map(row.rates.get, names)])
        cut = own.get(row.group, at.value)
        for key in compared:
            rows[-1].append(known[key].flagging_all(share, cut) if 0 <= cut < 1 else "")
    header = ["group", "cut", "rows", "with the finding", "found", "false alarms", *map(metric, names)]
    header += map("{} of flagging all".format, map(metric, compared))
    who = f" of {view.title}" if len(view.audits) > 1 else ""
    said = [DEGENERATE] if at.degenerate else []
    return _table(view, f"Rates{who} at {threshold(at, view.digits)},", header, rows, said)


def gap_table(view: View, place: int) -> Table:
    """Build the differences between groups at a threshold; where a change was taken, every group's rates as well."""
    cuts = beside(view.audits.values(), "thresholds")[place]
    at, change, degenerate = cuts[-1], view.change(cuts[-1]), any(map(attrgetter("degenerate"), cuts))
    rows: list[list[Cell]] = [["threshold", *map(attrgetter("value"), cuts), ""]] if len(cuts) > 1 else []
    for key in at.gaps:
        found = map(methodcaller("get", key), map(attrgetter("gaps"), cuts))
        rows.append([metric(key), *found, change.gaps.get(key, "") if change else ""])
    if len(cuts) > 1 and change and not degenerate:
        for moved, groups in zip(change.groups, beside(cuts, "groups"), strict=True):
            for key, item in moved.rates.items():
                rows.append([f"{metric(key)}, {moved.group}", *(group.rates.get(key) for group in groups), item])
    header = ["measure", *(view.audits if len(cuts) > 1 else ["value"]), "change"]
    said = [*([DEGENERATE] if degenerate else []), *([UNLIKE] if view.comparison and not change else [])]
    return _table(
        view, f"Differences at {threshold(at, view.digits if len(cuts) == 1 else None)},", header, rows, said
    )


def threshold_tables(view: View) -> Iterator[Table]:
    """Build the rates and the differences at every threshold."""
    for place, at in enumerate(view.audit.thresholds):
        yield rate_table(view, at)
        yield gap_table(view, place)


def further_tables(view: View) -> Iterator[Table]:
    """Build all tables beside those of AUCs and differences; one of what was not audited has no rows."""
    yield measure_table(view)
    yield from threshold_tables(view)
    for point in view.audit.operating_points:
        rows: list[list[Cell]] = []
        for row in [*point.groups, replace(point.overall, group=ALL)]:
            rows.append([row.group, row.value, row.achieved, row.threshold])
        wanted, held = point.criterion.split(" at ")
        header = ["group", wanted, f"{held} achieved", "cut"]
        yield _table(view, f"{point.criterion.capitalize()} {point.target:g},", header, rows)
    yield from calibration_tables(view)


def calibration_tables(view: View) -> Iterator[Table]:
    """Build calibration, the order of groups against each other, and their ranking, small ones drawn to the mean."""
    rows: list[Sequence[Cell]] = []
    found, ranking = view.audit.calibration, view.audit.ranking
    for row in [*found.groups, replace(found.overall, group=ALL)] if found else []:
        errors: list[Cell] = [row.ece, row.ece_null, row.ece_null_high, row.ece_excess, p_value(row.p)]
        rows.append([row.group, row.brier, row.slope, row.intercept, *errors])
    header = ["group", "Brier score", "slope", "intercept", "ECE", "ECE by chance", "by chance, up to", "excess", "p"]
    yield _table(view, "Calibration", header, rows)
    header = ["group", "its negatives below others' positives", "its positives above others' negatives"]
    fields = attrgetter("group", "bpsn", "bnsp")
    yield _table(view, "Ranking across groups", header, [*map(fields, view.audit.cross_group)])
    header, fields = ["group", "rank", "pooled AUC", "low", "high", "chance of being lowest"], attrgetter(*RANKED)
    said = [f"{ranking.method}; left out: {', '.join(ranking.left_out) or 'none'}"] if ranking else []
    rows = [*map(fields, ranking.groups)] if ranking else []
    yield _table(view, "Groups ranked, small ones drawn towards the mean,", header, rows, said)


def sheet_tables(document: Document) -> Iterator[Table]:
    """Build the counts of every attribute: a row a group, for each split its rows and those with each finding."""
    data, names = document.data, dict[str, None]()
    for sheet in data.splits.values():
        names |= dict.fromkeys(map(attrgetter("name"), sheet.attributes))
    targets, words = [*map(attrgetter("name"), data.targets)], [*map(attrgetter("words"), data.targets)]
    apart = len(data.splits) > 1 and len(targets) * len(data.splits) > 6
    for attribute, splits in product(names, [dict([one]) for one in data.splits.items()] if apart else [data.splits]):
        header, rows = ["group"], dict[str | None, list[Cell]]()
        for split, sheet in splits.items():
            where, before = f"{split}: " if len(splits) > 1 else "", len(header)
            header += [f"{where}rows", *map(f"{where}{{}}".format, words)]
            found = [one.levels for one in sheet.attributes if one.name == attribute]
            parts: list[Level | SplitSheet] = [*found[0], sheet] if found else []
            for part in parts:
                group = part.group if isinstance(part, Level) else None
                cells = rows.setdefault(group, [group or ALL])
                cells += [""] * (before - len(cells)) + [_part(part.n, sheet.n)]
                cells += map(_part, map(part.positives.get, targets), repeat(part.n))
        rows[None] = rows.pop(None, [])  # all rows come last
        for cells in rows.values():
            cells += [""] * (len(header) - len(cells))
        yield Table.of(f"Rows by {attribute}{f', {split}' if apart else ''}", header, [*rows.values()])


def _part(some: Size, whole: Size) -> str:
    """Write a size, and what share of the whole it is."""
    if isinstance(some, int) and isinstance(whole, int) and some < whole:
        return f"{number(some)} ({percent(some / whole)})"
    return number(some)
