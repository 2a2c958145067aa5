"""Write a known data set as a table of images, and print the flags that read it."""

import shlex
from dataclasses import dataclass, field
from pathlib import Path

from .. import catalog
from ..datasets.dataset import dataset_named

EXAMPLE = """  fairtune prepare
  fairtune prepare lesions --output_dir lesions"""


@dataclass
class PrepareArguments:
    """Which data set, from where, to where."""

    name: str | None = field(default=None, metadata={"help": "Name of the data set; all are listed if not given."})
    output_dir: str | None = field(default=None, metadata={"help": "Where it is written; a folder of its name."})
    download: str | None = field(default=None, metadata={"help": "Folder of the official download, if it needs one."})


POSITIONAL = "--name"
ARGUMENTS = (PrepareArguments,)


def run(arguments: PrepareArguments) -> None:
    """Write the data set, or list those there are."""
    names = catalog.names("datasets")
    if arguments.name is None:
        width = max(map(len, names))
        lines = [f"{name.ljust(width)}  {dataset_named(name).title}" for name in names]
        print("\n".join([*lines, "", "Write one:  fairtune prepare NAME"]))
        return
    found = dataset_named(arguments.name)
    download = Path(arguments.download).expanduser() if arguments.download else None
    table = found.write(Path(arguments.output_dir or arguments.name).expanduser(), download)
    print(f"wrote {table}: {found.title}")
    print(f"go on:  fairtune search --model MODEL {shlex.join(found.flags(table))} --output_dir OUTPUT")
    if found.citation:
        print(f"\ncite:\n{found.citation}")
