"""Train and validation divided into folds, and the numbers of rows scored out of fold."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from ..audits.compute import numbers
from ..audits.engine.class_rows import ClassRows, check_class_rows
from ..audits.engine.rows import ScoredRows, included_codes
from ..data.fair_dataset import FairDataset
from ..document.estimate import NAN
from ..selections.objective import Scored
from .audits import VALIDATION
from .classes import class_names


@dataclass(frozen=True)
class Division:
    """Train and validation divided into folds.

    Args:
        parts: the data of each fold: its own rows are `validation`, those of the others `train`.
        rows: of all folds, one fold after another; the scores in it do not count.
        included: codes of the groups that numbers across groups are of.
        folds: of each row, [n].
    """

    parts: list[FairDataset]
    rows: ScoredRows | ClassRows
    included: tuple[int, ...]
    folds: np.ndarray

    @classmethod
    def of(cls, data: FairDataset, count: int, seed: int) -> Division:
        """Divide a data set; see `FairDataset.folds`."""
        parts, names = data.folds(count, seed), data.group_names
        columns = [part.columns(VALIDATION) for part in parts]
        every = {name: np.concatenate([one[name] for one in columns]) for name in columns[0]}
        classes, labels = class_names(None, data), every["labels"]
        nothing = np.zeros((len(labels), len(classes)) if classes else len(labels))
        rows = check_class_rows(labels, nothing, every["groups"], names, every.get("cluster"), classes)
        folds = np.repeat(np.arange(count), [len(one["labels"]) for one in columns])
        return cls(parts, rows, included_codes(names, data.left_out(VALIDATION)), folds)

    def scored(self, scores: np.ndarray) -> Scored:
        """Return the rows with out-of-fold scores of some trials, [k, n]."""
        return Scored(self.rows, self.included, scores, self.folds)

    def metrics(self, scores: np.ndarray, fold: int) -> dict[str, float]:
        """Compute every number of the rows up to a fold, as an evaluation has them, from their scores, [n].

        Scores that are not finite make every number NaN, as in `fairness_metrics`.
        """
        kept = self.folds <= fold
        finite = np.isfinite(scores[kept])
        rows = replace(self.rows.take(kept), scores=np.where(finite, scores[kept], 0.0))
        found = numbers(rows, self.included, self.folds[kept])
        return {f"eval_{name}": value if finite.all() else NAN for name, value in found.items()}
