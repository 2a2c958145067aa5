"""A finished rung of a ladder on disk: what is known of it, and the tensors that its training moved."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import torch
from pydantic import TypeAdapter
from torch import nn

from ..document.ladder import Rung
from ..document.run import Training
from ..errors import FairTuneError
from ..families.moved import move, tensors_of
from ..folder import write_atomically
from ..search.kept import read_weights, write_weights

FOLDER, FACTS, WEIGHTS = "rungs", "rung.json", "rung.safetensors"


@dataclass(frozen=True)
class KeptRung:
    """A rung that was trained and judged, and its training."""

    rung: Rung
    training: Training


def keep(folder: Path, kept: KeptRung, start: nn.Module, model: nn.Module) -> None:
    """Write a rung: the tensors that are not as at the start first, then its facts, whose file says that it is done.

    Raises:
        FairTuneError: the training changed which tensors the model has.
    """
    before, after = start.state_dict(), tensors_of(model)
    if after.keys() != before.keys():
        raise FairTuneError(
            f"the method {kept.rung.method!r} gives the model other tensors than it begins with, so it can be no "
            "rung; leave it out of `--rungs`."
        )
    moved = {name: values for name, values in after.items() if not torch.equal(values, before[name])}
    write_weights(folder / WEIGHTS, moved)
    write_atomically(folder / FACTS, TypeAdapter(KeptRung).dump_json(kept, indent=2).decode() + "\n")


def kept_rung(folder: Path) -> KeptRung | None:
    """Read a rung that is done; None where it is not."""
    file = folder / FACTS
    return TypeAdapter(KeptRung).validate_json(file.read_bytes()) if file.is_file() else None


def restore(folder: Path, model: nn.Module) -> None:
    """Put the moved tensors of a rung into a model that is as its training began."""
    move(model, read_weights(folder / WEIGHTS))
