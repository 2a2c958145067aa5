"""The hours that a run may take: a clock that outlives kills, and what of them a search may use."""

from __future__ import annotations

import math
import os
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from ..errors import FairTuneError, first_line
from ..files.kept_json import read_json, write_json
from ..progress import duration

FILE_NAME = "hours.json"
# How far off a price may be.
MARGIN = 0.25


class Clock:
    """The seconds that a run took so far, those of killed processes up to their last `keep` included.

    `folder` is the run's; its file holds hours. A process that does not write has None.
    """

    def __init__(self, folder: Path | None) -> None:
        self._file = None if folder is None else folder / FILE_NAME
        self.before = _kept(self._file) if self._file is not None and os.path.lexists(self._file) else 0.0
        self._start = time.monotonic()

    @property
    def spent(self) -> float:
        """Return the seconds so far."""
        return self.before + time.monotonic() - self._start

    def keep(self) -> None:
        """Write down the hours so far."""
        if self._file is not None:
            write_json(self._file, {"hours": self.spent / 3600})


def _kept(file: Path) -> float:
    """Read the seconds of earlier processes; where they are lost, the run goes on, and says so."""
    try:
        return 3600 * float(str(read_json(file)["hours"]))
    except (OSError, ValueError, KeyError) as error:
        print(f"note: `{file}` is damaged ({first_line(error)}); the hours count from now on", file=sys.stderr)
        return 0.0


@dataclass
class Ration:
    """What a search may use of `limit` seconds, where a trial takes `trial` and what follows n trials `after(n)`.

    Both are prices, and may be low by `MARGIN`; from the first trial that ended, trials say by how much they are.
    """

    clock: Clock
    limit: float = math.inf
    trial: float = 0.0
    after: Callable[[int], float] = lambda finished: 0.0
    _took: float = field(default=0.0, init=False)
    _priced: float = field(default=0.0, init=False)

    @property
    def hours(self) -> float | None:
        """Return the hours that the whole run may take; None without a limit."""
        return None if math.isinf(self.limit) else self.limit / 3600

    @property
    def pace(self) -> float:
        """Return what a price is to be multiplied with: never below 1, as a cheap mask says nothing of a dear one."""
        return max(1.0, self._took / self._priced) if self._priced else 1 + MARGIN

    def note(self, seconds: float, share: float) -> None:
        """Take in that a share of a trial took so many seconds, and write down the hours."""
        self._took += seconds
        self._priced += share * self.trial
        self.clock.keep()

    def holds(self, finished: int) -> bool:
        """Tell whether another trial fits after so many, with what must follow it."""
        return self._needed(self.trial, finished) <= self.limit

    def is_used_up(self, finished: int) -> bool:
        """Tell whether a trial that runs after so many would take from what must follow it."""
        return self._needed(0, finished) > self.limit

    def refusal(self) -> FairTuneError:
        """Return the error of hours that hold not one trial."""
        needed = self._needed(self.trial, 0)
        hours = math.ceil(needed / 36) / 100
        return FairTuneError(
            f"`--max_hours` is {self.hours:g}, but one trial and what must follow take up to {duration(needed)}; give "
            f"{hours:g}, or fewer --seeds, --baselines or --num_train_epochs."
        )

    def _needed(self, trial: float, finished: int) -> float:
        return self.clock.spent + self.pace * (trial + self.after(finished + 1))
