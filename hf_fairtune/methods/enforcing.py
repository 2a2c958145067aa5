"""The base of heads that a fairness measure is enforced on: two heads on cached features, merged into one."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np
import torch
from optuna.distributions import FloatDistribution

from ..document.run import Needs
from ..document.scalar import Scalar
from ..errors import FairTuneError
from ..families.head import is_multi_label
from .facts import Facts
from .features import features_of, head_alone, write_head
from .group_weights import BOUNDS, Enforced, HeldOut, Measure, enforce
from .method import Method, StageRecord, flag
from .two_heads import Lines, TwoHeads


@dataclass(frozen=True)
class Features:
    """What the head reads of some rows, float64 [n, d]; their labels and group codes, [n]."""

    values: np.ndarray
    labels: np.ndarray
    groups: np.ndarray

    def take(self, rows: np.ndarray) -> Features:
        """Return some of the rows."""
        return Features(self.values[rows], self.labels[rows], self.groups[rows])


@dataclass(kw_only=True)
class Enforcing(Method):
    """Fits heads and enforces a measure on rows they were not fitted on; `head` says which rows serve what."""

    trains: ClassVar[str] = "the head alone, without gradient steps"
    takes_mask: ClassVar[bool] = False
    needs: ClassVar[Needs] = Needs(attribute_at_train=True, attribute_at_validation=True, original_training_data=False)

    enforce: Measure = flag(
        "equal_opportunity",
        "What must hold at even odds: the groups' sensitivities differ by `bound` at most (equal_opportunity), or "
        "each is `bound` at least (min_sensitivity).",
    )
    bound: float | None = flag(None, "Bound of the measure; by default 0.05 for the gap, 0.8 for the sensitivity.")
    ridge: float = flag(
        100.0,
        "Strength of the L2 penalty of both heads, on standardised features, beside sums over rows.",
        search=FloatDistribution(1.0, 1e4, log=True),
    )
    least_cases: int = flag(3, "Held-out cases below which nothing is enforced for a group; such groups are counted.")
    facts: Facts = field(default_factory=Facts, init=False, repr=False, compare=False)
    fitted: dict[str, Scalar] = field(default_factory=dict, init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Refuse options that would have no effect, and values that cannot be."""
        self.refuse_options()
        if self.enforce not in BOUNDS:
            raise FairTuneError(f"`enforce` is {self.enforce!r}; choose from {', '.join(BOUNDS)}.")
        if self.bound is not None and not 0 <= self.bound <= 1:
            raise FairTuneError(f"`bound` is {self.bound:g}; give a share from 0 to 1.")
        if not self.ridge > 0:
            raise FairTuneError(f"`ridge` is {self.ridge:g}; give a strength above 0.")
        if self.least_cases < 1:
            raise FairTuneError(f"`least_cases` is {self.least_cases}; give 1 or more.")

    @property
    def wanted(self) -> float:
        """Return the bound that holds."""
        return BOUNDS[self.enforce] if self.bound is None else self.bound

    def arguments(self) -> dict[str, Scalar]:
        """Return that no gradient step is taken."""
        return {"num_train_epochs": 0}

    def own_rows(self) -> str:
        """Say what the heads are fitted on."""
        return "every row once, in one fit"

    def prepare(self, model: Any, facts: Facts) -> Any:
        """Freeze all but the head.

        Raises:
            FairTuneError: there are more classes than two, or the model tells of several findings.
        """
        if is_multi_label(model) or facts.n_classes != 2:
            raise FairTuneError(
                f"{self.name} enforces sensitivities of one finding against the rest; name it by --positive, or "
                "choose another method, such as swift."
            )
        self.facts = facts
        return head_alone(model, facts.head)

    def finish(self, model: Any) -> None:
        """Make the merged head and write it into the model."""
        found = self.make(model)
        write_head(model, self.facts.head, torch.as_tensor(found.weights), torch.as_tensor(found.intercept))

    @abstractmethod
    def make(self, model: Any) -> Lines:
        """Return the merged head, and set `fitted`."""

    def record(self) -> StageRecord:
        """Return what was enforced, and what was reached on the held-out rows."""
        return StageRecord(self.fitted)

    def features(self, model: Any, view: str) -> Features:
        """Run the rows of a view through the model once, and keep what the head reads."""
        return Features(*(part.numpy() for part in features_of(model, self.facts, view)))

    def enforced(self, fitted: Features, held: Features) -> tuple[Lines, Enforced, int]:
        """Fit two heads, and merge them as the held-out rows need; last comes the number of groups left out of it.

        Raises:
            FairTuneError: rows of a label are lacking, or no group has enough held-out cases.
        """
        n_groups = self.facts.n_groups
        if any(len(np.unique(rows.labels)) < 2 for rows in (fitted, held)):
            raise FairTuneError(f"{self.name} needs rows of both labels to fit on and to enforce on; add rows.")
        cases = np.bincount(held.groups[held.labels == 1], minlength=n_groups)
        kept = tuple(np.flatnonzero(cases >= self.least_cases).tolist())
        if not kept:
            raise FairTuneError(
                f"no group has {self.least_cases} held-out cases, so {self.name} has nothing to enforce; add rows, "
                "or lower `least_cases`."
            )
        heads = TwoHeads.fit(fitted.values, fitted.labels, fitted.groups, n_groups, self.ridge)
        rows = HeldOut(heads.classifier(held.values), heads.attribute(held.values), held.labels, held.groups, kept)
        found = enforce(rows, self.enforce, self.wanted)
        return heads.merged(found.weights), found, n_groups - len(kept)

    def wanted_facts(self) -> dict[str, Scalar]:
        """Return what was to hold."""
        sign = "at most" if self.enforce == "equal_opportunity" else "at least"
        return {"enforced": f"{self.enforce.replace('_', ' ')} {sign} {self.wanted:g}"}
