"""The rows of a table of images: what its columns say of each, and how some of them become a dataset."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
from datasets import ClassLabel, Dataset, Features, Value

from ..document.data import Data, SplitSheet, Target
from ..errors import FairTuneError, listed
from .arguments import DataArguments
from .attributes import Attribute, read_attributes
from .columns import SPLITS, clusters_of, named_column
from .copies import first_of_content, joined
from .facts import split_sheet
from .identity import Identities, identify, unordered_digest
from .scored_table import ScoredTable
from .source import Source
from .targets import binary_targets
from .transform import PixelTransform


@dataclass(frozen=True)
class ImageRows:
    """Rows of a table of images with their facts and their split.

    Args:
        images: one column `image` of undecoded images, [n].
        identities: what distinguishes the images, [n].
        table: what their columns say, of one target; the scores are 0 until a model gives some.
        negative: what the label 0 means.
        split: name of the split of every row, [n].
        first: for each row the first whose image has the same content, [n].
    """

    images: Dataset
    identities: Identities
    table: ScoredTable
    negative: str
    split: np.ndarray
    first: np.ndarray

    @property
    def groups(self) -> Attribute:
        """Return the partition that training knows: the intersection of all attributes, or the only one."""
        return self.table.attributes[-1]

    @property
    def label_names(self) -> list[str]:
        """Return the names of the labels 0 and 1."""
        return [self.negative, *self.table.targets]

    @property
    def units(self) -> np.ndarray:
        """Return what must stay in one split, [n]: the clusters, or where there are none the images; copies join."""
        units = np.array(self.identities.images) if self.table.clusters is None else self.table.clusters
        return joined(units, self.first)

    @property
    def strata(self) -> np.ndarray:
        """Return what splits hold alike shares of, [n]: group x label, from 0."""
        strata: np.ndarray = 2 * self.groups.values + self.table.labels[:, 0]
        return strata

    @property
    def data_hash(self) -> str:
        """Hash image, label, group and cluster of the rows, whatever their order."""
        labels, names = self.table.labels[:, 0], self.groups.names
        clusters = [""] * len(labels) if self.table.clusters is None else self.table.clusters
        columns = zip(self.identities.rows, labels, self.groups.values, clusters, strict=True)
        return unordered_digest([image, self.label_names[y], names[g], cluster] for image, y, g, cluster in columns)

    def inside(self, *splits: str) -> np.ndarray:
        """Return the rising indices of the rows in any of the splits."""
        return np.flatnonzero(np.isin(self.split.astype(str), splits))

    def cells(self, chosen: np.ndarray) -> np.ndarray:
        """Return the counts of the chosen rows, int64 [groups, 2]: negatives and positives."""
        counts = np.zeros((len(self.groups.names), 2), dtype=np.int64)
        np.add.at(counts, (self.groups.values[chosen], self.table.labels[chosen, 0]), 1)
        return counts

    def scored(
        self, chosen: np.ndarray, scores: np.ndarray, reference_scores: np.ndarray | None = None
    ) -> ScoredTable:
        """Return the chosen rows with a model's scores of the positive label, [chosen], and another model's if any."""
        reference = None if reference_scores is None else _column(reference_scores)
        return replace(self.table.take(chosen), scores=_column(scores), reference_scores=reference)

    def sheet(self, chosen: np.ndarray) -> SplitSheet:
        """Return the facts about the chosen rows, which are one split."""
        return split_sheet(self.table.take(chosen), unordered_digest(self.identities.rows[i] for i in chosen))

    def facts(self, name: str, arguments: DataArguments, origin: Literal["given", "made"]) -> Data:
        """Return the facts about the table of this name, read by `arguments`, and about its splits."""
        return Data(
            name=name,
            label=self.table.label_name,
            task=self.table.task,
            targets=[Target(self.table.targets[0], self.negative)],
            groups=list(arguments.group),
            cluster=arguments.cluster,
            hash=self.data_hash,
            probability=True,
            splits={split: self.sheet(self.inside(split)) for split in SPLITS},
            split_source=origin,
            readings=self.table.readings,
        )

    def dataset(self, chosen: np.ndarray, transform: PixelTransform) -> Dataset:
        """Return the chosen rows as `row`, `labels`, `groups` (and `cluster`), which `transform` turns to tensors."""
        columns: dict[str, Any] = {
            "row": chosen.tolist(),
            "labels": self.table.labels[chosen, 0].tolist(),
            "groups": self.groups.values[chosen].tolist(),
        }
        features = Features(
            row=Value("int64"), labels=ClassLabel(names=self.label_names), groups=ClassLabel(names=self.groups.names)
        )
        if self.table.clusters is not None:
            columns["cluster"] = self.table.clusters[chosen].tolist()
            features["cluster"] = Value("string")
        return Dataset.from_dict(columns, features=features).with_transform(transform)


def read_rows(source: Source, arguments: DataArguments, split: str, *, lone_levels: bool = False) -> ImageRows:
    """Read label, groups, cluster and image of every row of a source, all in one split.

    With `lone_levels` an attribute may have one level, as long as there are two groups.
    """
    column = named_column(source.frame, arguments.label, "label")
    found = binary_targets(column, arguments.positive, arguments.uncertain)
    attributes, grouped = read_attributes(source.frame, arguments.group, lone_levels=lone_levels)
    identities = identify(source.images, source.root)
    table = ScoredTable(
        labels=found.labels,
        scores=np.zeros(found.labels.shape),
        targets=found.names,
        task=found.task,
        label_name=arguments.label,
        attributes=attributes,
        clusters=clusters_of(source.frame, arguments.cluster),
        readings=[*source.readings, *found.readings, *grouped],
    )
    splits, first = np.full(len(source.images), split, object), first_of_content(source.images)
    return ImageRows(source.images, identities, table, str(found.negative), splits, first)


def _column(scores: np.ndarray) -> np.ndarray:
    return np.asarray(scores, dtype=np.float64).reshape(-1, 1)


def check_named(rows: ImageRows, arguments: DataArguments, left_out: Sequence[str]) -> None:
    """Check that what is left out or not by name are groups, or levels of them, and that two groups are left."""
    known = [name for attribute in rows.table.attributes for name in attribute.names]
    for flag in ("exclude", "include"):
        unknown = [name for name in getattr(arguments, flag) if name not in known]
        if unknown:
            raise FairTuneError(f"--{flag} {unknown[0]} is no group; the groups are {listed(known, 30)}.")
    if len(rows.groups.names) - len(left_out) < 2:
        raise FairTuneError(
            f"Without {listed(left_out)} fewer than two groups are left to compare; name fewer under --exclude, or "
            "an unknown one under --include."
        )


def check_both_classes(rows: ImageRows, left_out: Sequence[str]) -> None:
    """Check that every group but those left out has both classes in each split."""
    for name in SPLITS:
        _check_part(rows, rows.inside(name), left_out, f"the {name} split", "enlarge the split")


def check_folds(rows: ImageRows, folds: Sequence[np.ndarray], left_out: Sequence[str]) -> None:
    """Check that every group but those left out has both classes in each fold, given by its rows."""
    for fold, chosen in enumerate(folds):
        _check_part(rows, chosen, left_out, f"fold {fold + 1} of {len(folds)}", "take fewer folds")


def _check_part(rows: ImageRows, chosen: np.ndarray, left_out: Sequence[str], part: str, cure: str) -> None:
    for group, (negatives, positives) in zip(rows.groups.names, rows.cells(chosen), strict=True):
        if group not in left_out and (negatives == 0 or positives == 0):
            what = "one class" if negatives + positives else "no row"
            counts = f"{positives} `{rows.table.targets[0]}`, {negatives} `{rows.negative}`"
            raise FairTuneError(
                f"Group `{group}` has {what} in {part} ({counts}); merge it with another, leave it out by --exclude, "
                f"{cure}, or choose another --group."
            )
