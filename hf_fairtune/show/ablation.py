"""Several repairs side by side: a row a value of what was varied, mean and spread over seeds."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import product
from math import isnan
from statistics import fmean, stdev

from ..document.document import Audited, Document
from .table import Table, as_text
from .view import splits
from .words import MISSING

GAPS = {"SPD": "demographic_parity_difference", "EOdds": "equalized_odds_difference"}
NOTES = """\
* SPD: demographic parity difference; EOdds: the larger of the TPR and FPR differences; smaller is more equal
* at 0.5 as the papers have it, and at Youden's threshold fitted on the validation split of each run
* !n: in n of the seeds some group is predicted positive in fewer than 1 % or more than 99 %, so that a small
  difference shows that the model decides nothing, not that it treats groups alike
* better, worse: some group's AUC rose, or fell, beyond its interval, which is simultaneous over the groups
* a seed divides the table, draws the external set and trains; epochs are those of each step"""


@dataclass
class AblationRow:
    """A value on a split: for each metric a number a seed and the seeds of degenerate thresholds; a verdict a seed.

    Of several classes `split` names one, too.
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
    rows = []
    for split, target in product(splits(first[0]), first[0].data.targets):
        place = f"{split}, {target.words}" if len(first[0].data.targets) > 1 else split
        for model in first[0].models:
            if model.id != first[0].model:
                found = [_last(document, model.id, split, target.name) for document in first]
                rows.append(_row(place, model.title, found))
        for value, documents in runs.items():
            entries = [_last(document, document.model, split, target.name) for document in documents]
            rows.append(_row(place, value, entries))
            rows[-1].verdicts = [e.comparison.verdict if e and e.comparison else "not compared" for e in entries]
    return rows


def _last(document: Document, model: str, split: str, target: str) -> Audited | None:
    """Return the audit by the last attribute, which is the intersection of all where there are several."""
    return next(reversed([e for e in document.select(model, split, target) if e.attribute is not None]), None)


def _row(split: str, value: str, entries: Sequence[Audited | None]) -> AblationRow:
    row = AblationRow(split, value)
    for audit in [entry.audit for entry in entries if entry]:
        found = {"AUC": audit.auc.value, "lowest group": audit.min_group_auc.value, "gap": audit.auc_gap.value}
        for at in audit.thresholds:
            where = at.policy if at.fitted_on else f"{at.value:g}"
            for short, key in GAPS.items():
                found[f"{short} at {where}"] = at.gaps[key].value
                row.degenerate[f"{short} at {where}"] = row.degenerate.get(f"{short} at {where}", 0) + at.degenerate
        for name, number in found.items():
            row.numbers.setdefault(name, []).append(number)
    return row


def ablation_table(name: str, rows: Sequence[AblationRow], n_seeds: int) -> str:
    """Lay the rows out for a terminal, a table a split."""
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
    return "\n\n".join([*map(as_text, tables), NOTES])


def spread(values: Sequence[float]) -> str:
    """Write mean ± standard deviation over seeds; a dash where a seed has no value."""
    if not values or any(map(isnan, values)):
        return MISSING
    return f"{fmean(values):.3f} ± {stdev(values):.3f}" if len(values) > 1 else f"{values[0]:.3f}"
