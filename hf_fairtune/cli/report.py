"""Write the card and figures of a finished run again, from its document alone."""

from dataclasses import dataclass, field
from pathlib import Path

from ..document.document import Document
from ..errors import FairTuneError
from ..folder import SHARE
from ..show.files import write_card
from ..show.terminal import audit_text

EXAMPLE = "  fairtune report fairtune-lesions"


@dataclass
class ReportArguments:
    """Which run."""

    run: str = field(metadata={"help": "Output folder of a run."})


POSITIONAL = "--run"
ARGUMENTS = (ReportArguments,)


def run(arguments: ReportArguments) -> None:
    """Write README.md and figures/, also in the run's copy to be shared, and print the tables."""
    folder = Path(arguments.run)
    if not folder.is_dir():
        raise FairTuneError(f"`--run {folder}` is not a folder; pass the output folder of a run.")
    document = Document.load(folder)
    write_card(document, folder)
    if (folder / SHARE).is_dir():
        write_card(document, folder / SHARE)
    print(f"{audit_text(document)}\n\nmodel card: {folder / 'README.md'}")
