"""Output folders and their files: a folder belongs to one run, and a file is written whole or not at all."""

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from ..errors import FairTuneError, first_line
from .kept_json import read_json, write_json

FILE_NAME = "run.json"
# What a run began with that its flags do not say, such as the weights of its model.
START = "start.json"
# What a finished run found; its last file.
RECORD = "fairtune.json"
# The folder of what is shared, and what an audit shares there.
SHARE = "share"
AUDIT = ("audit.html", "groups.csv", "thresholds.csv", "audit.tex", "factors.md")
# And, where columns were named that may go with errors.
ENRICHMENT = "enrichment.csv"
# What a mask trained of a model whose modules PEFT cannot copy, by the names that the model gives its tensors; the
# card shows how stock safetensors and torch load it.
DELTA = "adapter/delta.safetensors"
# Several models whose probabilities are averaged, each in a folder of its own, and the script that averages them.
MEMBERS, AVERAGE = "members", "average.py"
# Flags in a message.
NAMED = 8
TRACES = (RECORD, "config.json", "search.db", "adapter_config.json", "model.safetensors")


def check(folder: str | Path, run: Mapping[str, Any]) -> None:
    """Check that `folder` is free or this run's; nothing is touched.

    Raises:
        FairTuneError: it holds another run, or a model that no run of ours wrote.
    """
    path = Path(folder)
    mark = path / FILE_NAME
    if mark.is_file():
        changed = _changed(_known(mark), run)
        if changed:
            more = f" and {len(changed) - NAMED} more" if len(changed) > NAMED else ""
            keys = ", ".join(changed[:NAMED]) + more
            raise FairTuneError(f"`{path}` holds another run (other {keys}); choose another output_dir, or delete it.")
        return
    found = [name for name in TRACES if (path / name).exists()]
    if found:
        raise FairTuneError(f"`{path}` already holds {', '.join(found)}; choose another output_dir.")


def _differing(name: str, before: Any, now: Any) -> str:
    return f"{before} {name} in place of {now}" if isinstance(now, int) else f"other {name}"


def _changed(known: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    wanted = json.loads(json.dumps(dict(now)))
    return sorted(key for key in {*known, *wanted} if known.get(key) != wanted.get(key))


def _known(mark: Path) -> Mapping[str, object]:
    """Read whose folder it is."""
    try:
        return read_json(mark)
    except (OSError, ValueError) as error:
        raise FairTuneError(
            f"`{mark}`, which says what run the folder is of, cannot be read ({first_line(error)}); choose another "
            "output_dir, or delete the folder."
        ) from error


def claim(folder: str | Path, run: Mapping[str, Any], start: Mapping[str, Any] | None = None) -> None:
    """Make `folder` and write down whose it is, or check that it is this run's.

    Args:
        folder: of the run.
        run: what its flags say.
        start: what it begins with beside these; None where that is not known now.

    Raises:
        FairTuneError: as `check`, it began with something else, or it cannot be made.
    """
    check(folder, run)
    path = Path(folder)
    make(path)
    claimed, begun = (path / FILE_NAME).is_file(), path / START
    if start is not None and claimed and begun.is_file():
        known = _known(begun)
        changed = [_differing(name, known.get(name), start.get(name)) for name in _changed(known, start)]
        if changed:
            raise FairTuneError(
                f"`{path}` was begun with {', '.join(changed)}; give it what it was begun with, or choose another "
                "output_dir."
            )
    elif start is not None:
        write_json(begun, start)
    if not claimed:
        write_json(path / FILE_NAME, run)


def check_ended(folder: str | Path) -> None:
    """Check that a folder, if it holds a run at all, holds one that is finished.

    Raises:
        FairTuneError: the run is at work, or was stopped.
    """
    path = Path(folder)
    if (path / FILE_NAME).is_file() and not (path / RECORD).is_file():
        raise FairTuneError(f"`{path}` holds a run that is not finished; wait for it, or give its command again.")


def check_place(folder: str | Path) -> None:
    """Check that `folder` can be made and written to; nothing is made.

    Raises:
        FairTuneError: a file is in the way, or the folder it would lie in is not ours to write to.
    """
    nearest = Path(folder).absolute()
    while not nearest.exists():
        nearest = nearest.parent
    if not nearest.is_dir() or not os.access(nearest, os.W_OK):
        reason = "cannot be written to" if nearest.is_dir() else "is a file"
        raise _unmade(folder, f"`{nearest}` {reason}")


def make(folder: Path) -> None:
    """Make a folder, and those it lies in.

    Raises:
        FairTuneError: it cannot be made.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise _unmade(folder, first_line(error)) from error


def _unmade(folder: str | Path, reason: str) -> FairTuneError:
    return FairTuneError(f"`{folder}` cannot be made ({reason}); choose another --output_dir.")


@contextmanager
def undone_if_refused(folder: Path, files: Sequence[str]) -> Iterator[None]:
    """Start a run in the body; where that is refused, remove what it made: new ones of `files`, and empty folders.

    What was there before stays, and so does everything in a folder that a run has claimed.

    Args:
        folder: of the run.
        files: glob patterns below it of what a start makes there.
    """
    before = {path for pattern in files for path in folder.glob(pattern)}
    places = {place for pattern in files for place in (folder / pattern).parents if not place.exists()}
    try:
        yield
    except Exception:  # whatever refused it; raised again below
        if not (folder / FILE_NAME).exists():
            for path in {path for pattern in files for path in folder.glob(pattern)} - before:
                path.unlink(missing_ok=True)
            for place in sorted(places, key=lambda place: len(place.parts), reverse=True):
                with suppress(OSError):  # another run may have a folder there by now
                    place.rmdir()
        raise
