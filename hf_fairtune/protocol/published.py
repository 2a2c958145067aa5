"""Numbers that a paper published for the tasks of a protocol, read from a data file."""

from __future__ import annotations

import csv
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..document.benchmark import PUBLISHED, PublishedNumber
from ..document.estimate import NAN
from ..errors import FairTuneError, first_line

COLUMNS = ("table", "dataset", "attribute", "method", "metric", "value", "sd", "unit", "note")
PERCENT, OBJECTIVE = "percent", re.compile(r"objective=(\w+)")


def published_numbers(given: Mapping[str, Any], config: str | None) -> list[PublishedNumber]:
    """Read the numbers of a table of those metrics that a report has.

    Args:
        given: `file`, from the folder of the protocol file; `table`, its number; and, where the file names data sets
            and attributes otherwise than the protocol its tasks, `tasks`: task by "dataset/attribute".
        config: the protocol file.

    Raises:
        FairTuneError: the file cannot be read, or has no such table.
    """
    if not given:
        return []
    if unknown := sorted({*given} - {"file", "table", "tasks"}):
        raise FairTuneError(f"`published`: `{unknown[0]}` is no key of it; give file, table and, if needed, tasks.")
    path = Path(config or ".").parent / str(given.get("file", ""))
    try:
        with path.open(newline="", encoding="utf-8") as file:
            rows = [row for row in csv.DictReader(file) if row["table"] == str(given.get("table"))]
    except (OSError, KeyError) as error:
        raise FairTuneError(f"`published`: `{path}` cannot be read ({first_line(error)}); name its file.") from error
    if not rows:
        raise FairTuneError(f"`published`: `{path}` has no table {given.get('table')}.")
    tasks: Mapping[str, str] = given.get("tasks") or {}
    return [_number(row, tasks) for row in rows if row["metric"] in PUBLISHED]


def _number(row: Mapping[str, str], tasks: Mapping[str, str]) -> PublishedNumber:
    """Read a row; numbers in percent become fractions."""
    scale = 100 if row["unit"] == PERCENT else 1
    task = tasks.get(f"{row['dataset']}/{row['attribute']}", f"{row['dataset']}-{row['attribute']}")
    metric = next(one for one in PUBLISHED if one == row["metric"])
    sd = float(row["sd"]) / scale if row["sd"] else NAN
    objective = OBJECTIVE.match(row["note"])
    method = f"{row['method']}-{objective[1]}" if objective else row["method"]
    return PublishedNumber(task, method, metric, float(row["value"]) / scale, sd, f"table {row['table']}")
