"""The trials that a combination may take, and how a set of them grows, member by member, until one does harm."""

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
        scored: rows that the trials did not train on, with their scores: probabilities, [k, n] or [k, n, classes].
        first: place of the trial that the selection chose.
        seed: of resamples.
        scores_of: gives the scores of the model that some trials make together, by place, [n].
        is_feasible: tells whether scores, [n], keep the floors of the search, as those of each trial do.
    """

    objective: Objective
    scored: Scored
    first: int
    seed: int
    scores_of: Callable[[Sequence[int]], np.ndarray]
    is_feasible: Callable[[np.ndarray], bool] = lambda _: True

    def ranked(self) -> list[int]:
        """Return the other places, the best value first; of equal ones the earlier trial."""
        order = np.argsort(-self.objective.gains(self.objective.values(self.scored)), kind="stable").tolist()
        return [place for place in order if place != self.first]

    def mean(self, places: Sequence[int]) -> np.ndarray:
        """Return the mean of the scores of some trials."""
        found: np.ndarray = self.scored.scores[list(places)].mean(axis=0)
        return found

    def best_mean(self, most: int) -> list[Step]:
        """Grow from the chosen trial to at most so many, whose scores are averaged; see `grown`."""
        return self.grown(most, self.mean)

    def best_soup(self, most: int) -> list[Step]:
        """Grow from the chosen trial to at most so many, whose weights are averaged; see `grown`."""
        return self.grown(most, self.scores_of)

    def grown(self, most: int, together: Callable[[Sequence[int]], np.ndarray]) -> list[Step]:
        """Take in the trials by value, the best first, but for those that break a floor or are shown to do harm.

        A mean has less variance than its members, so that harm is what takes evidence: 200 rows seldom show a gain.

        Args:
            most: members at most.
            together: gives the scores of what some trials make, by place, [n].

        Source: Wortsman et al. 2022, "Model soups", ICML, recipe 1, with a test in place of the difference.
        """
        alone = together([self.first])
        members, scores, steps = [self.first], alone, [self._step(self.first, alone)]
        for place in self.ranked():
            if len(members) == most:
                break
            mixed = together([*members, place])
            # Against the chosen trial too: harms that are each too small to be shown may add up.
            before = [alone] if scores is alone else [scores, alone]
            if self.is_feasible(mixed) and not any(self.is_worse(mixed, one) for one in before):
                members, scores = [*members, place], mixed
                steps.append(self._step(place, scores))
        return steps

    def is_worse(self, scores: np.ndarray, now: np.ndarray) -> bool:
        """Tell whether scores are shown to worsen the objective, or the AUC of a group, beside others, [n] each.

        That is where the upper bound of the change, over resamples that both share, is below zero; or where no
        resample defines the objective. A group without an AUC has none that may fall.
        """
        scored = replace(self.scored, scores=np.stack([now, scores]))
        cells = [Objective(key, maximize=True) for key in scored.auc_keys]
        for objective in (self.objective, *cells):
            change = np.diff(objective.gains(objective.draws(scored, N_BOOT, self.seed)), axis=1)
            change = change[~np.isnan(change)]
            if not len(change) and objective is self.objective:
                return True
            if len(change) and np.quantile(change, CONFIDENCE) < -ROUNDING:
                return True
        return False

    def _step(self, place: int, scores: np.ndarray) -> Step:
        scored = replace(self.scored, scores=scores[None])
        bounds = self.objective.bounds(scored, CONFIDENCE, N_BOOT, self.seed)
        return Step(place, float(self.objective.values(scored)[0]), float(bounds[0]))
