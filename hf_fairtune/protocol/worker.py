"""A worker of a comparison: it takes units that are free and ready, until none is left; several share the work.

A worker may be several processes: the main one takes units and speaks, and all run them together.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import NamedTuple

from filelock import FileLock

from ..data.known_rows import NAME as ROWS
from ..errors import FairTuneError, listed
from ..files.folder import check, check_place, claim, undone_if_refused
from ..processes import once
from ..progress import duration
from .bench import SPLITS, Bench
from .protocol import Protocol
from .task import Task
from .unit import WORK, AnyUnit, Units

# Seconds between two looks for a unit that became ready by another worker.
POLL = 2.0
UNITS = "units"


class Turn(NamedTuple):
    """What a worker does next: it runs a unit, by its place among all; it leaves; or it waits.

    Args:
        unit: that it holds.
        ends: whether it leaves, as all are done or the hours are up.
        whole: whether all are done.
    """

    unit: int | None = None
    ends: bool = False
    whole: bool = False


@dataclass
class Worker:
    """Runs the units of a protocol in a folder.

    Args:
        protocol: what is compared.
        root: the folder.
        seconds: of work after which no unit is begun; infinite for no limit.
        say: takes a line about the progress.
        expected: seconds that a unit takes, where they are known.
        after: is called after every unit.
    """

    protocol: Protocol
    root: Path
    seconds: float = math.inf
    say: Callable[[str], None] = print
    expected: Callable[[AnyUnit], float] = lambda unit: 0.0
    after: Callable[[], object] = lambda: None
    _benches: dict[str, Bench] = field(default_factory=dict, init=False)
    _held: FileLock | None = field(default=None, init=False)

    @property
    def units(self) -> Units:
        """Return all units."""
        return Units(self.protocol, self.root / UNITS)

    def bench(self, task: Task) -> Bench:
        """Return the bench of a task."""
        return self._benches.setdefault(task.name, Bench(self.protocol, task, self.units))

    def open(self) -> None:
        """Take the folder, or join the comparison that it holds; a start that is refused leaves nothing there.

        Raises:
            FairTuneError: the folder holds something else, a row or a task by this name is another there, or data, a
                model or a method cannot be used.
        """
        check_place(self.root)
        units = self.units
        check(self.root, self.protocol.fingerprint)
        for task in self.protocol.tasks:
            check(units.root / task.name, task.fingerprint)
        for unit in units:
            check(unit.folder, unit.fingerprint)
        with self.protocol.training.main_process_first(), ExitStack() as stack:
            for task in self.protocol.tasks:
                stack.enter_context(undone_if_refused(units.root / task.name, self._made))
            starts: dict[str, dict[str, object]] = {}
            if not all(unit.is_done for unit in units):
                starts = {task.name: self.bench(task).check() for task in self.protocol.tasks}
                self._say_refusals()
            claim(self.root, self.protocol.fingerprint)
            for task in self.protocol.tasks:
                claim(units.root / task.name, task.fingerprint, starts.get(task.name))

    @property
    def _made(self) -> list[str]:
        """Return what a start makes in the folder of a task: its splits, and where checked methods would work."""
        return [SPLITS, f"{ROWS}*.json", *(f"fold-0/{entry.name}/search/{WORK}/*" for entry in self.protocol.entries)]

    def _say_refusals(self) -> None:
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
        units, until, waits = [*self.units], time.monotonic() + self.seconds, False
        try:
            while not (turn := once(partial(self._turn, units, until))).ends:
                if turn.unit is not None:
                    self._run(units[turn.unit])
                else:
                    if not waits:
                        self.say("waiting for units that other workers hold")
                    time.sleep(POLL)
                waits = turn.unit is None
        finally:
            self._free()
        return turn.whole

    def _turn(self, units: Sequence[AnyUnit], until: float) -> Turn:
        """Free the unit of the last turn, and take the first that is ready, unless that would end after `until`."""
        self._free()
        left = [unit for unit in units if not unit.is_done]
        for unit in left:
            if not all(other.is_done for other in self.units.needed(unit)):
                continue
            if time.monotonic() + self.expected(unit) > until:
                done = len(units) - len(left)
                self.say(f"{done} of {len(units)} units are done; the hours are up; the same command goes on.")
                return Turn(ends=True)
            if self._take(unit):
                self.say(f"[{self.standing(left)}] {unit.title}")
                return Turn(units.index(unit))
        return Turn(ends=not left, whole=not left)

    def _take(self, unit: AnyUnit) -> bool:
        """Hold a unit, unless another worker holds it or has done it; return whether it is held."""
        self._held = unit.lock()
        if self._held is None or unit.is_done:
            self._free()
            return False
        claim(unit.folder, unit.fingerprint)
        return True

    def _free(self) -> None:
        if self._held is not None:
            self._held.release()
        self._held = None

    def _run(self, unit: AnyUnit) -> None:
        """Run the unit that is held, and say what it took."""
        begin = time.monotonic()
        try:
            self.bench(unit.task).run(unit)
            once(partial(self._end, unit, begin))
        except FairTuneError as error:
            titled = FairTuneError(f"{unit.title}: {error}")
            titled.is_of_one = error.is_of_one
            raise titled from error

    def _end(self, unit: AnyUnit, begin: float) -> None:
        lacking = unit.record().lacking
        self.say(f"  {duration(time.monotonic() - begin)}{f': {lacking}' if lacking else ''}")
        self.after()

    def standing(self, left: Sequence[AnyUnit]) -> str:
        """Say how many units are done, by whatever worker, and what the others of those `left` will take."""
        total, left = len([*self.units]), [unit for unit in left if not unit.is_done]
        seconds = sum(map(self.expected, left))
        rest = f", about {duration(seconds)} of work left" if seconds else ""
        return f"{total - len(left)} of {total} done{rest}"
