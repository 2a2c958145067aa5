"""What may be shared of a document, by one rule for page, card and record.

- A size (rows, cases, patients) goes to the nearest 5, 1 to 7 as "<8"; 0 stays 0. Counts of a confusion matrix go.
- Rates, AUCs, intervals and differences come from the exact rows, to two decimals; p-values, fitted cuts two digits.
- A number is withheld, as "few_cases", where a group that it rests on has fewer than 10 cases of a class it needs.
  Sensitivity needs positives, specificity negatives; all else needs both, as what mixes the classes (selection rate,
  accuracy, predictive values, F1, calibration, AUC) would give the small class away beside numbers of the large one.
  A number across groups rests on every group that takes part, and on no other attribute's.
- Prevalence is that of the shown sizes. Curves are of groups with 50 cases of each class, and a ROC keeps 20 points.
- Cuts of operating points, which are scores of single patients, go, and so do the folders of paths.
- An attribute shows no size where rounding would leave one value for a size of 1 to 7 (see `sizes`).

A rate and a size bound the number of missed patients: a sensitivity of 0.95 among 20 positives is one missed. So do
digits of rates and widths of intervals for a size of 10 or more. `sharing="auc"` shares AUCs and verdicts alone.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from .audit.few_cases import FEW, Cases, few_groups, withheld
from .document.audit import (
    Audit,
    GroupAudit,
    OperatingPointGroup,
    Pair,
    Ranking,
    RateGroup,
    ReliabilityBin,
    RocCurve,
    ThresholdAudit,
)
from .document.comparison import Comparison, ThresholdChange
from .document.data import SplitSheet
from .document.document import Audited, Document, Sharing
from .document.estimate import NAN, Estimate, Real, Reason, Size, exact
from .document.rewrite import DESCEND, Path, rewrite
from .document.run import Repair, Step, Trial
from .sizes import recoverable, rounded

CURVE_CASES, ROC_POINTS = 50, 20
PATH = re.compile(r"(?<![\w.:/\\])(?:[A-Za-z]:[/\\]|~?/|\\\\)[^\s'\"`]*?([^\s'\"`/\\]+)[/\\]*(?=[\s'\"`]|$)")
# Ends of names in a log: steps, and speeds beside seconds, count rows.
COUNTERS = ("step", "_per_second")
ToSize = Callable[[Any], Size]
Fields = Mapping[tuple[type, str], Any]
NEVER: Fields = {
    (RateGroup, "true_positives"): None,
    (RateGroup, "false_positives"): None,
    (OperatingPointGroup, "threshold"): NAN,
    (ReliabilityBin, "n"): None,  # bins are equally large: all of them together tell the group's size
}
BUT_AUCS: Fields = {
    **dict.fromkeys([(Audit, "measures"), (Audit, "across"), (GroupAudit, "measures")], {}),
    **dict.fromkeys([(Step, "facts"), (Trial, "values")], {}),
    **dict.fromkeys([(Audit, "operating_points"), (Audit, "thresholds"), (Audit, "roc")], []),
    **dict.fromkeys([(Comparison, "thresholds"), (Step, "log")], []),
    **dict.fromkeys([(Audit, "calibration"), (Audit, "reliability"), (Repair, "calibration")], None),
    **dict.fromkeys([(Pair, "positives_wanted"), (Pair, "negatives_wanted")], None),
    **dict.fromkeys([(Pair, "detectable"), (GroupAudit, "prevalence"), (Trial, "value")], NAN),
}


def publish(document: Document, sharing: Sharing = "rates") -> Document:
    """Return a document as it may be shared; with `sharing="auc"` of AUCs, their intervals and verdicts alone."""
    if document.shared is None:
        document = _judged(_by_the_rule(document))
    if sharing == "auc":
        document = _judged(replace(rewrite(document, Rule(hidden, BUT_AUCS).change), shared="auc"))
    return document


def hidden(count: Any) -> Size:
    """Show no size."""
    return None


def two_digits(value: float) -> float:
    """Round to two digits that count."""
    return float(f"{value:.2g}")


@dataclass(frozen=True)
class Rule:
    """The rule for an audit, for a comparison, or for parts that rest on no group.

    Args:
        to_size: how a size is shown.
        never: what stands for a field whatever it holds.
        cases: behind the numbers.
        unlogged: ends of names that a log loses.
    """

    to_size: ToSize = rounded
    never: Fields = field(default_factory=lambda: NEVER)
    cases: Cases = field(default_factory=Cases)
    unlogged: tuple[str, ...] = COUNTERS

    def change(self, value: Any, kind: Any, path: Path) -> Any:
        """Return a part of a document as it is shown, or `DESCEND`."""
        owner, name = next((step for step in reversed(path) if not isinstance(step[0], dict)), (None, ""))
        if (type(owner), name) in self.never:
            return self.never[type(owner), name]
        if kind == Size:
            return self.to_size(value)
        if isinstance(value, str):
            return PATH.sub(r"\1", value)
        if isinstance(value, Reason):  # counts of cases go, those of groups stay
            count = value.count if value.kind == "too_few_groups" else None
            return replace(value, count=count, needed=None if value.kind == "few_movable" else value.needed)
        if isinstance(owner, Step) and name == "facts" and type(value) in (int, float):
            return self.to_size(value) if isinstance(value, int) else two_digits(value)
        if isinstance(owner, Step) and name == "log" and isinstance(value, dict):
            return {key: round(item, 2) for key, item in value.items() if not key.endswith(self.unlogged)}
        few = self.cases.few(path)
        if isinstance(value, Estimate) and few:
            return withheld(value, few)
        if isinstance(value, Ranking) and few:
            return None
        if isinstance(owner, Pair) and isinstance(value, int):
            return None if few else int(two_digits(value))
        if kind == Real:
            return NAN if few else self._number(value, owner, name)
        return DESCEND

    def _number(self, value: float, owner: Any, name: str) -> float:
        if name == "learning_rate":
            return value
        if isinstance(owner, (ThresholdAudit, ThresholdChange)):  # a cut; one that no data chose stays
            return value if owner.fitted_on is None else two_digits(value)
        if name in ("p", "p_adjusted"):
            return two_digits(value)
        if isinstance(owner, GroupAudit) and name == "prevalence":
            positives, n = self.to_size(owner.positives), self.to_size(owner.n)
            value = positives / n if isinstance(positives, int) and isinstance(n, int) else NAN
        return round(value, 2) + 0.0


def _by_the_rule(document: Document) -> Document:
    repair, sheets = document.run and document.run.repair, document.data.splits
    gone = {name: recoverable(sheet) for name, sheet in sheets.items()}
    balanced = repair.external.split if repair else ""
    if balanced in sheets and any(True for _ in few_groups(sheets[balanced])):
        # Its cells are equally large, so that any sum of them tells them.
        gone[balanced] = {None, *(part.name for part in sheets[balanced].attributes)}
    validation = [sheets[name] for name in sheets if name == "validation"]
    unlogged = (*COUNTERS, *(f"_{group}" for sheet in validation for group in few_groups(sheet)))
    of_models = Rule(hidden if gone.get(balanced) else rounded, unlogged=unlogged)
    shown = rewrite(replace(document, models=[], audits=[]), Rule().change)
    return replace(
        shown,
        data=replace(shown.data, splits={name: _sheet(sheet, gone[name]) for name, sheet in sheets.items()}),
        models=[rewrite(model, of_models.change) for model in document.models],
        audits=[_audited(entry, gone.get(entry.split)) for entry in document.audits],
        shared="rates",
    )


def _sheet(sheet: SplitSheet, gone: set[str | None]) -> SplitSheet:
    whole = rewrite(sheet, Rule(hidden if None in gone else rounded).change)
    parts = [rewrite(part, Rule(hidden if part.name in gone else rounded).change) for part in sheet.attributes]
    return replace(whole, attributes=parts)


def _audited(entry: Audited, gone: set[str | None] | None) -> Audited:
    """Apply the rule to an audit and its comparison; sizes of a split without a sheet, which nobody checked, go."""
    to_size = hidden if gone is None or {entry.attribute, None} & gone else rounded
    audit = rewrite(_curves(entry.audit), Rule(to_size, cases=Cases.of(entry.audit)).change)
    compared = entry.comparison and rewrite(entry.comparison, Rule(to_size, cases=Cases.of(entry.comparison)).change)
    return replace(entry, audit=audit, comparison=compared)


def _curves(audit: Audit) -> Audit:
    """Keep the curves of groups with enough cases, at a few points, and bins of enough rows."""
    large = [row.group for row in audit.groups if min(exact(row.positives), exact(row.negatives)) >= CURVE_CASES]
    roc = [_thinned(curve) for curve in audit.roc if curve.group in large]
    reliable = [curve for curve in audit.reliability or () if curve.group in large]
    reliable = [replace(curve, bins=[one for one in curve.bins if exact(one.n) >= FEW]) for curve in reliable]
    return replace(audit, roc=roc, reliability=None if audit.reliability is None else reliable)


def _thinned(curve: RocCurve) -> RocCurve:
    places = np.unique(np.linspace(0, len(curve.fpr) - 1, ROC_POINTS).round().astype(int)).tolist()
    return replace(curve, fpr=[round(curve.fpr[i], 2) for i in places], tpr=[round(curve.tpr[i], 2) for i in places])


def _judged(shared: Document) -> Document:
    """Give the rows of the gate the numbers that are shown; verdicts stay."""
    if shared.gate is None:
        return shared
    from .gate.numbers import number_of  # only where there is a gate

    rows = [replace(row, found=row.found and number_of(shared, row)) for row in shared.gate.rows]
    return replace(shared, gate=replace(shared.gate, rows=rows))
