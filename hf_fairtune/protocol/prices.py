"""What the units of a comparison will take, from a few steps of each method with each model."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from statistics import fmean

from pydantic import TypeAdapter

from ..errors import first_line
from ..files.kept_json import read_json, write_json
from ..processes import once
from ..progress import duration
from ..trainer.price import cost, searched_methods
from .entry import Entry
from .task import Task
from .unit import AnyUnit
from .worker import Worker

FILE_NAME = "price.json"


@dataclass
class Prices:
    """Seconds of a trial and of a training, by model and row, and what of them a task takes.

    Args:
        seconds: of a trial and of a training, by model and row, of the first task of the model.
        rows: of training, by task.
        first: rows of training of the first task, by model.
        trials: of a search.
    """

    trials: int
    seconds: dict[str, dict[str, tuple[float, float]]] = field(default_factory=dict)
    rows: dict[str, int] = field(default_factory=dict)
    first: dict[str, int] = field(default_factory=dict)

    def of(self, unit: AnyUnit) -> float:
        """Return what a unit will take; 0 where its method cannot be trained."""
        model = unit.task.model
        trial, training = self.seconds[model].get(unit.entry.name, (0.0, 0.0))
        share = self.rows[unit.task.name] / self.first[model]
        if unit.seed is None:
            return share * trial * (self.trials if unit.entry.is_tuned else 0)
        return share * training


def prices_of(worker: Worker, say: Callable[[str], None]) -> Prices:
    """Time a few steps of each method with each model, or read what an earlier start timed in the same folder."""
    found, path = Prices(worker.protocol.settings.trials), worker.root / FILE_NAME
    kept = once(partial(_kept, path))
    for task in worker.protocol.tasks:
        bench = worker.bench(task)
        found.rows[task.name] = sum(len(data["train"]) for data in bench.folds) // len(bench.folds)
        found.first.setdefault(task.model, found.rows[task.name])
        known = found.seconds.setdefault(task.model, kept.get(task.model, {}))
        for entry in worker.protocol.entries:
            if entry.name not in known and not bench.refusal(entry):
                say(f"timing a few steps of {entry.name} on {task.name}")
                known[entry.name] = _timed(worker, task, entry)
                once(partial(write_json, path, found.seconds))
    return found


def _timed(worker: Worker, task: Task, entry: Entry) -> tuple[float, float]:
    bench = worker.bench(task)
    trainer = bench.trainer(worker.units.search(task, 0, entry), entry.method, bench.fresh)
    # Not in the unit's folder: another worker may run the unit.
    trainer.args.output_dir = str(worker.root)
    costs = [cost(trainer, method) for method in searched_methods(trainer).values()]
    return fmean(one.trial for one in costs), max(one.training for one in costs)


def _kept(path: Path) -> dict[str, dict[str, tuple[float, float]]]:
    """Read what was timed; where that is lost, it is timed again, and that is said."""
    if not os.path.lexists(path):
        return {}
    kind = TypeAdapter(dict[str, dict[str, tuple[float, float]]])
    try:
        return kind.validate_python(read_json(path))
    except (OSError, ValueError) as error:
        print(f"note: `{path}` is damaged ({first_line(error)}); the methods are timed again", file=sys.stderr)
        return {}


def price_said(worker: Worker, prices: Prices) -> str:
    """Write what the units that are left will take on one line."""
    left = [unit for unit in worker.units if not unit.is_done]
    searches = sum(unit.seed is None for unit in left)
    seconds = sum(prices.of(unit) for unit in left)
    done = "" if len(left) == len([*worker.units]) else "what is left: "
    trials = f"of {prices.trials} trial{'s' * (prices.trials != 1)}"
    searched = f"{searches} search{'es' * (searches != 1)} {trials} + " if prices.trials else ""
    trainings = len(left) - searches
    return (
        f"price: {done}{searched}{trainings} training{'s' * (trainings != 1)}, about {duration(seconds)} of "
        "one worker (± 25 %); further workers share it by the same command."
    )
