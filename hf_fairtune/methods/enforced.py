"""Heads merged so that a fairness measure holds on validation, after OxonFair (Delaney et al., NeurIPS 2024)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, ClassVar

from .enforcing import Enforcing
from .facts import View
from .two_heads import Lines


@dataclass(kw_only=True)
class EnforcedHead(Enforcing):
    """Fit a classifier and an attribute head on cached features, and merge them so that a measure holds on validation.

    The merged logit is the classifier's plus, for each group, a weight times the attribute head's score of the group.
    Validation chooses the weights: those that keep the measure at even odds, at the highest balanced accuracy. The
    result is one linear head: at inference no attribute is asked for. Two groups' weights are searched together, of
    more groups pair by pair. A later calibration moves even odds to another probability, and no ranking.

    Validation is chosen on, so a number there is better than that of other patients.
    """

    title: ClassVar[str] = "Enforced heads"
    citation: ClassVar[str] = """\
@inproceedings{delaney2024oxonfair,
  title = {OxonFair: A Flexible Toolkit for Algorithmic Fairness},
  author = {Eoin Delaney and Zihao Fu and Sandra Wachter and Brent Mittelstadt and Chris Russell},
  booktitle = {Advances in Neural Information Processing Systems},
  year = {2024}
}"""
    views: ClassVar[Mapping[str, View]] = MappingProxyType(
        {"train": View(augmented=True), "pool": View("train"), "validation": View("validation")}
    )

    def make(self, model: Any) -> Lines:
        """Fit on the training split, enforce on validation."""
        head, found, left_out = self.enforced(self.features(model, "pool"), self.features(model, "validation"))
        self.fitted = self.wanted_facts() | {
            "reached": found.reached,
            "value": found.value,
            "value_of_the_classifier": found.value_before,
            "balanced_accuracy": found.balanced,
            "balanced_accuracy_of_the_classifier": found.balanced_before,
            "groups_with_too_few_cases": left_out,
        }
        return head


METHOD = EnforcedHead
