"""What the processes of one run do together: one works for all, or each does its share; and whether one was lost."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from datetime import timedelta
from functools import cache
from typing import Any, NamedTuple, TypeVar

import torch.distributed as dist

from .errors import FairTuneError, first_line

Made = TypeVar("Made")
# As good as none: audits take hours, and of a process that died its closed connection tells at once.
PATIENCE = timedelta(days=365)
# What the back ends of torch say where another process is gone.
LOST = (
    "connection closed by peer", "connection reset by peer", "connection was likely closed", "broken pipe",
    "remote process exited", "collective operation timeout", "timed out waiting", "connection refused",
    "connectfullmesh",
)  # fmt: skip


class Tried(NamedTuple):
    """What a process made, or why it failed."""

    value: Any = None
    reason: str | None = None


def count() -> int:
    """Return how many processes work together."""
    return dist.get_world_size() if dist.is_available() and dist.is_initialized() else 1


def is_main() -> bool:
    """Tell whether this is the process that works, writes and speaks for all."""
    return count() == 1 or dist.get_rank() == 0


def once(work: Callable[[], Made]) -> Made:
    """Return on every process what `work` returns on the main one; the others wait, for as long as it takes.

    Raises:
        FairTuneError: `work` failed on the main process, for the reason that is given; that one raises its own error.
    """
    if count() == 1:
        return work()
    found, error = [Tried()], None
    if is_main():
        found[0], error = _tried(work)
    dist.broadcast_object_list(found, src=0, group=_patient())
    (made,) = _made(found, error)
    return made


def each(work: Callable[[], Made]) -> list[Made]:
    """Work on every process, and return on each what all made, in their order.

    Raises:
        FairTuneError: another failed, for the reason that is given; the one that failed raises its own error.
    """
    if count() == 1:
        return [work()]
    own, error = _tried(work)
    found = [own] * count()
    dist.all_gather_object(found, own, group=_patient())
    return _made(found, error)


def share(parts: int) -> range:
    """Return which of so many parts in their order are this process's, about as many as another's."""
    own, all_of_them = (dist.get_rank(), count()) if count() > 1 else (0, 1)
    return range(own * parts // all_of_them, (own + 1) * parts // all_of_them)


def lost(error: BaseException | None) -> str | None:
    """Return what a back end says of a process that is gone, if an error, or one it came from, is of that."""
    while error is not None and "RANK" in os.environ:
        text = str(error).lower() if isinstance(error, (RuntimeError, ConnectionError)) else ""
        if said := [one for one in LOST if one in text]:
            return said[0]
        error = error.__cause__ or error.__context__
    return None


def _tried(work: Callable[[], Made]) -> tuple[Tried, Exception | None]:
    try:
        return Tried(work()), None
    except Exception as error:  # the other processes wait, and are to hear of any
        return Tried(reason=first_line(error)), error


def _made(found: Iterable[Tried], error: Exception | None) -> list[Any]:
    if error is not None:
        raise error
    values = []
    for one in found:
        if one.reason is not None:
            raise FairTuneError(one.reason)
        values.append(one.value)
    return values


@cache
def _patient() -> Any:
    """Open a group of all processes that has no timeout to speak of; all do so at the same time."""
    return dist.new_group(backend="gloo", timeout=PATIENCE)
