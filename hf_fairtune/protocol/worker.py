"""A worker of a comparison: it takes units that are free and ready, until none is left; several share the work."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from ..errors import FairTuneError, listed
from ..folder import check, check_place, claim
from ..search.progress import duration
from .bench import Bench
from .protocol import Protocol
from .task import Task
from .unit import AnyUnit, Units

# Seconds between two looks for a unit that became ready by another worker.
POLL = 2.0
UNITS = "units"


@dataclass
class Worker:
    """Runs the units of a protocol in a folder.

    Args:
        protocol: what is compared.
        root: the folder.
        seconds: of work after which no unit is begun; infinite for no limit.
        say: takes a line about the progress.
        expected: seconds that a unit takes, where they are known.
    """

    protocol: Protocol
    root: Path
    seconds: float = math.inf
    say: Callable[[str], None] = print
    expected: Callable[[AnyUnit], float] = lambda unit: 0.0
    _benches: dict[str, Bench] = field(default_factory=dict, init=False)

    @property
    def units(self) -> Units:
        """Return all units."""
        return Units(self.protocol, self.root / UNITS)

    def bench(self, task: Task) -> Bench:
        """Return the bench of a task."""
        return self._benches.setdefault(task.name, Bench(self.protocol, task, self.units))

    def open(self) -> None:
        """Take the folder, or join the comparison that it holds.

        Raises:
            FairTuneError: the folder holds something else, or a row or a task by this name is another there.
        """
        check_place(self.root)
        units = self.units
        check(self.root, self.protocol.fingerprint)
        for task in self.protocol.tasks:
            check(units.root / task.name, task.fingerprint)
        for unit in units:
            check(unit.folder, unit.fingerprint)
        claim(self.root, self.protocol.fingerprint)
        for task in self.protocol.tasks:
            claim(units.root / task.name, task.fingerprint)

    def say_refusals(self) -> None:
        """Say which methods cannot be trained on which tasks.

        Raises:
            FairTuneError: the reference or the base cannot be trained on one, or another method on none.
        """
        refused: dict[str, dict[str, str]] = {}
        for task in self.protocol.tasks:
            bench = self.bench(task)
            for entry in self.protocol.entries:
                if reason := bench.refusal(entry):
                    refused.setdefault(entry.name, {})[task.name] = reason
        for name, reasons in refused.items():
            first = next(iter(reasons.values()))
            if name in (self.protocol.base, self.protocol.settings.reference) or len(reasons) == len(
                self.protocol.tasks
            ):
                raise FairTuneError(f"`methods`: `{name}` cannot be trained: {first}")
            self.say(f"note: {name} is left out of {listed(reasons)}: {first}")

    def work(self) -> bool:
        """Run units until none is left, or the hours are up; return whether all are done."""
        start, units = time.monotonic(), [*self.units]
        while left := [unit for unit in units if not unit.is_done]:
            ready = [unit for unit in left if all(other.is_done for other in self.units.needed(unit))]
            ran = False
            for unit in ready:
                if time.monotonic() - start + self.expected(unit) > self.seconds:
                    done = len(units) - len(left)
                    self.say(f"{done} of {len(units)} units are done; the hours are up; the same command goes on.")
                    return False
                if ran := self._run(unit, len(units)):
                    break
            if not ran:
                time.sleep(POLL)
        return True

    def _run(self, unit: AnyUnit, total: int) -> bool:
        """Run a unit, unless another worker holds it or has done it; return whether it was run."""
        held = unit.lock()
        if held is None:
            return False
        try:
            if unit.is_done:
                return True
            place, begin = 1 + sum(other.is_done for other in self.units), time.monotonic()
            self.say(f"[{place} of {total}] {unit.title}")
            claim(unit.folder, unit.fingerprint)
            try:
                self.bench(unit.task).run(unit)
            except FairTuneError as error:
                raise FairTuneError(f"{unit.title}: {error}") from error
            lacking = unit.record().lacking
            self.say(f"  {duration(time.monotonic() - begin)}{f': {lacking}' if lacking else ''}")
            return True
        finally:
            held.release()
