"""Several repairs side by side: a row a value of what was varied, mean and spread over seeds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import fmean, stdev
from typing import Any

from ..record import Record
from .layout import Table, as_text, number

BEFORE = "before"
COLUMNS = {
    "AUC": "auc",
    "lowest group AUC": "min_group_auc",
    "AUC gap": "auc_gap",
    "SPD": "demographic_parity_difference",
    "EOdds [max]": "equalized_odds_difference",
}
NOTES = [
    "SPD: demographic parity difference; EOdds [max]: the larger of the TPR and FPR differences; lower is fairer",
    "threshold of SPD and EOdds: Youden's, fitted on the validation split of each run",
]


def ablation_rows(runs: Mapping[str, Sequence[Record]]) -> list[dict[str, Any]]:
    """Collect the numbers of every run: for each test set the model before, then after each value.

    Args:
        runs: value of the varied flag -> its records, a seed each.

    Returns:
        rows of `split`, `value`, `verdicts` (a seed each; empty before) and for each metric its values by seed.
    """
    first = next(iter(runs.values()))
    splits = list(dict.fromkeys(entry["split"] for entry in first[0].evaluations))
    rows = []
    for split in splits:
        rows.append(_row(split, BEFORE, [record.evaluation("baseline", split) for record in first], []))
        for value, records in runs.items():
            audits = [record.evaluation(record.method, split) for record in records]
            rows.append(_row(split, value, audits, [_verdict(record, split) for record in records]))
    return rows


def _row(split: str, value: str, audits: Sequence[dict[str, Any] | None], verdicts: list[str]) -> dict[str, Any]:
    numbers = {name: [_number(audit, key) for audit in audits] for name, key in COLUMNS.items()}
    return {"split": split, "value": value, "verdicts": verdicts, **numbers}


def _number(audit: dict[str, Any] | None, key: str) -> float | None:
    if audit is None:
        return None
    if key in audit:
        value: float | None = audit[key]["value"]
        return value
    fitted = [threshold for threshold in audit["thresholds"] if threshold["fitted_on"] is not None]
    return fitted[0][key]["value"] if fitted else None


def _verdict(record: Record, split: str) -> str:
    found = [entry["verdict"] for entry in record.comparisons if entry["split"] == split]
    return str(found[0]) if found else "not compared"


def ablation_table(name: str, rows: Sequence[dict[str, Any]], n_seeds: int) -> str:
    """Lay the rows out for a terminal, a table a test set."""
    spread = f"mean ± standard deviation over {n_seeds} seeds, " if n_seeds > 1 else ""
    tables = [
        Table(
            f"{spread}on {split}",
            [name, *COLUMNS, "against before"],
            [_cells(row) for row in rows if row["split"] == split],
        )
        for split in dict.fromkeys(row["split"] for row in rows)
    ]
    return "\n\n".join([*map(as_text, tables), "\n".join(f"* {note}" for note in NOTES)])


def _cells(row: dict[str, Any]) -> list[str]:
    counts = {verdict: row["verdicts"].count(verdict) for verdict in dict.fromkeys(row["verdicts"])}
    told = ", ".join(f"{n} {verdict}" for verdict, n in counts.items())
    return [row["value"], *(spread(row[name]) for name in COLUMNS), told]


def spread(values: Sequence[float | None]) -> str:
    """Write mean ± standard deviation over seeds; a dash where a seed has no value."""
    known = [value for value in values if value is not None]
    if not known or len(known) < len(values):
        return number(None)
    return f"{fmean(known):.3f} ± {stdev(known):.3f}" if len(known) > 1 else f"{known[0]:.3f}"
