"""The line a human follows during a search."""

import math
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TextIO

from optuna.trial import TrialState

from ..progress import duration

# In a log file, steps are written only where a trial takes longer than this.
QUIET_SECONDS = 60


@dataclass
class TrialLine:
    """Trial, step, objective, best so far and time left: rewritten in place on a terminal, lines in a file.

    `n_trials` are those of the whole search, of which `done` were finished before this process; each has `n_steps`,
    epochs or, as `step` says, folds.
    """

    objective: str
    n_trials: int
    n_steps: int
    done: int = 0
    maximize: bool = True
    step: str = "epoch"
    stream: TextIO = field(default_factory=lambda: sys.stderr)
    best: tuple[float, int] | None = None
    _start: float = field(default_factory=time.monotonic)
    _written: float = field(default_factory=time.monotonic)
    _ended: float = 0.0
    _last: int = 0
    _finished: int = 0

    def better(self, value: float) -> bool:
        """Say whether `value` beats the best so far."""
        return self.best is None or (value > self.best[0] if self.maximize else value < self.best[0])

    def reached(self, number: int, step: int, value: float) -> None:
        """Write that trial `number` scored `value` after a step."""
        self._last = step
        if self.stream.isatty():
            self._write(f"\r\033[K{self._line(number, step, value)}")
        elif time.monotonic() - self._written > QUIET_SECONDS:
            self._write(f"{self._line(number, step, value)}\n")

    def trial(
        self, number: int, state: TrialState, value: float | None, what: str, infeasible: Sequence[str] = ()
    ) -> None:
        """Write how a trial ended, on a line that stays; one that exceeds constraints, named, is never the best."""
        self._finished += 1
        self._ended = time.monotonic()
        counts = state == TrialState.COMPLETE and not infeasible
        if value is not None and math.isfinite(value) and counts and self.better(value):
            self.best = value, number
        start = "\r\033[K" if self.stream.isatty() else ""
        how = f"infeasible ({', '.join(infeasible)})" if infeasible else state.name.lower()
        self._write(f"{start}{self._line(number, self._last, value)} · {how} · {what}\n")

    def _write(self, text: str) -> None:
        self.stream.write(text)
        self.stream.flush()
        self._written = time.monotonic()

    def _line(self, number: int, step: int, value: float | None) -> str:
        score = "-" if value is None or not math.isfinite(value) else f"{value:.4f}"
        best = "-" if self.best is None else f"{self.best[0]:.4f} (trial {self.best[1]})"
        return (
            f"trial {number} ({number + 1} of {self.n_trials}) · {self.step} {step}/{self.n_steps} · "
            f"{self.objective} {score} · best {best} · {self._left()} left"
        )

    def _left(self) -> str:
        """Estimate from the trials that ended here, as pruned ones take less; in the first, from its steps."""
        now, remaining = time.monotonic(), self.n_trials - self.done - self._finished
        if self._finished:
            seconds = (self._ended - self._start) / self._finished * remaining - (now - self._ended)
        elif self._last:
            seconds = (now - self._start) * (self.n_steps / self._last * remaining - 1)
        else:
            return "?"
        return duration(max(0.0, seconds))
