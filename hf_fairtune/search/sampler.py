"""A sampler whose draws depend on the seed and the trial's number alone, so that a resumed search is the same one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from optuna.distributions import BaseDistribution
from optuna.samplers import BaseSampler
from optuna.study import Study
from optuna.trial import FrozenTrial, TrialState


class SeededByTrial(BaseSampler):
    """Give each trial a sampler of its own, seeded by (`seed`, number of the trial).

    A sampler that keeps one random state through a study loses it in a kill and then proposes other trials.

    Args:
        make: builds the sampler of one trial from its seed.
        seed: seed of the study.
    """

    def __init__(self, make: Callable[[int], BaseSampler], seed: int) -> None:
        self.make = make
        self.seed = seed
        self._current: tuple[int, BaseSampler] | None = None

    def _of(self, trial: FrozenTrial) -> BaseSampler:
        if self._current is None or self._current[0] != trial.number:
            self._current = trial.number, self.make((self.seed * 1_000_003 + trial.number) % 2**32)
        return self._current[1]

    def infer_relative_search_space(self, study: Study, trial: FrozenTrial) -> dict[str, BaseDistribution]:
        """Return what the trial's sampler draws together."""
        return self._of(trial).infer_relative_search_space(study, trial)

    def sample_relative(
        self, study: Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        """Draw these together."""
        return self._of(trial).sample_relative(study, trial, search_space)

    def sample_independent(self, study: Study, trial: FrozenTrial, name: str, space: BaseDistribution) -> Any:
        """Draw one of the others."""
        return self._of(trial).sample_independent(study, trial, name, space)

    def before_trial(self, study: Study, trial: FrozenTrial) -> None:
        """Ask the trial's sampler."""
        self._of(trial).before_trial(study, trial)

    def after_trial(self, study: Study, trial: FrozenTrial, state: TrialState, values: Sequence[float] | None) -> None:
        """Ask the trial's sampler."""
        self._of(trial).after_trial(study, trial, state, values)
