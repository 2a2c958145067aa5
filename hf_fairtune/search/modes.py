"""Three ways to search: ours, the paper's text, and the published code."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar

from optuna.pruners import BasePruner, MedianPruner, SuccessiveHalvingPruner
from optuna.samplers import BaseSampler, TPESampler

from ..errors import FairTuneError
from ..masks.proposals import FreeBits, Proposal, Structured
from .sampler import SeededByTrial
from .study import RECIPES


@dataclass(frozen=True)
class Mode(ABC):
    """Proposal, sampler and pruner of a search, and whether trials report every epoch."""

    name: ClassVar[str]
    reports_every_epoch: ClassVar[bool] = True
    recipes: ClassVar[bool] = False

    n_trials: int
    seed: int
    warmup_epochs: int

    @abstractmethod
    def proposal(self) -> Proposal:
        """Return how masks are written as trial parameters."""

    @abstractmethod
    def sampler(self) -> BaseSampler:
        """Return the sampler."""

    @abstractmethod
    def pruner(self) -> BasePruner:
        """Return the pruner; its steps are epochs, from 1."""


class Default(Mode):
    """Known recipes first, then blocks and kinds by TPE, then single bits around the best.

    Trials below the median of the others at their epoch are stopped, after the warm-up only: ranks inside it
    say nothing of the end.
    """

    name = "default"
    recipes = True

    def proposal(self) -> Proposal:
        """Return structured masks for two thirds of the trials, neighbours of the best for the last third."""
        return Structured(free_from=max(len(RECIPES), self.n_trials - self.n_trials // 3), seed=self.seed)

    def sampler(self) -> BaseSampler:
        """Return Optuna's TPE, seeded trial by trial."""
        return SeededByTrial(lambda seed: TPESampler(seed=seed, n_startup_trials=8), self.seed)

    def pruner(self) -> BasePruner:
        """Return a median pruner that waits for five trials and for the end of the warm-up."""
        return MedianPruner(n_startup_trials=5, n_warmup_steps=self.warmup_epochs + 1)


class Paper(Mode):
    """FairTune's text: 36 free bits, univariate TPE, successive halving with factor 4 at every epoch (A.5).

    Its automatic first rung is epoch 1, where the learning rate has hardly risen; ours is the first epoch
    after the warm-up.
    """

    name = "paper"

    def proposal(self) -> Proposal:
        """Return one integer 0/1 a bit."""
        return FreeBits()

    def sampler(self) -> BaseSampler:
        """Return TPE as Optuna 3 had it: univariate, without constant liar, ten random trials first."""

        def make(seed: int) -> BaseSampler:
            return TPESampler(seed=seed, multivariate=False, constant_liar=False)

        return SeededByTrial(make, self.seed)

    def pruner(self) -> BasePruner:
        """Return successive halving from the first epoch after the warm-up."""
        return SuccessiveHalvingPruner(min_resource=self.warmup_epochs + 1, reduction_factor=4)


class Published(Paper):
    """FairTune's code: as its text, but a trial reports once, at its end, so that none is stopped early."""

    name = "published"
    reports_every_epoch = False

    def pruner(self) -> BasePruner:
        """Return successive halving with Optuna's defaults."""
        return SuccessiveHalvingPruner()


MODES: dict[str, type[Mode]] = {mode.name: mode for mode in (Default, Paper, Published)}


def mode_named(name: str) -> type[Mode]:
    """Return a mode of `MODES`.

    Raises:
        FairTuneError: unknown name.
    """
    if name not in MODES:
        raise FairTuneError(f"`mode` is {name!r}; choose from {', '.join(MODES)}.")
    return MODES[name]
