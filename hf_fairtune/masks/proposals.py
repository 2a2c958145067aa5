"""How a search draws a mask from an Optuna trial; drawing twice from one trial gives the same mask."""

import random
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass

import optuna
from optuna.trial import BaseTrial, FixedTrial, FrozenTrial

from ..document.scalar import Scalar
from .granularities import PRESETS, granularity_named
from .mask import Mask, preset_bits

# Preset, and where its learning rate lies between the logarithms of the lowest and the highest: masks known before
# any search. Full fine-tuning is there twice, as it is the one to beat.
PRESET_RATES = (("all", 0.5), ("all", 0.75), ("attention", 0.5), ("layernorm", 1.0), ("linear", 1.0))


# User attribute of a trial: the learning rate that it is to have.
KEPT_RATE = "kept_learning_rate"
REDRAWS = 100


def number_of(bits: Sequence[int]) -> int:
    """Return bits as one integer, the first the lowest."""
    return sum(bit << place for place, bit in enumerate(bits))


def infeasible(trial: FrozenTrial | optuna.Trial) -> list[str]:
    """Name the constraints that a trial breaks; one that did not come to its end has none."""
    return [name for name, excess in trial.constraints.items() if excess > 0]


@dataclass(frozen=True)
class Preset:
    """Trial parameters to try first; `rate` places their learning rate in the log-range searched, from 0 to 1."""

    name: str
    params: dict[str, Scalar]
    rate: float


class Proposal(ABC):
    """A way to write masks as trial parameters, so that they are stored, resumed and sent to other processes."""

    @abstractmethod
    def draw(self, trial: BaseTrial, granularity: str, n_blocks: int) -> Mask:
        """Return the mask of `trial`, suggesting its parameters if they are not there yet."""

    @abstractmethod
    def params_of(self, preset: str, granularity: str, n_blocks: int) -> dict[str, Scalar]:
        """Return the trial parameters of a preset mask."""

    def presets(self, granularity: str, n_blocks: int) -> list[Preset]:
        """Return the preset masks that the granularity can express."""
        kinds = granularity_named(granularity).kinds
        found = [(name, rate) for name, rate in PRESET_RATES if PRESETS[name] <= kinds]
        return [Preset(name, self.params_of(name, granularity, n_blocks), rate) for name, rate in found]


@dataclass(frozen=True)
class FreeBits(Proposal):
    """One integer 0/1 a bit, as the published search does (`suggest_int`, not categorical)."""

    def draw(self, trial: BaseTrial, granularity: str, n_blocks: int) -> Mask:
        """Return the mask of the parameters `mask_0`, `mask_1`, ..."""
        n_bits = granularity_named(granularity).length(n_blocks)
        return Mask(tuple(trial.suggest_int(f"mask_{i}", 0, 1) for i in range(n_bits)), granularity)

    def params_of(self, preset: str, granularity: str, n_blocks: int) -> dict[str, Scalar]:
        """Return a preset's bits."""
        return {f"mask_{i}": bit for i, bit in enumerate(preset_bits(preset, n_blocks, granularity))}


@dataclass(frozen=True)
class Structured(Proposal):
    """Consecutive blocks and the kinds trained in them first; then the best mask so far with a few bits turned.

    The first phase has `2 + len(kinds)` parameters instead of one a bit and contains every preset mask. From trial
    `free_from` on, a trial's mask is one integer whose binary digits are the bits.
    """

    free_from: int
    seed: int = 0
    max_flips: int = 3

    def draw(self, trial: BaseTrial, granularity: str, n_blocks: int) -> Mask:
        """Return the mask of `trial`: what it holds already, else by its number."""
        if isinstance(trial, FixedTrial):
            # It has every parameter but lists none before it is asked for.
            try:
                return self._neighbour(trial, granularity, n_blocks)
            except ValueError:
                return self._structured(trial, granularity, n_blocks)
        free = "mask" in trial.params or ("first_block" not in trial.params and trial.number >= self.free_from)
        draw = self._neighbour if free else self._structured
        return draw(trial, granularity, n_blocks)

    def _structured(self, trial: BaseTrial, granularity: str, n_blocks: int) -> Mask:
        first = trial.suggest_int("first_block", 0, n_blocks - 1)
        length = trial.suggest_int("n_blocks", 1, n_blocks)
        kinds = granularity_named(granularity).bits
        on = [trial.suggest_categorical(f"train_{'_'.join(kind)}", [False, True]) for kind in kinds]
        inside = range(first, first + length)
        return Mask(tuple(int(kind and block in inside) for block in range(n_blocks) for kind in on), granularity)

    def _neighbour(self, trial: BaseTrial, granularity: str, n_blocks: int) -> Mask:
        n_bits = granularity_named(granularity).length(n_blocks)
        low, high = 0, 2**n_bits - 1
        # Other processes draw from a fixed trial, which knows its mask but has no study to look into.
        if isinstance(trial, optuna.Trial):
            low = high = trial.params["mask"] if "mask" in trial.params else self._near_best(trial, n_bits)
        number = trial.suggest_int("mask", low, high)
        return Mask(tuple(number >> i & 1 for i in range(n_bits)), granularity)

    def _near_best(self, trial: optuna.Trial, n_bits: int) -> int:
        """Return the best feasible mask with 1 to `max_flips` bits turned, seeded by the trial's number.

        A mask that some trial had is drawn again, `REDRAWS` times at most. The trial is to keep the best one's rate of
        learning, so that the bits alone differ.
        """
        study = trial.study
        done = study.get_trials(deepcopy=False, states=(optuna.trial.TrialState.COMPLETE,))
        ranked = [t for t in done if t.number < trial.number and "mask" in t.user_attrs and not infeasible(t)]
        draw = random.Random(f"{self.seed} {trial.number}")
        if not ranked:
            return draw.getrandbits(n_bits)
        sign = 1 if study.direction == optuna.study.StudyDirection.MAXIMIZE else -1
        best = max(ranked, key=lambda t: (sign * (t.value or 0.0), -t.number))
        if "learning_rate" in best.params:
            trial.set_user_attr(KEPT_RATE, best.params["learning_rate"])
        known = {number_of(t.user_attrs["mask"]) for t in study.get_trials(deepcopy=False) if "mask" in t.user_attrs}
        bits = start = number_of(best.user_attrs["mask"])
        for _ in range(REDRAWS):
            bits = start
            for position in draw.sample(range(n_bits), draw.randint(1, self.max_flips)):
                bits ^= 1 << position
            if bits not in known:
                break
        return bits

    def params_of(self, preset: str, granularity: str, n_blocks: int) -> dict[str, Scalar]:
        """Return a preset as all blocks with its kinds."""
        kinds = {
            f"train_{'_'.join(kind)}": set(kind) <= PRESETS[preset] for kind in granularity_named(granularity).bits
        }
        return {"first_block": 0, "n_blocks": n_blocks, **kinds}
