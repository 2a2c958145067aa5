"""Numbers that a paper published for the tasks of a protocol, read from a data file."""

from __future__ import annotations

import csv
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ..document.benchmark import PUBLISHED, PublishedNumber
from ..document.estimate import NAN
from ..errors import FairTuneError, first_line
from .task import Task, short

COLUMNS = ("table", "dataset", "attribute", "method", "metric", "value", "sd", "unit", "note")
PERCENT, OBJECTIVE = "percent", re.compile(r"objective=(\w+)")
MODEL = re.compile(r"model=(\S+)")


def published_numbers(given: Mapping[str, Any], config: str | None, tasks: Sequence[Task]) -> list[PublishedNumber]:
    """Read the numbers of a table of those metrics that a report has.

    Args:
        given: `file`, from the folder of the protocol file, and `table`, its number.
        config: the protocol file.
        tasks: of the protocol, named "dataset-attribute"; or one with a test set of the data set's name. The numbers
            of other tasks keep that name, and the report counts them.

    Raises:
        FairTuneError: the file cannot be read, or has no such table.
    """
    if not given:
        return []
    if unknown := sorted({*given} - {"file", "table"}):
        raise FairTuneError(f"`published`: `{unknown[0]}` is no key of it; give file and table.")
    path = Path(config or ".").parent / str(given.get("file", ""))
    try:
        with path.open(newline="", encoding="utf-8") as file:
            rows = [row for row in csv.DictReader(file) if row["table"] == str(given.get("table"))]
    except (OSError, KeyError) as error:
        raise FairTuneError(f"`published`: `{path}` cannot be read ({first_line(error)}); name its file.") from error
    if not rows:
        raise FairTuneError(f"`published`: `{path}` has no table {given.get('table')}.")
    return [_number(row, tasks) for row in rows if row["metric"] in PUBLISHED]


def _place(row: Mapping[str, str], tasks: Sequence[Task]) -> str:
    """Return the name of the task, and of its test set, that a published number is of."""
    dataset, attribute, model = row["dataset"], row["attribute"], MODEL.match(row["note"])
    for task in tasks:
        base = task.name.partition("+")[0]
        if model and short(model[1]) != short(task.model):
            continue
        if base == f"{dataset}-{attribute}":
            return task.name
        if dataset in task.tests and base.endswith(f"-{attribute}"):
            return f"{task.name}, {dataset}"
    return f"{dataset}-{attribute}"


def _number(row: Mapping[str, str], tasks: Sequence[Task]) -> PublishedNumber:
    """Read a row; numbers in percent become fractions."""
    scale = 100 if row["unit"] == PERCENT else 1
    task = _place(row, tasks)
    metric = next(one for one in PUBLISHED if one == row["metric"])
    sd = float(row["sd"]) / scale if row["sd"] else NAN
    objective = OBJECTIVE.match(row["note"])
    method = f"{row['method']}-{objective[1]}" if objective else row["method"]
    return PublishedNumber(task, method, metric, float(row["value"]) / scale, sd, f"table {row['table']}")
