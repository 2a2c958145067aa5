"""The arguments of a repair: a few epochs at a constant rate."""

from dataclasses import dataclass, field

from .. import catalog
from .arguments import FairTrainingArguments


@dataclass
class RepairTrainingArguments(FairTrainingArguments):
    """`FairTrainingArguments` with the schedule of a repair: a few epochs a stage at a constant rate."""

    method: str = field(default="swift", metadata={"help": "How to repair.", "choices": catalog.names("methods")})
    num_train_epochs: float = field(default=10.0, metadata={"help": "Epochs of each stage."})
    warmup_steps: float = field(default=0.0, metadata={"help": "Steps, or the share of all steps if below 1."})
    lr_scheduler_type: str = field(default="constant", metadata={"help": "Schedule of the learning rate."})
    weight_decay: float = field(default=5e-4, metadata={"help": "AdamW's weight decay."})
