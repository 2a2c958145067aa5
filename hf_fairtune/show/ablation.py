"""Several repairs side by side: a row a value of what was varied, mean and spread over seeds."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import product
from math import isnan
from statistics import fmean, stdev

from ..audits.audit_table import ARGMAX
from ..document.audit import Audit
from ..document.document import Audited, Document
from ..document.estimate import NAN
from ..publish import publish
from .classes import several
from .table import Table, as_text
from .view import splits
from .words import MISSING

GAPS = {"SPD": "demographic_parity_difference", "EOdds": "equalized_odds_difference"}
NOTES = """\
* SPD: demographic parity difference; EOdds: the larger of the TPR and FPR differences; smaller is more equal
* at {cut}, and at Youden's threshold fitted on the validation split of each run
* !n: in n of the seeds some group is predicted positive in fewer than 1 % or more than 99 %, so that a small
  difference shows that the model decides nothing, not that it treats groups alike
* better, worse: some group's AUC rose, or fell, beyond its interval, which is simultaneous over the groups
* a seed divides the table, draws the external set and trains; epochs are those of each step"""
FIXED, LIKELIEST = "0.5 as the papers have it", "argmax, the likeliest class"
DASHED = "* a dash, or a column left out: fewer than 10 cases of the class, or of others, in a group it rests on"


@dataclass
class AblationRow:
    """A value on a split: for each metric a number a seed and the seeds of degenerate thresholds; a verdict a seed.

    Of several classes `split` names one, too, and numbers that rest on fewer than 10 cases are NaN.
    """

    split: str
    value: str
    numbers: dict[str, list[float]] = field(default_factory=dict)
    degenerate: dict[str, int] = field(default_factory=dict)
    verdicts: list[str] = field(default_factory=list)


def ablation_rows(runs: Mapping[str, Sequence[Document]]) -> list[AblationRow]:
    """Collect the numbers of every run, by value of the varied flag, a document a seed.

    Each test split has first the models before, then those after each value.
    """
    first = next(iter(runs.values()))
    of_classes, rows = several(first[0]), list[AblationRow]()
    # What may be shared of each run tells which numbers rest on enough cases.
    shown = {value: list(map(publish, documents)) if of_classes else documents for value, documents in runs.items()}
    judged = next(iter(shown.values()))
    for split, target in product(splits(first[0]), first[0].data.targets):
        place = f"{split}, {target.words}" if of_classes else split
        for model in first[0].models:
            if model.id != first[0].model:
                found, known = (
                    [_last(document, model.id, split, target.name) for document in some] for some in (first, judged)
                )
                rows.append(_row(place, model.title, found, known))
        for value, documents in runs.items():
            entries = [_last(document, document.model, split, target.name) for document in documents]
            known = [_last(document, document.model, split, target.name) for document in shown[value]]
            rows.append(_row(place, value, entries, known))
            rows[-1].verdicts = [e.comparison.verdict if e and e.comparison else "not compared" for e in entries]
    return rows


def _last(document: Document, model: str, split: str, target: str) -> Audited | None:
    """Return the audit by the last attribute, which is the intersection of all where there are several."""
    return next(reversed([e for e in document.select(model, split, target) if e.attribute is not None]), None)


def _row(split: str, value: str, entries: Sequence[Audited | None], shown: Sequence[Audited | None]) -> AblationRow:
    """Collect the numbers of every seed that are `shown`, too; without several classes that is all."""
    row = AblationRow(split, value)
    for entry, kept in zip(entries, shown, strict=True):
        known = _numbers(kept.audit) if kept else {}
        for name, (number, degenerate) in _numbers(entry.audit).items() if entry else ():
            few = entry is not kept and isnan(known[name][0])
            row.numbers.setdefault(name, []).append(NAN if few else number)
            if degenerate is not None:
                row.degenerate[name] = row.degenerate.get(name, 0) + (degenerate and not few)
    return row


def _numbers(audit: Audit) -> dict[str, tuple[float, bool | None]]:
    """Return AUCs and, at each threshold, gaps, each with whether the threshold is degenerate."""
    found: dict[str, tuple[float, bool | None]] = {
        "AUC": (audit.auc.value, None),
        "lowest group": (audit.min_group_auc.value, None),
        "gap": (audit.auc_gap.value, None),
    }
    for at in audit.thresholds:
        where = at.policy if at.fitted_on or isnan(at.value) else f"{at.value:g}"
        found |= {f"{short} at {where}": (at.gaps[key].value, at.degenerate) for short, key in GAPS.items()}
    return found


def ablation_table(name: str, rows: Sequence[AblationRow], n_seeds: int, of_classes: bool = False) -> str:
    """Lay the rows out for a terminal, a table a split, of several classes one for each."""
    over = f"mean ± standard deviation over {n_seeds} seeds, " if n_seeds > 1 else ""
    tables = []
    for split in dict.fromkeys(row.split for row in rows):
        some = [row for row in rows if row.split == split]
        cells = []
        for row in some:
            verdicts = ", ".join(f"{n} {verdict}" for verdict, n in Counter(row.verdicts).items())
            marks = {metric: f" !{n}" for metric, n in row.degenerate.items() if n}
            numbers = [spread(values) + marks.get(metric, "") for metric, values in row.numbers.items()]
            cells.append([row.value, *numbers, verdicts])
        tables.append(Table.of(f"{over}on {split}", [name, *some[0].numbers, "against before"], cells))
    likeliest = any(name.endswith(f" at {ARGMAX}") for row in rows for name in row.numbers)
    notes = NOTES.format(cut=LIKELIEST if likeliest else FIXED)
    return "\n\n".join([*map(as_text, tables), f"{notes}\n{DASHED}" if of_classes else notes])


def spread(values: Sequence[float]) -> str:
    """Write mean ± standard deviation over seeds; a dash where a seed has no value."""
    if not values or any(map(isnan, values)):
        return MISSING
    return f"{fmean(values):.3f} ± {stdev(values):.3f}" if len(values) > 1 else f"{values[0]:.3f}"
