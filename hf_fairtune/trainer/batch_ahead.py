"""The batch that is fetched ahead, drawn as it was where a training goes on in the middle of an epoch.

A loader fetches a batch while the one before is trained on, so that a checkpoint's state of chance is that after its
augmentation. The stock Trainer draws this batch again from another state.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import torch
from safetensors.torch import load_file, save

from ..data.transform import PixelTransform
from ..files.atomic import write_atomically
from .kept_prefix import transform_in

if TYPE_CHECKING:
    from transformers import Trainer

BEFORE, AFTER = "before", "after"


def drawn_here(trainer: Trainer) -> PixelTransform | None:
    """Return what augments the training rows, if it draws at each use, and in this process: none of its workers."""
    transform = transform_in(trainer.train_dataset)
    here = transform is not None and not transform.is_fixed and trainer.args.dataloader_num_workers == 0
    return transform if here else None


def place(trainer: Trainer, checkpoint: str) -> Path:
    """Return where the states are kept in a checkpoint, of each process its own."""
    return Path(checkpoint) / f"batch_ahead_{trainer.args.process_index}.safetensors"


def keep_chance(trainer: Trainer, checkpoint: str) -> None:
    """Keep, in a checkpoint within an epoch, the states of chance before the batch ahead was drawn, and now."""
    transform = drawn_here(trainer)
    if transform is not None and transform.before is not None and not float(trainer.state.epoch or 0).is_integer():
        states = {BEFORE: transform.before, AFTER: torch.get_rng_state()}
        write_atomically(place(trainer, checkpoint), save(states))


def draw_again(trainer: Trainer, checkpoint: str) -> None:
    """Have the next batch drawn from the state that it was drawn from, and those after it from the checkpoint's."""
    transform = drawn_here(trainer)
    if transform is not None and (path := place(trainer, checkpoint)).is_file():
        states = load_file(path)
        transform.replayed = [states[BEFORE], states[AFTER]]


def settle(trainer: Trainer, ahead: torch.Tensor) -> None:
    """Go on from the state `ahead`, if batches were drawn from the checkpoint's by now."""
    transform = drawn_here(trainer)
    if transform is not None and transform.replayed is not None:
        if not transform.replayed:
            torch.set_rng_state(ahead)
        transform.replayed = None
