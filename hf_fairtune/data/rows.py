"""The rows of one table of images: what its columns say of each, and how some of them become a dataset."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from datasets import ClassLabel, Dataset, Features, Value

from ..errors import FairTuneError
from .arguments import DataArguments
from .groups import Groups, assign_groups
from .identity import Identities, identify
from .labels import BinaryLabels, binary_labels
from .levels import as_levels
from .source import Source
from .transform import PixelTransform


@dataclass(frozen=True)
class Rows:
    """All rows of a table with their facts and their split; every array has shape `(rows,)`.

    Args:
        images: one column `image` of undecoded images.
        identities: what tells the images apart.
        labels: 0 and 1, and what they mean.
        groups: the group of every row.
        clusters: patient or lesion of every row, None where none was asked for.
        split: name of the split of every row.
    """

    images: Dataset
    identities: Identities
    labels: BinaryLabels
    groups: Groups
    clusters: list[str] | None
    split: np.ndarray

    @property
    def units(self) -> list[str]:
        """Return what must not be torn apart: the clusters, or where there are none the images."""
        return self.clusters if self.clusters is not None else self.identities.images

    def inside(self, *splits: str) -> np.ndarray:
        """Return the rising indices of the rows in any of the splits."""
        return np.flatnonzero(np.isin(self.split.astype(str), splits))

    def cells(self, chosen: np.ndarray) -> np.ndarray:
        """Return the counts of the chosen rows, shape `(groups, 2)`: negatives and positives."""
        counts = np.zeros((len(self.groups.names), 2), dtype=np.int64)
        np.add.at(counts, (self.groups.values[chosen], self.labels.values[chosen]), 1)
        return counts

    def dataset(self, chosen: np.ndarray, transform: PixelTransform) -> Dataset:
        """Return the chosen rows as `row`, `labels`, `groups` (and `cluster`), which `transform` turns to tensors."""
        columns: dict[str, Any] = {
            "row": chosen.tolist(),
            "labels": self.labels.values[chosen].tolist(),
            "groups": self.groups.values[chosen].tolist(),
        }
        features = Features(
            row=Value("int64"),
            labels=ClassLabel(names=[self.labels.negative, self.labels.positive]),
            groups=ClassLabel(names=self.groups.names),
        )
        if self.clusters is not None:
            columns["cluster"] = [self.clusters[i] for i in chosen]
            features["cluster"] = Value("string")
        return Dataset.from_dict(columns, features=features).with_transform(transform)


def read_rows(source: Source, arguments: DataArguments, split: str, *, lone_levels: bool = False) -> Rows:
    """Read label, groups, cluster and image of every row of a source, all in one split.

    Args:
        source: the table as it was found.
        arguments: names of its columns.
        split: name of the split they are all put in.
        lone_levels: whether an attribute may have one level, as long as there are two groups.

    Raises:
        FairTuneError: a column is not there or does not hold what is wanted.
    """
    labels = binary_labels(source.column(arguments.label, "label"), arguments.positive)
    groups = assign_groups(source.frame, arguments.group, lone_levels=lone_levels)
    clusters = _clusters(source, arguments.cluster)
    identities = identify(source.images, source.root)
    return Rows(source.images, identities, labels, groups, clusters, np.full(len(source.images), split, dtype=object))


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
