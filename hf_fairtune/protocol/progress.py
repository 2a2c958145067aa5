"""How far a comparison is, as a table: a row a method, a column a task; kept in a file while it runs."""

from __future__ import annotations

from ..files.atomic import write_atomically
from ..show.table import Table, as_text
from .entry import Entry
from .task import Task
from .unit import AnyUnit
from .worker import Worker

FILE_NAME = "progress.txt"


def progress(worker: Worker) -> str:
    """Write how many trainings of each method are done on each task, and where its search is not."""
    units = [*worker.units]
    rows = [
        [entry.name, *(_cell(units, task, entry) for task in worker.protocol.tasks)]
        for entry in worker.protocol.entries
    ]
    done = sum(unit.is_done for unit in units)
    header = ["method", *(task.name for task in worker.protocol.tasks)]
    return as_text(Table.of(f"{done} of {len(units)} units done; trainings by method and task", header, rows))


def keep_progress(worker: Worker) -> None:
    """Write it in the folder of the comparison, for who looks from elsewhere."""
    write_atomically(worker.root / FILE_NAME, f"{progress(worker)}\n")


def _cell(units: list[AnyUnit], task: Task, entry: Entry) -> str:
    own = [unit for unit in units if unit.task.name == task.name and unit.entry.name == entry.name]
    trainings = [unit for unit in own if unit.seed is not None]
    searched = all(unit.is_done for unit in own if unit.seed is None)
    done = [unit for unit in trainings if unit.is_done]
    lacking = sum(bool(unit.record().lacking) for unit in done)
    failed = f", {lacking} without scores" if lacking else ""
    return f"{len(done)}/{len(trainings)}{failed}" if searched else "search"
