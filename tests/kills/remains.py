"""What a run left on disk: whether each file is whole, and what it holds, times apart."""

import hashlib
import json
import re
import sqlite3
from collections.abc import Iterator, Mapping
from difflib import unified_diff
from pathlib import Path
from typing import Any

import numpy as np
import optuna
import torch
from PIL import Image
from safetensors import safe_open

from hf_fairtune.files import manifest
from hf_fairtune.files.checksums import is_sealed

# Files of measured times alone, and the log of when a test split was read, which a second reading makes longer.
TIMES = ("hours.json", "price.json", "tested.csv", "progress.txt")
TIMED = re.compile(r"seconds|_time$|^time|runtime|per_second|created|hours|made|^sha256$")
CHECKPOINT = re.compile(r"checkpoint-\d+$")
MOMENT = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\+00:00)?")
# What parts cells, and lines within a table that are no row.
CELL, TABLE = re.compile(r"\||(?=<t[hd][ >])| & "), ("</thead", "<tbody", r"\midrule", "</tr")
COLUMN = re.compile(r"\b(seconds|minutes|hours)\b")


def files(folder: Path) -> Iterator[Path]:
    """Yield the files of a folder but for locks, and those still being made: hidden, or in a checkpoint not sealed."""
    for path in sorted(folder.rglob("*")):
        hidden = any(part.startswith(".") for part in path.relative_to(folder).parts)
        making = any(CHECKPOINT.match(place.name) and not is_sealed(place) for place in path.parents)
        if (
            path.is_file()
            and not hidden
            and not making
            and path.suffix != ".lock"
            and not path.name.endswith(("-wal", "-shm"))
        ):
            yield path


def broken(folder: Path) -> list[str]:
    """List the files that cannot be read to their end, with the reason."""
    found = []
    for path in files(folder):
        try:
            _read(path)
        except Exception as error:  # every reader raises its own kinds
            found.append(f"{path.relative_to(folder)}: {type(error).__name__}: {error}")
    return found


def _read(path: Path) -> None:
    content = path.read_bytes()
    if not content:
        raise ValueError("empty")
    match path.suffix:
        case ".json":
            json.loads(content)
        case ".npy" | ".npz":
            loaded = np.load(path)
            _ = [loaded[name].shape for name in loaded.files] if path.suffix == ".npz" else loaded.shape
        case ".safetensors":
            with safe_open(path, "pt") as tensors:
                _ = [tensors.get_tensor(name) for name in tensors.keys()]  # noqa: SIM118 (not a mapping)
        case ".png":
            Image.open(path).load()
        case ".pt" | ".pth":
            torch.load(path, weights_only=False)
        case ".db":
            with sqlite3.connect(path) as database:
                assert database.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        case _:
            pass


def contents(folder: Path) -> dict[str, str]:
    """Return what each file of a finished folder says, by its name: its text without times, or a hash of its bytes.

    Checkpoints are left out: which ones stay depends on where a signal had one saved.
    """
    places = {str(path.relative_to(folder)): path for path in files(folder) if path.name not in TIMES}
    return {name: _said(path) for name, path in places.items() if "checkpoint-" not in name}


def _said(path: Path) -> str:
    match path.suffix:
        case ".json" if path.name == manifest.FILE_NAME:
            # Of what differs by times the checksums do, too.
            return "\n".join(sorted(manifest.load(path.parent)))
        case ".json":
            return json.dumps(timeless(json.loads(path.read_bytes())), indent=1)
        case ".db":
            return json.dumps(trials(path), indent=1)
        case ".md" | ".html" | ".csv" | ".tex" | ".txt":
            return _untimed(path.read_text(encoding="utf-8"))
        case _:
            return hashlib.sha256(path.read_bytes()).hexdigest()


def _untimed(text: str) -> str:
    """Leave the columns of times out of the tables of Markdown, HTML and LaTeX, and moments out of all."""
    lines, timed, inside = list[str](), list[int](), False
    for line in MOMENT.sub("", text).splitlines():
        begins = "<thead" in line
        cells = CELL.split(line) if begins or line.startswith(("|", "<tr")) or " & " in line else []
        if cells and (begins or not inside):
            timed = [place for place, cell in enumerate(cells) if COLUMN.search(cell)]
        inside = bool(cells) or (inside and line.startswith(TABLE))
        lines.append("|".join(cell for place, cell in enumerate(cells) if place not in timed) if cells else line)
    return "\n".join(lines)


def timeless(found: Any) -> Any:
    """Leave the times out of what JSON held."""
    if isinstance(found, Mapping):
        return {name: timeless(value) for name, value in found.items() if not TIMED.search(name)}
    return [timeless(value) for value in found] if isinstance(found, list) else found


def trials(path: Path) -> list[list[Any]]:
    """List the trials of a study, times apart."""
    storage = optuna.storages.RDBStorage(f"sqlite:///{path}")
    (name,) = (one.study_name for one in storage.get_all_studies())
    study = optuna.load_study(study_name=name, storage=storage)
    found = [
        [one.number, one.state.name, one.params, one.values, sorted(one.intermediate_values.items())]
        for one in study.get_trials(deepcopy=False)
    ]
    storage.remove_session()
    storage.engine.dispose()
    return found


def differences(found: Mapping[str, str], wanted: Mapping[str, str]) -> list[str]:
    """List the files that two finished folders do not share, each with the first lines that differ."""
    return [
        f"{name}: {_difference(found.get(name), wanted.get(name))}"
        for name in sorted({*found, *wanted})
        if found.get(name) != wanted.get(name)
    ]


def _difference(found: str | None, wanted: str | None) -> str:
    if found is None or wanted is None:
        return "missing" if found is None else "too much"
    lines = list(unified_diff(wanted.splitlines(), found.splitlines(), lineterm="", n=0))
    return " ".join(line[:120] for line in lines[3:9])
