"""What the stock Trainer offers and cannot work here, refused before anything is loaded; and which way is better."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from accelerate.utils import DistributedType
from transformers import Trainer, TrainingArguments
from transformers.integrations import get_reporting_integration_callbacks
from transformers.trainer_utils import SaveStrategy
from transformers.training_args import OptimizerNames

from ..audits.compute import LOSS, direction, greater_is_better, key_of
from ..errors import FairTuneError, first_line
from .classes import class_names, group_names
from .pushing import target

if TYPE_CHECKING:
    from ..combinations.combination import Combination
    from ..search.modes import Mode
    from ..selections.selection import Selection

# Argument -> the values that work, and what another one would do.
WORKING: dict[str, tuple[tuple[object, ...], str]] = {
    "batch_eval_metrics": ((False,), "numbers by group are of all rows at once, never of a batch"),
    "prediction_loss_only": ((False,), "an audit takes the scores of every row"),
    "eval_do_concat_batches": ((True,), "numbers by group are of all rows at once, never of a batch"),
    "bf16_full_eval": ((False,), "the model's weights would be rounded, and images tie"),
    "fp16_full_eval": ((False,), "the model's weights would be rounded, and images tie"),
    "enable_jit_checkpoint": (
        (False,),
        "a signal has a checkpoint written without it, in a trial's own folder",
    ),
    "deepspeed": (
        (None,),
        "ZeRO divides gradients and parameters among processes, so that no mask, importance or step of a method finds "
        "a parameter's whole",
    ),
    "hub_strategy": (("end",), "a checkpoint's folder also holds the study and the splits, which stay at home"),
    "hub_always_push": ((False,), "nothing is pushed before the end"),
    "train_sampling_strategy": (
        ("random", "sequential"),
        "images have no lengths, and rows are scored in their order",
    ),
}
# What divides parameters among processes, as `accelerate launch` names it, and what is wrong with that.
SHARDING = {
    "FSDP": "the arguments of the run do not name it; give `fsdp`",
    "DEEPSPEED": f"{WORKING['deepspeed'][1]}; use DDP or one device",
    "MEGATRON_LM": "methods, masks and the hand-over take every parameter whole; use DDP or one device",
}
# Optimizers that stock builds from the model: only their package can be looked for before there is one.
OF_THE_MODEL = ("galore", "apollo", "lomo", "adalomo")


def refuse_values(args: TrainingArguments) -> None:
    """Refuse values that cannot work here, before the stock arguments look for what these need."""
    for name, (working, reason) in WORKING.items():
        value = getattr(args, name)
        if value not in working:
            wanted = "leave it out" if None in working else f"use {' or '.join(map(str, working))}"
            raise FairTuneError(f"`{name}` is {getattr(value, 'value', value)}, but {reason}; {wanted}.")
    if args.label_names is not None and "labels" not in args.label_names:
        raise FairTuneError(f"`label_names` is {args.label_names}, but the loss takes `labels`; name them so.")
    for name, reason in SHARDING.items():
        asked = os.environ.get(f"ACCELERATE_USE_{name}", "").lower() in ("1", "true", "yes")
        if asked and not (name == "FSDP" and args.fsdp):
            raise FairTuneError(f"`accelerate launch` uses {name}, but {reason}.")


def refuse_fsdp(args: TrainingArguments) -> None:
    """Refuse another FSDP than FSDP2 with whole checkpoints, and any where Accelerate has none."""
    plugin = args.fsdp_plugin_args or {}
    if (plugin.get("fsdp_version"), plugin.get("state_dict_type")) != (2, "FULL_STATE_DICT"):
        raise FairTuneError(
            "`fsdp_config` asks for FSDP1, XLA or divided checkpoints, but a model is trained by FSDP2, and its "
            "checkpoints are whole; leave out `version`, `xla` and `state_dict_type`."
        )
    # Accelerate 1.15 says nothing there and trains by DDP; of FSDP1, that there are "no available devices".
    if args.distributed_state.distributed_type in (DistributedType.NO, DistributedType.MULTI_CPU):
        raise FairTuneError(
            "`fsdp` is True, but Accelerate divides a model among accelerators alone: one process, or several on the "
            "CPU, would train it whole; leave `fsdp` out."
        )


def refuse(args: TrainingArguments) -> None:
    """Refuse arguments that cannot work here, and loggers and optimizers whose package is missing."""
    refuse_values(args)
    if args.fsdp:
        refuse_fsdp(args)
    if args.save_strategy == SaveStrategy.BEST and args.metric_for_best_model is None:
        raise FairTuneError("`save_strategy` is best, but by no metric; name a `metric_for_best_model`.")
    if args.auto_find_batch_size and args.world_size > 1:
        raise FairTuneError(
            f"`auto_find_batch_size` finds a batch on each of {args.world_size} processes for itself, which must take "
            "the same; set `per_device_train_batch_size`."
        )
    if args.push_to_hub:
        target(args)
    for name in args.report_to:
        try:
            for callback in get_reporting_integration_callbacks([name]):
                callback()
        except (ImportError, RuntimeError, ValueError) as error:
            raise FairTuneError(f"`report_to` cannot be {name}: {first_line(error)}") from error
    optimizer = OptimizerNames(args.optim).value
    try:
        Trainer.get_optimizer_cls_and_kwargs(args)
    except (ImportError, ValueError) as error:
        if isinstance(error, ImportError) or not optimizer.startswith(OF_THE_MODEL):
            raise FairTuneError(f"`optim` cannot be {optimizer}: {first_line(error)}") from error


def check_average(last: float, args: TrainingArguments | None = None, epochs: float | None = None) -> None:
    """Check how many epochs, below 1 a share of all, are averaged at the end, with no best one asked for as well.

    Raises:
        FairTuneError: neither a share nor a whole number, more than the epochs, whose number must be known, or both.
    """
    if not (0 <= last < 1 or float(last).is_integer()) or last < 0:
        raise FairTuneError(f"`average_last` is {last:g}; give a whole number of epochs, or their share below 1.")
    if last and epochs is not None and (last >= epochs + 1 or epochs == sys.maxsize):
        given = "has epochs of unknown length" if epochs == sys.maxsize else f"takes {epochs:g}"
        raise FairTuneError(f"`average_last` is {last:g} epochs, but the training {given}; average fewer.")
    if last and args and (args.load_best_model_at_end or args.save_strategy == SaveStrategy.BEST):
        raise FairTuneError(
            f"`average_last` is {last:g} and the best epoch is kept too, but a training ends with one of them; "
            "leave out `average_last`, or `load_best_model_at_end` and the save_strategy best."
        )


def best_is_greater(metric: str | None, asked: bool | None, stock: bool | None) -> bool | None:
    """Return whether a greater value of `metric_for_best_model` is better: a metric of ours knows, else as in stock.

    Raises:
        FairTuneError: the opposite is asked for.
    """
    known = None if metric is None else greater_is_better(metric)
    if known is not None and asked not in (None, known):
        better = "higher" if known else "lower"
        raise FairTuneError(
            f"`greater_is_better` is {asked}, but a {better} `{metric}` is better; leave it out, or set it to {known}."
        )
    return stock if known is None else known


def check_best_metric(args: TrainingArguments, dataset: Any, classes: Sequence[str] = ()) -> None:
    """Check that evaluations of a data set, or of several by name, have `metric_for_best_model`, and its direction.

    Of groups without names no metric is known yet.

    Raises:
        FairTuneError: they have not.
    """
    asked = (args.metric_for_best_model or LOSS).removeprefix("eval_")
    for name, part in dataset.items() if isinstance(dataset, Mapping) else [("", dataset)]:
        metric, names = asked.removeprefix(f"{name}_"), group_names(part)
        if metric == LOSS or not names or (name and metric == asked):
            continue
        if (key := key_of(metric)) != metric:
            # Stock looks for the very name among the metrics.
            raise FairTuneError(f"`metric_for_best_model`: `{metric}` is called `{key}` here.")
        try:
            best_is_greater(metric, args.greater_is_better, None)
            direction(metric, names, classes or class_names(part))
        except FairTuneError as error:
            raise FairTuneError(f"`metric_for_best_model`: {error}") from None


def check_catch(catch: Sequence[type[Exception]], processes: int) -> None:
    """Check that no error of a trial is to be caught on several processes.

    Raises:
        FairTuneError: some are: one that fails alone would go on to another trial, and the others wait for it in this.
    """
    if catch and processes > 1:
        raise FairTuneError(
            f"`catch` names {catch[0].__name__}, but of {processes} processes one that fails alone leaves the others "
            "waiting; leave it out."
        )


def check_search(
    folds: int, mode: Mode, selection: Selection, combination: Combination, fraction: float = 1.0
) -> None:
    """Check that what is asked of a search goes together, 0 folds being none.

    Raises:
        FairTuneError: there is one fold, or one of two has no use for the other.
    """
    if fraction < 1 and combination.combines and not combination.teachers:
        raise FairTuneError(
            f"`{combination.name}` hands over what trials trained, here on a fraction of {fraction:g} of the rows; "
            "choose `distill`, or leave the fraction out."
        )
    if folds < 0 or folds == 1:
        raise FairTuneError(f"`folds` is {folds}; give 2 or more, or 0 to score trials on the validation split.")
    if not folds:
        return
    if mode.one_split:
        raise FairTuneError(f"the mode `{mode.name}` scores trials on one validation split; leave `folds` out.")
    if selection.refits:
        raise FairTuneError(
            f"the selection `{selection.name}` trains finalists on folds, as `folds` {folds} does with every trial; "
            "choose one of the two."
        )
    if fraction < 1:
        raise FairTuneError(
            f"`folds` {folds} trains on all labelled rows, a fraction of {fraction:g} on fewer; choose one."
        )
    if combination.combines and not combination.teachers:
        raise FairTuneError(
            f"`{combination.name}` of models on folds, which saw validation, leaves no rows for a threshold; "
            "choose `distill`, or leave `folds` out."
        )
