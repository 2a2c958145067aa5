"""A NumPy file of many rows, written a part at a time: it is whole or not there.

It is written to a temporary name and renamed. Two processes may write the same file at a time: the later rename
replaces an equal one.
"""

import os
import time
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from uuid import uuid4

import numpy as np

DAY = 24 * 3600


def write_array(path: Path, kind: str, shape: tuple[int, ...], parts: Iterable[np.ndarray]) -> None:
    """Write the parts of an array after each other.

    It is written plainly, not through a memory map: a full disk then is an error instead of a killed process.

    Args:
        path: of the file.
        kind: of the numbers, such as "<f4".
        shape: of the whole array.
        parts: together the array, in its order.

    Raises:
        OSError: the disk is full, or the folder cannot be written to.
    """
    temporary = path.with_name(f".{path.name}.{uuid4().hex}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666)
        with os.fdopen(handle, "wb") as file:
            np.lib.format.write_array_header_1_0(file, {"descr": kind, "fortran_order": False, "shape": shape})
            for part in parts:
                file.write(part.astype(kind, copy=False).tobytes())
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    finally:
        with suppress(OSError):  # the folder may be none
            temporary.unlink(missing_ok=True)


def sweep(folder: Path, name: str) -> None:
    """Remove what writes of `<name>...` killed more than a day ago left; one at work has written since."""
    for left in folder.glob(f".{name}*"):
        with suppress(FileNotFoundError):  # another process renames or removes its own meanwhile
            if time.time() - left.stat().st_mtime > DAY:
                left.unlink()
