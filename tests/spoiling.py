"""Ways in which a disk, or a person, spoils a file."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path


def truncated(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def cut_by_a_byte(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-1])


def emptied(path: Path) -> None:
    path.write_bytes(b"")


def flipped(path: Path, place: float = 0.5) -> None:
    content = bytearray(path.read_bytes())
    content[int(place * (len(content) - 1))] ^= 4
    path.write_bytes(bytes(content))


def flipped_early(path: Path) -> None:
    flipped(path, 0.02)


def zeroed(path: Path) -> None:
    path.write_bytes(bytes(path.stat().st_size))


def deleted(path: Path) -> None:
    path.unlink()


def folder_in_its_place(path: Path) -> None:
    path.unlink()
    path.mkdir()


def loop_of_links(path: Path) -> None:
    path.unlink()
    path.symlink_to(path.name)


def without_permission(path: Path) -> None:
    """Root reads it nevertheless: then a link to nothing stands for it."""
    path.chmod(0)
    if os.access(path, os.R_OK):
        path.unlink()
        path.symlink_to("nothing")


def replaced_by(other: Path) -> Callable[[Path], None]:
    """Put another file in its place."""

    def replaced(path: Path) -> None:
        shutil.copyfile(other, path)

    return replaced


SPOILINGS: list[Callable[[Path], None]] = [
    truncated, cut_by_a_byte, emptied, flipped, flipped_early, zeroed, deleted, folder_in_its_place, loop_of_links,
    without_permission,
]  # fmt: skip
