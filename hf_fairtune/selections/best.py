"""The trial with the best value on validation."""

from .selection import Candidate, Chosen, Pool, Selection


class Best(Selection):
    """Take the best value; of equal ones the earlier trial."""

    @property
    def title(self) -> str:
        """Say what is chosen."""
        return "the best value"

    def choose(self, pool: Pool) -> Chosen:
        """Return the first of the trials by value; all were weighed."""
        candidates = [Candidate(trial.number, trial.value) for trial in pool.trials]
        return pool.trials[pool.ranked()[0]], candidates


SELECTION = Best
