"""A command hit again and again until it is done, and what is wrong with what it left."""

import random
import signal
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import cycle

from tests.kills.firing import Ended, fire
from tests.kills.remains import broken, differences
from tests.kills.targets import Ground

# Signals by what a process that was hit by one may end with; 0 where it had ended its work by then.
ENDS = {
    signal.SIGKILL: {-signal.SIGKILL, 0},
    signal.SIGTERM: {-signal.SIGTERM, 128 + signal.SIGTERM, 0},
    signal.SIGINT: {-signal.SIGINT, 128 + signal.SIGINT, 0},
}
# After so many hits in a row a command is left to end.
MOST = 12

Target = Callable[[Ground], list[str]]


@dataclass(frozen=True)
class Whole:
    """An uninterrupted run: how long it takes in seconds, and what it leaves."""

    seconds: float
    left: Mapping[str, str]


@dataclass
class Volley:
    """What became of a command under fire.

    Args:
        moments: seconds after the start of each process at which it was hit.
        runs: how often the command was started from its beginning, and came to its end.
        wrong: what is not as an uninterrupted run leaves it, in words.
    """

    moments: list[float] = field(default_factory=list)
    runs: int = 0
    wrong: list[str] = field(default_factory=list)


def uninterrupted(target: Target, ground: Ground) -> Whole:
    """Run a command to its end.

    Raises:
        RuntimeError: it fails.
    """
    ground.clear()
    ended = fire(_command(target, ground), ground.log)
    if ended.status:
        raise RuntimeError(ground.log.read_text()[-2000:])
    return Whole(ended.seconds, ground.left())


def volley(target: Target, ground: Ground, stops: Sequence[signal.Signals], hits: int, draw: random.Random) -> Volley:
    """Hit a command at random moments until it ends by itself, and again from its beginning until it was hit enough.

    Args:
        target: the command.
        ground: its folder.
        stops: the signals, one after another.
        hits: at least so many.
        draw: gives the moments, which lie in the seconds that an uninterrupted run takes.
    """
    whole, found, signals = uninterrupted(target, ground), Volley(), cycle(stops)
    while len(found.moments) < hits and not found.wrong:
        found.runs += 1
        found.wrong += _run(target, ground, signals, partial(draw.uniform, 0, whole.seconds), found.moments)
        found.wrong += found.wrong or differences(ground.left(), whole.left)
    return found


def _run(
    target: Target, ground: Ground, stops: Iterator[signal.Signals], draw: Callable[[], float], moments: list[float]
) -> list[str]:
    """Start a command until it ends by itself; add the moments of its hits, and return what is wrong."""
    ground.clear()
    command = _command(target, ground)
    for left in reversed(range(MOST + 1)):
        after, stop = draw(), next(stops)
        try:
            ended = fire(command, ground.log, stop if left else None, after)
        except TimeoutError as error:
            return [str(error)]
        if ended.hit:
            moments.append(after)
        if wrong := _amiss(ended, stop, ground):
            return wrong
        if not ended.status:
            break
    return []


def _command(target: Target, ground: Ground) -> list[str]:
    command: Sequence[str] = target(ground)
    writes = command[0] not in ("report", "push")
    return [*command, *(["--output_dir", str(ground.out)] if writes else [])]


def _amiss(ended: Ended, stop: signal.Signals, ground: Ground) -> list[str]:
    """Say what is wrong with the end of a process, and with what it left on disk."""
    allowed = ENDS[stop] if ended.hit else {0}
    said = ground.log.read_text() if ground.log.exists() else ""
    found = [] if ended.status in allowed else [f"ended with {ended.status}: {said[-600:]}"]
    return found + ([f"a traceback: {said[-1500:]}"] if "Traceback" in said else []) + broken(ground.out)
