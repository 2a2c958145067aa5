"""Garbage collection where the heap is large and only its newest part changes."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def unexamined_heap() -> Iterator[None]:
    """Exempt what exists from collections for a while; `Trainer` makes three full ones for each trial of a search.

    A heap that is exempt in part already is left to who did that.
    """
    if gc.get_freeze_count():
        yield
        return
    gc.collect()
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()
