"""The mask search in a stock `Trainer`: its `model_init` and its `hp_space`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import optuna

from ..families.family import family_of
from ..masks.mask import Mask
from ..masks.proposals import FreeBits, Proposal
from ..methods.fairtune import FairTune
from .run import LearningRate


@dataclass
class MaskSearchSpace:
    """FairTune's search space, without `FairTrainer`.

    Args:
        base: builds the pretrained model, as `Trainer`'s `model_init` without argument does.
        space: what a bit stands for.
        proposal: how masks are written as trial parameters.
        rates: how the learning rate is drawn.

    Example:
        >>> space = MaskSearchSpace(lambda: AutoModelForImageClassification.from_pretrained(name, num_labels=2))
        >>> trainer = Trainer(model_init=space.model_init, args=args, ...)
        >>> best = trainer.hyperparameter_search(hp_space=space, backend="optuna", direction="maximize", ...)
        >>> mask = space.mask(best.hyperparameters)
    """

    base: Callable[[], Any]
    space: str = "paper36"
    proposal: Proposal = field(default_factory=FreeBits)
    rates: LearningRate = LearningRate()
    _n_blocks: int = 0

    def model_init(self, trial: optuna.Trial | None = None) -> Any:
        """Build the model under the mask of `trial`; without a trial, the plain model."""
        model = self.base()
        self._n_blocks = family_of(model).count(model)
        return model if trial is None else self._method().suggest(trial, self._n_blocks).prepare(model)

    def __call__(self, trial: optuna.Trial) -> dict[str, Any]:
        """Draw the mask, then return the training arguments of `trial`: its learning rate."""
        self._method().suggest(trial, self._n_blocks)
        return self.rates(trial)

    def mask(self, hyperparameters: dict[str, Any]) -> Mask:
        """Return the mask of a best run's hyper-parameters."""
        return self.proposal.draw(optuna.trial.FixedTrial(hyperparameters), self.space, self._n_blocks)

    def _method(self) -> FairTune:
        return FairTune(space=self.space, proposal=self.proposal)
