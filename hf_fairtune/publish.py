"""What may be shared of a document, by one rule for page, card and record.

- A size (rows, cases, patients) goes to the nearest 5, 1 to 7 as "<8"; 0 stays 0. Counts of a confusion matrix go.
- Rates, AUCs, intervals and differences come from the exact rows, to two decimals; p-values and fitted cuts to two
  digits.
- A number that rests on a class is withheld where a group has fewer than 10 cases of it. Sensitivity needs positives,
  specificity negatives, everything else both: what mixes the classes would give the small one away beside numbers of
  the large one. A number across groups rests on every group that takes part, and on no other attribute's.
- Net benefit is shown at cuts up to 0.5: above, two digits of it may tell the prevalence to more than two.
- Where rows are weighted, a class needs 10 cases by what they are worth (Kish), too, and no prevalence is shown.
- Prevalence is that of the shown sizes. Curves are of groups with 50 cases of each class, at 20 points; those of
  decisions have rates at ten cuts, whose net benefit is that of the shown prevalence, and no bounds. Cuts of operating
  points, which are scores of single patients, and the folders of paths go.
- Of columns that may go with errors no count is shown, and a column goes whole, with what its values were read as,
  where a value has fewer than 10 cases missed, cases found, false alarms or others cleared.
- Numbers of a ladder of repairs, which are of validation, go where a group there has fewer than 10 cases of a class.
- What values were read as is without counts, and without values of fewer than 10 rows.
- Where all sizes and sums of a split together would leave one value for a size of 1 to 7, an attribute shows none.

A rate and a size bound the number of missed patients: a sensitivity of 0.95 among 20 positives is one missed. So do
the widths of intervals for a size of 10 or more. Sums may narrow a small size, to two values at least.
`sharing="auc"` shares AUCs and verdicts alone.
"""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np

from .audits.engine.resampled_rows import SOLID
from .audits.metrics.metric import cut_metrics
from .disclosure import COUNTERS, FEW, Fields, Rule, cases_of, rounded
from .document.audit import Audit, GroupAudit, Pair
from .document.comparison import Comparison
from .document.curves import DecisionCurve
from .document.data import SplitSheet
from .document.document import Audited, Document, Sharing
from .document.enrichment import ColumnErrors
from .document.estimate import NAN, Reason, Size, exact, undefined
from .document.ladder import Ladder, Rung
from .document.run import Repair, Step
from .document.search import Candidate, Trial
from .recovery import withheld

CURVE_CASES, ROC_POINTS, FIFTH = 50, 20, slice(4, None, 5)
STEEP = Reason("steep_cut")
# Cases from which on numbers, statuses and curves are shown.
EDGES = (FEW, SOLID, CURVE_CASES)
BUT_AUCS: Fields = {
    **dict.fromkeys([(Audit, "measures"), (Audit, "across"), (GroupAudit, "measures")], {}),
    **dict.fromkeys([(Step, "facts"), (Trial, "values")], {}),
    **dict.fromkeys([(Audit, "operating_points"), (Audit, "thresholds"), (Audit, "roc")], []),
    **dict.fromkeys([(Comparison, "thresholds"), (Step, "log")], []),
    **dict.fromkeys(
        [(Audit, "calibration"), (Audit, "reliability"), (Audit, "decision"), (Repair, "calibration")], None
    ),
    **dict.fromkeys([(Pair, "positives_wanted"), (Pair, "negatives_wanted")], None),
    (Audit, "enrichment"): None,
    (Rung, "rows"): [],
    **dict.fromkeys([(Pair, "detectable"), (GroupAudit, "prevalence"), (Trial, "value")], NAN),
    **dict.fromkeys([(Candidate, "value"), (Candidate, "bound"), (Candidate, "error")], NAN),
}


def publish(document: Document, sharing: Sharing = "rates") -> Document:
    """Return the document as it may be shared; what is shared already stays as it is, or loses all but AUCs.

    `sharing` is "rates", or "auc" for AUCs, their intervals and verdicts alone.
    """
    if document.shared is None:
        document = _judged(replace(_by_the_rule(document), shared="rates"))
    if sharing == "auc":
        document = _judged(replace(Rule(hidden, BUT_AUCS).show(document), shared="auc"))
    return document


def hidden(count: Any) -> Size:
    """Show no size."""
    return None


def _by_the_rule(document: Document) -> Document:
    sheets, repair = document.data.splits, document.run and document.run.repair
    gone: dict[str, set[str | None]] = {}
    for split, sheet in sheets.items():
        gone[split] = withheld(sheet, document.data.task, EDGES)
    balanced = repair.external.split if repair and repair.external.balanced else ""
    if balanced in sheets and any(_few_groups(sheets[balanced])):
        # Its cells are equally large, so that any sum of them tells them.
        gone[balanced] = {None, *(part.name for part in sheets[balanced].attributes)}
    small = [*_few_groups(sheets["validation"]), *_few_targets(sheets["validation"])] if "validation" in sheets else []
    rule = Rule(unlogged=(*COUNTERS, *(f"_{group}" for group in small)))
    of_models = replace(rule, size=hidden) if gone.get(balanced) else rule
    shown = rule.show(replace(document, models=[], audits=[]))
    splits = {name: _sheet(sheet, gone[name]) for name, sheet in sheets.items()}
    models = [of_models.show(model) for model in document.models]
    audits = [_audited(entry, gone.get(entry.split, {None})) for entry in document.audits]
    # Counts of single values would add up to those of groups and classes.
    few, readings = _withheld(document), []
    for one in document.data.readings:
        if one.column not in few and (one.n is None or exact(one.n) >= FEW):
            readings.append(replace(one, n=None))
    data = replace(shown.data, splits=splits, readings=readings)
    run = shown.run
    if run and run.ladder and (small or document.data.weight):
        run = replace(run, ladder=_without_values(run.ladder))
    result: Document = replace(shown, data=data, models=models, audits=audits, run=run)
    return result


def _without_values(ladder: Ladder) -> Ladder:
    """Withhold every number of validation that a ladder was judged by; verdicts stay."""
    few = Reason("few_cases", needed=FEW)
    rungs = []
    for rung in ladder.rungs:
        rows = [replace(row, found=None, reasons=()) for row in rung.rows]
        rungs.append(replace(rung, value=undefined(rung.value.method, few), rows=rows))
    return replace(ladder, rungs=rungs, before=undefined(ladder.before.method, few), error=NAN)


def _sheet(sheet: SplitSheet, gone: set[str | None]) -> SplitSheet:
    parts = [Rule(hidden if part.name in gone else rounded).show(part) for part in sheet.attributes]
    whole: SplitSheet = Rule(hidden if None in gone else rounded).show(replace(sheet, attributes=[]))
    return replace(whole, attributes=parts)


def _audited(entry: Audited, gone: set[str | None]) -> Audited:
    rule = Rule(hidden if {entry.attribute, None} & gone else rounded)
    # A comparison is of the same rows and groups, and does not say what weighted ones are worth.
    rule = rule.of(entry.audit)
    audit = rule.show(_large_columns(_without_steep_cuts(_curves(entry.audit))))
    compared = entry.comparison and rule.show(entry.comparison)
    repeated = [rule.show(one) for one in entry.replications]
    return replace(entry, audit=audit, comparison=compared, replications=repeated)


def _curves(audit: Audit) -> Audit:
    """Keep the curves of groups with enough cases, at a few points, and bins of enough rows."""
    large = [row.group for row in audit.groups if min(cases_of(row).values()) >= CURVE_CASES]
    roc, kept = [], []
    for curve in audit.roc:
        if curve.group not in large:
            continue
        at = np.unique(np.linspace(0, len(curve.fpr) - 1, ROC_POINTS).round().astype(int))
        points = np.round([curve.fpr, curve.tpr], 2)[:, at].tolist()
        roc.append(replace(curve, fpr=points[0], tpr=points[1]))
    for one in audit.reliability or ():
        if one.group in large:
            kept.append(replace(one, bins=[own for own in one.bins if exact(own.n) >= FEW]))
    decision = []
    for own in audit.decision or ():
        if own.group in large:
            few = own.cuts[FIFTH], own.tpr[FIFTH], own.fpr[FIFTH]
            decision.append(DecisionCurve(own.group, *few, [], []))
    return replace(
        audit,
        roc=roc,
        reliability=None if audit.reliability is None else kept,
        decision=None if audit.decision is None else decision,
    )


def _without_steep_cuts(audit: Audit) -> Audit:
    """Withhold what weighs a false alarm by the odds of the cut where a cut is above one half."""
    cuts = []
    for at in audit.thresholds:
        if np.nanmax([0, at.value, *(at.by_group or {}).values()]) > 0.5:
            parts = []
            for row in (at.overall, *at.groups):
                gone = {key: undefined(row.rates[key].method, STEEP) for key in cut_metrics() if key in row.rates}
                parts.append(replace(row, rates=row.rates | gone))
            at = replace(at, overall=parts[0], groups=parts[1:])
        cuts.append(at)
    return replace(audit, thresholds=cuts)


def _large_columns(audit: Audit) -> Audit:
    """Withhold every value of a column where one has few cases."""
    if audit.enrichment is None:
        return audit
    columns = []
    for column in audit.enrichment.columns:
        few = (Reason("few_cases", needed=FEW),)
        columns.append(replace(column, values=[], reasons=few) if _has_few(column) else column)
    return replace(audit, enrichment=replace(audit.enrichment, columns=columns))


def _has_few(column: ColumnErrors) -> bool:
    found = False
    for one in column.values:
        errors, worth = exact(one.errors), FEW if one.scarcer is None else exact(one.scarcer)
        found |= min(errors, exact(one.cases) - errors, worth) < FEW
    return found


def _withheld(document: Document) -> set[str]:
    """Name the columns that are withheld somewhere; one that is a group's is shown as such."""
    found = set[str]()
    for entry in document.audits:
        columns = entry.audit.enrichment.columns if entry.audit.enrichment else []
        found |= {column.column for column in columns if _has_few(column)}
    for sheet in document.data.splits.values():
        for part in sheet.attributes:
            found -= {*part.columns}
    return found


def _few_groups(sheet: SplitSheet) -> Iterator[str]:
    """Yield the groups of an exact split with fewer than 10 cases of a class of some target."""
    for level in (level for part in sheet.attributes for level in part.levels):
        positives = [*map(exact, level.positives.values())]
        if min(*positives, exact(level.n) - max(positives)) < FEW:
            yield level.group


def _few_targets(sheet: SplitSheet) -> Iterator[str]:
    """Yield the classes of several of which an exact split has fewer than 10 cases, with or without."""
    for name, positives in sheet.positives.items() if len(sheet.positives) > 1 else ():
        if min(exact(positives), exact(sheet.n) - exact(positives)) < FEW:
            yield name


def _judged(shared: Document) -> Document:
    """Give the rows of the gate the numbers that are shown; verdicts stay."""
    if shared.gate is None:
        return shared
    from .gate.numbers import number_of  # only where there is a gate

    rows = [replace(row, found=row.found and number_of(shared, row)) for row in shared.gate.rows]
    return replace(shared, gate=replace(shared.gate, rows=rows))
