"""The price of a run, said before it is paid: time, memory, trainings and energy."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from ..progress import duration
from ..search.hours import MARGIN
from ..trainer.fair import FairTrainer
from ..trainer.price import peak_memory

# What codecarbon assumes of a processor that it does not know (codecarbon/core/cpu.py), and of the world's grids
# (carbon_intensity_per_source.json, of the International Energy Agency).
WATTS_A_CORE = 4.0
GRAMS_A_KWH = 475.0


@dataclass(frozen=True)
class Power:
    """What a run is assumed to draw: the limit of its GPUs, or so much a core; `watts` is None where unknown."""

    watts: float | None
    of_gpus: bool


@dataclass(frozen=True)
class Price:
    """What a run will take, if no trial stops early: `seconds` in all, bytes of memory, power.

    With `folds`, each trial is so many trainings; `refits` are the trainings of finalists.
    """

    seconds: float
    memory: int | None
    trials: int
    trainings: int
    n_epochs: float
    power: Power
    folds: int = 0
    refits: int = 0


def price_of(
    trainer: FairTrainer, seconds: float, trials: int, trainings: int, folds: int = 0, refits: int = 0
) -> Price:
    """Return the price of a run on this machine, after a few steps were timed."""
    args = trainer.args
    memory, drawn = peak_memory(args.device), power(args)
    return Price(seconds, memory, trials, trainings, args.num_train_epochs, drawn, folds, refits)


def power(args: Any) -> Power:
    """Return the power of the devices that training arguments name."""
    if args.device.type != "cuda":
        return Power(WATTS_A_CORE * torch.get_num_threads() * args.world_size, False)
    name = f"GPU-{torch.cuda.get_device_properties(args.device).uuid}"
    command = ["nvidia-smi", f"--id={name}", "--query-gpu=power.limit", "--format=csv,noheader,nounits"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=10, check=True)
        return Power(float(done.stdout) * args.world_size * max(1, args.n_gpu), True)
    except (OSError, ValueError, subprocess.SubprocessError):  # no such tool, or no limit
        return Power(None, True)


def kept_line(model: nn.Module, trials: int) -> str:
    """Write on one line what the weights of so many trials take on disk, at most."""
    size = trials * sum(p.numel() * p.element_size() for p in model.parameters())
    return f"note: each trial keeps the weights that it moved until some are combined: {size / 1e9:.2g} GB at most"


def price_line(price: Price) -> str:
    """Write a price on one line."""
    epochs = f"{price.n_epochs:g} epoch{'s' * (price.n_epochs != 1)}"
    what = f"{price.trainings} training{'s' * (price.trainings != 1)} of {epochs}"
    parts = [f"{what}: about {duration(price.seconds)} (± {100 * MARGIN:.0f} %)"]
    if price.trials:
        trials = f"{price.trials} trials" + f" on {price.folds} folds" * bool(price.folds)
        trials += f" + {price.refits} trainings of finalists" * bool(price.refits)
        parts = [f"{trials} + {parts[0].replace(':', ' each:', 1)}, less where trials stop early"]
    if price.memory is not None:
        parts.append(f"{price.memory / 1e9:.1f} GB of {'GPU ' * price.power.of_gpus}memory")
    if (watts := price.power.watts) is not None:
        energy = price.seconds / 3.6e6 * watts
        source = "the GPU's limit" if price.power.of_gpus else f"{WATTS_A_CORE:g} W a core"
        carbon = f"{energy * GRAMS_A_KWH / 1000:.2g} kg CO2e at {GRAMS_A_KWH:g} g a kWh"
        parts.append(f"{energy:.2g} kWh at {watts:g} W ({source}), {carbon}")
    return f"price: {'; '.join(parts)}"
