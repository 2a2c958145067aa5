"""Training a method stage by stage, and the trainer as it was afterwards."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from datasets import Dataset
from peft import PeftConfig
from transformers import Trainer, set_seed
from transformers.trainer_utils import TrainOutput

from ..document.estimate import NAN
from ..errors import FairTuneError
from ..families.family import fit_image_size
from ..families.one_logit import has_one_logit
from ..families.patch_input import check_takes_images
from ..masks.config import MaskConfig
from ..methods.adapter import written
from ..methods.facts import Facts, View
from ..methods.fairtune import FairTune
from ..methods.method import Method, NotSearchedError, method_named
from ..methods.plain import Plain
from .arguments import FairTrainingArguments
from .audits import MODEL
from .average import WeightAverageCallback
from .checkpoints import MethodState, named_checkpoint, own_checkpoint, settings_of
from .classes import check_weights, fit_classes
from .epoch_of_rows import EpochOfRows
from .finite_start import check_finite
from .logged_loss import LoggedLoss
from .rebinding import WAY, rebind
from .run_facts import TrainingLog, public_name
from .stopping import StopOnSignal, stop_if_asked
from .under_mask import masked, refuse_mask

if TYPE_CHECKING:
    from ..data.fair_dataset import FairDataset
    from .fair import FairTrainer

Train = Callable[..., Any]


def is_staged(method: Method) -> bool:
    """Tell whether a method trains several stages, one after another."""
    return method.stages()[0] is not method


def view_of(trainer: FairTrainer, view: View) -> Any:
    """Return the rows of a view; data sets given without `data` are taken as they are."""
    if trainer.data is None:
        return trainer.eval_dataset if view.split == "validation" else trainer.train_dataset
    fit = "external" if "external" in trainer.data.splits else "train"
    split = fit if view.split == "fit" else view.split
    return trainer.data[split] if view.augmented else trainer.data.plain(split)


def views_of(trainer: FairTrainer) -> dict[str, Dataset]:
    """Return the rows that the trainer's method reads, by name."""
    return {name: view_of(trainer, view) for name, view in trainer.method.views.items()}


def chosen(args: FairTrainingArguments, method: Method | str | None, config: PeftConfig | None) -> Method:
    """Return the method that is asked for: as an object, by its name, by a PEFT config, or by the arguments' name.

    Raises:
        FairTuneError: there is no such method, or two of method, PEFT config and mask say what is trained.
    """
    method = method_named(method) if isinstance(method, str) else method
    if config is None:
        found = method or method_named(args.method)
        refuse_mask(found, args.under_mask)
        return found
    if args.under_mask is not None:
        raise FairTuneError("`peft_config` and `under_mask` both say what is trained; leave one of them out.")
    if other := method.name if method else args.method if args.method not in ("fairtune", "plain") else None:
        raise FairTuneError(f"`peft_config` and the method {other!r} both say what is trained; leave one of them out.")
    if isinstance(config, MaskConfig):
        mask = config.mask if isinstance(config.mask, str) else "".join(map(str, config.mask))
        if config.units:
            return FairTune(mask=mask, units=json.dumps(config.units))
        return FairTune(mask=mask, granularity=config.granularity)
    return Plain(peft=written(config))


def prepared_with(trainer: FairTrainer, model: Any, optimizer: Any) -> Any:
    """Return a given model as `prepared` does, and bind a given optimizer to what is trained of it.

    Raises:
        FairTuneError: that is not certain, or changes from stage to stage.
    """
    if optimizer is not None and is_staged(trainer.method):
        raise FairTuneError(f"`optimizers` cannot serve the stages of the method {trainer.method.name!r}; {WAY}.")
    before = {id(values): values for values in model.parameters()}
    found = prepared(trainer, model)
    rebind(optimizer, found, before)
    return found


def prepared(trainer: FairTrainer, model: Any) -> Any:
    """Return a new model as the trainer's method trains it, if that is one stage and nothing is to be searched."""
    if has_one_logit(model):
        raise FairTuneError(
            "the model has one logit but two are wanted; pass `two_logits(model)` of hf_fairtune.families.one_logit."
        )
    check_takes_images(model)
    if getattr(trainer, "facts", None) is None:
        check_finite(model)
    trainer.base_name = public_name(model)
    fit(model, trainer.data)
    check_weights(model, trainer.method.cross_entropy.class_weights)
    method, args = trainer.method, trainer.args
    trainer.facts = Facts.of(model, views_of(trainer), head=args.head, seed=args.seed)
    if is_staged(method):
        return model
    try:
        model, trainer.unsearched = masked(trainer, method, method.prepare(model, trainer.facts)), None
    except NotSearchedError as error:
        # A search comes first, or the training says so.
        trainer.unsearched = error
    return model


def start_model(trainer: FairTrainer) -> Any:
    """Build the plain model that trainings with the run's seed start from; the state of chance stays."""
    with torch.random.fork_rng():
        torch.manual_seed(trainer.args.seed)
        return fit(Trainer.call_model_init(trainer), trainer.data)


def fit(model: Any, data: FairDataset | None) -> Any:
    """Fit a model to the images and classes of the data, where there are any, and return it."""
    if data is not None:
        fit_image_size(model, data.image_size)
        fit_classes(model, data)
    return model


@contextmanager
def restored(trainer: FairTrainer) -> Iterator[None]:
    """Restore the trainer's arguments and callbacks at the end."""
    arguments, callbacks = dict(trainer.args.__dict__), list(trainer.callback_handler.callbacks)
    try:
        yield
    finally:
        trainer.args.__dict__.update(arguments)
        trainer.callback_handler.callbacks = callbacks


@contextmanager
def staged(trainer: FairTrainer, stage: Method) -> Iterator[None]:
    """Train by `stage` for a while: its loss, arguments and callbacks."""
    whole = trainer.method
    with restored(trainer):
        trainer.method = stage
        for name, value in stage.arguments().items():
            setattr(trainer.args, name, value)
        average = [WeightAverageCallback(trainer.args.average_last)] if trainer.args.average_last else []
        own = (MethodState(stage, settings_of(trainer, stage)), EpochOfRows(), LoggedLoss(trainer))
        # First, so that the others see that a checkpoint is about to be saved.
        trainer.callback_handler.callbacks.insert(0, StopOnSignal(lambda: trainer.hours_are_up))
        for callback in [*stage.callbacks(), *own, *average]:
            trainer.add_callback(callback)
        try:
            yield
        finally:
            trainer.method = whole


def train_stages(trainer: FairTrainer, resume: str | bool | None, train: Train) -> Any:
    """Train the stages of the trainer's method one after another.

    A single stage is trained in the output folder. The checkpoints of several lie in `<output_dir>/<stage>`, and
    resuming takes each from its last whole one, where there is any.
    """
    if trainer.unsearched is not None:
        raise trainer.unsearched
    if trainer.audits is not None:
        trainer.audits.forget(MODEL)
    stages = trainer.method.stages()
    trainer.training_log = TrainingLog(trainer.method)
    if stages[0] is trainer.method:
        return _train_stage(trainer, trainer.method, resume, train)
    model_init, trainer.model_init = trainer.model_init, None
    try:
        return [_train_prepared(trainer, stage, resume, train) for stage in stages][-1]
    finally:
        trainer.model_init = model_init


def _train_prepared(trainer: FairTrainer, stage: Method, resume: str | bool | None, train: Train) -> Any:
    """Prepare one of several stages, and train it in a folder of its own."""
    stop_if_asked(trainer.args, "between two stages")
    set_seed(trainer.args.seed)
    trainer.model = trainer.model_wrapped = masked(trainer, stage, stage.prepare(trainer.model, trainer.facts))
    trainer.optimizer, trainer.lr_scheduler = None, None
    # What the preparation drew, such as the order of a loader, does not shift the training's own draws.
    set_seed(trainer.args.seed)
    with restored(trainer):
        trainer.args.output_dir = str(Path(trainer.args.output_dir) / stage.stage)
        return _train_stage(trainer, stage, bool(resume), train)


def _train_stage(trainer: FairTrainer, stage: Method, resume: str | bool | None, train: Train) -> TrainOutput:
    start = time.monotonic()
    with staged(trainer, stage):
        resume = own_checkpoint(trainer, stage) if resume is True else named_checkpoint(resume) if resume else None
        if trainer.args.world_size > 1:
            # Accelerate takes a model that was scored for prepared, and would not average its gradients.
            trainer.model.__dict__.pop("_is_accelerate_prepared", None)
        output: TrainOutput = train(resume)
        trainer.divergence.refuse(trainer)
        stage.finish(trainer.model)
        # What an earlier process took is not known here.
        trainer.training_log.add(trainer, stage, NAN if resume else time.monotonic() - start)
    return output
