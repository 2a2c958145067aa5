"""What a training will take, from a few steps of it on a few rows, by another trainer: the run is as without."""

from __future__ import annotations

import copy
import shutil
import sys
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import numpy as np
import torch
from accelerate.utils import broadcast_object_list, release_memory
from datasets import Dataset, DatasetDict
from optuna.trial import FixedTrial
from transformers.trainer_callback import PrinterCallback, ProgressCallback

from ..data.fair_dataset import FairDataset
from ..methods.method import Method
from ..signals import Stopped, stopping_safely
from .baselines import mask_for
from .chance import unchanged_chance
from .kept_prefix import EVALUATION, TRAIN, Filled
from .stopping import stop_if_asked
from .stopwatch import TIMED, Stopwatch, now
from .subset import on_subset
from .timing import Cost, Timing, rows_fitted, rows_read

if TYPE_CHECKING:
    from .fair import FairTrainer

FOLDER, WHERE = ".price", "as a few steps were timed"


def cost(trainer: FairTrainer, method: Method, fraction: float = 1.0, folds: int = 0, refits: int = 0) -> Cost:
    """Time a few steps, an evaluation and a checkpoint of a method, and return what a whole training takes.

    Steps and evaluations are scaled by their number. So are the rows that a method reads beside its steps, as for
    importances: by two sizes, as part of that is the same for any number of rows.

    Args:
        trainer: a trainer with `model_init` and `data`, which is left as it was, and so is the state of chance.
        method: what to train by; it is copied.
        fraction: share of the rows that a trial trains on.
        folds: on which a trial trains and is scored in turn; 0 for one training.
        refits: folds on which a selection trains a finalist again; 0 where it trains none.
    """
    found = _timing(trainer, method)
    of_all = found.cost(trainer, method)
    if refits:
        of_all = replace(of_all, finalist=found.on_folds(trainer, of_all.start, refits))
    if folds:
        return replace(of_all, of_trial=found.on_folds(trainer, of_all.start, folds))
    if fraction == 1:
        return of_all
    with on_subset(trainer, fraction):
        return replace(of_all, of_trial=found.cost(trainer, method).trial)


def _timing(trainer: FairTrainer, method: Method) -> Timing:
    assert trainer.data is not None
    # A signal is answered by one line, of the timing: the checkpoint that the timed training writes is removed.
    with unchanged_chance(), stopping_safely():
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
    # Workers that start at once in one folder each have their own.
    folder = Path(args.output_dir) / FOLDER / broadcast_object_list([uuid4().hex[:12]])[0]
    args = replace(
        args, output_dir=str(folder), report_to=[], push_to_hub=False, load_best_model_at_end=False,
        eval_strategy="no", save_strategy="no", logging_strategy="no", learning_rate=0.0, average_last=0.0,
        disable_tqdm=True,
    )  # fmt: skip
    rows = batches * args.train_batch_size * args.gradient_accumulation_steps * args.world_size
    data = few_rows(trainer.data, rows, _evaluated(trainer, trainer.data))
    # What all rows would not leave room for is not kept here either.
    args.activation_gb *= len(data["train"]) / len(trainer.data["train"])
    args.under_mask = mask_for(trainer, method)
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
        stop_if_asked(args, WHERE)
        # None writes there any more. One that failed alone does not wait: the others never come here.
        timed.accelerator.wait_for_everyone()
    except Stopped as stop:
        timed.accelerator.wait_for_everyone()
        raise Stopped(stop.asked, WHERE) from None
    finally:
        if args.should_save:
            shutil.rmtree(folder, ignore_errors=True)
            with suppress(OSError):  # another worker's is there
                folder.parent.rmdir()
    rows = rows_fitted(timed), rows_read(timed, method)
    filled = {name: timed.filled.get(name, Filled()) for name in (TRAIN, EVALUATION)}
    del timed
    release_memory()
    return watch, *rows, filled


def few_rows(data: FairDataset, fit: int, validation: int) -> FairDataset:
    """Return the data with so few rows to fit and to validate, of every group and label in turn.

    Of those to fit, two of each group and label are kept where there are so many, as a method may need them.
    """
    sizes = {"train": (fit, 2), "external": (fit, 2), "validation": (validation, 0)}
    parts = {name: _few(part, *sizes[name]) if name in sizes else part for name, part in data.splits.items()}
    return replace(data, splits=DatasetDict(parts))


def _few(part: Dataset, size: int, of_each: int) -> Dataset:
    columns = part.with_format("numpy").select_columns(["labels", "groups"])[:]
    labels = np.nan_to_num(columns["labels"], nan=-1).reshape(len(part), -1)
    kinds, classes = np.unique(labels, axis=0, return_inverse=True)
    cells = len(kinds) * columns["groups"] + classes.reshape(-1)
    turn = np.zeros(len(cells), int)
    for cell in np.unique(cells):
        turn[cells == cell] = np.arange((cells == cell).sum())
    size = max(size, int((turn < of_each).sum()))
    return part.select(np.sort(np.argsort(turn, kind="stable")[:size]))


def _evaluated(trainer: FairTrainer, data: FairDataset) -> int:
    """Return the rows of an evaluation batch of all processes."""
    return min(len(data["validation"]), trainer.args.eval_batch_size * trainer.args.world_size)
