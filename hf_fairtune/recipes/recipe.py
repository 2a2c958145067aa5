"""A recipe: values of flags under a name, of this room or of a file of one's own."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import TypeVar

from transformers import HfArgumentParser

from ..document.run import RecipeFacts
from ..document.scalar import Argument
from ..errors import FairTuneError
from .flag_file import ENDINGS, FlagFile, flags_of, read_values

ROOM = Path(__file__).parent
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
    content = read_values(path, f"recipe `{name}`")
    for key in KEPT_OUT:
        if key in content:
            raise FairTuneError(f"recipe `{name}` holds `{key}`; give it as a flag, or not at all.")
    return Recipe(name if path.parent == ROOM else path.name, content)


@dataclass(frozen=True)
class Recipe(FlagFile):
    """Flags and their values, as texts.

    Args:
        name: of a recipe of this room, else the name of its file.
        values: what each flag is given.

    Example:
        >>> papers = recipe("fairtune")
        >>> args = papers.of(FairTrainingArguments, output_dir="out", per_device_train_batch_size=64)
    """

    @property
    def title(self) -> str:
        """Return what error lines call it."""
        return f"recipe `{self.name}`"

    def of(self, kind: type[T], **own: object) -> T:
        """Build a dataclass of flags, stock ones too, from those values that are its fields; `own` ones come first.

        Raises:
            FairTuneError: a value is none of its flag.
        """
        parser = HfArgumentParser(kind)
        run = self._known_to(parser).typed(parser) | own
        made = kind(**run)
        if hasattr(made, "followed"):
            made.followed = self.facts(parser, run)
        return made

    def facts(self, parser: argparse.ArgumentParser, run: Mapping[str, object]) -> RecipeFacts:
        """Return what a document keeps of it: its values by flag, and those that a `run` has instead."""
        names = {name: flag.dest for name, flag in flags_of(parser).items()}
        typed = self._known_to(parser).typed(parser)
        return RecipeFacts(
            self.name,
            {names.get(name, name): _plain(value) for name, value in self.values.items()},
            {name: _plain(run[name]) for name, value in typed.items() if _plain(run[name]) != _plain(value)},
        )

    def _known_to(self, parser: argparse.ArgumentParser) -> Recipe:
        known = flags_of(parser)
        return Recipe(self.name, {name: value for name, value in self.values.items() if name in known})


def _plain(value: object) -> Argument:
    if isinstance(value, Enum):
        return str(value.value)
    if isinstance(value, list | tuple):
        return [str(one) for one in value]
    return value if isinstance(value, str | int | float | None) else str(value)
