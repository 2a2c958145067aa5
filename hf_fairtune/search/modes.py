"""Ways to search: ours, the paper's text, the published code, and random draws as their control."""

import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, cast

from optuna.distributions import BaseDistribution
from optuna.pruners import BasePruner, MedianPruner, NopPruner, SuccessiveHalvingPruner
from optuna.samplers import BaseSampler, RandomSampler, TPESampler
from optuna.study import Study
from optuna.trial import FrozenTrial

from ..errors import FairTuneError
from ..masks.proposals import FreeBits, NearBest, Proposal, infeasible


class SeededByTrial(TPESampler):
    """TPE whose draws are seeded by the study's seed, the trial's number and the parameter's name.

    A sampler that keeps one random state through a study loses it in a kill and then proposes other trials. The first
    ten trials, random ones, are the same with any number of workers; a later one depends on which trials had ended
    when it began, and with several workers others had than with one.
    """

    def __init__(self, seed: int, **options: Any) -> None:
        super().__init__(seed=seed, **options)
        self.seed, self.options = seed, options

    def before_trial(self, study: Study, trial: FrozenTrial) -> None:
        """Start again from the trial's seed."""
        super().__init__(seed=seed_of(self.seed, trial), **self.options)
        super().before_trial(study, trial)

    def sample_independent(self, study: Study, trial: FrozenTrial, name: str, distribution: BaseDistribution) -> Any:
        """Draw one parameter, whichever of the trial's were drawn before a kill."""
        super().__init__(seed=seed_of(self.seed, trial, name), **self.options)
        return super().sample_independent(study, trial, name, distribution)


class RandomByTrial(RandomSampler):
    """Random draws, seeded as those of `SeededByTrial`: the same trials with any number of workers."""

    def __init__(self, seed: int) -> None:
        super().__init__(seed=seed)
        self.seed = seed

    def sample_independent(self, study: Study, trial: FrozenTrial, name: str, distribution: BaseDistribution) -> Any:
        """Draw one parameter."""
        super().__init__(seed=seed_of(self.seed, trial, name))
        return super().sample_independent(study, trial, name, distribution)


def seed_of(seed: int, trial: FrozenTrial, name: str = "") -> int:
    """Return the seed of a trial's draws: of the study's seed, the trial's number and perhaps a parameter's name."""
    return random.Random(f"{seed} {trial.number} {name}").getrandbits(32)


class AmongFeasible(BasePruner):
    """Judges a trial by a pruner among the feasible trials alone, as the others' values are too good to be true."""

    def __init__(self, pruner: BasePruner) -> None:
        self.pruner = pruner

    def prune(self, study: Study, trial: FrozenTrial) -> bool:
        """Tell whether to stop a trial."""
        return self.pruner.prune(cast(Study, _Feasible(study)), trial)


class _Feasible:
    """A study that lists its feasible trials alone."""

    def __init__(self, study: Study) -> None:
        self._whole = study

    def __getattr__(self, name: str) -> Any:
        return getattr(self._whole, name)

    def get_trials(self, *args: Any, **options: Any) -> list[FrozenTrial]:
        return [trial for trial in self._whole.get_trials(*args, **options) if not infeasible(trial)]


@dataclass(frozen=True)
class Mode:
    """How a search proposes, samples and stops its trials.

    Args:
        name: of `MODES`.
        n_trials: trials in all.
        warmup_epochs: epochs in which no trial is judged.
        proposal: how masks are written as trial parameters.
        sampler: proposes parameters.
        pruner: stops trials; its steps are epochs, from 1, or folds where trials are cross-fitted.
        reports_every_epoch: whether a trial reports before its end.
        presets: whether preset masks come first.
        one_split: whether it is defined by values on one validation split.
    """

    name: str
    n_trials: int
    warmup_epochs: int
    proposal: Proposal
    sampler: BaseSampler
    pruner: BasePruner
    reports_every_epoch: bool = True
    presets: bool = False
    one_split: bool = False


def default(n_trials: int, seed: int, warmup_epochs: int) -> Mode:
    """Try preset masks first, then masks and learning rates near the best so far.

    From the third trial on, one below the median of the others at its epoch is stopped, after the warm-up only: ranks
    inside it say nothing of the end. Cross-fitted trials may be stopped after a fold: their values so far are of the
    same rows.
    """
    pruner = AmongFeasible(MedianPruner(n_startup_trials=2, n_warmup_steps=warmup_epochs + 1))
    return Mode("default", n_trials, warmup_epochs, NearBest(seed), SeededByTrial(seed), pruner, presets=True)


def paper(n_trials: int, seed: int, warmup_epochs: int) -> Mode:
    """Search as FairTune's text does: 36 free bits, TPE, successive halving with factor 4 at every epoch (A.5).

    TPE is that of Optuna 3: univariate, without constant liar, ten random trials first; it may draw a mask twice, of
    one worker or several, as the paper's may. The automatic first rung is
    epoch 1, where the learning rate has hardly risen; ours is the first epoch after the warm-up.
    """
    pruner = AmongFeasible(SuccessiveHalvingPruner(min_resource=warmup_epochs + 1, reduction_factor=4))
    return Mode("paper", n_trials, warmup_epochs, FreeBits(), _paper_sampler(seed), pruner, one_split=True)


def published(n_trials: int, seed: int, warmup_epochs: int) -> Mode:
    """Search as FairTune's code does: a trial reports once, at its end, so that none is stopped early."""
    sampler, pruner = _paper_sampler(seed), AmongFeasible(SuccessiveHalvingPruner())
    return Mode("published", n_trials, warmup_epochs, FreeBits(), sampler, pruner, False, one_split=True)


def at_random(n_trials: int, seed: int, warmup_epochs: int) -> Mode:
    """Draw every bit, rate and knob at random, and run every trial to its end: the control of a search.

    One worker or many run the same trials, with replacement.

    Source: Bergstra & Bengio 2012, "Random Search for Hyper-Parameter Optimization", JMLR 13.
    """
    return Mode("random", n_trials, warmup_epochs, FreeBits(), RandomByTrial(seed), NopPruner())


def _paper_sampler(seed: int) -> BaseSampler:
    return SeededByTrial(seed, multivariate=False, constant_liar=False)


MODES: dict[str, Callable[[int, int, int], Mode]] = {
    "default": default,
    "paper": paper,
    "published": published,
    "random": at_random,
}


def mode_named(name: str, n_trials: int, seed: int, warmup_epochs: int) -> Mode:
    """Return a mode of `MODES`."""
    if name not in MODES:
        raise FairTuneError(f"`mode` is {name!r}; choose from {', '.join(MODES)}.")
    if n_trials < 1:
        raise FairTuneError(f"`n_trials` is {n_trials}; a search takes at least one.")
    return MODES[name](n_trials, seed, warmup_epochs)
