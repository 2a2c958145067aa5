"""A table of images to a `DatasetDict` ready for a Trainer: pixel_values, labels and groups in three splits."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from datasets import ClassLabel, Dataset, DatasetDict, Features, Value

from ..errors import FairTuneError
from .arguments import DataArguments
from .groups import assign_groups
from .identity import identify
from .labels import binary_labels
from .levels import as_levels
from .pixels import cache_folder, cached_pixels
from .processors import check_colours, colours, pixel_shape, resized_processor
from .sheet import Rows, check, data_hash, split_sheet
from .source import SPLITS, Source, load_source
from .splits import SplitPlan, SplitRows, divide
from .transform import PixelTransform


@dataclass(frozen=True)
class FairDataset:
    """Three splits of one table, and the facts about them.

    Args:
        splits: `train`, `validation` and `test`; each has the columns `row`, `labels`, `groups` (and `cluster`)
            and yields `pixel_values`, `labels` and `groups` as tensors. Only `train` is augmented.
        processor: the image processor whose result the pixels are; save this one with the model.
        transform: the transform of the evaluation splits.
    """

    splits: DatasetDict
    processor: Any
    transform: PixelTransform
    _sheet: dict[str, Any]

    def __getitem__(self, split: str) -> Dataset:
        """Return a split by its name: `train`, `validation` or `test`."""
        return self.splits[split]

    def sheet(self) -> dict[str, Any]:
        """Return the facts as `data` of `fairtune.json`."""
        return copy.deepcopy(self._sheet)

    def plain(self, split: str) -> Dataset:
        """Return a split as evaluation sees it: the training split without augmentation, too."""
        return self.splits[split].with_transform(self.transform)

    def columns(self, split: str) -> dict[str, np.ndarray]:
        """Return `row`, `labels`, `groups` (and `cluster`) of a split, each of shape `(rows,)`, without its pixels."""
        columns: dict[str, np.ndarray] = self.splits[split].with_format("numpy")[:]
        return columns

    def clusters(self, split: str) -> np.ndarray | None:
        """Return the cluster of every row of a split, shape `(rows,)`, or None where no cluster was asked for."""
        stored = self.splits[split].with_format(None)
        return np.asarray(stored["cluster"][:]) if "cluster" in stored.column_names else None

    @property
    def group_names(self) -> list[str]:
        """Return the names of the groups in the order of their indices."""
        return list(self._sheet["group_names"])

    @property
    def label_names(self) -> list[str]:
        """Return the names of the labels 0 and 1."""
        return [self._sheet["negative_label"], self._sheet["positive_label"]]


def load_fair_dataset(
    arguments: DataArguments, processor: Any, *, seed: int = 0, splits_file: Path | None = None
) -> FairDataset:
    """Load, divide and cache the table that `arguments` name.

    Args:
        arguments: what to load.
        processor: the model's image processor; `arguments.image_size` changes a copy of it.
        seed: of made splits.
        splits_file: where made splits are kept and read back next time, whatever the seed.

    Raises:
        FairTuneError: anything about the data, the flags or the disk that a user can mend, in one line.
    """
    if arguments.image_size is not None:
        processor = resized_processor(processor, arguments.image_size)
    pixel_shape(processor)
    check_colours(processor)
    plan = SplitPlan(arguments.validation_fraction, arguments.test_fraction, seed, splits_file)
    source = load_source(arguments)
    rows, stamps, origin = _rows(source, arguments, plan)
    check(rows)
    pixels = cached_pixels(source.images, stamps, processor, cache_folder(arguments.data_cache))
    scale, shift = colours(processor)
    colour = tuple(scale.tolist()), tuple(shift.tolist())
    transform = PixelTransform(pixels, *colour, smallest_crop=arguments.smallest_crop)
    splits = DatasetDict({name: _split(rows, name, transform) for name in SPLITS})
    return FairDataset(splits, processor, transform, _sheet(rows, arguments, source.name, origin))


def _rows(source: Source, arguments: DataArguments, plan: SplitPlan) -> tuple[Rows, list[str], str]:
    labels = binary_labels(source.column(arguments.label, "label"), arguments.positive)
    groups = assign_groups(source.frame, arguments.group)
    clusters = _clusters(source, arguments.cluster)
    identities = identify(source.images, source.root)
    units = clusters if clusters is not None else identities.images
    split_rows = SplitRows(identities.rows, units, 2 * groups.values + labels.values, source.given)
    split, origin = divide(split_rows, plan)
    return Rows(identities.rows, labels, groups, clusters, units, split), identities.stamps, origin


def _clusters(source: Source, name: str | None) -> list[str] | None:
    if name is None:
        return None
    levels = as_levels(source.column(name, "cluster"))
    missing = int(levels.isna().sum())
    if missing:
        raise FairTuneError(
            f"`{name}` is empty in {missing} of {len(levels)} rows; give every row its cluster (a row of its own may "
            "have a name of its own)."
        )
    return [str(value) for value in levels]


def _split(rows: Rows, name: str, transform: PixelTransform) -> Dataset:
    inside = np.flatnonzero(rows.split == name)
    columns: dict[str, Any] = {
        "row": inside.tolist(),
        "labels": rows.labels.values[inside].tolist(),
        "groups": rows.groups.values[inside].tolist(),
    }
    features = Features(
        row=Value("int64"),
        labels=ClassLabel(names=[rows.labels.negative, rows.labels.positive]),
        groups=ClassLabel(names=rows.groups.names),
    )
    if rows.clusters is not None:
        columns["cluster"] = [rows.clusters[i] for i in inside]
        features["cluster"] = Value("string")
    dataset = Dataset.from_dict(columns, features=features)
    return dataset.with_transform(transform.with_augmentation(name == "train"))


def _sheet(rows: Rows, arguments: DataArguments, name: str, origin: str) -> dict[str, Any]:
    return {
        "name": name,
        "label": arguments.label,
        "positive_label": rows.labels.positive,
        "negative_label": rows.labels.negative,
        "groups": list(arguments.group),
        "group_names": rows.groups.names,
        "cluster": arguments.cluster,
        "hash": data_hash(rows),
        "splits": {split: split_sheet(rows, split) for split in SPLITS},
        "split_source": origin,
    }
