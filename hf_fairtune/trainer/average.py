"""The average of weights over the last epochs of a training, as a callback of a stock Trainer."""

import logging
import math
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor, nn
from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments
from transformers.trainer_utils import PREFIX_CHECKPOINT_DIR

from ..errors import FairTuneError
from ..files.atomic import write_atomically
from ..masks.moving import refuse_moving, running, trained
from ..masks.soft_mask_callback import refuse_sharded
from .refusals import check_average

logger = logging.getLogger(__name__)
FILE_NAME, COUNT = "average.safetensors", "epochs"


class WeightAverageCallback(TrainerCallback):
    """End a training with the mean of its weights at the ends of the last epochs, in a stock Trainer.

    The mean takes their place at the last step, before that is scored and saved: the last evaluation, the last
    checkpoint and the model are of the mean, all evaluations before of the weights as they were. No step is changed,
    so a training that is stopped before its last step is as without. Weights without gradient stay bit for bit, and
    so do those that did not move. Sums are float64, on the CPU, and lie in each checkpoint that is saved meanwhile.
    Every process averages its own copy; the copies of DDP are equal.

    Args:
        last: epochs at the end, or below 1 their share of all. The mean of one epoch is that epoch.

    Raises:
        FairTuneError: no share or whole number; when training begins: fewer epochs in all, sharded parameters, a
            best epoch asked for as well, or a checkpoint without its sums; after the first step: running statistics
            that move, as those of a BatchNorm do, since they would not be those of the mean.

    Source: Izmailov et al. 2018, "Averaging weights leads to wider optima and better generalization", UAI,
    algorithm 1; under a schedule that decays, Kaddour 2022, "Stop wasting my time! Saving days of ImageNet and BERT
    training with latest weight averaging".

    Example:
        >>> trainer = Trainer(model, args, train_dataset=data, callbacks=[WeightAverageCallback(3)])
    """

    def __init__(self, last: float) -> None:
        check_average(last)
        self.last = last
        self._sums: dict[str, Tensor] = {}
        self._count = 0
        self._buffers: dict[str, Tensor] | None = None

    def on_train_begin(self, args: TrainingArguments, state: TrainerState, _: TrainerControl, **objects: Any) -> None:
        """Check that these epochs can be averaged, and take up the sums of the checkpoint that is resumed."""
        check_average(self.last, args, state.num_train_epochs)
        refuse_sharded(objects["model"].parameters(), "An average of weights")
        self._buffers = {name: values.clone() for name, values in running(objects["model"])}
        self._sums, self._count = {}, max(0, math.floor(state.epoch or 0) - self._before(state))
        if self._count and state.global_step < state.max_steps:
            self._sums = read_sums(place(args, state), self._count)

    @torch.no_grad()
    def on_step_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **objects: Any
    ) -> None:
        """At the end of one of the epochs, add the weights; at the last step, put the mean in their place."""
        model, last = objects["model"], state.global_step >= state.max_steps
        if self._buffers is not None:
            refuse_moving(model, self._buffers, "leave `average_last` out")
            self._buffers = None
        if (last or float(state.epoch or 0).is_integer()) and math.ceil(state.epoch or 0) > self._before(state):
            self._add(model)
        if last and self._count:
            for name, parameter in trained(model):
                parameter.copy_(self._sums[name] / self._count)
            self._sums = {}
        self._keep(args, state, control)

    def on_epoch_end(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any) -> None:
        """Keep the sums where a checkpoint is saved at the end of an epoch."""
        self._keep(args, state, control)

    def on_train_end(self, _: Any, state: TrainerState, *__: Any, **___: Any) -> None:
        """Let go of the sums; say where a training was stopped before there was a mean."""
        if state.global_step < state.max_steps and state.is_world_process_zero and not state.is_hyper_param_search:
            logger.warning("Training was stopped before its last step: the weights are no average of epochs.")
        self._sums, self._buffers = {}, None

    def _before(self, state: TrainerState) -> int:
        """Return the number of epochs before those averaged."""
        total = state.num_train_epochs
        return total - (math.ceil(self.last * total) if self.last < 1 else int(self.last))

    def _add(self, model: nn.Module) -> None:
        for name, parameter in trained(model):
            # The sum of a few float32 in float64 is exact, so that their order and kills do not matter.
            values = parameter.detach().to("cpu", torch.float64, copy=True)
            self._sums[name] = self._sums[name].add_(values) if name in self._sums else values
        self._count += 1

    def _keep(self, args: TrainingArguments, state: TrainerState, control: TrainerControl) -> None:
        """Write the sums where a checkpoint is about to be saved, whose last file is written after them."""
        if control.should_save and args.should_save and self._sums:
            write_atomically(place(args, state), save(self._sums, {COUNT: str(self._count)}))


def place(args: TrainingArguments, state: TrainerState) -> Path:
    """Return where the sums lie in the checkpoint of this step."""
    return Path(str(args.output_dir)) / f"{PREFIX_CHECKPOINT_DIR}-{state.global_step}" / FILE_NAME


def read_sums(path: Path, count: int) -> dict[str, Tensor]:
    """Read the sums of so many epochs.

    Raises:
        FairTuneError: there are none, or of another number of epochs.
    """
    try:
        with safe_open(path, "pt") as kept:
            found = int(kept.metadata()[COUNT])
            if found == count:
                return {name: kept.get_tensor(name) for name in kept.keys()}  # noqa: SIM118
    except (OSError, SafetensorError) as error:
        raise FairTuneError(
            f"`{path}` is missing, so that the average cannot go on; train from the start, or without `average_last`."
        ) from error
    raise FairTuneError(
        f"`{path}` is the sum of {found} epochs, but {count} are to be averaged by this step; resume with the "
        "`average_last` that it was begun with."
    )
