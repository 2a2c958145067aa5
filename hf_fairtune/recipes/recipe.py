"""A recipe: values of flags under a name, of this room or of a file of one's own."""

from __future__ import annotations

import argparse
import difflib
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import TypeVar

import yaml
from transformers import HfArgumentParser

from ..document.run import RecipeFacts
from ..document.scalar import Argument
from ..errors import FairTuneError, first_line

ROOM = Path(__file__).parent
ENDINGS = (".yaml", ".yml", ".json")
# What no recipe may hold: another recipe, and a secret, as the document keeps what it holds.
KEPT_OUT = ("recipe", "hub_token")
T = TypeVar("T")


def names() -> list[str]:
    """List the recipes of this room."""
    return sorted(path.stem for path in ROOM.glob("*.yaml"))


def recipe(name: str) -> Recipe:
    """Read a recipe: one of this room by its name, or a yaml or json file of one's own by its path.

    Raises:
        FairTuneError: there is none, or it is no list of flags and values.
    """
    path = ROOM / f"{name}.yaml" if name in names() else Path(name).expanduser()
    if path.suffix not in ENDINGS or not path.is_file():
        raise FairTuneError(f"`{name}` is no recipe; choose {', '.join(names())}, or give a yaml file of your own.")
    try:
        # Every value stays a text, which its flag reads as it does on the command line: 1e-4 is a number there.
        content = yaml.load(path.read_text(encoding="utf-8"), yaml.BaseLoader)
    except (yaml.YAMLError, OSError, UnicodeDecodeError) as error:
        raise FairTuneError(f"recipe `{name}` cannot be read: {first_line(error)}") from error
    if not isinstance(content, dict) or not all(map(_is_value, content.values())):
        raise FairTuneError(f"recipe `{name}` is no list of flags; write lines such as `num_train_epochs: 30`.")
    for key in KEPT_OUT:
        if key in content:
            raise FairTuneError(f"recipe `{name}` holds `{key}`; give it as a flag, or not at all.")
    return Recipe(name if path.parent == ROOM else path.name, content)


@dataclass(frozen=True)
class Recipe:
    """Flags and their values, as texts.

    Args:
        name: of a recipe of this room, else the name of its file.
        values: what each flag is given.

    Example:
        >>> papers = recipe("fairtune")
        >>> args = papers.of(FairTrainingArguments, output_dir="out", per_device_train_batch_size=64)
    """

    name: str
    values: Mapping[str, str | list[str]]

    def of(self, kind: type[T], **own: object) -> T:
        """Build a dataclass of flags, stock ones too, from those values that are its fields; `own` ones come first.

        Raises:
            FairTuneError: a value is none of its flag.
        """
        parser = HfArgumentParser(kind)
        known = {action.dest for action in parser._actions}
        mine = Recipe(self.name, {key: value for key, value in self.values.items() if key in known})
        values = mine.typed(parser)
        made = kind(**values | own)
        if hasattr(made, "followed"):
            made.followed = self.facts(changes(values, values | own))
        return made

    def typed(self, parser: argparse.ArgumentParser) -> dict[str, object]:
        """Read every value as the flag of its name does.

        Raises:
            FairTuneError: a name is no flag of the parser, or a value is none of its flag.
        """
        flags: dict[str, argparse.Action] = {}
        for action in parser._actions:
            flags.setdefault(action.dest, action)
        return {name: self._read(parser, flags, name) for name in self.values}

    def facts(self, changed: Mapping[str, Argument]) -> RecipeFacts:
        """Return what a document keeps of it: `changed` are values that a run took instead."""
        return RecipeFacts(self.name, {name: _plain(value) for name, value in self.values.items()}, dict(changed))

    def _read(self, parser: argparse.ArgumentParser, flags: Mapping[str, argparse.Action], name: str) -> object:
        if name not in flags:
            near = difflib.get_close_matches(name, flags, n=3)
            meant = f"; did you mean {' or '.join(f'`{one}`' for one in near)}?" if near else "."
            raise FairTuneError(f"recipe `{self.name}`: `{name}` is no flag of `{parser.prog}`{meant}")
        value = self.values[name]
        if isinstance(value, list) and flags[name].nargs in (None, "?"):
            raise FairTuneError(f"recipe `{self.name}`: `{name}` takes one value, not a list.")
        try:
            return parser._get_values(flags[name], value if isinstance(value, list) else [value])
        except (argparse.ArgumentError, ValueError) as error:
            raise FairTuneError(f"recipe `{self.name}`: {first_line(error)}") from error


def changes(values: Mapping[str, object], run: Mapping[str, object]) -> dict[str, Argument]:
    """Return what a run has instead of the values of a recipe, as JSON."""
    return {name: _plain(run[name]) for name, value in values.items() if _plain(run[name]) != _plain(value)}


def _plain(value: object) -> Argument:
    if isinstance(value, Enum):
        return str(value.value)
    if isinstance(value, list | tuple):
        return [str(one) for one in value]
    return value if isinstance(value, str | int | float | None) else str(value)


def _is_value(value: object) -> bool:
    return isinstance(value, str) or (isinstance(value, list) and all(isinstance(one, str) for one in value))
