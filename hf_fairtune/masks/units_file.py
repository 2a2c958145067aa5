"""A file of units that a user lists: a name -> parameters, or modules with all that is in them."""

import json
from collections.abc import Hashable, Sequence
from pathlib import Path
from typing import Any

import yaml

from ..errors import FairTuneError, first_line
from .space import Space, Unit

HEADER = """\
# The units of a mask: each bit trains one. Names are of parameters, or of modules with all that is in them.
# Move, merge, split or delete lines; what is named nowhere stays frozen, and the head is always trained.
"""


class OnceLoader(yaml.SafeLoader):
    """YAML in which a key that stands twice is an error; stock YAML takes the last."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        """Build a mapping."""
        keys = [self.construct_object(key, deep=True) for key, _ in node.value]
        if twice := [key for key in keys if keys.count(key) > 1]:
            raise yaml.YAMLError(f"{twice[0]!r} stands twice")
        return super().construct_mapping(node, deep)


def units_json(text: str) -> str:
    """Return the units of a YAML file as JSON, which a run records whole; such JSON as it is.

    Raises:
        FairTuneError: the file cannot be read, or is no mapping of units to lists of names.
    """
    try:
        # JSON is YAML, too.
        source = text if text.startswith("{") else Path(text).read_text(encoding="utf-8")
        content = yaml.load(source, Loader=OnceLoader)
    except (OSError, ValueError, yaml.YAMLError) as error:
        raise FairTuneError(
            f"`units` {text!r} cannot be read ({first_line(error)}); `fairtune units MODEL` writes such a file."
        ) from error
    if not (isinstance(content, dict) and content and all(isinstance(own, list) and own for own in content.values())):
        raise FairTuneError(
            "`units` is no mapping of units to lists of names; `fairtune units MODEL` writes one to edit."
        )
    return json.dumps({str(unit): list(map(str, own)) for unit, own in content.items()})


def read_units(units: str, names: Sequence[str], head: Sequence[str] = ()) -> tuple[Unit, ...]:
    """Read the units of a file, or of JSON.

    Args:
        units: see `units_json`.
        names: of all parameters of the plain model.
        head: those of the head, which is no unit.

    Raises:
        FairTuneError: they cannot be read, or a name is in two units, in the head, or in no module.
    """
    found, owners = list[Unit](), dict[str, str]()
    for unit, entries in json.loads(units_json(units)).items():
        members = [name for entry in entries for name in named_by(entry, names)]
        for name in members:
            if name in owners or name in head:
                whose = f"in the unit `{owners[name]}` too" if name in owners else "part of the head, always trained"
                raise FairTuneError(f"`units`: `{name}` of the unit `{unit}` is {whose}; name it once.")
            owners[name] = unit
        found.append(Unit(unit, 0, (unit,), tuple(members)))
    return tuple(found)


def named_by(entry: str, names: Sequence[str]) -> list[str]:
    """Return the parameters that an entry names; refuse one that names none."""
    found = [name for name in names if name == entry or name.startswith(f"{entry}.")]
    if not found:
        raise FairTuneError(f"`units`: `{entry}` is no parameter or module of the model; see `fairtune units MODEL`.")
    return found


def units_text(space: Space) -> str:
    """Return a file of the units of a model, which `read_units` reads back."""
    named = {unit.name: shortened(unit.parameters) for unit in space.units}
    return HEADER + yaml.safe_dump(named, sort_keys=False, width=1000)


def shortened(names: Sequence[str]) -> list[str]:
    """Return the modules of parameters, once each; every one is whole in a unit, but for a parameter on its own."""
    return list(
        dict.fromkeys(name.rpartition(".")[0] if name.endswith((".weight", ".bias")) else name for name in names)
    )
