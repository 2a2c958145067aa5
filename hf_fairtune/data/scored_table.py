"""Scored rows with all that an audit needs beside the scores."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from ..document.data import Reading, Task
from .attributes import Attribute

# Rows that are hashed at once.
HASHED = 2**16
OPTIONAL = ("reference_scores", "splits", "chosen", "reference_chosen", "images")


@dataclass(frozen=True)
class ScoredTable:
    """Scored rows.

    Args:
        labels: 0 or 1, or -1 where one of several findings is not known, int64 [n, k].
        scores: finite, float64 [n, k]; higher means more likely 1.
        targets: name of every column of both, [k].
        task: "binary", "multiclass" (each class against the rest) or "multilabel" (each label).
        label_name: the label column, several joined by ", ".
        attributes: the partitions of the rows.
        clusters: id of the cluster of every row as text [n]; None where rows are independent.
        reference_scores: of another model on the same rows, float64 [n, k]; None where there is none.
        splits: train, validation or test of every row [n], where a column `split` says so; else None.
        chosen: target of the highest score of every row, int64 [n], -1 for a class that is no target; None where they
            do not exclude each other. `reference_chosen` is the reference's.
        readings: what was made of the values of label, attributes and file, before rows were taken.
        explain: partitions of the rows that may go with errors; none of them is audited.
        weights: how much of the population every row stands for, above 0, float64 [n]; None where all are alike.
        images: name of the image of every row as text [n], where a column has it; else None.
    """

    labels: np.ndarray
    scores: np.ndarray
    targets: list[str]
    task: Task
    label_name: str
    attributes: list[Attribute]
    clusters: np.ndarray | None = None
    reference_scores: np.ndarray | None = None
    splits: np.ndarray | None = None
    chosen: np.ndarray | None = None
    reference_chosen: np.ndarray | None = None
    readings: list[Reading] = field(default_factory=list)
    explain: list[Attribute] = field(default_factory=list)
    weights: np.ndarray | None = None
    images: np.ndarray | None = None

    @property
    def probability(self) -> bool:
        """Say whether all scores, the reference's too, lie in 0..1."""
        scores = self.scores if self.reference_scores is None else np.hstack([self.scores, self.reference_scores])
        return bool(scores.min() >= 0 and scores.max() <= 1)

    @property
    def row_hash(self) -> str:
        """Hash labels, scores, groups, weights and clusters of all rows in any order; 16 hexadecimal digits."""
        columns, parts = [self.labels, self.scores], []
        for attribute in self.attributes:
            columns.append(attribute.values)
            parts.append([attribute.name, attribute.names])
        names: list[object] = [self.targets, parts]
        if self.reference_scores is not None:
            columns.append(self.reference_scores)
        if self.weights is not None:
            columns.append(self.weights)
        if self.clusters is not None:
            ids, codes = np.unique(self.clusters, return_inverse=True)
            columns, names = [*columns, codes], [*names, ids.tolist()]
        content = np.column_stack(columns).astype(np.float64, copy=False)
        content += 0.0  # in place, as the rows may be millions
        order, found = np.lexsort(content.T), hashlib.sha256(json.dumps(names).encode())
        for start in range(0, len(order), HASHED):
            found.update(content[order[start : start + HASHED]].tobytes())
        return found.hexdigest()[:16]

    def known(self, target: int) -> ScoredTable:
        """Return the rows whose label of a target, by its place, is known."""
        kept = self.labels[:, target] >= 0
        return self if kept.all() else self.take(kept)

    def attribute(self, name: str) -> Attribute:
        """Return an attribute by its name."""
        return next(own for own in self.attributes if own.name == name)

    def take(self, rows: np.ndarray) -> ScoredTable:
        """Return some of the rows (indices, or a mask [n]); targets stay, and of the groups those that occur."""
        kept: dict[str, Any] = {
            name: None if (values := getattr(self, name)) is None else values[rows]
            for name in ("labels", "scores", "clusters", "weights", *OPTIONAL)
        }
        attributes, explain = ([part.take(rows) for part in parts] for parts in (self.attributes, self.explain))
        return replace(self, attributes=attributes, explain=explain, **kept)
