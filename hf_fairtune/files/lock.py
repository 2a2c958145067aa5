"""An output folder is written to by one process at a time: a lock of the system's, which no death leaves behind."""

import os
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from filelock import FileLock, Timeout

from ..errors import FairTuneError, first_line
from .atomic import MAKING, WRITING
from .folder import FILE_NAME as RUN
from .folder import make

FILE_NAME, SETUP = "run.lock", "setup.lock"
# Seconds after which a file that is still being written is one that nobody writes.
LEFT = 600.0
# Files of the folders that are held, and by which process: one that it forks holds nothing.
_held: dict[Path, int] = {}


class BusyError(FairTuneError):
    """Another process holds a folder."""


@contextmanager
def hold(folder: str | Path, *, setup: bool = False) -> Iterator[None]:
    """Hold a folder while the body writes to it, made where there is none; a body inside of another's holds it too.

    The lock is the system's, which frees it when the process dies, however it dies. What killed processes left half
    written is removed first. A folder that no run has claimed afterwards is left as it was.

    Args:
        folder: that is written to.
        setup: the body only sets it up, which starts that share the folder do one after another: each waits.

    Raises:
        FairTuneError: another process holds it, it cannot be written to, or it was deleted meanwhile.
    """
    place = Path(folder).resolve()
    file = place / (SETUP if setup else FILE_NAME)
    new = [path for path in (place, *place.parents) if not path.exists()]
    if _held.get(file) == os.getpid():
        yield
        return
    lock = _locked(file, folder, setup)
    _held[file] = os.getpid()
    try:
        if not setup:
            sweep(place)
        yield
    except Exception as error:  # whatever it is, its reason is that the folder is gone
        if not file.exists():
            raise gone(folder) from error
        raise
    finally:
        del _held[file]
        # Unlinked while it is held: another start that has it open sees that it has no name, and opens the next one.
        if not (place / RUN).exists():
            file.unlink(missing_ok=True)
        lock.release()
        for path in new:
            with suppress(OSError):  # there is something in it
                path.rmdir()


def _locked(file: Path, folder: str | Path, wait: bool) -> FileLock:
    lock = FileLock(file)
    while True:
        make(file.parent)
        try:
            lock.acquire(timeout=-1 if wait else 0)
            return lock
        except Timeout:
            raise busy(folder) from None
        except OSError as error:
            # Another start, which was refused, may have removed the folder that it made.
            if file.parent.is_dir():
                raise FairTuneError(
                    f"`{folder}` cannot be written to ({first_line(error)}); choose another --output_dir."
                ) from error


def check_free(folder: str | Path) -> None:
    """Check that no other process writes to a folder that is read; nothing is made.

    Raises:
        FairTuneError: one does.
    """
    file = Path(folder).resolve() / FILE_NAME
    if not file.is_file() or _held.get(file) == os.getpid():
        return
    with suppress(OSError):  # who cannot write there waits for nobody
        if is_held(file):
            raise busy(folder)


def is_held(file: Path) -> bool:
    """Tell whether the file of a lock is held.

    Raises:
        OSError: it cannot be opened.
    """
    try:
        FileLock(file).acquire(timeout=0).lock.release()
    except Timeout:
        return True
    return False


def busy(folder: str | Path) -> BusyError:
    """Say that another process holds a folder."""
    return BusyError(f"another process is at work in `{folder}`; wait until it ends, or choose another output_dir.")


def gone(folder: str | Path) -> FairTuneError:
    """Say that a folder that was written to is not there any more."""
    return FairTuneError(f"`{folder}` was deleted while it was written to; the same command begins from the start.")


def sweep(folder: Path) -> None:
    """Remove what killed processes left half written in a folder that is held.

    A hand-over is made by its holder alone. Single files are written by workers too, in seconds: old ones are left.
    """
    for left in [*folder.rglob(f"{MAKING}*")]:
        with suppress(BusyError):  # a run in a folder below, which is at work
            check_free(left.parent)
            shutil.rmtree(left, ignore_errors=True)
    for left in [*folder.rglob(f"{WRITING}*")]:
        with suppress(OSError):  # its process ends it just now
            if time.time() - left.stat().st_mtime > LEFT:
                shutil.rmtree(left, ignore_errors=True)
