"""A sampler whose draws depend on the seed and the trial's number alone, so that a resumed search is the same one."""

from __future__ import annotations

from typing import Any

from optuna.samplers import TPESampler
from optuna.study import Study
from optuna.trial import FrozenTrial


class SeededByTrial(TPESampler):
    """TPE that starts anew at each trial, seeded by the study's seed and the trial's number.

    A sampler that keeps one random state through a study loses it in a kill and then proposes other trials.
    """

    def __init__(self, seed: int, **options: Any) -> None:
        super().__init__(seed=seed, **options)
        self.seed, self.options = seed, options

    def before_trial(self, study: Study, trial: FrozenTrial) -> None:
        """Start anew."""
        super().__init__(seed=(self.seed * 1_000_003 + trial.number) % 2**32, **self.options)
        super().before_trial(study, trial)
