"""The trial with the fewest trained parameters among those within one standard error of the best."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from .selection import Candidate, Chosen, Pool, Selection


@dataclass(frozen=True)
class OneSe(Selection):
    """Take the smallest of the trials that are not worse than the best by more than one standard error.

    The error is that of the difference to the best, from paired resamples of validation rows, or of clusters: what is
    hard for both moves both, so that it is smaller than the error of a value alone.

    Args:
        n_boot: resamples.

    Source: Breiman, Friedman, Olshen & Stone 1984, "Classification and Regression Trees", 3.4.3, the 1 SE rule, there
    with the error of the best alone.
    """

    n_boot: int = 1000
    scores: ClassVar[bool] = True

    @property
    def title(self) -> str:
        """Say what is chosen."""
        return "the fewest trained parameters within one standard error of the best value"

    def choose(self, pool: Pool) -> Chosen:
        """Return the trial; of equally small ones that of the better value."""
        ranked, gains = pool.ranked(), pool.objective.gains(pool.values)
        errors = pool.objective.errors(pool.scored(), ranked[0], self.n_boot, pool.seed)
        within = [place for place in ranked if gains[ranked[0]] - gains[place] <= errors[place]]
        candidates = [
            Candidate(trial.number, trial.value, error=error)
            for trial, error in zip(pool.trials, errors.tolist(), strict=True)
        ]
        weights = [np.inf if n is None else n for n in (trial.trainable_parameters for trial in pool.trials)]
        # Without a resample that tells the error, only the best is known to be no worse.
        chosen = min(within or ranked[:1], key=lambda place: weights[place])
        return pool.trials[chosen], candidates


SELECTION = OneSe
