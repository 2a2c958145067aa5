"""What a method may know of data and model before it trains."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal

import numpy as np
from datasets import Dataset
from torch import nn

from ..errors import FairTuneError
from ..families.family import model_type_of
from ..families.parts import Part, parts_of
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
        n_classes: number of classes, or of findings.
        cells: rows trained on by group and class, int [n_groups, n_classes]; of findings, of which a row has several,
            by group alone, [n_groups, 1].
        parts: of the model; empty where its structure does not tell them.
        model_type: of the model, for messages.
        rows: the method's views by name, each with `pixel_values`, `labels` and `groups` by row.
        proposal: how a search writes a mask as trial parameters.
        head: module of the classification head, where it cannot be found; None to look for it.
        seed: of the run.
    """

    group_names: tuple[str, ...] = ()
    n_classes: int = 2
    cells: np.ndarray = field(default_factory=lambda: np.zeros((0, 2), dtype=int))
    parts: tuple[Part, ...] = ()
    model_type: str = "model"
    rows: Mapping[str, Dataset] = field(default_factory=dict)
    proposal: Proposal = FreeBits()
    head: str | None = None
    seed: int = 0

    @property
    def n_groups(self) -> int:
        """Return the number of groups."""
        return len(self.group_names)

    def check_groups(self, method: str) -> None:
        """Check that the rows have groups, which the method of that name needs.

        Raises:
            FairTuneError: they have none.
        """
        if not self.n_groups:
            raise FairTuneError(f"{method} needs a column `groups` in the training data; name groups by --group.")

    @classmethod
    def of(cls, model: nn.Module, rows: Mapping[str, Any], head: str | None = None, seed: int = 0) -> Facts:
        """Read the facts from a plain model and from the rows of the view "train"."""
        try:
            parts = tuple(parts_of(model, head))
        except FairTuneError:  # a method that needs none trains such a model, too
            parts = ()
        return cls(parts=parts, model_type=model_type_of(model), head=head, seed=seed).reading(rows)

    def reading(self, rows: Mapping[str, Any]) -> Facts:
        """Return the facts with other rows, counted by the view "train"."""
        train: Any = rows.get("train")
        # A stream is not read before it is trained on.
        features: Mapping[str, Any] = train.features if isinstance(train, Dataset) else {}
        names, labels = (getattr(features.get(name), "names", None) for name in ("groups", "labels"))
        findings = is_list(features.get("labels"))
        if names is None or (labels is None and not findings):
            return replace(self, rows=rows)
        columns = train.with_format("numpy").select_columns(["labels", "groups"])[:]
        groups, truth = columns["groups"], columns["labels"]
        if findings:
            cells, n_classes = np.bincount(groups, minlength=len(names)), truth.shape[1]
        else:
            n_classes = len(labels or ())
            cells = np.bincount(groups * n_classes + truth, minlength=len(names) * n_classes)
        cells = cells.reshape(len(names), -1)
        return replace(self, rows=rows, group_names=tuple(names), n_classes=n_classes, cells=cells)


def is_list(feature: Any) -> bool:
    """Say whether a feature of `datasets` holds a list a row, as labels of several findings do."""
    return hasattr(feature, "feature") or isinstance(feature, list)


def label_counts(rows: Any) -> np.ndarray | None:
    """Return the number of rows of each class, [n_classes], or the negatives and positives of each finding, [n, 2].

    None where no `ClassLabel` names the classes, and of a stream, which is not read before it is trained on.
    """
    feature = rows.features.get("labels") if isinstance(rows, Dataset) else None
    if is_list(feature):
        labels = rows.with_format("numpy")["labels"][:]
        return np.stack([(labels == 0).sum(0), (labels == 1).sum(0)], axis=1)
    names = getattr(feature, "names", None)
    return None if names is None else np.bincount(rows.with_format("numpy")["labels"][:], minlength=len(names))
