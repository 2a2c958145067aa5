"""The share of the training rows that every trial of a search trains on, as FairTune's on CheXpert (section 4.1)."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from ..errors import FairTuneError
from .stages import views_of

if TYPE_CHECKING:
    from .fair import FairTrainer


def check_subset(trainer: FairTrainer, fraction: float) -> None:
    """Check that a trial on a share of the rows is a small picture of a training on all.

    Raises:
        FairTuneError: there is no table to draw from, or a length is counted in steps.
    """
    if fraction == 1:
        return
    if not 0 < fraction < 1:
        raise FairTuneError(f"`fraction` is {fraction:g}; give the share of the training rows, above 0, at most 1.")
    if trainer.data is None or "external" in trainer.data.splits:
        raise FairTuneError(
            "a search on a fraction of the rows draws them from `data=load_fair_dataset(...)` without an external "
            "set; leave `fraction` out."
        )
    for name in ("max_steps", "warmup_steps"):
        if (steps := getattr(trainer.args, name)) >= 1:
            raise FairTuneError(
                f"`{name}` is {steps:g} steps, which are other shares of a trial and of the training; give epochs, "
                "and the warm-up as a share below 1."
            )


@contextmanager
def on_subset(trainer: FairTrainer, fraction: float) -> Iterator[None]:
    """Train on a share of the rows for a while, drawn by the run's seed; validation and test stay whole."""
    if fraction == 1 or trainer.data is None:
        yield
        return
    kept = trainer.data, trainer.train_dataset, trainer.facts
    trainer.data = trainer.data.subset(fraction, trainer.args.seed)
    views = views_of(trainer)
    trainer.train_dataset, trainer.facts = views["train"], trainer.facts.reading(views)
    try:
        yield
    finally:
        trainer.data, trainer.train_dataset, trainer.facts = kept
