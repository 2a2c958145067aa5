"""How a search spends its time: on trials and trainings of the winner, then on as many of each baseline."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ..search.hours import Clock, Ration
from ..trainer.timing import Cost


@dataclass
class Spending:
    """A run's trials and trainings, and what each costs, under a limit in seconds.

    `kinds` are the costs of the kinds of trials that the winner's search has, `baselines` those of each, in order.
    `teachers` are the members at most that a training asks for each image; with `single` the winner is also trained
    without. `retrained` are the members at most that each further seed trains, where the trials are the first.
    `finalists` are the trials at most that the selection of each search trains again, each on `refits` folds.
    """

    clock: Clock
    limit: float
    trials: int
    baseline_trials: int
    seeds: int
    kinds: Sequence[Cost]
    baselines: Mapping[str, Cost]
    teachers: int = 0
    single: bool = False
    retrained: int = 0
    finalists: int = 0
    refits: int = 0

    @property
    def n_trials(self) -> int:
        """Return the trials of all searches."""
        return self.trials + len(self.baselines) * self.baseline_trials

    @property
    def n_trainings(self) -> int:
        """Return the trainings that follow the searches."""
        return self._runs * (1 + len(self.baselines)) + self.single * self.seeds

    @property
    def n_refits(self) -> int:
        """Return the trainings of finalists of all searches."""
        searches = self.trials, *[self.baseline_trials for _ in self.baselines]
        return self.refits * sum(min(self.finalists, trials) for trials in searches)

    @property
    def seconds(self) -> float:
        """Return the seconds of the whole run: a trial costs what its kinds do on average, and so does the winner."""
        own = sum(self.trials * kind.trial + self._winner(kind, self.trials) for kind in self.kinds) / len(self.kinds)
        return own + self._of(list(self.baselines), self.trials)

    def trials_beside(self, finished: int) -> int:
        """Return the trials of a baseline: those asked for, but no more than the winner finished if it had to end."""
        return self.baseline_trials if finished >= self.trials else min(self.baseline_trials, finished)

    def ration(self) -> Ration:
        """Return what the winner's search may use; its dearest kind may win."""
        trial, names = max(kind.trial for kind in self.kinds), list(self.baselines)

        def after(finished: int) -> float:
            return max(self._winner(kind, finished) for kind in self.kinds) + self._of(names, finished)

        return Ration(self.clock, self.limit, trial, after)

    def ration_beside(self, name: str, finished: int) -> Ration:
        """Return what the search of a baseline may use, after so many trials of the winner."""
        own, names = self.baselines[name], list(self.baselines)
        left = self._of(names[names.index(name) + 1 :], finished)
        return Ration(self.clock, self.limit, own.trial, lambda trials: self._chosen(own, trials) + left)

    def _of(self, names: Sequence[str], finished: int) -> float:
        costs, trials = [self.baselines[name] for name in names], self.trials_beside(finished)
        return sum(trials * cost.trial + self._chosen(cost, trials) for cost in costs)

    @property
    def _runs(self) -> int:
        return (self.seeds - 1) * min(self.retrained, self.trials) if self.retrained else self.seeds

    def _winner(self, kind: Cost, trials: int) -> float:
        return self._chosen(kind, trials) + self.single * self.seeds * kind.training

    def _chosen(self, cost: Cost, trials: int) -> float:
        """Return the seconds of the finalists of so many trials, and of the trainings of the one that is chosen."""
        return min(self.finalists, trials) * cost.finalist + self._runs * self._training(cost)

    def _training(self, cost: Cost) -> float:
        return cost.training + min(self.teachers, self.trials) * cost.forwards
