"""What distinguishes one image from another, and hashes of it."""

from __future__ import annotations

import hashlib
import json
import os
import stat
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from ..errors import FairTuneError, first_line, listed
from ..progress import Progress
from .addresses import ADDRESS
from .contents import FileHashes, content_hash
from .limits import BYTES, allowed, refusal

if TYPE_CHECKING:
    from datasets import Dataset

# Images taken from a table at once: one by one takes most of the time, and all at once may hold gigabytes.
BATCH = 64
CHUNK = 4 * BATCH


@dataclass(frozen=True)
class EncodedImage:
    """An undecoded image of a table: its file, or its content where it is embedded."""

    path: str | None
    content: bytes | None

    def read(self) -> bytes:
        """Return its bytes.

        Raises:
            ValueError: they are more than allowed.
        """
        content = self.content
        if content is None:
            with Path(str(self.path)).open("rb") as file:
                content = file.read(allowed(BYTES) + 1)
        if reason := refusal(len(content), BYTES):
            raise ValueError(reason)
        return content

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
        images: one an image: its content, whatever it is called.
        rows: the same but unique, as an image may be listed twice.
        names: what a person would look for: the path below the table's folder, or the embedded content's hash.
    """

    images: list[str]
    rows: list[str]
    names: list[str]


def identify(images: Dataset, root: Path | None, cache: Path | None = None) -> Identities:
    """Name every image of the column `image`.

    Every file is read once; `cache` is the folder that keeps the hashes of those that stay as they are.

    Raises:
        FairTuneError: some do not exist, or cannot be read.
    """
    base = root.absolute() if root else None
    hashes = FileHashes(None if cache is None else cache / f"contents-{digest(str(base))}.json")
    found: list[tuple[str, str] | Exception] = []
    one = partial(_identify, base=base, hashes=hashes)
    with (
        ThreadPoolExecutor(min(8, os.cpu_count() or 1)) as pool,
        Progress("Hashing images", len(images), "image") as bar,
    ):
        for start in range(0, len(images), CHUNK):
            found += pool.map(one, encoded(images, start, start + CHUNK))
            bar.update(len(found) - bar.done)
    hashes.keep()
    known = [names for names in found if not isinstance(names, Exception)]
    pairs = zip(encoded(images), found, strict=True) if len(known) < len(found) else ()
    failed = [(str(image.path), error) for image, error in pairs if isinstance(error, Exception)]
    missing = [path for path, error in failed if isinstance(error, FileNotFoundError)]
    if missing:
        raise FairTuneError(
            f"{len(missing)} of {len(images)} image files do not exist ({listed(missing, 5)}); correct the paths or "
            "name their folder by --image_root."
        )
    if failed:
        unreadable = [f"{first_line(error)}: {path}" for path, error in failed]
        raise FairTuneError(
            f"{len(unreadable)} of {len(images)} image files cannot be read ({listed(unreadable, 5)}); correct the "
            "paths, or the permissions of their folders."
        )
    keys = pd.Series([content for content, _ in known], dtype=object)
    return Identities(keys.tolist(), unique(keys), [name for _, name in known])


def unique(names: Sequence[str] | pd.Series) -> list[str]:
    """Number the repeats of names from the second on."""
    keys = pd.Series(names, dtype=object)
    return [f"{key}.{n}" if n else key for key, n in zip(keys, keys.groupby(keys).cumcount(), strict=True)]


def _identify(image: EncodedImage, base: Path | None, hashes: FileHashes) -> tuple[str, str] | Exception:
    """Return content and name of an image, or why its file cannot be read."""
    if image.content is not None:
        content = content_hash(image.content)
        return content, content
    if image.path is None:
        raise FairTuneError("An image of the table is empty; drop the rows without one.")
    if ADDRESS.match(image.path):
        raise FairTuneError(f"`{image.path}` is an address, and nothing is fetched for a table; download the images.")
    path = Path(image.path).absolute()
    try:
        status = os.stat(path)
        if not stat.S_ISREG(status.st_mode):
            raise FairTuneError(f"`{path}` is no file; correct the path, or drop the row.")
        if reason := refusal(status.st_size, BYTES):
            raise FairTuneError(f"`{path}` has {reason}; set that higher, or drop the row.")
        content = hashes[path]
    except FairTuneError:
        raise
    except (OSError, ValueError) as error:  # no file, a name too long, a loop of links, no permission, a NUL
        return error
    inside = base is not None and path.is_relative_to(base)
    return content, path.relative_to(base).as_posix() if base and inside else "/".join(path.parts[-2:])


def digest(content: Any) -> str:
    """Hash anything JSON can hold; 16 hexadecimal digits."""
    return hashlib.sha256(json.dumps(content, sort_keys=True, default=str).encode()).hexdigest()[:16]


def unordered_digest(rows: Iterable[Any]) -> str:
    """Hash rows whatever their order; 16 hexadecimal digits."""
    return digest(sorted(json.dumps(row) for row in rows))
