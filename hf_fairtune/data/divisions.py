"""A table divided into test folds, so that every row is tested once, by a model that has not seen it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from datasets import DatasetDict

from ..errors import FairTuneError
from .columns import SPLITS
from .fair_dataset import TRAIN, FairDataset
from .image_checks import check_folds
from .splits import stratified
from .transform import transform_of


def divisions(data: FairDataset, count: int, seed: int = 0) -> list[FairDataset]:
    """Divide all rows into 3 or more folds: each in turn is `test`, the next is `validation`, the others are `train`.

    Units stay whole and strata alike, as in the splits, which count no more.

    Raises:
        FairTuneError: fewer than 3 folds, splits that the data give, or a group that is not left out lacks a class in
            a fold.
    """
    if count < 3:
        raise FairTuneError(f"`folds` is {count}; give 3 or more, for test, validation and training, or 0 for none.")
    if data.facts().split_source == "given":
        raise FairTuneError("the data give their own splits, which test folds would mix; leave `folds` out.")
    table, found = data._tables[TRAIN], []
    part = stratified(table.units, table.strata, [1 / count] * count, seed)
    check_folds(table, [np.flatnonzero(part == fold) for fold in range(count)], data.left_out(TRAIN))
    for fold in range(count):
        rest = ~np.isin(part, (fold, (fold + 1) % count))
        chosen = dict(zip(SPLITS, map(np.flatnonzero, (rest, part == (fold + 1) % count, part == fold)), strict=True))
        parts = {name: table.dataset(rows, transform_of(data.splits[name])) for name, rows in chosen.items()}
        facts = replace(data._facts, splits={name: table.sheet(rows) for name, rows in chosen.items()})
        tables = data._tables | dict.fromkeys(SPLITS, table)
        extra = {name: own for name, own in data.splits.items() if name not in SPLITS}
        found.append(replace(data, splits=DatasetDict({**parts, **extra}), _facts=facts, _tables=tables))
    return found
