"""Checksums of a folder's files: written once all of them are, and compared before one is read."""

import hashlib
import json
import os
from pathlib import Path

from ..errors import first_line
from .atomic import write_atomically

FILE_NAME = "checksums.json"
# Bytes at a time.
PART = 1 << 20


def seal(folder: Path) -> None:
    """Flush every file below a folder to the disk, then write their SHA-256: the last file, which says it is whole.

    Raises:
        OSError: a file cannot be flushed.
        FairTuneError: the disk is full or not writable.
    """
    names = sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())
    sums = {name: checksum(folder / name, flush=True) for name in names if name != FILE_NAME}
    write_atomically(folder / FILE_NAME, json.dumps({"folder": folder.name, "files": sums}, indent=1))


def is_sealed(folder: Path) -> bool:
    """Tell whether a folder has checksums, which need not be right."""
    return os.path.lexists(folder / FILE_NAME)


def damage(folder: Path) -> str | None:
    """Name what in a sealed folder is not as it was written; None where every file is."""
    try:
        known = json.loads((folder / FILE_NAME).read_text(encoding="utf-8"))
        sums: dict[str, str] = {str(name): str(value) for name, value in known["files"].items()}
        if known["folder"] != folder.name:
            return f"its files are those of `{known['folder']}`"
    except (OSError, ValueError, LookupError, TypeError, AttributeError) as error:
        return f"`{FILE_NAME}` cannot be read ({first_line(error)})"
    for name, value in sums.items():
        try:
            if checksum(folder / name) != value:
                return f"`{name}` is not as it was written"
        except OSError as error:
            return f"`{name}` cannot be read ({first_line(error)})"
    return None


def checksum(path: Path, *, flush: bool = False) -> str:
    """Return the SHA-256 of a file, in hexadecimal digits; with `flush` it is on the disk then."""
    found = hashlib.sha256()
    with path.open("r+b" if flush else "rb") as file:
        while part := file.read(PART):
            found.update(part)
        if flush:
            os.fsync(file.fileno())
    return found.hexdigest()
