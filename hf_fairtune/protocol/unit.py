"""The units of work of a comparison: a search of a method on a task, or one of its trainings, and what each leaves."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Generic, TypeVar

import numpy as np
from filelock import FileLock, Timeout
from pydantic import TypeAdapter
from pydantic_core import to_json

from ..document.estimate import Real
from ..document.run import MaskBits
from ..document.scalar import Argument
from ..document.search import Search
from ..errors import FairTuneError, first_line
from ..files.checksums import checksum
from ..files.kept_json import read_json, write_json
from ..methods.method import Method
from .entry import Entry
from .protocol import Protocol
from .task import Task

RECORD, SCORES, LOCK, WORK = "record.json", "scores.npz", "unit.lock", "work"
# In a record.
SCORES_SUM = "scores_sha256"


@dataclass(frozen=True)
class Tuned:
    """What a search left: the hyper-parameters chosen, and the search; `lacking` says why there are none."""

    hyperparameters: dict[str, Argument]
    learning_rate: Real
    search: Search | None = None
    lacking: str = ""


@dataclass(frozen=True)
class Trained:
    """What a training left beside its scores: the threshold fitted on validation; `lacking` why there are none."""

    cut: Real
    seconds: Real
    trainable_parameters: int
    mask: MaskBits | None = None
    lacking: str = ""
    rows: dict[str, int] = field(default_factory=dict)


Record = TypeVar("Record", Tuned, Trained)


@dataclass(frozen=True)
class Unit(Generic[Record]):
    """A unit of work, in a folder of its own; it is done where its record is.

    Args:
        task, fold, entry: what it is of; the fold is that of the test, 0 where there is one split.
        seed: of a training; None of a search.
        root: folder of the comparison.
        kind: of its record.
        folded: whether there are several folds.
    """

    task: Task
    fold: int
    entry: Entry
    seed: int | None
    root: Path
    kind: type[Record]
    folded: bool = False

    @property
    def folder(self) -> Path:
        """Return its folder."""
        return self.of_task / self.entry.name / ("search" if self.seed is None else f"seed-{self.seed}")

    @property
    def of_task(self) -> Path:
        """Return the folder of its task and fold."""
        return self.root / self.task.name / f"fold-{self.fold}"

    @property
    def title(self) -> str:
        """Return its name for people."""
        what = "search" if self.seed is None else f"seed {self.seed}"
        return " · ".join([self.task.name, *([f"fold {self.fold}"] if self.folded else []), self.entry.name, what])

    @property
    def fingerprint(self) -> dict[str, object]:
        """Return what its numbers depend on beside the protocol's and the task's."""
        method: Method = self.entry.method
        own: dict[str, object] = {"method": method.name, "knobs": [*self.entry.knobs], "mode": self.entry.mode}
        own |= {"objective": self.entry.objective, "selection": self.entry.selection}
        own |= {"training": dict(self.entry.training) or None}
        return {**method.hyperparameters(), **own}

    @property
    def is_done(self) -> bool:
        """Tell whether it has its record."""
        return os.path.lexists(self.folder / RECORD)

    def record(self) -> Record:
        """Read its record.

        Raises:
            FairTuneError: it cannot be read.
        """
        path = self.folder / RECORD
        try:
            found: Record = TypeAdapter(self.kind).validate_python(self._read())
        except (OSError, ValueError) as error:
            raise FairTuneError(
                f"`{path}` is no record of a unit ({first_line(error)}); delete its folder."
            ) from error
        return found

    def keep(self, record: Record) -> None:
        """Write its record, which ends it, with the checksum of its scores."""
        content = json.loads(to_json(record, inf_nan_mode="null"))
        own = {SCORES_SUM: checksum(self.folder / SCORES)} if (self.folder / SCORES).is_file() else {}
        write_json(self.folder / RECORD, {**content, **own})

    def _read(self) -> dict[str, object]:
        return read_json(self.folder / RECORD)

    def scores(self) -> dict[str, np.ndarray]:
        """Read the scores of a training by test split, [n] each.

        Raises:
            FairTuneError: they cannot be read.
        """
        path = self.folder / SCORES
        try:
            if checksum(path) != self._read().get(SCORES_SUM):
                raise ValueError("it is not as it was written")
            with np.load(path, allow_pickle=False) as file:
                return {name: file[name] for name in file.files}
        except (OSError, ValueError) as error:
            raise FairTuneError(f"`{path}` cannot be read ({first_line(error)}); delete its folder.") from error

    def lock(self) -> FileLock | None:
        """Hold it for this process, or return None where another one does; the system frees it when that dies."""
        self.folder.mkdir(parents=True, exist_ok=True)
        held = FileLock(self.folder / LOCK)
        try:
            held.acquire(timeout=0)
        except Timeout:
            return None
        return held


AnyUnit = Unit[Tuned] | Unit[Trained]


@dataclass(frozen=True)
class Units:
    """All units of a protocol, in an order in which each comes after those it needs."""

    protocol: Protocol
    root: Path

    def __iter__(self) -> Iterator[AnyUnit]:
        """Yield the searches and trainings of each task, the base's first, as repairs start from its models."""
        entries = sorted(self.protocol.entries, key=lambda entry: entry.name != self.protocol.base)
        for task in self.protocol.tasks:
            for fold in range(max(1, self.protocol.settings.folds)):
                for entry in entries:
                    yield self.search(task, fold, entry)
                    yield from (self.training(task, fold, entry, seed) for seed in self.protocol.settings.seeds)

    def search(self, task: Task, fold: int, entry: Entry) -> Unit[Tuned]:
        """Return the search of a method."""
        return Unit(task, fold, entry, None, self.root, Tuned, self.protocol.settings.folds > 0)

    def training(self, task: Task, fold: int, entry: Entry, seed: int) -> Unit[Trained]:
        """Return a training of a method."""
        return Unit(task, fold, entry, seed, self.root, Trained, self.protocol.settings.folds > 0)

    def needed(self, unit: AnyUnit) -> list[AnyUnit]:
        """Return what must be done before: the search of a training, and the trained model that a repair starts from.

        A search of a repair starts from that of the first seed.
        """
        found: list[AnyUnit] = [] if unit.seed is None else [self.search(unit.task, unit.fold, unit.entry)]
        return found + ([] if (start := self.start(unit)) is None else [start])

    def start(self, unit: AnyUnit) -> Unit[Trained] | None:
        """Return the training whose model a unit starts from; None where it starts from the task's model."""
        if not unit.entry.repairs or self.protocol.settings.start == "trained":
            return None
        seed = self.protocol.settings.seeds[0] if unit.seed is None else unit.seed
        return self.training(unit.task, unit.fold, self.protocol.entry(self.protocol.base), seed)
