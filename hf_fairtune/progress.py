"""How far long work is: a bar on a terminal, elsewhere (a log) a plain line every half a minute."""

from __future__ import annotations

import os
import sys
import threading
import time
from types import TracebackType
from typing import Any

from tqdm.auto import tqdm

# Seconds between two lines of a log; work that ends before the first is silent.
EVERY = 30.0
# Seconds before a bar shows on a terminal.
PATIENCE = 3.0
_open: list[Progress] = []


def duration(seconds: float) -> str:
    """Write seconds as the two largest of hours, minutes and seconds."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes:02d} min"
    return f"{minutes} min {rest:02d} s" if minutes else f"{rest} s"


class Progress:
    """Work under way, which may be a part of other work: a line names all of it, with what is left of the innermost.

    Args:
        text: what is done, such as "Scoring images".
        total: of its parts; None where it has none, or no one knows.
        unit: what a part is called.
        done: parts that were done before.
        shown: whether anything is written; of several processes the first alone writes.
    """

    def __init__(
        self, text: str, total: int | None = None, unit: str = "part", done: int = 0, shown: bool = True
    ) -> None:
        self.text, self.total, self.unit, self.first, self.done = text, total, unit, done, done
        self.shown = shown and os.environ.get("RANK", "0") == "0"
        self.start = time.monotonic()
        self._bar: Any = None
        self._ended = threading.Event()

    def __enter__(self) -> Progress:
        """Begin; in a log the outermost work starts the clock of the lines."""
        if self.shown and sys.stderr.isatty():
            self._bar = tqdm(
                total=self.total, initial=self.first, desc=self.text, unit=self.unit, delay=PATIENCE, leave=False
            )
        elif self.shown:
            _open.append(self)
            if len(_open) == 1:
                threading.Thread(target=self._write, daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        """End."""
        self._ended.set()
        if self._bar is not None:
            self._bar.close()
        elif self in _open:
            _open.remove(self)

    def update(self, parts: int = 1) -> None:
        """Count parts that were done."""
        self.done += parts
        if self._bar is not None:
            self._bar.update(parts)

    def _write(self) -> None:
        while not self._ended.wait(EVERY):
            print(line(), file=sys.stderr, flush=True)

    def said(self) -> str:
        """Say what is done, and how much of it."""
        if self.total is None:
            return f"{self.text}, {self.done} {self.unit}s" if self.done else self.text
        share = 100 * self.done // max(self.total, 1)
        return f"{self.text}: {self.done} of {self.total} {self.unit}s ({share} %)"

    def left(self) -> str:
        """Estimate the time left from the parts done here; without these, how long it takes already."""
        took, parts = time.monotonic() - self.start, self.done - self.first
        if self.total is None or not parts:
            return f"for {duration(took)}"
        return f"{duration(took / parts * max(self.total - self.done, 0))} left"


def line() -> str:
    """Say what is under way, the outermost first."""
    known = [*_open]
    return ", ".join([" · ".join(own.said() for own in known), known[-1].left()]) if known else ""
