"""Hashes of files by their content, kept from run to run: only what changed since is read again."""

import hashlib
import json
import os
import time
from pathlib import Path

from ..files.atomic import write_atomically

# A file this young, in nanoseconds, may change once more within the same tick of the disk's clock.
FRESH = 2 * 10**9
DIGITS = 16


def content_hash(content: bytes) -> str:
    """Hash a content; 16 hexadecimal digits."""
    return hashlib.sha256(content).hexdigest()[:DIGITS]


class FileHashes:
    """Hash files, or take the hash of one whose size and times are still those that it was hashed with.

    Args:
        file: keeps them from run to run; None keeps nothing. A damaged one is made again.
    """

    def __init__(self, file: Path | None) -> None:
        self._file, self._known, self._is_new = file, _kept(file), False

    def __getitem__(self, path: Path) -> str:
        """Return the hash of a file.

        Raises:
            OSError, ValueError: it cannot be read.
        """
        status = os.stat(path)
        stamp = [status.st_size, status.st_mtime_ns, status.st_ctime_ns]
        *earlier, known = self._known.get(str(path), [""])
        if earlier == stamp:
            return str(known)
        found = content_hash(path.read_bytes())
        if time.time_ns() - max(stamp[1:]) > FRESH:
            self._known[str(path)], self._is_new = [*stamp, found], True
        return found

    def keep(self) -> None:
        """Write down the hashes that were not known before.

        Raises:
            FairTuneError: the disk is full or not writable.
        """
        if self._file is not None and self._is_new:
            files = json.dumps(self._known)
            write_atomically(self._file, json.dumps({"hash": content_hash(files.encode()), "files": self._known}))


def _kept(file: Path | None) -> dict[str, list[int | str]]:
    try:
        found = json.loads(file.read_bytes()) if file is not None else {}
        files: dict[str, list[int | str]] = found["files"]
        return files if found["hash"] == content_hash(json.dumps(files).encode()) else {}
    except (OSError, ValueError, LookupError, TypeError):  # there is none, or it was cut short
        return {}
