"""How far a comparison is, as a table: a row a method, a column a task."""

from __future__ import annotations

from ..show.table import Table, as_text
from .entry import Entry
from .task import Task
from .unit import AnyUnit
from .worker import Worker


def progress(worker: Worker) -> str:
    """Write how many trainings of each method are done on each task, and where its search is not."""
    units = [*worker.units]
    rows = [[entry.name, *(_cell(units, task, entry) for task in worker.protocol.tasks)] for entry in _entries(worker)]
    done = sum(unit.is_done for unit in units)
    header = ["method", *(task.name for task in worker.protocol.tasks)]
    return as_text(Table.of(f"{done} of {len(units)} units done; trainings by method and task", header, rows))


def _entries(worker: Worker) -> list[Entry]:
    return [*worker.protocol.entries]


def _cell(units: list[AnyUnit], task: Task, entry: Entry) -> str:
    own = [unit for unit in units if unit.task.name == task.name and unit.entry.name == entry.name]
    if any(unit.is_done and unit.record().lacking for unit in own):
        return "none: refused or failed"
    trainings = [unit for unit in own if unit.seed is not None]
    searched = all(unit.is_done for unit in own if unit.seed is None)
    return f"{sum(unit.is_done for unit in trainings)}/{len(trainings)}" if searched else "search"
