"""What a training will take, from a few steps of it on a few rows, by another trainer: the run is as without."""

from __future__ import annotations

import copy
import math
import shutil
import sys
from collections.abc import Mapping
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
from ..data.transform import transform_of
from ..methods.method import Method
from .chance import unchanged_chance
from .kept_prefix import EVALUATION, TRAIN, Filled
from .stages import view_of
from .stopwatch import TIMED, Stopwatch, now
from .subset import on_subset

if TYPE_CHECKING:
    from .fair import FairTrainer

FOLDER = ".price"


@dataclass(frozen=True)
class Cost:
    """Seconds of one training: `start` makes and prepares the model, `epochs` are all steps and evaluations.

    `prefix` is the calculation of frozen first layers that are kept, by the first training that needs them;
    `on_subset` are the seconds of a trial on a share of the rows, None where trials take all; `forwards` are those of
    one more model on every row that is trained on, as each member of a teacher takes them.
    """

    start: float
    epochs: float
    checkpoints: float
    scores: float
    prefix: float = 0.0
    on_subset: float | None = None
    forwards: float = 0.0

    @property
    def trial(self) -> float:
        """Return what a trial takes, which saves nothing, finds frozen layers kept and is run to its last epoch."""
        return self.start + self.epochs if self.on_subset is None else self.on_subset

    @property
    def training(self) -> float:
        """Return what a training takes, with its checkpoints and the scores of validation and test."""
        return self.start + self.epochs + self.checkpoints + self.scores + self.prefix


def cost(trainer: FairTrainer, method: Method, fraction: float = 1.0) -> Cost:
    """Time a few steps, an evaluation and a checkpoint of a method, and return what a whole training takes.

    Steps and evaluations are scaled by their number. So are the rows that a method reads beside its steps, as for
    importances: by two sizes, as part of that is the same for any number of rows.

    Args:
        trainer: a trainer with `model_init` and `data`, which is left as it was, and so is the state of chance.
        method: what to train by; it is copied.
        fraction: share of the rows that a trial trains on.
    """
    found = _timing(trainer, method)
    of_all = found.cost(trainer, method)
    if fraction == 1:
        return of_all
    with on_subset(trainer, fraction):
        return replace(of_all, on_subset=found.cost(trainer, method).trial)


@dataclass(frozen=True)
class Timing:
    """Seconds of a few steps on so many `fitted` rows, beside which the method read so many (`read`).

    What a training takes outside of its steps is `watch.rest`, of which each further row that is read takes `a_row`;
    `scored` is a row's evaluation, and `filled` tells what of frozen layers was calculated to keep it.
    """

    watch: Stopwatch
    fitted: int
    read: int
    a_row: float
    scored: float
    filled: Mapping[str, Filled]

    def cost(self, trainer: FairTrainer, method: Method) -> Cost:
        """Return what a training on the rows of a trainer takes."""
        data, args = trainer.data, trainer.args
        assert data is not None
        start = self.watch.rest + self.a_row * max(0, rows_read(trainer, method) - self.read)
        validation, tested = len(data["validation"]), sum(len(data[split]) for split in data.test_splits)
        epochs, checkpoints, forwards = 0.0, 0.0, 0.0
        for stage in self.watch.stages:
            steps, n_epochs = stage.length(args, rows_fitted(trainer) / self.fitted)
            evaluations = _often(args.eval_strategy, args.eval_steps, steps, n_epochs)
            epochs += steps * stage.step + evaluations * self.scored * validation
            forwards += n_epochs * rows_fitted(trainer) * self.scored
            checkpoints += _often(args.save_strategy, args.save_steps, steps, n_epochs) * stage.checkpoint
        views = min(max(1, transform_of(data["train"]).views), math.ceil(args.num_train_epochs))
        deep = self.filled[EVALUATION].a_row
        prefix = self.filled[TRAIN].a_row * rows_fitted(trainer) * views + deep * validation
        # Scores of the trained model come of all its layers.
        scores = (self.scored + deep) * (validation + tested)
        return Cost(start, epochs, checkpoints, scores, prefix, forwards=forwards)


def _timing(trainer: FairTrainer, method: Method) -> Timing:
    assert trainer.data is not None
    with unchanged_chance():
        watch, fitted, read, filled = _timed(trainer, method, 1 + TIMED)
        # Without a step the model is only run forward, as in an evaluation.
        a_row = scored = watch.evaluation / _evaluated(trainer, trainer.data)
        if read < rows_read(trainer, method) and any(stage.steps for stage in watch.stages):
            fewer, _, less, _ = _timed(trainer, method, (1 + TIMED) // 2)
            a_row = max(0.0, (watch.rest - fewer.rest) / max(1, read - less))
    return Timing(watch, fitted, read, a_row, scored, filled)


def searched_methods(trainer: FairTrainer) -> dict[str, Method]:
    """Return what stands for the trials of a search, by name: the presets of an open method, else the method."""
    method, facts = trainer.open_method, trainer.facts
    presets = {preset.name: preset.params for preset in method.presets(facts)}
    open_ones = {name: method.suggest(FixedTrial(dict(params)), facts) for name, params in presets.items()}
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


def _timed(trainer: FairTrainer, method: Method, batches: int) -> tuple[Stopwatch, int, int, dict[str, Filled]]:
    """Train a few batches by a trainer made for it; return the watch, `rows_fitted`, `rows_read` and what was kept."""
    args: Any = trainer.args
    assert trainer.data is not None
    folder = Path(args.output_dir) / FOLDER
    args = replace(
        args, output_dir=str(folder), report_to=[], push_to_hub=False, load_best_model_at_end=False,
        eval_strategy="no", save_strategy="no", logging_strategy="no", learning_rate=0.0, average_last=0.0,
        disable_tqdm=True,
    )  # fmt: skip
    rows = batches * args.train_batch_size * args.gradient_accumulation_steps * args.world_size
    data = few_rows(trainer.data, rows, _evaluated(trainer, trainer.data))
    # What all rows would not leave room for is not kept here either.
    args.activation_gb *= len(data["train"]) / len(trainer.data["train"])
    timed = type(trainer)(model_init=trainer.model_init, args=args, data=data, method=copy.deepcopy(method))
    timed.activation_folder, watch = folder / "activations", Stopwatch()
    for kind in (ProgressCallback, PrinterCallback):
        timed.remove_callback(kind)
    timed.add_callback(watch)
    try:
        watch.start = now(args)
        timed.train()
        watch.stop = now(args)
        if not watch.evaluation:
            timed._evaluate(None, None)
    finally:
        timed.accelerator.wait_for_everyone()
        if args.should_save:
            shutil.rmtree(folder, ignore_errors=True)
    rows = rows_fitted(timed), rows_read(timed, method)
    filled = {name: timed.filled.get(name, Filled()) for name in (TRAIN, EVALUATION)}
    del timed
    release_memory()
    return watch, *rows, filled


def rows_fitted(trainer: FairTrainer) -> int:
    """Return the number of rows that a trainer trains on."""
    fitted: Any = trainer.train_dataset
    return len(fitted)


def rows_read(trainer: FairTrainer, method: Method) -> int:
    """Return the number of rows that a method reads beside those it trains on, as for importances or features."""
    return sum(len(view_of(trainer, view)) for name, view in method.views.items() if name != "train")


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
