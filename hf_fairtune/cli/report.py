"""Write the card and figures of a finished run again, from its record alone."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from ..errors import FairTuneError
from ..record import Record
from ..report.write import write_report
from .flags import positional
from .job import closing

EXAMPLE = "  fairtune report fairtune-lesions"


@dataclass
class ReportArguments:
    """Which run."""

    run: str = field(metadata={"help": "Output folder of a run."})


ARGUMENTS = (ReportArguments,)


def rewrite(argv: list[str]) -> list[str]:
    """Take the run's folder as first argument too."""
    return positional(argv, "--run")


def run(arguments: ReportArguments) -> None:
    """Write README.md and figures/ and print the table."""
    folder = Path(arguments.run)
    if not folder.is_dir():
        raise FairTuneError(f"`--run {folder}` is not a folder; pass the output folder of a run.")
    write_report(Record.load(folder), folder)
    print(closing(folder))
