"""The stock `Trainer` with two habits of the papers' code: a rate that changes by the epoch, decay of all weights."""

from collections.abc import Callable
from typing import Any

from torch import nn
from torch.optim.lr_scheduler import LambdaLR
from transformers.trainer_utils import SchedulerType

from ..errors import FairTuneError
from .whole_trainer import WholeTrainer

# Share of the peak rate that a warm-up by epochs begins with, as in FairTune's code; a share of 0 would train nothing.
FIRST_SHARE = 0.01


# Schedules that follow the loss.
NOT_OF_STEPS = (SchedulerType.REDUCE_ON_PLATEAU, SchedulerType.GREEDY)


def refuse_schedule(args: Any) -> None:
    """Refuse a schedule that `schedule_per` epoch cannot make.

    Raises:
        FairTuneError: it follows the loss, or its warm-up counts steps.
    """
    if args.schedule_per == "epoch" and args.lr_scheduler_type in NOT_OF_STEPS:
        kind = args.lr_scheduler_type.value
        raise FairTuneError(f"`schedule_per` epoch has no {kind} of `lr_scheduler_type`; choose cosine, linear, ...")
    if args.schedule_per == "epoch" and args.warmup_steps >= 1:
        raise FairTuneError(
            f"`warmup_steps` is {args.warmup_steps:g} steps, but `schedule_per` is epoch; give a share of the epochs."
        )


class PaperTrainer(WholeTrainer):
    """The stock `Trainer` with `schedule_per` and `decay_all` of its arguments."""

    lr_scheduler: Any

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        rows: Any = self.train_dataset
        each = self.args.train_batch_size * self.args.world_size
        if self.args.dataloader_drop_last and hasattr(rows, "__len__") and 0 < len(rows) < each:
            raise FairTuneError(
                f"`dataloader_drop_last` drops every image: {len(rows)} to train on make no batch of {each}; lower "
                "`per_device_train_batch_size`, or set it to false."
            )

    def get_decay_parameter_names(self, model: nn.Module) -> list[str]:
        """Name the parameters that decay: as in stock, or all."""
        if getattr(self.args, "decay_all", False):
            return [name for name, _ in model.named_parameters()]
        return super().get_decay_parameter_names(model)

    def create_scheduler(self, num_training_steps: int, optimizer: Any = None) -> Any:
        """Make the stock schedule of the steps, or that of the epochs, each for all steps of one."""
        if getattr(self.args, "schedule_per", "step") == "step" or self.lr_scheduler is not None:
            return super().create_scheduler(num_training_steps, optimizer)
        n_epochs, steps, *_ = self.set_initial_training_values(self.args, self.get_train_dataloader())
        scheduler = super().create_scheduler(n_epochs, optimizer)
        warmup = self.args.get_warmup_steps(n_epochs)
        factors = [by_epoch(factor, steps, warmup) for factor in scheduler.lr_lambdas]
        self.lr_scheduler = LambdaLR(scheduler.optimizer, factors)
        return self.lr_scheduler


def by_epoch(factor: Callable[[int], float], steps: int, warmup: int) -> Callable[[int], float]:
    """Return the factor of the learning rate at a step, where `factor` is that of an epoch of so many steps.

    A warm-up begins with `FIRST_SHARE` of the peak.
    """

    def at(step: int) -> float:
        share = factor(step // steps)
        return FIRST_SHARE + (1 - FIRST_SHARE) * share if step // steps < warmup else share

    return at
