"""The best of a few finalists, each trained again on folds of train and validation together."""

from dataclasses import dataclass

from .selection import Candidate, Chosen, Pool, Selection, first_of


@dataclass(frozen=True)
class Folds(Selection):
    """Take the finalist with the best objective on all labelled rows, each scored by a model that did not see it.

    Args:
        finalists: trials with the best values on validation that are trained again.
        folds: parts of train and validation together; a model is trained on all but one.

    Source: Stone 1974, "Cross-validatory choice and assessment of statistical predictions", JRSS B 36.
    """

    finalists: int = 4
    folds: int = 3

    @property
    def refits(self) -> int:
        """Return the folds."""
        return self.folds

    @property
    def title(self) -> str:
        """Say what is chosen."""
        return f"the best finalist over {self.folds} folds of train and validation together"

    def choose(self, pool: Pool) -> Chosen:
        """Return the trial; of equal ones that of the better value on validation. The finalists were weighed."""
        finalists = [pool.trials[place] for place in pool.ranked()[: self.finalists]]
        values = pool.objective.values(pool.refit(finalists))
        candidates = [Candidate(trial.number, value) for trial, value in zip(finalists, values.tolist(), strict=True)]
        return finalists[first_of(range(len(finalists)), pool.objective.gains(values))], candidates


SELECTION = Folds
