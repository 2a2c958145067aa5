"""What a training will take, from a few steps of it on a few rows, by another trainer: the run is as without."""

from __future__ import annotations

import copy
import math
import random
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from accelerate.utils import release_memory
from datasets import Dataset, DatasetDict
from optuna.trial import FixedTrial
from transformers.trainer_callback import PrinterCallback, ProgressCallback
from transformers.trainer_utils import IntervalStrategy

from ..data.fair_dataset import FairDataset
from ..methods.method import Method
from .audits import VALIDATION
from .stopwatch import TIMED, Stopwatch, now

if TYPE_CHECKING:
    from .fair import FairTrainer

FOLDER = ".price"


@dataclass(frozen=True)
class Cost:
    """Seconds of one training: `start` makes and prepares the model, `epochs` are all steps and evaluations.

    `folds` are those of all trainings of a trial on folds, 0 where a trial is one training.
    """

    start: float
    epochs: float
    checkpoints: float
    scores: float
    folds: float = 0.0

    @property
    def trial(self) -> float:
        """Return what a trial of a search takes that is run to its end; one training saves nothing."""
        return self.folds or self.start + self.epochs

    @property
    def training(self) -> float:
        """Return what a training takes, with its checkpoints and the scores of validation and test."""
        return self.start + self.epochs + self.checkpoints + self.scores


def cost(trainer: FairTrainer, method: Method) -> Cost:
    """Time a few steps, an evaluation and a checkpoint of a method, and return what a whole training takes.

    Steps and evaluations are scaled by their number. So are the rows that a method reads beside its steps, as for
    importances: by two sizes, as part of that is the same for any number of rows.

    Args:
        trainer: a trainer with `model_init` and `data`, which is left as it was, and so is the state of chance.
        method: what to train by; it is copied.
    """
    data, whole = trainer.data, rows_fitted(trainer)
    assert data is not None
    with unchanged_chance():
        watch, rows = _timed(trainer, method, 1 + TIMED)
        start = watch.rest
        if len(method.views) > 1 and rows < whole:
            fewer, less = _timed(trainer, method, (1 + TIMED) // 2)
            start += max(0.0, (watch.rest - fewer.rest) / (rows - less)) * (whole - rows)
    evaluation = max((stage.evaluation for stage in watch.stages), default=0.0)
    per_row = evaluation / _evaluated(trainer, data)
    scored = len(data["validation"]) + sum(len(data[split]) for split in data.test_splits)
    epochs, checkpoints = 0.0, 0.0
    for stage in watch.stages:
        steps, n_epochs = stage.length(trainer.args, whole / rows)
        evaluations = _often(trainer.args.eval_strategy, trainer.args.eval_steps, steps, n_epochs)
        epochs += steps * stage.step + evaluations * per_row * len(data["validation"])
        checkpoints += _often(trainer.args.save_strategy, trainer.args.save_steps, steps, n_epochs) * stage.checkpoint
    return Cost(start, epochs, checkpoints, per_row * scored)


def on_folds(cost: Cost, trainer: FairTrainer, folds: int) -> Cost:
    """Return the cost where a trial trains on all but one of so many folds in turn; 0 folds leave it as it is.

    Steps scale with the rows. There are no evaluations; in the end each labelled row is scored once.
    """
    data, args, whole = trainer.data, trainer.args, rows_fitted(trainer)
    assert data is not None
    if not folds:
        return cost
    validation, tested = len(data[VALIDATION]), sum(len(data[split]) for split in data.test_splits)
    a_row, labelled = cost.scores / (validation + tested), whole + validation
    steps = math.ceil(whole / (args.train_batch_size * args.world_size)) * args.num_train_epochs
    evaluations = _often(args.eval_strategy, args.eval_steps, math.ceil(steps), args.num_train_epochs)
    fitted = (cost.epochs - evaluations * validation * a_row) * labelled * (folds - 1) / folds / whole
    return replace(cost, folds=folds * (cost.start + fitted + cost.checkpoints) + a_row * labelled)


def searched_methods(trainer: FairTrainer) -> dict[str, Method]:
    """Return what stands for the trials of a search, by name: the recipes of an open method, else the method."""
    method, facts = trainer.open_method, trainer.facts
    recipes = {recipe.name: recipe.params for recipe in method.recipes(facts)}
    open_ones = {name: method.suggest(FixedTrial(dict(params)), facts) for name, params in recipes.items()}
    return open_ones or {method.name: method}


def peak_memory(device: torch.device) -> int | None:
    """Return the most bytes held so far: of an accelerator's memory, else of this process; None where unknown."""
    if device.type == "cuda":
        return torch.cuda.max_memory_reserved(device)
    if sys.platform == "win32":
        return None
    import resource  # not on Windows

    # Linux counts in KiB, macOS in bytes.
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


@contextmanager
def unchanged_chance() -> Iterator[None]:
    """Give every generator of random numbers its state back at the end."""
    python, numpy = random.getstate(), np.random.get_state()  # noqa: NPY002
    devices = [torch.cuda.current_device()] if torch.cuda.is_available() else []
    try:
        with torch.random.fork_rng(devices):
            yield
    finally:
        random.setstate(python)
        np.random.set_state(numpy)  # noqa: NPY002


def _timed(trainer: FairTrainer, method: Method, batches: int) -> tuple[Stopwatch, int]:
    """Train a few batches by a trainer that is made for it; return the watch and the number of rows trained on."""
    args: Any = trainer.args
    assert trainer.data is not None
    folder = Path(args.output_dir) / FOLDER
    args = replace(
        args, output_dir=str(folder), report_to=[], push_to_hub=False, load_best_model_at_end=False,
        eval_strategy="no", save_strategy="no", logging_strategy="no", learning_rate=0.0, disable_tqdm=True,
    )  # fmt: skip
    rows = batches * args.train_batch_size * args.gradient_accumulation_steps * args.world_size
    data = few_rows(trainer.data, rows, _evaluated(trainer, trainer.data))
    timed = type(trainer)(model_init=trainer.model_init, args=args, data=data, method=copy.deepcopy(method))
    watch = Stopwatch()
    for kind in (ProgressCallback, PrinterCallback):
        timed.remove_callback(kind)
    timed.add_callback(watch)
    try:
        watch.start = now(args)
        timed.train()
        watch.stop = now(args)
    finally:
        timed.accelerator.wait_for_everyone()
        if args.should_save:
            shutil.rmtree(folder, ignore_errors=True)
    rows = rows_fitted(timed)
    del timed
    release_memory()
    return watch, rows


def rows_fitted(trainer: FairTrainer) -> int:
    """Return the number of rows that a trainer trains on."""
    fitted: Any = trainer.train_dataset
    return len(fitted)


def few_rows(data: FairDataset, fit: int, validation: int) -> FairDataset:
    """Return the data with so few rows to fit and to validate, of every group and label in turn.

    Of those to fit, two of each group and label are kept where there are so many, as a method may need them.
    """
    sizes = {"train": (fit, 2), "external": (fit, 2), "validation": (validation, 0)}
    parts = {name: _few(part, *sizes[name]) if name in sizes else part for name, part in data.splits.items()}
    return replace(data, splits=DatasetDict(parts))


def _few(part: Dataset, size: int, of_each: int) -> Dataset:
    columns = part.with_format("numpy").select_columns(["labels", "groups"])[:]
    cells = 2 * columns["groups"] + columns["labels"]
    turn = np.zeros(len(cells), int)
    for cell in np.unique(cells):
        turn[cells == cell] = np.arange((cells == cell).sum())
    size = max(size, int((turn < of_each).sum()))
    return part.select(np.sort(np.argsort(turn, kind="stable")[:size]))


def _evaluated(trainer: FairTrainer, data: FairDataset) -> int:
    """Return the rows of an evaluation batch of all processes."""
    return min(len(data["validation"]), trainer.args.eval_batch_size * trainer.args.world_size)


def _often(strategy: Any, every: float | None, steps: int, n_epochs: float) -> float:
    """Return how often a strategy evaluates or saves in a training; by steps, the last one is among them."""
    if strategy == IntervalStrategy.STEPS and every:
        return math.ceil(steps / (every if every >= 1 else math.ceil(steps * every)))
    return 0 if strategy == IntervalStrategy.NO else math.ceil(n_epochs)
