"""A table of images to a `DatasetDict` ready for a Trainer: pixel_values, labels and groups in three splits."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from datasets import Dataset, DatasetDict

from ..document.data import Data, Task
from .added_rows import added_rows
from .arguments import DataArguments
from .balance import balanced_rows, stratified_rows
from .columns import SPLITS
from .copies import check_one_split
from .image_checks import check_both_classes, check_folds, check_named
from .image_rows import ImageRows, read_rows
from .known_rows import columns_of, digests, keep_rows
from .leakage import check_unseen
from .pixels import cache_folder
from .processors import pixel_shape, plain_processor
from .scored_table import ScoredTable
from .source import load_source
from .splits import SplitPlan, divide, stratified
from .table_object import Table
from .testsets import check_name
from .transform import cached_transform, transform_of

TRAIN = SPLITS[0]


@dataclass(frozen=True)
class FairDataset:
    """Three splits of one table, what was added to them, and the facts about all.

    Args:
        splits: `train`, `validation` and `test`, then those added; each has the columns `row`, `labels`, `groups`
            (and `cluster`) and yields `pixel_values`, `labels` and `groups` as tensors. Only `train` and `external`
            are augmented: by `FairTrainer` the same whatever workers, processes and interruptions there are; a stock
            Trainer or DataLoader draws from torch's global generator.
        processor: the image processor whose result the pixels are; save this one with the model.
        exclude: groups and levels that are left out of minimum and gap, and of a balanced set, as are those of rows
            without a known value.
        include: those of them that are not.
    """

    splits: DatasetDict
    processor: Any
    exclude: tuple[str, ...]
    include: tuple[str, ...]
    _facts: Data
    _tables: dict[str, ImageRows]  # of every split: the whole table that its column `row` counts in

    def __getitem__(self, split: str) -> Dataset:
        """Return a split by its name: `train`, `validation`, `test`, or an added one."""
        return self.splits[split]

    def facts(self) -> Data:
        """Return the facts about the table and its splits, as a document has them."""
        return self._facts

    def plain(self, split: str) -> Dataset:
        """Return a split as evaluation sees it: the training splits without augmentation, too."""
        part = self.splits[split]
        return part.with_transform(replace(transform_of(part), augmentation=None, views=0))

    def digests(self) -> dict[str, str]:
        """Hash what training knows of the rows of the table, and their order; the splits are those of `facts()`."""
        return digests(columns_of(self._tables[TRAIN]))

    def columns(self, split: str) -> dict[str, np.ndarray]:
        """Return `row`, `labels`, `groups` (and `cluster`) of a split, each of shape `(rows,)`, without its pixels."""
        columns: dict[str, np.ndarray] = self.splits[split].with_format("numpy")[:]
        return columns

    def cells(self, split: str) -> np.ndarray:
        """Count the rows of a split by group of `groups_of` and class of `label_names`, int64 [groups, classes]."""
        found = self.cases(split)
        return found[:, 0] if self.task == "binary" else found[..., 1]

    def cases(self, split: str) -> np.ndarray:
        """Count negatives and positives of a split by group of `groups_of` and target, int64 [groups, targets, 2]."""
        return self._tables[split].cases(self._rows(split))

    def scored(self, split: str, scores: np.ndarray, reference_scores: np.ndarray | None = None) -> ScoredTable:
        """Return the rows of a split, with the attributes and their intersection, and a model's scores of the targets.

        Scores are of the rows in their order, [n] of the positive label, or [n, k] of several classes or findings.
        """
        return self._tables[split].scored(self._rows(split), scores, reference_scores)

    def _rows(self, split: str) -> np.ndarray:
        return self.columns(split)["row"]

    def groups_of(self, split: str) -> list[str]:
        """Return the names of a split's groups in the order of their indices; an added test set has its own."""
        return list(self.splits[split].features["groups"].names)

    @property
    def group_names(self) -> list[str]:
        """Return the names of the groups in the order of their indices."""
        return self.groups_of(TRAIN)

    def left_out(self, split: str) -> list[str]:
        """Return the groups of a split that are left out of minimum and gap."""
        return self._tables[split].groups.left_out(self.exclude, self.include)

    @property
    def label_names(self) -> list[str]:
        """Return the names of the labels 0 and 1, of the classes, or of the findings."""
        return self._tables[TRAIN].label_names

    @property
    def task(self) -> Task:
        """Return "binary", "multiclass" (one of several classes), or "multilabel" (several findings)."""
        return self._facts.task

    @property
    def test_splits(self) -> list[str]:
        """Return the names of the splits for testing: `test`, then the added ones in their order."""
        return ["test", *self._facts.test_sets]

    @property
    def image_size(self) -> int:
        """Return the height of the images that a model sees, in pixels."""
        return pixel_shape(self.processor)[0]

    def check_unseen(self, model: str | Path) -> None:
        """Refuse a trained model, by its folder, that was fitted or chosen on rows of `test`; say how to divide."""
        check_unseen(model, self._tables[TRAIN], self._facts)

    def with_external(self, seed: int = 0, fraction: float = 1.0, replacement: bool = False) -> FairDataset:
        """Return the same data with the split `external`: rows of `train`, augmented, balanced by `balanced_rows`.

        Args:
            seed: of the draws.
            fraction: share of every group x label to keep, above 0 and at most 1.
            replacement: whether rows may be drawn several times.

        Raises:
            FairTuneError: the fraction is outside of (0, 1].
        """
        columns, names = self.columns(TRAIN), self.groups_of(TRAIN)
        kept = np.flatnonzero(~np.isin(columns["groups"], list(map(names.index, self.left_out(TRAIN)))))
        cells = self._tables[TRAIN].classes[columns["row"]][kept], columns["groups"][kept]
        chosen = kept[balanced_rows(*cells, seed=seed, fraction=fraction, replacement=replacement)]
        return self._with("external", self.splits[TRAIN].select(chosen), self._tables[TRAIN], columns["row"][chosen])

    def subset(self, fraction: float, seed: int = 0) -> FairDataset:
        """Return the same data with a share of the rows of `train`, in each group x label alike: `stratified_rows`."""
        columns = self.columns(TRAIN)
        chosen = stratified_rows(
            self._tables[TRAIN].classes[columns["row"]], columns["groups"], seed=seed, fraction=fraction
        )
        return self._with(TRAIN, self.splits[TRAIN].select(chosen), self._tables[TRAIN], columns["row"][chosen])

    def with_test_set(
        self, name: str, arguments: DataArguments, table: Table = None, run: Path | None = None
    ) -> FairDataset:
        """Return the same data with one more test split: the whole table of another source, by the same processor.

        Its groups are those that occur in it, which may be more or fewer than the main data's; one may lack a class.

        Args:
            name: of the split, of letters, digits and `-_.`; no other split has it.
            arguments: the flags of the main data with the other source as `dataset`; splits, `image_root` and
                `image_size` do not count.
            table: as in `load_fair_dataset`.
            run: folder of a run, which keeps the rows.

        Raises:
            FairTuneError: the name or the table cannot be used, its labels have other names, it shares clusters or
                images with `train` or `validation`, or the run began with other rows.
        """
        check_name(name, self.test_splits)
        source, rows = added_rows(name, arguments, self._tables[TRAIN], table)
        keep_rows(run, rows, test_set=name)
        cache = cache_folder(arguments.data_cache)
        transform = cached_transform(rows.images, rows.identities.images, self.processor, cache)
        every = rows.inside(name)
        more = self._with(name, rows.dataset(every, transform), rows, every)
        return replace(more, _facts=replace(more._facts, test_sets=self._facts.test_sets | {name: source}))

    def folds(self, count: int, seed: int = 0) -> list[FairDataset]:
        """Divide `train` and `validation` into 2 or more folds: each in turn is `validation`, the others are `train`.

        Units stay whole and strata alike, as in the splits; the test split is in none.

        Raises:
            FairTuneError: a group that is not left out lacks a class in a fold.
        """
        table, found = self._tables[TRAIN], []
        rows = table.inside(*SPLITS[:2])
        part = stratified(table.units[rows], table.strata[rows], [1 / count] * count, seed)
        check_folds(table, [rows[part == fold] for fold in range(count)], self.left_out(TRAIN))
        for fold in range(count):
            chosen = dict(zip(SPLITS, (rows[part != fold], rows[part == fold]), strict=False))
            parts = {name: table.dataset(own, transform_of(self.splits[name])) for name, own in chosen.items()}
            facts = replace(self._facts, splits={name: table.sheet(own) for name, own in chosen.items()}, test_sets={})
            tables = dict.fromkeys(chosen, table)
            found.append(replace(self, splits=DatasetDict(parts), _facts=facts, _tables=tables))
        return found

    def _with(self, name: str, part: Dataset, table: ImageRows, rows: np.ndarray) -> FairDataset:
        facts = replace(self._facts, splits=self._facts.splits | {name: table.sheet(rows)})
        tables = self._tables | {name: table}
        return replace(self, splits=DatasetDict({**self.splits, name: part}), _facts=facts, _tables=tables)


def load_fair_dataset(
    arguments: DataArguments, processor: Any, *, seed: int = 0, splits_file: Path | None = None, table: Table = None
) -> FairDataset:
    """Load, divide and cache the table that `arguments` name, or one that is given.

    Args:
        arguments: what to load.
        processor: the model's image processor; `arguments.image_size` changes a copy of it.
        seed: of made splits.
        splits_file: where made splits are kept and read back next time, whatever the seed; the rows lie beside it.
        table: a `Dataset`, or a `DatasetDict` whose splits are kept; `arguments.dataset` is its name in reports.

    Raises:
        FairTuneError: anything about the data, the flags or the disk that a user can correct, in one line.
    """
    processor = plain_processor(processor, arguments.image_size)
    plan = SplitPlan(arguments.validation_fraction, arguments.test_fraction, seed, splits_file)
    source = load_source(arguments.dataset, image=arguments.image, image_root=arguments.image_root, table=table)
    source = source.certain(arguments.label, arguments.positive, arguments.uncertain)
    rows = read_rows(source, arguments, TRAIN)
    keep_rows(splits_file and splits_file.parent, rows, source.given)
    split, origin = divide(rows.identities.rows, rows.units, rows.strata, source.given, plan)
    check_one_split(split, rows.table.clusters, rows.first, rows.identities.names.__getitem__)
    rows = replace(rows, split=split)
    left_out = rows.groups.left_out(arguments.exclude, arguments.include)
    check_named(rows, arguments, left_out)
    check_both_classes(rows, left_out)
    folder = cache_folder(arguments.data_cache)
    plain = cached_transform(rows.images, rows.identities.images, processor, folder)
    augmentation = arguments.augmentation(rows.images, pixel_shape(processor))
    augmented = replace(plain, augmentation=augmentation, views=arguments.stored_views)
    parts = {name: rows.dataset(rows.inside(name), augmented if name == TRAIN else plain) for name in SPLITS}
    facts = rows.facts(source.name, arguments, origin)
    named = tuple(arguments.exclude), tuple(arguments.include)
    return FairDataset(DatasetDict(parts), processor, *named, facts, dict.fromkeys(SPLITS, rows))
