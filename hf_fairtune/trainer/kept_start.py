"""A `model_init` that is run once for each state of chance, and copied in memory after that."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from transformers import Trainer
from transformers.trainer_utils import number_of_arguments

from .chance import Chance


@dataclass(frozen=True)
class Kept:
    """A model as it was built, and chance before and after that."""

    model: Any
    before: Chance
    after: Chance


@dataclass
class KeptStart:
    """Give the model that `model_init` would, and leave chance as it would, without its work.

    The last model that was built is kept, as it was built. A call from the same state of chance, as `Trainer` makes
    before each trial of a search, gets a copy; from another state the model is built anew.

    Args:
        model_init: takes no argument, and depends on nothing but chance.

    Example:
        >>> trainer = Trainer(model_init=KeptStart(model_init), args=args, ...)
    """

    model_init: Callable[[], Any]
    _kept: Kept | None = field(default=None, init=False, repr=False)

    def __getstate__(self) -> dict[str, object]:
        return {"model_init": self.model_init, "_kept": None}  # another process builds its own

    def __call__(self) -> Any:
        """Return a model that is the caller's own."""
        now = Chance.now()
        if self._kept is not None and self._kept.before.same_as(now):
            self._kept.after.restore()
            return copy.deepcopy(self._kept.model)
        model = self.model_init()
        try:
            self._kept = Kept(copy.deepcopy(model), now, Chance.now())
        except (TypeError, RuntimeError):  # it cannot be copied, and is built each time
            self._kept = None
        return model


@contextmanager
def kept_start(trainer: Trainer) -> Iterator[None]:
    """Keep the start of a trainer for a while; a `model_init` that takes the trial is called for each."""
    given = trainer.model_init
    if not isinstance(given, KeptStart) and given is not None and number_of_arguments(given) == 0:
        trainer.model_init = KeptStart(given)
    try:
        yield
    finally:
        trainer.model_init = given
