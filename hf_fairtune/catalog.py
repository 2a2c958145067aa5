"""Finding a variety by its name: `<room>/<name>.py` is the registration."""

import importlib
import importlib.util
import pkgutil
from types import ModuleType

from .errors import FairTuneError


def names(room: str) -> list[str]:
    """List the varieties of a room, by file name."""
    package = importlib.import_module(f"hf_fairtune.{room}")
    return sorted(module.name for module in pkgutil.iter_modules(package.__path__))


def find(room: str, name: str) -> ModuleType:
    """Import `hf_fairtune/<room>/<name>.py`.

    Raises:
        FairTuneError: the room has no such file; the message lists those it has.
    """
    if not name.isidentifier() or importlib.util.find_spec(f"hf_fairtune.{room}.{name}") is None:
        raise FairTuneError(f"`{name}` is not one of the {room}; choose from {', '.join(names(room))}.")
    return importlib.import_module(f"hf_fairtune.{room}.{name}")
