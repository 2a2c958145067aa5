"""A NumPy file of many rows, written a block at a time, with the checksum of each behind the last row.

It is whole or not there. What a killed process wrote lies in `.<name>.part`, and the checksums of its blocks in
`.<name>.sums`: the next one goes on behind the last block that is as it was written. One process writes at a time, and
the others wait for it.
"""

import errno
import io
import math
import os
import time
import zlib
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from filelock import FileLock, Timeout

from ..errors import first_line
from ..progress import Progress

DAY = 24 * 3600
BLOCK = 8 << 20  # bytes, of whole rows
DIGEST = 4  # bytes of a CRC-32: it tells damage, not intent, and is calculated about as fast as the disk reads
# Returns the rows of an array from one on, in parts of any length.
Parts = Callable[[int], Iterable[np.ndarray]]
# Files that this process found whole, or wrote; each is read once.
_known: set[tuple[str, int, int, int]] = set()


@dataclass(frozen=True)
class ArrayFile:
    """The file of an array.

    Args:
        path: of the file, which may not be there.
        kind: of the numbers, such as "<f4".
        shape: of the array.
    """

    path: Path
    kind: str
    shape: tuple[int, ...]

    @property
    def size(self) -> int:
        """Return the bytes of the rows."""
        return self.shape[0] * self._row

    @property
    def done(self) -> int:
        """Return the bytes that a killed process left, of which some may have to be written again."""
        return self._part.stat().st_size if self._part.is_file() else 0

    def damage(self) -> str | None:
        """Say what of the file is not as it was written; None where it is whole. It is read once by a process."""
        try:
            if _key(self.path) in _known:
                return None
            reason = self._broken()
        except OSError as error:
            return first_line(error)
        if reason is None:
            _known.add(_key(self.path))
        return reason

    def touch(self) -> None:
        """Note that the file is used."""
        os.utime(self.path)
        _known.add(_key(self.path))

    def write(self, parts: Parts) -> None:
        """Write the rows that no killed process wrote; a file that is whole meanwhile stays.

        They are written plainly, not through a memory map: a full disk then is an error, not a killed process.

        Raises:
            OSError: the disk is full, or the folder cannot be written to.
        """
        if self.path.is_dir():
            raise IsADirectoryError(errno.EISDIR, f"`{self.path.name}` is a folder; remove it")
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(self._hidden("lock")):
            if not self.path.exists() or self.damage() is not None:
                self._write(parts)
            with suppress(OSError):  # some systems keep a file that is open
                self._hidden("lock").unlink()

    def _write(self, parts: Parts) -> None:
        try:
            sums = self._fill(parts)
            with self._part.open("ab") as file:
                file.write(b"".join(sums))
                file.flush()
                os.fsync(file.fileno())
            os.replace(self._part, self.path)
        except Exception:  # whatever it was, the rows are of no use then; a kill is none
            self._forget()
            raise
        _known.add(_key(self.path))
        self._forget()

    @property
    def _row(self) -> int:
        return math.prod(self.shape[1:]) * np.dtype(self.kind).itemsize

    @property
    def _step(self) -> int:
        """Return the rows of a block."""
        return max(1, BLOCK // max(1, self._row))

    @property
    def _header(self) -> bytes:
        made = io.BytesIO()
        np.lib.format.write_array_header_1_0(made, {"descr": self.kind, "fortran_order": False, "shape": self.shape})
        return made.getvalue()

    @property
    def _part(self) -> Path:
        return self._hidden("part")

    def _hidden(self, what: str) -> Path:
        return self.path.with_name(f".{self.path.name}.{what}")

    def _forget(self) -> None:
        for what in ("part", "sums"):
            self._hidden(what).unlink(missing_ok=True)

    def _broken(self) -> str | None:
        blocks, header = -(-self.shape[0] // self._step), self._header
        with self.path.open("rb") as file:
            if os.fstat(file.fileno()).st_size != len(header) + self.size + blocks * DIGEST:
                return "it is cut short"
            if file.read(len(header)) != header:
                return "its header is not as it was written"
            file.seek(len(header) + self.size)
            sums = [file.read(DIGEST) for _ in range(blocks)]
        wrong = _first_wrong(self.path, len(header), self.size, self._step * self._row, sums)
        if wrong is None:
            return None
        return f"rows {wrong * self._step} to {min(self.shape[0], (wrong + 1) * self._step) - 1} are not as written"

    def _fill(self, parts: Parts) -> list[bytes]:
        """Write the rows behind those that are there; return the checksums of all blocks."""
        sums, header = self._kept(), self._header
        with self._part.open("r+b" if sums else "wb") as file, self._hidden("sums").open("wb") as log:
            file.truncate(len(header) + len(sums) * self._step * self._row)
            file.write(header)
            file.seek(0, os.SEEK_END)
            log.write(b"".join(sums))
            for block in _blocks(parts(len(sums) * self._step), self._step):
                content = block.astype(self.kind, copy=False).tobytes()
                sums.append(_digest(content))
                file.write(content)
                file.flush()
                log.write(sums[-1])
                log.flush()
        return sums

    def _kept(self) -> list[bytes]:
        """Return the checksums of the whole blocks that a killed process left, up to the first wrong one."""
        try:
            with self._part.open("rb") as file:
                if file.read(len(self._header)) != self._header:
                    return []
            kept = self._hidden("sums").read_bytes()
        except OSError:
            return []
        block = self._step * self._row
        count = min(len(kept) // DIGEST, (self.done - len(self._header)) // block, self.shape[0] // self._step)
        sums = [kept[i * DIGEST : (i + 1) * DIGEST] for i in range(count)]
        wrong = _first_wrong(self._part, len(self._header), count * block, block, sums)
        return sums if wrong is None else sums[:wrong]


def sweep(folder: Path, name: str) -> None:
    """Remove what writes of `<name>...` that were killed more than a day ago left."""
    for left in [*folder.glob(f".{name}*.lock")]:
        files = [left.with_suffix(f".{what}") for what in ("part", "sums")]
        try:
            ages = [time.time() - file.stat().st_mtime for file in (left, *files) if file.exists()]
            if min(ages, default=0) < DAY:
                continue
            with FileLock(left, timeout=0):
                for file in (*files, left):
                    file.unlink(missing_ok=True)
        except (OSError, Timeout):  # another process removes it, or is at work
            continue


def _digest(content: bytes) -> bytes:
    return zlib.crc32(content).to_bytes(DIGEST, "little")


def _key(path: Path) -> tuple[str, int, int, int]:
    found = path.stat()
    return str(path), found.st_ino, found.st_size, found.st_mtime_ns


def _blocks(parts: Iterable[np.ndarray], step: int) -> Iterator[np.ndarray]:
    """Yield the rows of parts so many at a time."""
    held: list[np.ndarray] = []
    for part in parts:
        held.append(part)
        while sum(map(len, held)) >= step:
            rows = np.concatenate(held)
            yield rows[:step]
            held = [rows[step:]]
    if sum(map(len, held)):
        yield np.concatenate(held)


def _first_wrong(path: Path, start: int, size: int, block: int, sums: list[bytes]) -> int | None:
    """Return the first block whose checksum is another; each is read once, several at a time."""

    def is_right(numbered: tuple[int, bytes]) -> bool:
        place = numbered[0] * block
        with path.open("rb") as file:
            file.seek(start + place)
            return _digest(file.read(min(block, size - place))) == numbered[1]

    with (
        ThreadPoolExecutor(min(8, os.cpu_count() or 1)) as pool,
        Progress(f"Checking {path.name}", len(sums), "block") as bar,
    ):
        for number, right in enumerate(pool.map(is_right, enumerate(sums))):
            if not right:
                return number
            bar.update()
    return None
