"""Files that are written whole or not at all."""

import os
import tempfile
from pathlib import Path

from ..errors import FairTuneError, first_line

# What a process writes to before it renames.
MAKING, WRITING = ".handover-", ".writing-"


def write_atomically(path: Path, content: str | bytes) -> Path:
    """Write `content` beside `path`, flush it to disk, then rename: a kill, or a power cut, leaves the old or the new.

    Its folder is made where there is none.

    Raises:
        FairTuneError: the disk is full or not writable; the old file is untouched.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=path.parent, prefix=WRITING) as making:
            with open(Path(making) / path.name, "wb") as file:
                file.write(content.encode() if isinstance(content, str) else content)
                file.flush()
                os.fsync(file.fileno())
            os.replace(file.name, path)
        flush(path.parent)
    except OSError as error:
        raise FairTuneError(
            f"`{path}` could not be written ({first_line(error)}); free some space and rerun."
        ) from error
    return path


def flush(path: Path) -> None:
    """Have the disk keep a file, or the names of the files in a folder.

    Raises:
        OSError: it cannot.
    """
    if os.name == "nt" and path.is_dir():  # which keeps names by itself
        return
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
