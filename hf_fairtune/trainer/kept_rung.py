"""A finished rung of a ladder on disk: what is known of it, and the tensors that its training moved."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import torch
from pydantic import TypeAdapter
from torch import nn

from ..document.ladder import Rung
from ..document.run import Training
from ..errors import FairTuneError, first_line
from ..families.moved import move, tensors_of
from ..files.kept_json import read_json, write_json
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
    write_json(folder / FACTS, TypeAdapter(KeptRung).dump_python(kept, mode="json"))


def kept_rung(folder: Path) -> KeptRung | None:
    """Read a rung that is done; None where it is not, or where a file of it is damaged, which is said."""
    if not os.path.lexists(folder / FACTS):
        return None
    try:
        read_weights(folder / WEIGHTS)
        return TypeAdapter(KeptRung).validate_python(read_json(folder / FACTS))
    except (OSError, ValueError) as error:
        print(f"note: the rung in `{folder}` is damaged ({first_line(error)}); it is trained again", flush=True)
        return None


def restore(folder: Path, model: nn.Module) -> None:
    """Put the moved tensors of a rung into a model that is as its training began."""
    move(model, read_weights(folder / WEIGHTS))
