"""List the methods of `--method`, or tell all about one: what it does, needs and trains, its flags, its citation."""

import inspect
import re
import textwrap
from dataclasses import dataclass, field
from typing import Any, get_args, get_type_hints

from .. import catalog
from ..methods.method import Method
from ..show.methods import needs_said, times_said

EXAMPLE = """  fairtune methods
  fairtune methods groupdro"""
WIDTH = 119
# By whether the original training data are needed.
HEADINGS = {
    True: "To train from a pretrained model, on the original training data (fairtune train, search, compare):",
    False: "To repair a trained model, without its training data (fairtune debias, compare):",
}


@dataclass
class MethodsArguments:
    """Which method."""

    name: str | None = field(default=None, metadata={"help": "Name of one method; all are listed if not given."})


POSITIONAL = "--name"
ARGUMENTS = (MethodsArguments,)


def run(arguments: MethodsArguments) -> None:
    """Print the list of methods, or all about one."""
    print(listing() if arguments.name is None else whole(arguments.name.lower()))


def listing() -> str:
    """Return for each method its name, its title, what it trains and needs, and the key of its citation."""
    names = catalog.names("methods")
    width, parts = max(map(len, names)), {heading: list[str]() for heading in HEADINGS.values()}
    for name in names:
        found = method_class(name)
        said = f"{found.title}. Trains {found.trains}. Needs {times_said(found.needs)}. [{key(found)}]"
        line = textwrap.fill(f"{name.ljust(width)}  {said}", WIDTH, subsequent_indent=" " * (width + 2))
        parts[HEADINGS[found.needs.original_training_data]].append(line)
    blocks = ["\n".join([heading, "", *lines]) for heading, lines in parts.items()]
    return "\n\n".join([*blocks, "All about one:  fairtune methods NAME"])


def whole(name: str) -> str:
    """Return all about a method as paragraphs for a terminal."""
    found = method_class(name)
    said = [catalog.about("methods", name), *inspect.cleandoc(found.__doc__ or "").split("\n\n")]
    parts = [*said, f"Trains: {found.trains}.", f"Needs: {needs_said(found.needs)}."]
    paragraphs = [textwrap.fill(" ".join(part.split()), WIDTH) for part in parts]
    return "\n\n".join([found.title, *paragraphs, flags_said(found), found.citation])


def flags_said(found: type[Method]) -> str:
    """Return a line a flag: its name, what it takes, its default and its help."""
    types, lines = get_type_hints(found), []
    for entry in found.flags():
        choices = [value for value in get_args(types[entry.name]) if isinstance(value, str)]
        takes = f" {{{','.join(choices)}}}" if choices else ""
        text = f"  --{entry.name}{takes}  {entry.metadata['help']} ({default_said(entry.default)})"
        lines.append(textwrap.fill(text, WIDTH, subsequent_indent=" " * 6))
    return "\n".join(["Flags:", *lines]) if lines else "Flags: none of its own."


def default_said(value: Any) -> str:
    """Say what a flag is if it is not given."""
    return "no default" if value is None else f"default: {value}"


def method_class(name: str) -> type[Method]:
    """Return the class of a method."""
    found: type[Method] = catalog.find("methods", name).METHOD
    return found


def key(found: type[Method]) -> str:
    """Return the key of a method's BibTeX entry."""
    match = re.match(r"@\w+\{([^,\s]+),", found.citation)
    return match[1] if match else ""
