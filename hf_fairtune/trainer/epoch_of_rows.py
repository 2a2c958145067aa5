"""The epoch that the sampler of the training rows draws for, where a training goes on in mid-epoch too."""

from typing import Any

from transformers import TrainerCallback, TrainerState


class EpochOfRows(TrainerCallback):
    """Tell the sampler of the training rows the epoch that begins.

    The stock Trainer tells the loader. Of one that leaves out the first batches of an epoch, on several processes, the
    word does not reach the sampler, which would draw those of epoch 0.
    """

    def on_epoch_begin(self, _: Any, state: TrainerState, *__: Any, **objects: Any) -> None:
        """Tell it, before the loader leaves anything out."""
        batches: Any = getattr(objects.get("train_dataloader"), "batch_sampler", None)
        while hasattr(batches, "batch_sampler"):
            batches = batches.batch_sampler
        sampler: Any = getattr(batches, "sampler", None)
        if hasattr(sampler, "set_epoch"):
            sampler.set_epoch(int(state.epoch or 0))
