"""Finding a variety by its name: `<room>/<name>.py` is the registration."""

import ast
import importlib
import pkgutil
from pathlib import Path
from types import ModuleType

from .errors import FairTuneError

# Files of a room that every variety may build on; they are no varieties themselves.
CONTRACTS = {
    "families": {"family", "head"},
    "losses": {"loss", "contrast"},
    "methods": {"method", "two_step"},
    "metrics": {
        "metric",
        "rates",
        "rows",
        "scores",
        "thresholds",
        "operating_threshold",
        "extremes",
        "calibration",
        "correction",
    },
}


def names(room: str) -> list[str]:
    """List the varieties of a room by file name, without the files of its contract."""
    package = importlib.import_module(f"hf_fairtune.{room}")
    found = {module.name for module in pkgutil.iter_modules(package.__path__)}
    return sorted(found - CONTRACTS.get(room, set()))


def find(room: str, name: str) -> ModuleType:
    """Import `hf_fairtune/<room>/<name>.py`.

    Raises:
        FairTuneError: the room has no such file; the message lists those it has.
    """
    if name not in names(room):
        raise FairTuneError(f"`{name}` is not one of the {room}; choose from {', '.join(names(room))}.")
    return importlib.import_module(f"hf_fairtune.{room}.{name}")


def about(room: str, name: str) -> str:
    """Return the first line of a variety's docstring without importing it, which may take seconds."""
    (place,) = importlib.import_module(f"hf_fairtune.{room}").__path__
    source = (Path(place) / f"{name}.py").read_text(encoding="utf-8")
    return (ast.get_docstring(ast.parse(source)) or "").partition("\n")[0]
