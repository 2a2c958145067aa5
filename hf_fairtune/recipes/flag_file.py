"""A yaml or json file of flags and their values, which stands for what could be typed."""

from __future__ import annotations

import argparse
import difflib
import json
import re
from collections.abc import Mapping
from dataclasses import MISSING, dataclass, fields
from pathlib import Path
from typing import Any, TypeVar

import yaml
from transformers import HfArgumentParser

from ..errors import FairTuneError, first_line

YAML = (".yaml", ".yml")
ENDINGS = (*YAML, ".json")
# Flags whose list may hold mappings.
NESTED = {"methods": dict}
NULL = "tag:yaml.org,2002:null"
Value = str | list[str]


class Texts(yaml.BaseLoader):
    """Every value stays a text, which its flag reads as it does on the command line: 1e-4 is a number there."""


Texts.add_implicit_resolver(NULL, re.compile("(~|null|Null|NULL|)$"), ["~", "n", "N", ""])
Texts.add_constructor(NULL, lambda *_: None)


@dataclass(frozen=True)
class FlagFile:
    """Flags and their values, as texts.

    Args:
        name: of the file.
        values: what each flag is given.
    """

    name: str
    values: Mapping[str, Value]

    @property
    def title(self) -> str:
        """Return what error lines call it."""
        return f"`{self.name}`"

    def typed(self, parser: argparse.ArgumentParser) -> dict[str, object]:
        """Read every value as its flag does, by the flag's own name.

        Raises:
            FairTuneError: a name is no flag of the parser, or a value is none of its flag.
        """
        flags = flags_of(parser)
        for name in self.values:
            if name not in flags:
                near = [f"`{one}`" for one in difflib.get_close_matches(name, flags, n=3)]
                do = f"did you mean {' or '.join(near)}?" if near else f"see `{parser.prog} --help`."
                raise FairTuneError(f"{self.title}: `{name}` is no flag of `{parser.prog}`; {do}")
        return {flags[name].dest: self._read(parser, flags[name], name) for name in self.values}

    def _read(self, parser: argparse.ArgumentParser, flag: argparse.Action, name: str) -> object:
        value = self.values[name]
        if isinstance(value, list) and flag.nargs in (None, "?"):
            raise FairTuneError(f"{self.title}: `{name}` takes one value, not a list.")
        try:
            return parser._get_values(flag, value if isinstance(value, list) else [value])
        except (argparse.ArgumentError, ValueError) as error:
            raise FairTuneError(f"{self.title}: {first_line(error)}") from error


Kind = TypeVar("Kind")


def read_as(kind: type[Kind], values: Mapping[str, Value], title: str) -> Kind:
    """Make a dataclass of flags from texts, each read as its flag reads it; error lines begin with `title`.

    Raises:
        FairTuneError: a name is no flag, a value is none of its flag, or a flag without a default is not given.
    """
    found = typed_as(kind, values, title)
    defaults: list[Any] = [*fields(kind)]  # type: ignore[arg-type]
    for one in defaults:
        if one.init and one.default is MISSING and one.default_factory is MISSING and one.name not in found:
            raise FairTuneError(f"`{title}` lacks `{one.name}`; give it.")
    try:
        return kind(**found)
    except FairTuneError as error:
        raise FairTuneError(f"`{title}`: {error}") from error


def typed_as(kind: type[Any], values: Mapping[str, Value], title: str) -> dict[str, object]:
    """Read texts as the flags of a dataclass read them, by name; errors as of `read_as`, but for what is not given."""
    parser = HfArgumentParser((kind,), prog=title, add_help=False, allow_abbrev=False)
    return FlagFile(title, values).typed(parser)


def flags_of(parser: argparse.ArgumentParser) -> dict[str, argparse.Action]:
    """Return the flags that take values, by each of their names."""
    flags: dict[str, argparse.Action] = {}
    for action in parser._actions:
        if action.nargs != 0:  # as of `--help` and `--no_calibrate`
            flags |= {option.lstrip("-").replace("-", "_"): action for option in action.option_strings}
    return flags


def flag_file(name: str) -> FlagFile:
    """Read the file of flags that stands for a command's own.

    Raises:
        FairTuneError: there is none, or it is no list of flags and values.
    """
    path = Path(name).expanduser()
    if not path.is_file():
        raise FairTuneError(f"`{name}` is no file; give a yaml or json file of flags, or the flags themselves.")
    return FlagFile(path.name, read_values(path, f"`{path.name}`"))


def read_values(path: Path, title: str) -> dict[str, Value]:
    """Read the values of a file, which error lines call `title`; null is as if its flag were not there."""
    try:
        text = path.read_text(encoding="utf-8")
        # YAML holds JSON but for tabs, which JSON has only where a space may stand.
        content = yaml.load(text.replace("\t", " ") if path.suffix == ".json" else text, Texts)
    except (yaml.YAMLError, OSError, UnicodeDecodeError) as error:
        raise FairTuneError(f"{title} cannot be read: {first_line(error)}") from error
    if not isinstance(content, dict):
        raise FairTuneError(f"{title} is no list of flags; write lines such as `num_train_epochs: 30`.")
    for name, value in content.items():
        if isinstance(value, list) and not all(isinstance(one, str | NESTED.get(name, str)) for one in value):
            raise FairTuneError(f"{title}: `{name}` has a list of more than texts and numbers; write them alone.")
    return {str(name): _as_typed(value) for name, value in content.items() if value is not None}


def _as_typed(value: Value | dict[str, object]) -> Value:
    """Write a mapping, such as that of `lr_scheduler_kwargs`, as its flag takes it; those in a list, too."""
    if isinstance(value, list):
        return [json.dumps(one) if isinstance(one, dict) else one for one in value]
    return json.dumps(value) if isinstance(value, dict) else value
