"""Cross-fitted heads, each enforced on its own fold, after OxEnsemble (Rystrøm, Fu and Russell, MIDL 2026)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, ClassVar

import numpy as np

from ..data.splits import stratified
from ..document.run import Needs
from ..errors import FairTuneError
from .enforcing import Enforcing, Features
from .facts import View
from .method import flag
from .two_heads import Lines

CLUSTER = "cluster"


@dataclass(kw_only=True)
class CrossFittedHead(Enforcing):
    """Divide the training split into folds; fit two heads on all but one, enforce a measure on that one, average.

    Every member is as in `enforced`, with a fold of the training split in place of validation, so that all training
    rows serve both the fits and the measure, and validation is left for thresholds, calibration and judgement. Folds
    keep a cluster, such as a patient, whole, and are alike in labels and groups. OxEnsemble lets members vote; here
    their logits are averaged, which is one linear head again. So each member keeps the measure on its fold where that
    could be reached, which is counted; of the average it is not known.
    """

    title: ClassVar[str] = "Cross-fitted heads"
    citation: ClassVar[str] = """\
@inproceedings{rystrom2026oxensemble,
  title = {OxEnsemble: Fair Ensembles for Low-Data Classification},
  author = {Jonathan Rystr{\\o}m and Zihao Fu and Chris Russell},
  booktitle = {Medical Imaging with Deep Learning},
  year = {2026}
}"""
    needs: ClassVar[Needs] = Needs(attribute_at_train=True, original_training_data=False)
    views: ClassVar[Mapping[str, View]] = MappingProxyType({"train": View(augmented=True), "pool": View("train")})

    folds: int = flag(3, "Folds of the training split, and heads that are averaged.")

    def __post_init__(self) -> None:
        """Refuse values that cannot be."""
        super().__post_init__()
        if self.folds < 2:
            raise FairTuneError(f"`folds` is {self.folds}; give 2 or more.")

    def make(self, model: Any) -> Lines:
        """Fit and enforce fold by fold, and average."""
        pool = self.features(model, "pool")
        part = self.divided(pool)
        members = [
            self.enforced(pool.take(np.flatnonzero(part != fold)), pool.take(np.flatnonzero(part == fold)))
            for fold in range(self.folds)
        ]
        found = [one for _, one, _ in members]
        self.fitted = self.wanted_facts() | {
            "heads": self.folds,
            "heads_that_reached_it": sum(one.reached for one in found),
            "mean_value": float(np.mean([one.value for one in found])),
            "mean_value_of_the_classifiers": float(np.mean([one.value_before for one in found])),
            "balanced_accuracy": float(np.mean([one.balanced for one in found])),
            "balanced_accuracy_of_the_classifiers": float(np.mean([one.balanced_before for one in found])),
            "most_groups_with_too_few_cases": max(left_out for *_, left_out in members),
        }
        lines = [line for line, *_ in members]
        return Lines(
            np.mean([line.weights for line in lines], axis=0), np.mean([line.intercept for line in lines], axis=0)
        )

    def divided(self, pool: Features) -> np.ndarray:
        """Return the fold of every row, [n]; a cluster is in one."""
        rows: Any = self.facts.rows["pool"]
        whole = CLUSTER in rows.column_names
        units = rows.with_format("numpy").select_columns([CLUSTER])[:][CLUSTER] if whole else np.arange(len(rows))
        strata = pool.groups * self.facts.n_classes + pool.labels
        return stratified(units, strata, [1 / self.folds] * self.folds, self.facts.seed)


METHOD = CrossFittedHead
