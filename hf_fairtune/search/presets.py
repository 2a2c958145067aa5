"""The first trials of a search are its presets."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from optuna.distributions import BaseDistribution
from optuna.samplers import BaseSampler
from optuna.study import Study
from optuna.trial import FrozenTrial, TrialState

from ..document.scalar import Scalar
from ..masks.proposals import PRESET, Preset
from .space import LearningRate


class PresetsFirst(BaseSampler):
    """Gives the first trials presets by their numbers, and leaves the others to another sampler.

    A queue would be filled by every worker that starts; numbers are given once, so each preset is tried once.

    Args:
        sampler: of the other trials, and of what a preset leaves open.
        presets: trial parameters, in order.
        rates: where a preset's learning rate has its place.
    """

    def __init__(self, sampler: BaseSampler, presets: Sequence[Preset], rates: LearningRate) -> None:
        self.sampler = sampler
        self.names = [preset.name for preset in presets]
        self.params = [{**preset.params, "learning_rate": rates.at(preset.rate)} for preset in presets]

    def reseed_rng(self) -> None:
        """Reseed the other sampler."""
        self.sampler.reseed_rng()

    def before_trial(self, study: Study, trial: FrozenTrial) -> None:
        """Name the preset."""
        if trial.number < len(self.names):
            study._storage.set_trial_user_attr(trial._trial_id, PRESET, self.names[trial.number])
            trial.user_attrs[PRESET] = self.names[trial.number]  # what Optuna read of it before
        self.sampler.before_trial(study, trial)

    def infer_relative_search_space(self, study: Study, trial: FrozenTrial) -> dict[str, BaseDistribution]:
        """Return what is drawn together: of a preset nothing."""
        preset = trial.number < len(self.names)
        return {} if preset else self.sampler.infer_relative_search_space(study, trial)

    def sample_relative(
        self, study: Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Scalar]:
        """Draw parameters together."""
        return self.sampler.sample_relative(study, trial, search_space)

    def sample_independent(self, study: Study, trial: FrozenTrial, name: str, distribution: BaseDistribution) -> Any:
        """Return a parameter of the preset, or draw one that it leaves open."""
        own: Mapping[str, Any] = self.params[trial.number] if trial.number < len(self.names) else {}
        return own[name] if name in own else self.sampler.sample_independent(study, trial, name, distribution)

    def after_trial(self, study: Study, trial: FrozenTrial, state: TrialState, values: Sequence[float] | None) -> None:
        """Give the other sampler what came out."""
        self.sampler.after_trial(study, trial, state, values)
