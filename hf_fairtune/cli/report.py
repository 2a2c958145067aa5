"""Write the card and figures of a finished run again, from its document alone."""

from dataclasses import dataclass, field
from pathlib import Path

from ..errors import FairTuneError
from ..handover import renew
from ..show.terminal import audit_text

EXAMPLE = """  fairtune report fairtune-lesions
  fairtune report fairtune-lesions --contact "Jane Doe, jane@clinic.example\""""


@dataclass
class ReportArguments:
    """Which run."""

    run: str = field(metadata={"help": "Output folder of a run."})
    contact: str | None = field(default=None, metadata={"help": "Whom to ask about the model, from now on."})


POSITIONAL = "--run"
ARGUMENTS = (ReportArguments,)


def run(arguments: ReportArguments) -> None:
    """Write README.md and figures/, also in the run's copy to be shared, and print the tables."""
    folder = Path(arguments.run)
    if not folder.is_dir():
        raise FairTuneError(f"`--run {folder}` is not a folder; pass the output folder of a run.")
    document = renew(folder, arguments.contact)
    print(f"{audit_text(document)}\n\nmodel card: {folder / 'README.md'}")
