"""What a search draws: the learning rate, and in a stock `Trainer` the mask too."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import optuna
from accelerate.utils import broadcast_object_list
from optuna.trial import BaseTrial, FrozenTrial

from ..errors import FairTuneError
from ..masks.config import masked
from ..masks.granularities import AUTO
from ..masks.mask import Mask
from ..masks.proposals import KEPT_RATE, FreeBits, Proposal
from ..masks.space import Space, space_of
from ..masks.units_file import read_units


@dataclass(frozen=True)
class LearningRate:
    """Draws the peak learning rate, log-uniform in 1e-5 ... 1e-3 as FairTune's code does; a stock `hp_space`."""

    low: float = 1e-5
    high: float = 1e-3

    def __post_init__(self) -> None:
        if not 0 < self.low < self.high:
            raise FairTuneError(f"learning rates from {self.low:g} to {self.high:g} are no range; give low < high.")

    def __call__(self, trial: BaseTrial) -> dict[str, float]:
        """Return the learning rate of `trial`, which its proposal may have given it."""
        low, high = self.low, self.high
        if (kept := trial.user_attrs.get(KEPT_RATE)) is not None:
            low = high = min(max(kept, low), high)
        return {"learning_rate": trial.suggest_float("learning_rate", low, high, log=True)}

    def at(self, place: float) -> float:
        """Return the rate at a place between the logarithms of the lowest (0) and the highest (1)."""
        return min(self.high, self.low * (self.high / self.low) ** place)


def winner(study: optuna.Study) -> FrozenTrial | None:
    """Return the best trial of those that are complete and feasible; None without any."""
    try:
        return study.best_trial
    except ValueError:
        return None


@dataclass
class MaskSearchSpace:
    """FairTune's search space, without `FairTrainer`.

    Args:
        base: builds the pretrained model, as `Trainer`'s `model_init` without argument does.
        granularity: what a bit stands for.
        units: a user's own units in place of those, a file or JSON; see `read_units`.
        head: module of the head, where it cannot be found.
        proposal: how masks are written as trial parameters.
        rates: how the learning rate is drawn.

    Example:
        >>> space = MaskSearchSpace(lambda: AutoModelForImageClassification.from_pretrained(name, num_labels=2))
        >>> trainer = Trainer(model_init=space.model_init, args=args, ...)
        >>> best = trainer.hyperparameter_search(hp_space=space, backend="optuna", direction="maximize", ...)
        >>> trainer.args.learning_rate = best.hyperparameters["learning_rate"]
        >>> trainer.train()  # under the winner's mask, which is `space.mask(best.hyperparameters)`
    """

    base: Callable[[], Any]
    granularity: str = AUTO
    proposal: Proposal = field(default_factory=FreeBits)
    rates: LearningRate = LearningRate()
    units: str | None = None
    head: str | None = None
    _space: Space | None = None
    _last: BaseTrial | None = None

    def model_init(self, trial: optuna.Trial | None = None) -> Any:
        """Build the model under the mask of `trial`; without a trial under that of the best, before any the plain one.

        On several processes, each calls this alike.
        """
        model = self.base()
        self._space = self._space_of(model)
        if trial is not None:
            return masked(model, self._draw(trial), self._space)
        best = self._best()
        return model if best is None else masked(model, self.mask(best), self._space)

    def _best(self) -> Mapping[str, Any] | None:
        """Return the hyper-parameters of the best trial, which only the main process may know."""
        if self._last is None:
            return None
        # A fixed trial, on the main process, is a winner that was chosen.
        best = winner(self._last.study) if isinstance(self._last, optuna.Trial) else self._last
        found: Mapping[str, Any] | None = broadcast_object_list([None if best is None else dict(best.params)])[0]
        return found

    def __call__(self, trial: optuna.Trial) -> dict[str, float]:
        """Draw the mask, then return the training arguments of `trial`: its learning rate."""
        self._draw(trial)
        self._last = trial
        return self.rates(trial)

    def mask(self, hyperparameters: Mapping[str, Any]) -> Mask:
        """Return the mask of a best run's hyper-parameters."""
        return self._draw(optuna.trial.FixedTrial(dict(hyperparameters)))

    def _draw(self, trial: BaseTrial) -> Mask:
        return self.proposal.draw(trial, self._space or self._space_of(self.base()))

    def _space_of(self, model: Any) -> Space:
        names = [name for name, _ in model.named_parameters()]
        return space_of(model, self.granularity, read_units(self.units, names) if self.units else (), self.head)
