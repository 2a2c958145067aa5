"""What distinguishes one image from another, and hashes of it."""

from __future__ import annotations

import hashlib
import json
import os
import stat
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from ..errors import FairTuneError, listed
from .addresses import ADDRESS
from .limits import BYTES, allowed, refusal

if TYPE_CHECKING:
    from datasets import Dataset

# Images taken from a table at once: one by one takes most of the time, and all at once may hold gigabytes.
BATCH = 64


@dataclass(frozen=True)
class EncodedImage:
    """An undecoded image of a table: its file, or its content where it is embedded."""

    path: str | None
    content: bytes | None

    @property
    def size(self) -> int:
        """Return the number of its bytes."""
        return len(self.content) if self.content is not None else os.stat(str(self.path)).st_size

    def read(self) -> bytes:
        """Return its bytes.

        Raises:
            ValueError: they are more than allowed.
        """
        if self.content is not None:
            return self.content
        with Path(str(self.path)).open("rb") as file:
            content = file.read(allowed(BYTES) + 1)
        if reason := refusal(len(content), BYTES):
            raise ValueError(reason)
        return content

    def middle(self, count: int) -> bytes:
        """Return as many of its bytes, or all, from the middle on."""
        start = max(0, self.size // 2 - count // 2)
        if self.content is not None:
            return self.content[start : start + count]
        with Path(str(self.path)).open("rb") as file:
            file.seek(start)
            return file.read(count)

    def name(self, row: int) -> str:
        """Name it for an error line: its file, or its row."""
        return Path(self.path).name if self.path else f"row {row}"


def encoded(images: Dataset, start: int = 0, stop: int | None = None) -> Iterator[EncodedImage]:
    """Yield the undecoded images `start:stop` of the column `image`."""
    for batch in images.select(range(len(images))[start:stop]).iter(BATCH):
        for item in batch["image"]:
            yield EncodedImage(item["path"], item["bytes"]) if item else EncodedImage(None, None)


@dataclass(frozen=True)
class Identities:
    """Names of the images without their decoding.

    Args:
        images: one an image, the same on every machine: content where it is embedded, else path and size.
        rows: the same but unique, as an image may be listed twice.
        stamps: changes whenever the file on this machine does.
        names: what a person would look for: the path below the table's folder, or the embedded content's hash.
    """

    images: list[str]
    rows: list[str]
    stamps: list[str]
    names: list[str]


def identify(images: Dataset, root: Path | None) -> Identities:
    """Name every image of the column `image`."""
    found: list[tuple[str, str, str]] = []
    missing: list[str] = []
    base = root.absolute() if root else None
    for image in encoded(images):
        try:
            found.append(_identify(image, base))
        except FileNotFoundError:
            missing.append(str(image.path))
    if missing:
        raise FairTuneError(
            f"{len(missing)} of {len(images)} image files do not exist ({listed(missing, 5)}); correct the paths or "
            "name their folder by --image_root."
        )
    keys = pd.Series([identity for identity, _, _ in found])
    repeats = keys.groupby(keys).cumcount()
    rows = [f"{key}.{n}" if n else key for key, n in zip(keys, repeats, strict=True)]
    return Identities(keys.tolist(), rows, [stamp for _, stamp, _ in found], [name for _, _, name in found])


def _identify(image: EncodedImage, base: Path | None) -> tuple[str, str, str]:
    if image.content is not None:
        content = hashlib.sha256(image.content).hexdigest()[:16]
        return content, content, content
    if image.path is None:
        raise FairTuneError("An image of the table is empty; drop the rows without one.")
    if ADDRESS.match(image.path):
        raise FairTuneError(f"`{image.path}` is an address, and nothing is fetched for a table; download the images.")
    path = Path(image.path).absolute()
    status = os.stat(path)
    if not stat.S_ISREG(status.st_mode):
        raise FairTuneError(f"`{path}` is no file; correct the path, or drop the row.")
    if reason := refusal(status.st_size, BYTES):
        raise FairTuneError(f"`{path}` has {reason}; set that higher, or drop the row.")
    name = path.relative_to(base).as_posix() if base and path.is_relative_to(base) else "/".join(path.parts[-2:])
    return digest([name, status.st_size]), f"{path}:{status.st_size}:{status.st_mtime_ns}", name


def digest(content: Any) -> str:
    """Hash anything JSON can hold; 16 hexadecimal digits."""
    return hashlib.sha256(json.dumps(content, sort_keys=True, default=str).encode()).hexdigest()[:16]


def unordered_digest(rows: Iterable[Any]) -> str:
    """Hash rows whatever their order; 16 hexadecimal digits."""
    return digest(sorted(json.dumps(row) for row in rows))
