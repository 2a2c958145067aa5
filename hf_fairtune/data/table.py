"""A table of images to a `DatasetDict` ready for a Trainer: pixel_values, labels and groups in three splits."""

from __future__ import annotations

import copy
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from datasets import Dataset, DatasetDict

from .arguments import DataArguments
from .balance import balanced_rows
from .overlap import check_overlap, check_unseen
from .pixels import cache_folder, cached_pixels
from .processors import check_colours, colours, pixel_shape, resized_processor
from .rows import Rows, read_rows
from .sheet import check, data_hash, split_sheet
from .source import SPLITS, Source, load_source
from .splits import SplitPlan, SplitRows, divide
from .testsets import check_name, read_test_set
from .transform import PixelTransform


@dataclass(frozen=True)
class FairDataset:
    """Three splits of one table, what was added to them, and the facts about all.

    Args:
        splits: `train`, `validation` and `test`, then those added; each has the columns `row`, `labels`, `groups`
            (and `cluster`) and yields `pixel_values`, `labels` and `groups` as tensors. Only `train` and `external`
            are augmented.
        processor: the image processor whose result the pixels are; save this one with the model.
        transform: the transform of `validation` and `test`.
    """

    splits: DatasetDict
    processor: Any
    transform: PixelTransform
    _sheet: dict[str, Any]
    _rows: Rows

    def __getitem__(self, split: str) -> Dataset:
        """Return a split by its name: `train`, `validation`, `test`, or an added one."""
        return self.splits[split]

    def sheet(self) -> dict[str, Any]:
        """Return the facts as `data` of `fairtune.json`."""
        return copy.deepcopy(self._sheet)

    def plain(self, split: str) -> Dataset:
        """Return a split as evaluation sees it: the training splits without augmentation, too."""
        part = self.splits[split]
        return part.with_transform(part.format["format_kwargs"]["transform"].with_augmentation(False))

    def columns(self, split: str) -> dict[str, np.ndarray]:
        """Return `row`, `labels`, `groups` (and `cluster`) of a split, each of shape `(rows,)`, without its pixels."""
        columns: dict[str, np.ndarray] = self.splits[split].with_format("numpy")[:]
        return columns

    def clusters(self, split: str) -> np.ndarray | None:
        """Return the cluster of every row of a split, shape `(rows,)`, or None where no cluster was asked for."""
        stored = self.splits[split].with_format(None)
        return np.asarray(stored["cluster"][:]) if "cluster" in stored.column_names else None

    def groups_of(self, split: str) -> list[str]:
        """Return the names of a split's groups in the order of their indices; an added test set has its own."""
        return list(self.splits[split].features["groups"].names)

    @property
    def test_splits(self) -> list[str]:
        """Return the names of the splits for testing: `test`, then the added ones in their order."""
        return ["test", *self._sheet.get("test_sets", {})]

    @property
    def image_size(self) -> int:
        """Return the height of the pixels that a model is given."""
        return pixel_shape(self.processor)[0]

    def check_unseen(self, model: str | Path) -> None:
        """Check that a trained model, by what its folder tells, was neither fitted nor chosen on rows of `test`.

        Raises:
            FairTuneError: it was; the line says how to divide instead.
        """
        check_unseen(model, self._rows, self._sheet)

    def with_external(self, seed: int = 0, fraction: float = 1.0, replacement: bool = False) -> FairDataset:
        """Return the same data with the split `external`: rows of `train`, augmented, balanced by `balanced_rows`.

        Args:
            seed: of the draws.
            fraction: share of every group x label to keep, above 0 and at most 1.
            replacement: whether rows may be drawn several times.

        Raises:
            FairTuneError: the fraction is outside of (0, 1].
        """
        train = self.columns("train")
        chosen = balanced_rows(train["labels"], train["groups"], seed=seed, fraction=fraction, replacement=replacement)
        return self._with("external", self.splits["train"].select(chosen), self._rows, train["row"][chosen])

    def with_test_set(self, name: str, arguments: DataArguments) -> FairDataset:
        """Return the same data with one more test split: the whole table of another source.

        Its pixels are made by the same processor. Its groups are those that occur in it, which may be more or fewer
        than the main data's; a group may lack a class.

        Args:
            name: of the split; neither that of another one nor of other characters than letters, digits and `-_.`.
            arguments: the flags of the main data with the other source as `dataset`; splits, `image_root` and
                `image_size` do not count.

        Raises:
            FairTuneError: the name cannot be used, the table cannot be read by the flags, its labels have other names,
                or it shares clusters or images with `train` or `validation`.
        """
        check_name(name, self.test_splits)
        source, rows = read_test_set(name, arguments, self.label_names)
        check_overlap(name, rows, self._rows)
        folder = cache_folder(arguments.data_cache)
        pixels = cached_pixels(rows.images, rows.identities.stamps, self.processor, folder)
        inside = rows.inside(name)
        more = self._with(name, rows.dataset(inside, self.transform.over(pixels)), rows, inside)
        more._sheet["test_sets"] = {**self._sheet.get("test_sets", {}), name: source.name}
        return more

    def _with(self, name: str, part: Dataset, rows: Rows, chosen: np.ndarray) -> FairDataset:
        sheet = self.sheet()
        sheet["splits"][name] = split_sheet(rows, chosen)
        return replace(self, splits=DatasetDict({**self.splits, name: part}), _sheet=sheet)

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
    rows, origin = _divided(source, arguments, plan)
    check(rows)
    pixels = cached_pixels(rows.images, rows.identities.stamps, processor, cache_folder(arguments.data_cache))
    scale, shift = colours(processor)
    colour = tuple(scale.tolist()), tuple(shift.tolist())
    transform = PixelTransform(pixels, *colour, smallest_crop=arguments.smallest_crop)
    parts = {name: rows.dataset(rows.inside(name), transform.with_augmentation(name == "train")) for name in SPLITS}
    return FairDataset(DatasetDict(parts), processor, transform, _sheet(rows, arguments, source.name, origin), rows)


def _divided(source: Source, arguments: DataArguments, plan: SplitPlan) -> tuple[Rows, str]:
    rows = read_rows(source, arguments, "train")
    strata = 2 * rows.groups.values + rows.labels.values
    split, origin = divide(SplitRows(rows.identities.rows, rows.units, strata, source.given), plan)
    return replace(rows, split=split), origin


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
        "splits": {split: split_sheet(rows, rows.inside(split)) for split in SPLITS},
        "split_source": origin,
    }
