"""A file of units that a user lists: a name -> parameters, or modules with all that is in them."""

from collections.abc import Sequence
from pathlib import Path

import yaml

from ..errors import FairTuneError, first_line
from .space import Space, Unit

HEADER = """\
# The units of a mask: each bit trains one. Names are of parameters, or of modules with all that is in them.
# Move, merge, split or delete lines; what is named nowhere stays frozen, and the head is always trained.
"""


def read_units(path: str | Path, names: Sequence[str], head: Sequence[str] = ()) -> tuple[Unit, ...]:
    """Read the units of a file.

    Args:
        path: a YAML file: a mapping of a unit's name to a list of names.
        names: of all parameters of the plain model.
        head: those of the head, which is no unit.

    Raises:
        FairTuneError: the file is no such mapping, or a name is in two units, in the head, or in no module.
    """
    try:
        content = yaml.safe_load(Path(path).read_text(encoding="utf-8"))
    except (OSError, yaml.YAMLError) as error:
        raise FairTuneError(
            f"`{path}` cannot be read ({first_line(error)}); `fairtune units MODEL` writes one."
        ) from error
    if not (isinstance(content, dict) and content and all(isinstance(own, list) for own in content.values())):
        raise FairTuneError(
            f"`{path}` is no mapping of units to lists of names; `fairtune units MODEL` writes one to edit."
        )
    units, owners = list[Unit](), dict[str, str]()
    for unit, entries in content.items():
        members = [name for entry in entries for name in named_by(str(entry), names, path)]
        for name in members:
            if name in owners or name in head:
                whose = f"in the unit `{owners[name]}` too" if name in owners else "part of the head, always trained"
                raise FairTuneError(f"`{name}` of the unit `{unit}` in `{path}` is {whose}; name it once.")
            owners[name] = str(unit)
        units.append(Unit(str(unit), 0, (str(unit),), tuple(members)))
    return tuple(units)


def named_by(entry: str, names: Sequence[str], path: str | Path) -> list[str]:
    """Return the parameters that an entry names; refuse one that names none."""
    found = [name for name in names if name == entry or name.startswith(f"{entry}.")]
    if not found:
        raise FairTuneError(
            f"`{entry}` in `{path}` is no parameter or module of the model; see `fairtune units MODEL`."
        )
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
