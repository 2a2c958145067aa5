"""`manifest.json`: every file that a folder hands over, with its size and SHA-256, so that damage is noticed."""

import json
from collections.abc import Collection, Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from ..errors import FairTuneError, first_line
from .atomic import write_atomically
from .checksums import checksum
from .folder import AUDIT, RECORD, SHARE

FILE_NAME = "manifest.json"
# What people edit, and what draws it again.
CARD, FIGURES = "README.md", "figures"
CARDS = (CARD, f"{SHARE}/{CARD}")


@dataclass(frozen=True)
class Entry:
    """A file as it was handed over: its bytes, and their SHA-256."""

    size: int
    sha256: str

    @classmethod
    def of(cls, path: Path) -> "Entry":
        """Read a file.

        Raises:
            OSError: it cannot be read.
        """
        return cls(path.stat().st_size, checksum(path))


def write(folder: Path, names: Iterable[str]) -> None:
    """Name files of a folder, as they are now, beside those that are named already; none that is not there.

    Raises:
        FairTuneError: the disk is full or not writable, or an earlier manifest cannot be read.
    """
    known = dict(load(folder)) if (folder / FILE_NAME).is_file() else {}
    for name in names:
        known.pop(name, None)
        if (folder / name).is_file():
            known[name] = Entry.of(folder / name)
    files = {name: asdict(entry) for name, entry in sorted(known.items())}
    write_atomically(folder / FILE_NAME, json.dumps({"files": files}, indent=1) + "\n")


def write_again(folder: Path) -> None:
    """Name the card, its figures and the records as they are now, where they were made again.

    Raises:
        FairTuneError: as `write`.
    """
    places = (folder, folder / SHARE)
    drawn = {path.relative_to(folder).as_posix() for place in places for path in (place / FIGURES).glob("*.png")}
    known = {name for name in load(folder) if f"{FIGURES}/" in name}
    write(folder, {*drawn, *known, *CARDS, RECORD, f"{SHARE}/{RECORD}"})


def load(folder: Path) -> Mapping[str, Entry]:
    """Read what a folder hands over, by name.

    Raises:
        FairTuneError: it does not say, or what it says cannot be read.
    """
    path = folder / FILE_NAME
    is_run = (folder / RECORD).is_file() or not (folder / AUDIT[0]).is_file()
    do = f"`fairtune report {folder}` names them as they are" if is_run else "audit again"
    if not path.is_file():
        raise FairTuneError(f"`{folder}` has no `{FILE_NAME}`, which tells that its files are whole; {do}.")
    try:
        found = json.loads(path.read_text(encoding="utf-8"))["files"]
        return {str(name): Entry(int(entry["size"]), str(entry["sha256"])) for name, entry in found.items()}
    except (OSError, ValueError, LookupError, TypeError, AttributeError) as error:
        raise FairTuneError(
            f"`{path}`, which tells that files are whole, cannot be read ({first_line(error)}); delete it, then {do}."
        ) from error


def check(folder: str | Path, edited: Collection[str] = ()) -> None:
    """Check that every file that a folder hands over is there as it was.

    Args:
        folder: of a finished run, or of an audit.
        edited: names of texts that may have been edited since.

    Raises:
        FairTuneError: names the first that is not, and says what to do.
    """
    place = Path(folder)
    for name in load(place):
        if not (name in edited and is_text(place / name)):
            check_file(place, name)


def check_file(folder: Path, name: str) -> None:
    """Check that a file is as it was handed over, if it was.

    Raises:
        FairTuneError: says how it differs, and what to do.
    """
    entry = load(folder).get(name)
    if entry is not None and (found := _differs((folder / name).absolute(), entry)):
        raise FairTuneError(f"`{folder / name}` {found}; {_what_to_do(folder, name)}")


def is_edited(folder: str | Path, name: str) -> bool:
    """Tell whether a text is another than was handed over."""
    path, entry = Path(folder).absolute() / name, load(Path(folder)).get(name)
    return entry is not None and is_text(path) and bool(_differs(path, entry))


def is_text(path: Path) -> bool:
    """Tell whether a file holds a text: one that was edited does, one that a power cut emptied does not."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, ValueError):
        return False
    return bool(text.strip()) and "\0" not in text


def _differs(path: Path, entry: Entry) -> str:
    """Say how a file is not as it was; "" where it is."""
    if not path.is_file():
        return "is missing"
    if path.resolve() != path.parent.resolve() / path.name:
        return "is a link, not the file that was handed over"
    try:
        found = Entry.of(path)
    except OSError as error:
        return f"cannot be read ({first_line(error)})"
    if found.size != entry.size:
        return f"has {found.size:,} bytes, not the {entry.size:,} that were handed over"
    return "" if found == entry else "has other content than was handed over"


def _what_to_do(folder: Path, name: str) -> str:
    if name in CARDS or f"{FIGURES}/" in name:
        return f"`fairtune report {folder}` writes it again."
    if RECORD not in load(folder):
        return "restore it, or audit again."
    what = "it" if name == RECORD else f"`{RECORD}` there"
    return f"restore it, or delete {what} and give the run's command again, which goes on from the last checkpoint."
