"""The trial whose value on validation is best at the unlucky end of its confidence interval."""

from dataclasses import dataclass
from typing import ClassVar

from .selection import Candidate, Chosen, Pool, Selection, first_of


@dataclass(frozen=True)
class LowerBound(Selection):
    """Take the highest lower bound of the objective, or the lowest upper one of what is to be small.

    A one-sided percentile bound from resamples of validation rows, or of clusters, the same for all trials.

    Args:
        confidence: of the one-sided bound.
        n_boot: resamples.

    Source: Efron & Tibshirani 1993, "An Introduction to the Bootstrap", 13.
    """

    confidence: float = 0.95
    n_boot: int = 1000
    scores: ClassVar[bool] = True

    @property
    def title(self) -> str:
        """Say what is chosen."""
        return f"the best one-sided {self.confidence * 100:g} % bound"

    def choose(self, pool: Pool) -> Chosen:
        """Return the trial with the best bound; of equal ones that of the better value."""
        bounds = pool.objective.bounds(pool.scored(), self.confidence, self.n_boot, pool.seed)
        said = pool.objective.gains(bounds).tolist()
        candidates = [
            Candidate(trial.number, trial.value, bound) for trial, bound in zip(pool.trials, said, strict=True)
        ]
        return pool.trials[first_of(pool.ranked(), bounds)], candidates


SELECTION = LowerBound
