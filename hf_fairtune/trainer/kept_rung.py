"""A finished rung of a ladder on disk: what is known of it, and the tensors that its training moved."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
from pydantic import TypeAdapter
from torch import Tensor, nn

from ..document.ladder import Rung
from ..document.run import Training
from ..errors import FairTuneError
from ..folder import write_atomically
from ..search.kept import read_weights, write_weights

FOLDER, FACTS, WEIGHTS = "rungs", "rung.json", "rung.safetensors"


@dataclass(frozen=True)
class KeptRung:
    """A rung that was trained and judged, and its training."""

    rung: Rung
    training: Training


def tensors_of(model: nn.Module) -> dict[str, Tensor]:
    """Copy a model's parameters and buffers to the CPU."""
    return {name: values.detach().cpu().clone() for name, values in model.state_dict().items()}


def keep(folder: Path, kept: KeptRung, before: Mapping[str, Tensor], model: nn.Module) -> None:
    """Write a rung: the tensors that are not as `before` first, then its facts, whose file says that it is done.

    Raises:
        FairTuneError: the training changed which tensors the model has.
    """
    after = tensors_of(model)
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
    model.load_state_dict(read_weights(folder / WEIGHTS), strict=False)
