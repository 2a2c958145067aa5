"""The rows that a run began with, kept in its folder: a restart with others is refused, and says what changed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, cast

import numpy as np

from ..errors import FairTuneError, first_line, listed
from ..files.folder import FILE_NAME as RUN
from ..files.kept_json import read_json, write_json
from .classes import trained_labels
from .identity import digest, unique

if TYPE_CHECKING:
    from .image_rows import ImageRows

NAME = "rows"
# Columns of the names of images, and of their contents.
IMAGE, CONTENT = "image", "content"
# In the file, whose checksum is beside them.
COLUMNS = "columns"

Columns = Mapping[str, Sequence[str]]


def rows_file(folder: Path, test_set: str = "") -> Path:
    """Return the file of the main data's rows, or of those of an added test set."""
    return folder / (f"{NAME}-{test_set}.json" if test_set else f"{NAME}.json")


def columns_of(rows: ImageRows, given: Sequence[str] | None = None) -> Columns:
    """Return what a training knows of each row, in their order: name, content, label, groups, cluster, given split."""
    labels = trained_labels(rows.table)
    said = map(str, labels.tolist()) if labels.ndim > 1 else [rows.label_names[label] for label in labels]
    found = {IMAGE: rows.identities.names, CONTENT: rows.identities.images, "label": [*said]}
    for part in rows.table.attributes:
        if part.kind != "intersection":
            found[part.name] = [part.names[value] for value in part.values]
    if rows.table.clusters is not None:
        found["cluster"] = list(map(str, rows.table.clusters))
    return found | ({} if given is None else {"split": [*given]})


def digests(columns: Columns) -> dict[str, str]:
    """Hash each column, by the names of the images whatever their order, and the order; 16 hexadecimal digits each."""
    names = unique(columns[IMAGE])
    found = {name: digest(sorted(zip(names, own, strict=True))) for name, own in columns.items() if name != IMAGE}
    return found | {"order of rows": digest(names)}


def keep_rows(folder: Path | None, rows: ImageRows, given: Sequence[str] | None = None, test_set: str = "") -> None:
    """Keep the rows that the run of a folder begins with, or check that it goes on with the same; None keeps nothing.

    Raises:
        FairTuneError: other rows, or the file cannot be read or written.
    """
    if folder is None:
        return
    file, now = rows_file(folder, test_set), columns_of(rows, given)
    if not (folder / RUN).is_file() or not file.is_file():
        write_json(file, {COLUMNS: now})
        return
    try:
        differing = changes(cast(Columns, read_json(file)[COLUMNS]), now)
    except (OSError, ValueError, LookupError) as error:
        raise FairTuneError(
            f"`{file}`, the rows that the run began with, cannot be read ({first_line(error)}); delete it if the data "
            "are as they were, or choose another output_dir."
        ) from error
    if differing:
        what = f"another test set `{test_set}`" if test_set else "other data"
        raise FairTuneError(
            f"`{folder}` was begun with {what}: {', '.join(differing)}; give it what it was begun with, or choose "
            "another output_dir."
        )


def changes(known: Columns, now: Columns) -> list[str]:
    """Say what differs between the rows of two tables; nothing where they are the same in the same order."""
    before, after = matched(known, now)
    old, new = len(known[IMAGE]), len(now[IMAGE])
    found = [f"{counted(new - len(after), 'row')} more"] if len(after) < new else []
    found += [f"{counted(old - len(before), 'row')} fewer"] if len(before) < old else []
    for name in [name for name in {**known, **now} if name != IMAGE]:
        if name not in known or name not in now:
            found.append(f"the column {name}")
            continue
        pairs = zip(before, after, strict=True)
        rows = [after_ for before_, after_ in pairs if known[name][before_] != now[name][after_]]
        if rows:
            what = f"the content of {counted(len(rows), 'image')}"
            what = what if name == CONTENT else f"{name} of {counted(len(rows), 'row')}"
            found.append(f"{what} ({listed([now[IMAGE][row] for row in rows], 3)})")
    if (np.diff(before) < 0).any():
        found.append("the order of the rows")
    return found


def matched(known: Columns, now: Columns) -> tuple[list[int], list[int]]:
    """Pair the rows of two tables by the names of images, else by their contents, else, without names, by place.

    Return the places in the one and in the other, in the order of the other.
    """
    pairs: dict[int, int] = {}
    for name in (IMAGE, CONTENT):
        old, new = ([*enumerate(unique(columns[name]))] for columns in (known, now))
        taken, where = {*pairs.values()}, {key: row for row, key in old}
        for row, key in new:
            if row not in pairs and key in where and where[key] not in taken:
                pairs[row] = where[key]
    left = {row for row in {*range(len(known[IMAGE]))} - {*pairs.values()} if has_no_name(known, row)}
    pairs |= {row: row for row in left & {*range(len(now[IMAGE]))} - {*pairs} if has_no_name(now, row)}
    after = sorted(pairs)
    return [pairs[row] for row in after], after


def has_no_name(columns: Columns, row: int) -> bool:
    """Tell whether an image is embedded, so that it is called by its content."""
    return columns[IMAGE][row] == columns[CONTENT][row]


def counted(n: int, what: str) -> str:
    """Write a number of things."""
    return f"{n} {what}{'' if n == 1 else 's'}"
