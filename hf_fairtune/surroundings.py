"""What fails around a training, and is no fault of what is trained: known from other errors, and worded."""

from __future__ import annotations

import errno
import re
from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .document.search import Cause

# Each library reports a full disk, and no memory, in its own words.
# `torch.save` says of one that is full as its file closes only that what it wrote is not there.
FULL = (
    "no space left", "disk is full", "disk full", "pytorchstreamwriter failed writing", "iostream error",
    "unexpected pos ",
)  # fmt: skip
NO_MEMORY = ("out of memory", "can't allocate memory", "cannot allocate memory", "no executable batch size")
# Of safetensors, before the reason of the system.
FAILED_FILE = ("i/o error",)
DEAD_WORKER = re.compile(r"dataloader worker \(pid")
# Clients of the Hub have kinds of their own, which this file is not to import.
CONNECTION = {"ConnectionError", "ConnectError", "ConnectTimeout", "ReadError", "ReadTimeout", "TransportError"}
WORDS: Mapping[Cause, str] = MappingProxyType(
    {
        "memory": "memory ran out",
        "disk": "the disk is full",
        "connection": "a connection failed",
        "worker": "a process that loads the rows died",
        "system": "the system refused",
    }
)


def chain(error: BaseException | None) -> Iterator[BaseException]:
    """Yield an error, and those that it came from."""
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def disk_is_full(error: BaseException | None) -> bool:
    """Tell whether an error, or one it came from, is a full disk."""
    return any(_errno(one) in (errno.ENOSPC, errno.EDQUOT) or _says(one, FULL) for one in chain(error))


def cause_of(error: BaseException) -> Cause | None:
    """Return what failed around a training; None where the error is of the training itself, or of its input.

    An error of the data or of a flag in one line is `FairTuneError`, whatever it came from.
    """
    if isinstance(error, ValueError | TypeError | KeyError | AssertionError):
        return None
    if disk_is_full(error):
        return "disk"
    if isinstance(error, MemoryError) or _errno(error) == errno.ENOMEM:
        return "memory"
    if isinstance(error, RuntimeError) and _says(error, NO_MEMORY):
        return "memory"
    if isinstance(error, RuntimeError) and DEAD_WORKER.search(str(error).lower()):
        return "worker"
    if any(isinstance(one, ConnectionError | TimeoutError) or _is_of_a_client(one) for one in chain(error)):
        return "connection"
    return "system" if isinstance(error, OSError) or _says(error, FAILED_FILE) else None


def _is_of_a_client(error: BaseException) -> bool:
    return any(kind.__name__ in CONNECTION for kind in type(error).__mro__)


def _errno(error: BaseException) -> int | None:
    found: int | None = getattr(error, "errno", None)
    return found


def _says(error: BaseException, texts: tuple[str, ...]) -> bool:
    return any(text in str(error).lower() for text in texts)
