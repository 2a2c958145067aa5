"""A yaml or json file of flags and their values, which stands for what could be typed."""

from __future__ import annotations

import argparse
import difflib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import yaml

from ..errors import FairTuneError, first_line

YAML = (".yaml", ".yml")
ENDINGS = (*YAML, ".json")
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
        return {self._flag(parser, flags, name).dest: self._read(parser, flags[name], name) for name in self.values}

    def _flag(
        self, parser: argparse.ArgumentParser, flags: Mapping[str, argparse.Action], name: str
    ) -> argparse.Action:
        if name in flags:
            return flags[name]
        near = difflib.get_close_matches(name, flags, n=3)
        do = f"did you mean {' or '.join(f'`{one}`' for one in near)}?" if near else f"see `{parser.prog} --help`."
        raise FairTuneError(f"{self.title}: `{name}` is no flag of `{parser.prog}`; {do}")

    def _read(self, parser: argparse.ArgumentParser, flag: argparse.Action, name: str) -> object:
        value = self.values[name]
        if isinstance(value, list) and flag.nargs in (None, "?"):
            raise FairTuneError(f"{self.title}: `{name}` takes one value, not a list.")
        try:
            return parser._get_values(flag, value if isinstance(value, list) else [value])
        except (argparse.ArgumentError, ValueError) as error:
            raise FairTuneError(f"{self.title}: {first_line(error)}") from error


def flags_of(parser: argparse.ArgumentParser) -> dict[str, argparse.Action]:
    """Return the flags that take values, by each of their names."""
    flags: dict[str, argparse.Action] = {}
    for action in parser._actions:
        # Of two that set the same, the later one, `--no_...`, only turns it off.
        if action.dest not in flags:
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
    if not isinstance(content, dict) or not all(map(_is_value, content.values())):
        raise FairTuneError(f"{title} is no list of flags; write lines such as `num_train_epochs: 30`.")
    return {str(name): value for name, value in content.items() if value is not None}


def _is_value(value: object) -> bool:
    texts = value if isinstance(value, list) else [value]
    return value is None or all(isinstance(one, str) for one in texts)
