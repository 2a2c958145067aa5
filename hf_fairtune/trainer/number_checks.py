"""Numbers of a training that no training can have, refused before one begins."""

import math
from collections.abc import Callable

from transformers import TrainingArguments

from ..errors import FairTuneError

Check = tuple[Callable[[float], bool], str]
FINITE: Check = (lambda value: 0 <= value < math.inf, "a finite number, 0 or more")
COUNT: Check = (lambda value: value >= 1, "1 or more")
SHARE: Check = (lambda value: 0 <= value <= 1, "a number from 0 to 1")
DECAY: Check = (lambda value: 0 <= value < 1, "a number from 0 to below 1")
CHECKS: dict[str, Check] = {
    **dict.fromkeys(("learning_rate", "weight_decay", "activation_gb", "max_grad_norm", "adam_epsilon"), FINITE),
    **dict.fromkeys(
        ("per_device_train_batch_size", "per_device_eval_batch_size", "gradient_accumulation_steps"), COUNT
    ),
    "num_train_epochs": (lambda value: 0 < value < math.inf, "a finite number above 0"),
    "dataloader_num_workers": (lambda value: value >= 0, "0 or more"),
    "seed": (lambda value: 0 <= value < 2**32, "a whole number from 0 to 4294967295"),
    "label_smoothing_factor": SHARE,
    "adam_beta1": DECAY,
    "adam_beta2": DECAY,
}


def check_numbers(args: TrainingArguments) -> None:
    """Check the numbers that decide whether anything can be trained.

    Raises:
        FairTuneError: one is out of its range; `max_steps` stands for `num_train_epochs` where it is given.
    """
    for name, (holds, wanted) in CHECKS.items():
        value = getattr(args, name)
        if not holds(value) and not (name == "num_train_epochs" and args.max_steps > 0):
            raise FairTuneError(f"`{name}` is {value:g}; give {wanted}.")
