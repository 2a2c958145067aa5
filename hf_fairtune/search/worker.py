"""A worker of a run's folder: it holds a lock of the system's, which is freed when its process dies, however."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from uuid import uuid4

from filelock import FileLock

from ..files.lock import is_held

FOLDER = "workers"


class Worker:
    """One process in a folder; others know by its lock whether it lives. Nothing can lie stale as a heartbeat can."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.name = folder / FOLDER, uuid4().hex[:12]
        self.folder.mkdir(parents=True, exist_ok=True)
        self._held = FileLock(self._place(self.name))
        self._held.acquire()

    def is_alive(self, name: str) -> bool:
        """Tell whether a worker of this folder lives."""
        path = self._place(name)
        return name == self.name or (path.exists() and is_held(path))

    def is_alone(self) -> bool:
        """Tell whether no other worker of this folder lives."""
        return not any(self.is_alive(path.stem) for path in self.folder.glob("*.lock") if path.stem != self.name)

    def forget(self, name: str) -> None:
        """Remove the file of a worker that is dead."""
        self._place(name).unlink(missing_ok=True)

    def leave(self) -> None:
        """Free the lock."""
        self._held.release()
        self.forget(self.name)

    def _place(self, name: str) -> Path:
        return self.folder / f"{name}.lock"


class Watch:
    """Sees what did not change for `grace` seconds, by this process's own clock.

    No machine's time of day counts, nor the server's: clocks that jump or differ, and a server that was away, cannot
    make a living worker look dead. What it has not looked at for a while, as it worked or was stopped, it sees first.
    """

    def __init__(self, grace: float) -> None:
        self.grace, self._looked = grace, -float("inf")
        self._since: dict[int, tuple[object, float]] = {}

    def unchanged(self, signs: Mapping[int, object]) -> Iterable[int]:
        """Take in a sign of each thing that is watched; list those whose sign is the same for longer than `grace`."""
        now = time.monotonic()
        known = self._since if now - self._looked < self.grace / 2 else {}
        same = {key: known[key] for key, sign in signs.items() if key in known and known[key][0] == sign}
        self._since, self._looked = {key: same.get(key, (sign, now)) for key, sign in signs.items()}, now
        return [key for key, (_, since) in self._since.items() if now - since > self.grace]
