"""Finding a variety by its name: `<room>/<name>.py` is the registration."""

import ast
import difflib
import importlib
import re
from pathlib import Path
from types import ModuleType

from .errors import FairTuneError

ROOT = Path(__file__).parent
# How a line of every variety of a room begins, and of no other file there.
MARKS = {
    "audits.metrics": "Definition: ",
    "cli": "def run(",
    "combinations": "COMBINATION",
    "datasets": "DATASET",
    "families": "FAMILY",
    "losses": "LOSS",
    "methods": "METHOD",
    "selections": "SELECTION",
}


class Variety:
    """An object whose class lies in a file of a room, which it is named after."""

    @property
    def name(self) -> str:
        """Return the name of its file."""
        return type(self).__module__.rpartition(".")[2]


def names(room: str) -> list[str]:
    """List the varieties of a room, such as "audits.metrics", by file name; nothing is imported."""
    folder = ROOT.joinpath(*room.split("."))
    mark = re.compile(f"^{re.escape(MARKS[room])}", re.MULTILINE)
    return sorted(path.stem for path in folder.glob("*.py") if mark.search(path.read_text(encoding="utf-8")))


def find(room: str, name: str) -> ModuleType:
    """Import `hf_fairtune/<room>/<name>.py`.

    Raises:
        FairTuneError: the room has no such file; the message lists those it has, and names the nearest.
    """
    if name not in (known := names(room)):
        what, near = room.rpartition(".")[2], difflib.get_close_matches(name, known, n=1)
        meant = f"; did you mean `{near[0]}`?" if near else "."
        raise FairTuneError(f"`{name}` is not one of the {what}; choose from {', '.join(known)}{meant}")
    return importlib.import_module(f"{__package__}.{room}.{name}")


def about(room: str, name: str) -> str:
    """Return the first line of a variety's docstring without importing it, which may take seconds."""
    source = ROOT.joinpath(*room.split("."), f"{name}.py").read_text(encoding="utf-8")
    return (ast.get_docstring(ast.parse(source)) or "").partition("\n")[0]
