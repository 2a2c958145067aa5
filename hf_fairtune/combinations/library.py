"""The trials that a combination may take, and how a set of them grows, member by member, on the objective's bound."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from ..selections.objective import Objective, Scored

CONFIDENCE, N_BOOT = 0.95, 1000
# Below this a difference of AUCs is rounding.
ROUNDING = 1e-12


@dataclass(frozen=True)
class Step:
    """A member by its place, and the objective of the set up to it: its value, and its one-sided bound as a gain."""

    place: int
    value: float
    bound: float


@dataclass(frozen=True)
class Library:
    """The complete trials of a search.

    Args:
        objective: of the search.
        scored: rows that the trials did not train on, with their scores: probabilities, [k, n].
        first: place of the trial that the selection chose.
        seed: of resamples.
        scores_of: gives the scores of the model that some trials make together, by place, [n].
    """

    objective: Objective
    scored: Scored
    first: int
    seed: int
    scores_of: Callable[[Sequence[int]], np.ndarray]

    def ranked(self) -> list[int]:
        """Return the other places, the best value first; of equal ones the earlier trial."""
        order = np.argsort(-self.objective.gains(self.objective.values(self.scored)), kind="stable").tolist()
        return [place for place in order if place != self.first]

    def mean(self, places: Sequence[int]) -> np.ndarray:
        """Return the mean of the scores of some trials, [n]."""
        found: np.ndarray = self.scored.scores[list(places)].mean(axis=0)
        return found

    def best_mean(self, most: int) -> list[Step]:
        """Grow from the chosen trial to at most so many, taking in that which lifts the bound of the mean most.

        A trial that would lower the AUC of a group is passed over, and the set is whole where none lifts the bound.
        Ties go to the earlier trial.

        Source: Caruana et al. 2004, "Ensemble selection from libraries of models", ICML, without replacement, and on a
        bound in place of the value.
        """
        members = [self.first]
        steps = self._weighed(members, self.mean(members), [])
        while len(steps) < most:
            others = [place for place in range(len(self.scored.scores)) if place not in members]
            mixed = [self.mean([*members, place]) for place in others]
            now, *found = self._weighed([members[-1], *others], self.mean(members), mixed)
            rising = [step for step in found if step.bound > now.bound]
            if not rising:
                break
            steps.append(max(rising, key=lambda step: step.bound))
            members.append(steps[-1].place)
        return steps

    def best_soup(self, most: int) -> list[Step]:
        """Grow from the chosen trial through the others by value; one stays where the averaged model gets no worse.

        That is, where its bound does not fall, nor the AUC of a group.

        Source: Wortsman et al. 2022, "Model soups", ICML, recipe 1, on a bound in place of the value.
        """
        members = [self.first]
        scores = self.scores_of(members)
        steps = self._weighed(members, scores, [])
        for place in self.ranked():
            if len(members) == most:
                break
            mixed = self.scores_of([*members, place])
            now, found = self._weighed([members[-1], place], scores, [mixed])
            if found.bound >= now.bound:
                steps.append(found)
                members.append(place)
                scores = mixed
        return steps

    def _weighed(self, places: Sequence[int], now: np.ndarray, others: Sequence[np.ndarray]) -> list[Step]:
        """Weigh the scores of a set and of what it may become, [n] each; `places` are those of their last members.

        Only bounds of one call are of the same resamples. That of a set which lowers a group's AUC is NaN.
        """
        scored = replace(self.scored, scores=np.stack([now, *others]))
        bounds = self.objective.bounds(scored, CONFIDENCE, N_BOOT, self.seed)
        groups = [Objective(f"auc_{scored.rows.group_names[code]}", maximize=True) for code in scored.included]
        aucs = np.array([group.values(scored) for group in groups]).reshape(-1, len(bounds))
        bounds = np.where((aucs < aucs[:, :1] - ROUNDING).any(axis=0), np.nan, bounds)
        values = self.objective.values(scored)
        return [Step(*one) for one in zip(places, values.tolist(), bounds.tolist(), strict=True)]
