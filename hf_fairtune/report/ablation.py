"""Several repairs side by side: a row a value of what was varied, mean and spread over seeds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import fmean, stdev
from typing import Any

from ..record import Record
from .layout import Table, as_text, number
from .paired import is_worse

BEFORE = "before"
AUCS = {"AUC": "auc", "lowest group": "min_group_auc", "gap": "auc_gap"}
DIFFERENCES = {"SPD": "demographic_parity_difference", "EOdds": "equalized_odds_difference"}
NOTES = [
    "SPD: demographic parity difference; EOdds: the larger of the TPR and FPR differences; smaller is more equal",
    "at 0.5 as the papers have it, and at Youden's threshold fitted on the validation split of each run; before, "
    "calibrated: the model as it came, its probabilities calibrated as those after, which only 0.5 tells apart",
    "!n: in n of the seeds some group is predicted positive in fewer than 1 % or more than 99 %; a small difference "
    "there says that the model decides nothing, not that it treats groups alike",
    "worse: some group's AUC fell beyond its paired interval and none rose",
    "a seed divides the table, draws the external set and trains; epochs are those of each step",
]


def ablation_rows(runs: Mapping[str, Sequence[Record]]) -> list[dict[str, Any]]:
    """Collect the numbers of every run: for each test set the model before, then after each value.

    Args:
        runs: value of the varied flag -> its records, a seed each.

    Returns:
        rows of `split`, `value`, `verdicts` (a seed each; empty before), `numbers`, for each metric a value a seed,
        and `degenerate`, for each metric the seeds whose threshold decides nothing in some group.
    """
    first = next(iter(runs.values()))
    splits = list(dict.fromkeys(entry["split"] for entry in first[0].evaluations))
    rows = []
    for split in splits:
        for title, model in {BEFORE: "baseline", f"{BEFORE}, calibrated": "baseline, calibrated"}.items():
            audits = [record.evaluation(model, split) for record in first]
            rows += [_row(split, title, audits, [])] if any(audits) else []
        for value, records in runs.items():
            audits = [record.evaluation(record.method, split) for record in records]
            rows.append(_row(split, value, audits, [_verdict(record, split) for record in records]))
    return rows


def _row(split: str, value: str, audits: Sequence[dict[str, Any] | None], verdicts: list[str]) -> dict[str, Any]:
    each = [_numbers(audit) for audit in audits if audit is not None]
    numbers = {name: [found.get(name) for found in each] for name in dict.fromkeys(n for found in each for n in found)}
    blind = [name for audit in audits if audit is not None for name in _degenerate(audit)]
    degenerate = {name: blind.count(name) for name in dict.fromkeys(blind)}
    return {"split": split, "value": value, "verdicts": verdicts, "numbers": numbers, "degenerate": degenerate}


def _numbers(audit: dict[str, Any]) -> dict[str, float | None]:
    found = {name: audit[key]["value"] for name, key in AUCS.items()}
    for threshold in audit["thresholds"]:
        found |= {_column(name, threshold): threshold[key]["value"] for name, key in DIFFERENCES.items()}
    return found


def _degenerate(audit: dict[str, Any]) -> list[str]:
    """Name the columns that rest on a threshold which decides nothing in some group."""
    blind = [threshold for threshold in audit["thresholds"] if threshold["degenerate"]]
    return [_column(name, threshold) for threshold in blind for name in DIFFERENCES]


def _column(name: str, threshold: dict[str, Any]) -> str:
    return f"{name} at {threshold['policy'] if threshold['fitted_on'] else format(threshold['value'], 'g')}"


def _verdict(record: Record, split: str) -> str:
    found = [entry for entry in record.comparisons if entry["split"] == split]
    if not found:
        return "not compared"
    return "worse" if is_worse(found[0]) else str(found[0]["verdict"])


def ablation_table(name: str, rows: Sequence[dict[str, Any]], n_seeds: int) -> str:
    """Lay the rows out for a terminal, a table a test set."""
    columns = list(rows[0]["numbers"])
    over = f"mean ± standard deviation over {n_seeds} seeds, " if n_seeds > 1 else ""
    tables = [
        Table(
            f"{over}on {split}",
            [name, *columns, "against before"],
            [_cells(row, columns) for row in rows if row["split"] == split],
        )
        for split in dict.fromkeys(row["split"] for row in rows)
    ]
    return "\n\n".join([*map(as_text, tables), "\n".join(f"* {note}" for note in NOTES)])


def _cells(row: dict[str, Any], columns: Sequence[str]) -> list[str]:
    counts = {verdict: row["verdicts"].count(verdict) for verdict in dict.fromkeys(row["verdicts"])}
    told = ", ".join(f"{n} {verdict}" for verdict, n in counts.items())
    marks = {name: f" !{n}" for name, n in row["degenerate"].items()}
    return [row["value"], *(spread(row["numbers"].get(name, [])) + marks.get(name, "") for name in columns), told]


def spread(values: Sequence[float | None]) -> str:
    """Write mean ± standard deviation over seeds; a dash where a seed has no value."""
    known = [value for value in values if value is not None]
    if not known or len(known) < len(values):
        return number(None)
    return f"{fmean(known):.3f} ± {stdev(known):.3f}" if len(known) > 1 else f"{known[0]:.3f}"
