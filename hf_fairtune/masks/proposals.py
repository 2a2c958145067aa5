"""How a search draws a mask from an Optuna trial; drawing twice from one trial gives the same mask."""

import random
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass

import optuna
from optuna.trial import BaseTrial, FrozenTrial

from ..document.scalar import Scalar
from .mask import Mask
from .space import Space

# Preset, and where its learning rate lies between the logarithms of the lowest and the highest: masks known before
# any search. All units are there twice: of a plain transformer that is nearly full fine-tuning, the one to beat.
PRESET_RATES = (
    ("all", 0.5), ("all", 0.75), ("attention", 0.5), ("convolution", 0.5), ("layernorm", 1.0), ("norm", 1.0),
    ("linear", 1.0),
)  # fmt: skip


# User attributes of a trial: the learning rate that it is to have, and the name of the preset that it is.
KEPT_RATE, PRESET = "kept_learning_rate", "preset"
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
    def draw(self, trial: BaseTrial, space: Space) -> Mask:
        """Return the mask of `trial`, suggesting its parameters if they are not there yet."""

    @abstractmethod
    def params_of(self, preset: str, space: Space) -> dict[str, Scalar]:
        """Return the trial parameters of a preset mask."""

    def presets(self, space: Space) -> list[Preset]:
        """Return the preset masks that the units of a model can express."""
        found = [(name, rate) for name, rate in PRESET_RATES if space.expresses(name)]
        return [Preset(name, self.params_of(name, space), rate) for name, rate in found]


@dataclass(frozen=True)
class FreeBits(Proposal):
    """One integer 0/1 a bit, as the published search does (`suggest_int`, not categorical)."""

    def draw(self, trial: BaseTrial, space: Space) -> Mask:
        """Return the mask of the parameters `mask_0`, `mask_1`, ..."""
        return Mask(tuple(trial.suggest_int(f"mask_{i}", 0, 1) for i in range(len(space))), space.granularity)

    def params_of(self, preset: str, space: Space) -> dict[str, Scalar]:
        """Return a preset's bits."""
        return {f"mask_{i}": bit for i, bit in enumerate(space.preset(preset))}


@dataclass(frozen=True)
class NearBest(Proposal):
    """The best mask so far, changed; the binary digits of one integer are the bits.

    A kind is turned in all blocks, kinds are set alike in a run of blocks, or up to a quarter of the bits are turned.
    The learning rate stays that of the best or, every other time, is one near it. A preset's trial has the preset's
    mask; without a best, bits and rate are random.

    Args:
        seed: of the changes, which depend on it, on the trial's number and on the best.
        spread: standard deviation of a near rate's logarithm to base 10.
    """

    seed: int = 0
    spread: float = 0.2

    def draw(self, trial: BaseTrial, space: Space) -> Mask:
        """Return the mask of `trial`: the one it holds already or is queued with, else one near the best."""
        low, high = 0, 2 ** len(space) - 1
        # Other processes draw from a fixed trial, which knows its mask but has no study to look into.
        if isinstance(trial, optuna.Trial) and PRESET not in trial.user_attrs:
            low = high = trial.params["mask"] if "mask" in trial.params else self._near_best(trial, space)
        number = trial.suggest_int("mask", low, high)
        return Mask(tuple(number >> i & 1 for i in range(len(space))), space.granularity)

    def _near_best(self, trial: optuna.Trial, space: Space) -> int:
        """Return a mask near the best that no other trial has, as far as `REDRAWS` draws find one; keep a rate for it.

        A draw is shown to other workers before theirs are looked at, so that of two equal ones at least one is seen.
        """
        study, draw = trial.study, random.Random(f"{self.seed} {trial.number}")
        best = best_before(trial)
        if best is None:
            return draw.getrandbits(len(space))
        if "learning_rate" in best.params:
            near = 10 ** draw.gauss(0, self.spread) if draw.random() < 0.5 else 1
            trial.set_user_attr(KEPT_RATE, best.params["learning_rate"] * near)
        for _ in range(REDRAWS):
            bits = changed(best.user_attrs["mask"], space, draw)
            trial.set_user_attr("mask", list(bits))
            others = (t for t in study.get_trials(deepcopy=False) if t.number != trial.number)
            if list(bits) not in [t.user_attrs.get("mask") for t in others]:
                break
        return number_of(bits)

    def params_of(self, preset: str, space: Space) -> dict[str, Scalar]:
        """Return a preset's bits as one integer."""
        return {"mask": number_of(space.preset(preset))}


def best_before(trial: optuna.Trial) -> FrozenTrial | None:
    """Return the best complete and feasible trial of an earlier number; None without any."""
    study = trial.study
    done = study.get_trials(deepcopy=False, states=(optuna.trial.TrialState.COMPLETE,))
    ranked = [t for t in done if t.number < trial.number and "mask" in t.user_attrs and not infeasible(t)]
    sign = 1 if study.direction == optuna.study.StudyDirection.MAXIMIZE else -1
    return max(ranked, key=lambda t: (sign * (t.value or 0.0), -t.number), default=None)


def changed(bits: Sequence[int], space: Space, draw: random.Random) -> tuple[int, ...]:
    """Return bits with a kind turned in all blocks, or kinds set in a run of blocks, or some bits turned."""
    kinds, places, way = space.kinds, space.places, draw.randrange(3)
    if way == 2:
        turned = draw.sample(range(len(bits)), draw.randint(1, max(1, len(bits) // 4)))
        return tuple(bit ^ (place in turned) for place, bit in enumerate(bits))
    if way == 0:
        kind = kinds[draw.randrange(len(kinds))]
        own = [bit for bit, unit in zip(bits, space.units, strict=True) if unit.kinds == kind]
        value, run, some = int(2 * sum(own) <= len(own)), places, [kind]
    else:
        first, length = draw.randrange(len(places)), draw.randint(1, max(1, len(places) // 2))
        value, run = draw.randint(0, 1), places[first : first + length]
        some = kinds if draw.random() < 0.5 else [kinds[draw.randrange(len(kinds))]]
    return tuple(
        value if unit.place in run and unit.kinds in some else bit for bit, unit in zip(bits, space.units, strict=True)
    )
