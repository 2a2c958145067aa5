"""The arguments of a training: `TrainingArguments`, a method and FairTune's schedule."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from typing import Any

import torch
from transformers import TrainingArguments

from .. import catalog
from ..errors import FairTuneError
from ..methods.method import Method, method_named


@dataclass
class FairTrainingArguments(TrainingArguments):
    """`TrainingArguments` with the method, and FairTune's schedule as defaults (section 4.1).

    Every field of `TrainingArguments` keeps its meaning.
    """

    method: str = field(default="fairtune", metadata={"help": "How to fine-tune: a file of `methods/`."})
    mask: str | None = field(
        default=None,
        metadata={
            "help": "fairtune: linear, layernorm, attention, mlp, all, or bits such as 010110...; not given: search "
            "it. swift, bmft: soft, hard, random or none."
        },
    )
    space: str = field(default="paper36", metadata={"help": "What a bit stands for: paper36, attention12, ..."})
    num_train_epochs: float = field(default=30.0, metadata={"help": "Epochs of a trial and of the final training."})
    per_device_train_batch_size: int = field(default=64, metadata={"help": "Images a step and device."})
    per_device_eval_batch_size: int = field(default=128, metadata={"help": "Images an evaluation step and device."})
    learning_rate: float = field(default=1e-4, metadata={"help": "Peak learning rate; a search draws its own."})
    lr_scheduler_type: str = field(default="cosine", metadata={"help": "Schedule after the warm-up."})
    warmup_steps: float = field(default=1 / 3, metadata={"help": "Steps, or the share of all steps if below 1."})
    weight_decay: float = field(default=1e-4, metadata={"help": "AdamW's weight decay."})
    eval_strategy: str = field(default="epoch", metadata={"help": "When to score the validation split."})
    save_strategy: str = field(default="epoch", metadata={"help": "When to save a checkpoint to resume from."})
    save_total_limit: int | None = field(default=1, metadata={"help": "Checkpoints kept."})
    logging_strategy: str = field(default="epoch", metadata={"help": "When to log the loss."})
    remove_unused_columns: bool | None = field(default=False, metadata={"help": "Groups are no model input."})
    dataloader_pin_memory: bool = field(
        default_factory=torch.cuda.is_available, metadata={"help": "Pin batches in memory for the accelerator."}
    )
    label_names: list[str] | None = field(
        default_factory=lambda: ["labels", "groups"], metadata={"help": "What travels to the metrics."}
    )

    def build_method(self, **hyperparameters: Any) -> Method:
        """Return the method with `hyperparameters` and those that are fields here and given.

        Raises:
            FairTuneError: there is no such method, or it has no mask and one is given.
        """
        known = catalog.find("methods", self.method).METHOD
        names = {entry.name for entry in fields(known)} & {entry.name for entry in fields(self)}
        if self.mask is not None and "mask" not in names:
            raise FairTuneError(f"`mask` is {self.mask!r}, but the method {self.method!r} has none; leave it out.")
        own = {name: getattr(self, name) for name in names if getattr(self, name) is not None}
        return method_named(self.method, **own, **hyperparameters)
