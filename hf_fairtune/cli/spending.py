"""How a search spends its time: on trials and trainings of the winner, then on as many of each baseline."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ..search.hours import Clock, Ration
from ..trainer.price import Cost


@dataclass
class Spending:
    """A run's trials and trainings, and what each costs, under a limit in seconds.

    `kinds` are the costs of the kinds of trials that the winner's search has, `baselines` those of each, in order.
    """

    clock: Clock
    limit: float
    trials: int
    baseline_trials: int
    seeds: int
    kinds: Sequence[Cost]
    baselines: Mapping[str, Cost]

    @property
    def n_trials(self) -> int:
        """Return the trials of all searches."""
        return self.trials + len(self.baselines) * self.baseline_trials

    @property
    def n_trainings(self) -> int:
        """Return the trainings that follow the searches."""
        return self.seeds * (1 + len(self.baselines))

    @property
    def seconds(self) -> float:
        """Return the seconds of the whole run: a trial costs what its kinds do on average, and so does the winner."""
        own = sum(self.trials * kind.trial + self.seeds * kind.training for kind in self.kinds) / len(self.kinds)
        return own + self._of(list(self.baselines), self.trials)

    def trials_beside(self, finished: int) -> int:
        """Return the trials of a baseline: those asked for, but no more than the winner finished if it had to end."""
        return self.baseline_trials if finished >= self.trials else min(self.baseline_trials, finished)

    def ration(self) -> Ration:
        """Return what the winner's search may use; its dearest kind may win."""
        training = self.seeds * max(kind.training for kind in self.kinds)
        trial, names = max(kind.trial for kind in self.kinds), list(self.baselines)
        return Ration(self.clock, self.limit, trial, lambda finished: training + self._of(names, finished))

    def ration_beside(self, name: str, finished: int) -> Ration:
        """Return what the search of a baseline may use, after so many trials of the winner."""
        own, names = self.baselines[name], list(self.baselines)
        left = self.seeds * own.training + self._of(names[names.index(name) + 1 :], finished)
        return Ration(self.clock, self.limit, own.trial, lambda _: left)

    def _of(self, names: Sequence[str], finished: int) -> float:
        costs = [self.baselines[name] for name in names]
        return sum(self.trials_beside(finished) * cost.trial + self.seeds * cost.training for cost in costs)
