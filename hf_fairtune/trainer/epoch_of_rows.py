"""The epoch that the sampler of the training rows draws for, where a training goes on in mid-epoch too."""

from typing import Any

from transformers import TrainerCallback, TrainerState


def whole_batches(loader: Any) -> Any:
    """Return what makes the batches of a loader, before processes share them, or the first are left out."""
    batches: Any = getattr(loader, "batch_sampler", None)
    while hasattr(batches, "batch_sampler"):
        batches = batches.batch_sampler
    return batches


class EpochOfRows(TrainerCallback):
    """Tell the sampler of the training rows the epoch that begins.

    The stock Trainer tells the loader. Of one that leaves out the first batches of an epoch, on several processes, the
    word does not reach the sampler, which would draw those of epoch 0.
    """

    def on_epoch_begin(self, _: Any, state: TrainerState, *__: Any, **objects: Any) -> None:
        """Tell it, before the loader leaves anything out."""
        sampler: Any = getattr(whole_batches(objects.get("train_dataloader")), "sampler", None)
        if hasattr(sampler, "set_epoch"):
            sampler.set_epoch(int(state.epoch or 0))
