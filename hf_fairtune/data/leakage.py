"""Rows seen twice: in two splits, in a test set, by a trained model, or by the fit of a threshold."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from ..document.data import Data
from ..document.document import RUN_FILE, Document
from ..errors import FairTuneError, listed
from .splits import FILE_NAME as SPLITS_FILE
from .splits import read_splits

if TYPE_CHECKING:
    from .image_rows import ImageRows
    from .scored_table import ScoredTable

SEEN = ("train", "validation")
SHARE = 0.5
FEWEST = 10


def check_test_set(name: str, test: ImageRows, main: ImageRows) -> None:
    """Check that no cluster and no image of a test set is one of the main data's train or validation split.

    Images are compared by the content of their files, so a copy elsewhere or under another name is noticed; one that
    was saved again is not.
    """
    seen = main.inside(*SEEN)
    if test.table.clusters is not None and main.table.clusters is not None:
        both = np.intersect1d(test.table.clusters, main.table.clusters[seen])
        advice = "Drop them from the test set; if they are others of the same name, name them differently."
        _refuse(name, "clusters", both.tolist(), advice)
    contents = {main.identities.images[row] for row in seen}
    pairs = enumerate(zip(test.identities.names, test.identities.images, strict=True))
    # An embedded image is called by its content, which nobody would look for.
    shared = [f"row {row}" if image == own else image for row, (image, own) in pairs if own in contents]
    _refuse(name, "images", shared, "Drop them from the test set.")


def _refuse(name: str, what: str, both: list[str], advice: str) -> None:
    if both:
        raise FairTuneError(
            f"Test set `{name}` shares {len(both)} {what} with the training or validation data ({listed(both, 5)}); "
            f"the test would be seen before. {advice}"
        )


def check_unseen(model: str | Path, rows: ImageRows, data: Data) -> None:
    """Check that no row of the test split was one that a trained model was fitted or chosen on.

    The split file of its folder says it or, where its data gave the splits, its document. A Hub id, and a folder
    without these or with those of other data, say nothing.
    """
    folder = Path(model).expanduser()
    if (folder / SPLITS_FILE).is_file():
        _check_split_file(folder / SPLITS_FILE, rows)
    elif (folder / RUN_FILE).is_file():
        _check_document(folder, data)


def _check_split_file(file: Path, rows: ImageRows) -> None:
    where, made = read_splits(file)
    # A row's identity is its image's, and a count where an image is listed again.
    images = {key.partition(".")[0] for key, split in where.items() if split in SEEN}
    seen = np.isin(rows.units, rows.units[np.isin(rows.identities.images, list(images))])
    test = rows.inside("test")
    if seen[test].any():
        raise FairTuneError(
            f"The model in `{file.parent}` has seen {seen[test].sum()} of the {len(test)} test rows in its training "
            f"or validation, or others of their cluster. Divide as it did (--seed {made.seed}, and the same --group, "
            "--cluster and fractions), or give the data a column `split`."
        )


def _check_document(folder: Path, data: Data) -> None:
    document = Document.load(folder)
    if document.data.hash != data.hash:
        return
    old, new = (facts.splits["test"] for facts in (document.data, data))
    # A shared document rounds its sizes: "<8" says no more than 0.
    before, now = (size if isinstance(size, int) else 0 for size in (old.n, new.n))
    # A smaller test split that the data give may be a part of the old one; one that was made again is not.
    if old.hash != new.hash and (data.split_source == "made" or now >= before):
        least = max(now - before, 1) if document.shared is None else 1
        raise FairTuneError(
            f"The model in `{folder}` was trained on these very data with another test split, so that it has seen at "
            f"least {least} of the {now} test rows. Give the data the splits it was trained with, in a column "
            "`split`."
        )


def refuse_shared(scored: ScoredTable, fit_on: ScoredTable) -> None:
    """Refuse rows to fit thresholds on that are audited too: at a cut chosen on them rates look too good.

    Where both have clusters none may be shared. Nor may an image: names that both tables have mean the same images
    where half of them have the same labels and scores, too. Without clusters rows are the same that have the same
    labels and scores, twins within a table left out: of tables of other patients these are at most 1 in e, whatever
    the scores' digits, so that half of the smaller table (and `FEWEST`) is no chance.
    """
    advice = "a threshold looks too good on the rows it is fitted on: give those of other patients"
    if scored.clusters is not None and fit_on.clusters is not None:
        both = np.intersect1d(scored.clusters, fit_on.clusters)
        if len(both):
            raise FairTuneError(
                f"clusters of audited rows are among those for thresholds, too ({listed(both, 3)}); {advice}."
            )
    images = _same_images(scored, fit_on)
    if images:
        raise FairTuneError(
            f"{len(images)} images of audited rows are among those for thresholds, too ({listed(images, 3)}); "
            f"{advice}."
        )
    if scored.clusters is not None and fit_on.clusters is not None:
        return
    same = len(_single_rows(scored).merge(_single_rows(fit_on)))
    if same >= FEWEST and same > SHARE * min(len(scored.labels), len(fit_on.labels)):
        raise FairTuneError(
            f"{same} of {len(fit_on.labels)} rows for thresholds have the labels and scores of audited rows; {advice}."
        )


def _single_rows(table: ScoredTable) -> pd.DataFrame:
    """Return labels and scores of the rows that occur once in a table."""
    return pd.DataFrame(np.column_stack([table.labels, table.scores])).drop_duplicates(keep=False)


def _same_images(table: ScoredTable, other: ScoredTable) -> list[str]:
    """Return the names of images that are in both tables, unless most of these names mean other images."""
    if table.images is None or other.images is None:
        return []
    both = np.intersect1d(table.images, other.images)
    one, two = (
        pd.DataFrame(np.column_stack([part.labels, part.scores])).assign(image=part.images).drop_duplicates()
        for part in (table, other)
    )
    same = one.merge(two)["image"].unique().tolist()
    return sorted(same) if len(same) >= SHARE * len(both) else []
