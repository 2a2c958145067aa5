"""What a method may know of data and model before it trains."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal

import numpy as np
from datasets import Dataset
from torch import nn

from ..families.family import Family, known_family
from ..masks.proposals import FreeBits, Proposal


@dataclass(frozen=True)
class View:
    """Rows that a method reads: those of a split, augmented as in training or plain as in evaluation.

    "fit" is what is trained on: the balanced external set where the job drew one from "train", else "train".
    """

    split: Literal["fit", "train", "validation"] = "fit"
    augmented: bool = False


@dataclass(frozen=True)
class Facts:
    """Data, model and run as a method sees them.

    Args:
        group_names: name of each group code; empty where the data have no groups.
        n_classes: number of classes.
        cells: rows trained on by group and class, int [n_groups, n_classes].
        family: where the model keeps its parts; None for an architecture without a family file.
        blocks: transformer blocks of the model; 0 without a family.
        rows: the method's views by name, each with `pixel_values`, `labels` and `groups` by row.
        proposal: how a search writes a mask as trial parameters.
        head: module of the classification head, where it cannot be found; None to look for it.
        seed: of the run.
    """

    group_names: tuple[str, ...] = ()
    n_classes: int = 2
    cells: np.ndarray = field(default_factory=lambda: np.zeros((0, 2), dtype=int))
    family: Family | None = None
    blocks: int = 0
    rows: Mapping[str, Dataset] = field(default_factory=dict)
    proposal: Proposal = FreeBits()
    head: str | None = None
    seed: int = 0

    @property
    def n_groups(self) -> int:
        """Return the number of groups."""
        return len(self.group_names)

    @classmethod
    def of(cls, model: nn.Module, rows: Mapping[str, Any], head: str | None = None, seed: int = 0) -> Facts:
        """Read the facts from a plain model and from the rows of the view "train"."""
        family = known_family(model)
        blocks = 0 if family is None else family.count(model)
        return cls(family=family, blocks=blocks, head=head, seed=seed).reading(rows)

    def reading(self, rows: Mapping[str, Any]) -> Facts:
        """Return the facts with other rows, counted by the view "train"."""
        train: Any = rows.get("train")
        # A stream is not read before it is trained on.
        features: Mapping[str, Any] = train.features if isinstance(train, Dataset) else {}
        if not all(hasattr(features.get(name), "names") for name in ("labels", "groups")):
            return replace(self, rows=rows)
        names, n_classes = tuple(features["groups"].names), len(features["labels"].names)
        columns = train.with_format("numpy").select_columns(["labels", "groups"])[:]
        cells = np.bincount(columns["groups"] * n_classes + columns["labels"], minlength=len(names) * n_classes)
        cells = cells.reshape(len(names), -1)
        return replace(self, rows=rows, group_names=names, n_classes=n_classes, cells=cells)


def label_counts(rows: Any) -> np.ndarray | None:
    """Return the number of rows of each class, [n_classes]; None where no `ClassLabel` names the classes."""
    names = getattr(rows.features.get("labels"), "names", None) if isinstance(rows, Dataset) else None
    return None if names is None else np.bincount(rows.with_format("numpy")["labels"][:], minlength=len(names))
