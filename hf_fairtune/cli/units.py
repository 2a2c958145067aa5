"""List the units of a model that the bits of a mask train, and write them to a file to edit."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from transformers import AutoModelForImageClassification

from ..connection import hub_or_cache
from ..errors import FairTuneError
from ..families.family import model_type_of
from ..families.mae_encoder import MODEL_TYPE
from ..families.parts import HEAD, Part, parts_of
from ..files.atomic import write_atomically
from ..loading import load_config, loadable
from ..masks.config import uncopied
from ..masks.granularities import AUTO
from ..masks.space import Space, space_of_parts
from ..masks.units_file import read_units, units_text

EXAMPLE = """  fairtune units google/vit-base-patch16-224
  fairtune units microsoft/resnet-50 --granularity blocks --output units.yaml"""


@dataclass
class UnitsArguments:
    """Which model, and which bits."""

    model: str = field(
        metadata={"help": "Hub id or folder of an image classifier.", "aliases": ["--model_name_or_path"]}
    )
    granularity: str = field(
        default=AUTO,
        metadata={"help": "paper36, attention12, layernorm12, split48; stages or blocks; auto is the model's own."},
    )
    units: str | None = field(default=None, metadata={"help": "List the units of this file instead, and check it."})
    output: str | None = field(default=None, metadata={"help": "Write the units to this YAML file, to edit."})
    head: str | None = field(default=None, metadata={"help": "Module of the classification head, if not found."})


POSITIONAL = "--model"
ARGUMENTS = (UnitsArguments,)


def run(arguments: UnitsArguments) -> None:
    """Print one line a unit, then what every mask freezes and trains; no weights are loaded."""
    if arguments.output and Path(arguments.output).exists():
        raise FairTuneError(f"`{arguments.output}` is there already; give another --output, or delete it.")
    model = empty_model(arguments.model)
    parts = parts_of(model, arguments.head)
    names = [name for part in parts for name in part.parameters]
    head = [name for part in parts if part.kind == HEAD for name in part.parameters]
    own = read_units(arguments.units, names, head) if arguments.units else ()
    space = space_of_parts(parts, arguments.granularity, own, model_type_of(model))
    print(listing(model, parts, space))
    if arguments.output:
        path = write_atomically(Path(arguments.output), units_text(space))
        print(f"\nwrote {path}; edit it, then give --units {path}")


def empty_model(name: str) -> Any:
    """Build a model of a Hub id or folder without its weights; of an autoencoder its classifier."""
    with hub_or_cache(name), loadable(f"--model {name}"), torch.device("meta"):
        config = load_config(name)
        if config.model_type == MODEL_TYPE:
            raise FairTuneError(f"`{name}` is an autoencoder; its classifier has the units of a `vit`.")
        # Without names of classes transformers takes the usual one of the model type, but not without a list.
        config.architectures = config.architectures or []
        return AutoModelForImageClassification.from_config(config, trust_remote_code=False)


def listing(model: Any, parts: list[Part], space: Space) -> str:
    """Return a table of bits, units, parameters and modules, and what lies outside them."""
    sizes = {name: parameter.numel() for name, parameter in model.named_parameters()}
    every = sum(sizes.values())
    rows = [("bit", "unit", "parameters", "share")]
    for bit, unit in enumerate(space.units):
        rows.append((str(bit), unit.name, *counted(unit.parameters, sizes, every)))
    in_units = {name for unit in space.units for name in unit.parameters}
    for part in outside(parts, in_units):
        state = "always trained" if part[0] == HEAD else "frozen"
        rows.append(("", f"{part[0]} ({state})", *counted(part[1], sizes, every)))
    widths = [max(len(row[i]) for row in rows) for i in range(4)]
    lines = [
        f"{a.rjust(widths[0])}  {b.ljust(widths[1])}  {c.rjust(widths[2])}  {d.rjust(widths[3])}"
        for a, b, c, d in rows
    ]
    copied = not uncopied(model, space.trained([1] * len(space)))
    adapter = "an adapter that stock PEFT loads" if copied else "tensors that stock `load_state_dict` takes"
    title = f"{space.model_type}: {len(space)} units of `{space.granularity}`, {every:,} parameters"
    return "\n".join([title, *lines, f"What a mask trained is saved as {adapter}."])


def outside(parts: list[Part], in_units: set[str]) -> list[tuple[str, list[str]]]:
    """Return what lies in no unit, by kind, the head last."""
    found = dict[str, list[str]]()
    for part in parts:
        if left := [name for name in part.parameters if name not in in_units]:
            found.setdefault(part.kind, []).extend(left)
    return sorted(found.items(), key=lambda item: item[0] == HEAD)


def counted(names: tuple[str, ...] | list[str], sizes: dict[str, int], every: int) -> tuple[str, str]:
    """Return the number of parameters and their share, as text."""
    count = sum(sizes[name] for name in names)
    return f"{count:,}", f"{100 * count / every:.2f} %"
