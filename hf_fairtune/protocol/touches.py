"""The log of the test split: every time that a training scored it, written down before it did."""

from __future__ import annotations

import csv
import io
import os
from collections import Counter
from collections.abc import Sequence
from datetime import datetime, timezone
from pathlib import Path

FILE_NAME = "tested.csv"
COLUMNS = ("time", "task", "fold", "method", "seed", "split", "rows")


def note(root: Path, unit: Sequence[object], rows: dict[str, int]) -> None:
    """Append a line for each test split that a training is about to score.

    Args:
        root: folder of the comparison.
        unit: task, fold, method and seed.
        rows: number of rows by split.
    """
    now, path = datetime.now(timezone.utc).isoformat(timespec="seconds"), root / FILE_NAME
    lines = [[now, *unit, split, count] for split, count in rows.items()]
    if not path.is_file():
        lines.insert(0, list(COLUMNS))
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(lines)
    # One write at the end of the file: lines of several workers do not mix.
    file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
    try:
        os.write(file, text.getvalue().encode())
        os.fsync(file)
    finally:
        os.close(file)


def touches(root: Path) -> Counter[tuple[str, ...]]:
    """Return how often each training scored each test split, by task, fold, method, seed and split.

    More than once is a training that was killed between its scores and its record.
    """
    path = root / FILE_NAME
    if not path.is_file():
        return Counter()
    with path.open(newline="", encoding="utf-8", errors="replace") as file:
        rows = [row for row in csv.reader(file) if len(row) == len(COLUMNS) and row[0] != COLUMNS[0]]
    return Counter(tuple(row[1:6]) for row in rows)
