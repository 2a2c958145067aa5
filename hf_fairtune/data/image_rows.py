"""The rows of a table of images: what its columns say of each, and how some of them become a dataset."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Literal

import numpy as np
from datasets import ClassLabel, Dataset, Features, List, Value

from ..document.data import Data, SplitSheet, Target
from .arguments import DataArguments
from .attributes import Attribute, read_attributes
from .classes import class_codes, trained_labels, training_targets
from .columns import SPLITS, clusters_of
from .copies import first_of_content, joined
from .facts import split_sheet
from .identity import Identities, identify, unordered_digest
from .pixels import cache_folder
from .scored_table import ScoredTable
from .source import Source
from .transform import PixelTransform


@dataclass(frozen=True)
class ImageRows:
    """Rows of a table of images with their facts and their split.

    Args:
        images: one column `image` of undecoded images, [n].
        identities: what distinguishes the images, [n].
        table: what their columns say; the scores are 0 until a model gives some.
        negative: what the label 0 means, of one finding against the rest; else None.
        split: name of the split of every row, [n].
        first: for each row the first whose image has the same content, [n].
    """

    images: Dataset
    identities: Identities
    table: ScoredTable
    negative: str | None
    split: np.ndarray
    first: np.ndarray

    @property
    def groups(self) -> Attribute:
        """Return the partition that training knows: the intersection of all attributes, or the only one."""
        return self.table.attributes[-1]

    @property
    def label_names(self) -> list[str]:
        """Return the names of the labels 0 and 1, of the classes, or of the findings."""
        return [self.negative, *self.table.targets] if self.negative is not None else self.table.targets

    @cached_property
    def classes(self) -> np.ndarray:
        """Return the class of every row, [n], see `class_codes`."""
        return class_codes(self.table)

    @property
    def units(self) -> np.ndarray:
        """Return what must stay in one split, [n]: the clusters, or where there are none the images; copies join."""
        units = np.array(self.identities.images) if self.table.clusters is None else self.table.clusters
        return joined(units, self.first)

    @property
    def strata(self) -> np.ndarray:
        """Return what splits hold alike shares of, [n]: group x class, from 0."""
        strata: np.ndarray = (int(self.classes.max()) + 1) * self.groups.values + self.classes
        return strata

    @property
    def data_hash(self) -> str:
        """Hash image, label, group and cluster of the rows, whatever their order."""
        labels, names = trained_labels(self.table), self.groups.names
        said = map(str, labels.tolist()) if labels.ndim > 1 else [self.label_names[label] for label in labels]
        clusters = [""] * len(labels) if self.table.clusters is None else self.table.clusters
        columns = zip(self.identities.rows, said, self.groups.values, clusters, strict=True)
        return unordered_digest([image, label, names[g], cluster] for image, label, g, cluster in columns)

    def inside(self, *splits: str) -> np.ndarray:
        """Return the rising indices of the rows in any of the splits."""
        return np.flatnonzero(np.isin(self.split.astype(str), splits))

    def cases(self, chosen: np.ndarray) -> np.ndarray:
        """Count negatives and positives of the chosen rows by group and target, int64 [groups, targets, 2]."""
        counts = np.zeros((len(self.groups.names), len(self.table.targets), 2), dtype=np.int64)
        groups, labels = self.groups.values[chosen], self.table.labels[chosen]
        for side in (0, 1):
            np.add.at(counts[..., side], groups, (labels == side).astype(np.int64))
        return counts

    def scored(
        self, chosen: np.ndarray, scores: np.ndarray, reference_scores: np.ndarray | None = None
    ) -> ScoredTable:
        """Return the chosen rows with a model's scores, [chosen, targets], and another model's if any."""
        own, other = _columns(scores), None if reference_scores is None else _columns(reference_scores)
        exclusive = self.table.task == "multiclass"
        return replace(
            self.table.take(chosen),
            scores=own,
            reference_scores=other,
            chosen=own.argmax(axis=1) if exclusive else None,
            reference_chosen=other.argmax(axis=1) if exclusive and other is not None else None,
        )

    def sheet(self, chosen: np.ndarray) -> SplitSheet:
        """Return the facts about the chosen rows, which are one split."""
        return split_sheet(self.table.take(chosen), unordered_digest(self.identities.rows[i] for i in chosen))

    def facts(self, name: str, arguments: DataArguments, origin: Literal["given", "made"]) -> Data:
        """Return the facts about the table of this name, read by `arguments`, and about its splits."""
        return Data(
            name=name,
            label=self.table.label_name,
            task=self.table.task,
            targets=[Target(name, self.negative) for name in self.table.targets],
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
            "labels": trained_labels(self.table)[chosen].tolist(),
            "groups": self.groups.values[chosen].tolist(),
        }
        features = Features(
            row=Value("int64"), labels=ClassLabel(names=self.label_names), groups=ClassLabel(names=self.groups.names)
        )
        if self.table.task == "multilabel":
            features["labels"] = List(Value("float32"), length=len(self.label_names))
        if self.table.clusters is not None:
            columns["cluster"] = self.table.clusters[chosen].tolist()
            features["cluster"] = Value("string")
        return Dataset.from_dict(columns, features=features).with_transform(transform)


def read_rows(
    source: Source, arguments: DataArguments, split: str, *, known: Sequence[str] = (), lone_levels: bool = False
) -> ImageRows:
    """Read label, groups, cluster and image of every row of a source, all in one split.

    With `lone_levels` an attribute may have one level, as long as there are two groups; `known` are all classes.
    """
    found = training_targets(source.frame, arguments.label, arguments.positive, arguments.uncertain, known)
    attributes, grouped = read_attributes(source.frame, arguments.group, lone_levels=lone_levels)
    identities = identify(source.images, source.root, cache_folder(arguments.data_cache))
    table = ScoredTable(
        labels=found.labels,
        scores=np.zeros(found.labels.shape),
        targets=found.names,
        task=found.task,
        label_name=", ".join(arguments.label),
        attributes=attributes,
        clusters=clusters_of(source.frame, arguments.cluster),
        readings=[*source.readings, *found.readings, *grouped],
    )
    splits, first = np.full(len(source.images), split, object), first_of_content(identities.images)
    return ImageRows(source.images, identities, table, found.negative, splits, first)


def _columns(scores: np.ndarray) -> np.ndarray:
    return np.asarray(scores, dtype=np.float64).reshape(len(scores), -1)
