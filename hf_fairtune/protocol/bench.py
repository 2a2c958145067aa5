"""A task of a comparison at work: its rows, its model, and a trainer for each unit."""

from __future__ import annotations

import io
import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from pathlib import Path
from typing import Any

import numpy as np
from peft import PeftModel
from transformers import set_seed
from transformers.trainer_callback import PrinterCallback, ProgressCallback

from ..audits.thresholds import youden
from ..data.divisions import divisions
from ..data.fair_dataset import FairDataset, load_fair_dataset
from ..data.identity import digest
from ..data.uses import DECIDED_BY
from ..document.estimate import NAN
from ..errors import FairTuneError
from ..files.atomic import write_atomically
from ..files.checksums import damage, seal
from ..loading import load_processor, load_with_new_head, load_with_own_head
from ..methods.method import Method, method_named
from ..processes import once
from ..search.outcome import NoWinnerError
from ..trainer.audits import MODEL, VALIDATION
from ..trainer.chance import unchanged_chance
from ..trainer.divergence import DivergedError
from ..trainer.fair import FairTrainer
from ..trainer.fingerprint import model_hashes
from ..trainer.kept_start import KeptStart
from ..trainer.stages import is_staged
from .entry import Entry
from .protocol import Protocol
from .task import Task
from .touches import note
from .unit import SCORES, WORK, AnyUnit, Trained, Tuned, Unit, Units

SPLITS, MODEL_FOLDER = "splits.json", "model"


@dataclass
class Bench:
    """Where the units of a task are run.

    Args:
        protocol: of the comparison.
        task: of the units.
        units: all units of the comparison.
    """

    protocol: Protocol
    task: Task
    units: Units
    _refusals: dict[str, str] = field(default_factory=dict, init=False)

    @cached_property
    def folds(self) -> list[FairDataset]:
        """Return the data of each test fold, or of the one test split, with the test sets that were added.

        Raises:
            FairTuneError: the table cannot be read, or has another task than one finding against the rest.
        """
        arguments, settings = self.task.arguments.data(), self.protocol.settings
        folder = self.units.root / self.task.name
        data = load_fair_dataset(
            arguments, load_processor(self.task.model), seed=settings.seeds[0], splits_file=folder / SPLITS
        )
        if data.task != "binary":
            raise FairTuneError(
                f"the label has {len(data.label_names)} classes, but a comparison is of one finding against the rest; "
                "name it by `positive`."
            )
        for name, path in self.task.tests.items():
            data = data.with_test_set(name, replace(arguments, dataset=path), run=folder)
        return divisions(data, settings.folds, settings.seeds[0]) if settings.folds else [data]

    def data(self, unit: AnyUnit) -> FairDataset:
        """Return the rows of a unit; a repair that trains on a balanced set has one."""
        found = self.folds[unit.fold]
        if not unit.entry.repairs or "fit" not in {view.split for view in unit.entry.method.views.values()}:
            return found
        own, seed = self.task.arguments, self.protocol.settings.seeds[0] if unit.seed is None else unit.seed
        return found.with_external(seed, own.external_fraction, own.external_replacement)

    def start(self, unit: AnyUnit) -> Callable[[], Any]:
        """Return what makes the model that a unit starts from."""
        labels, head = self.folds[unit.fold].label_names, self.protocol.training.head
        if (base := self.units.start(unit)) is not None:
            return partial(load_with_own_head, checked(base.folder / MODEL_FOLDER), labels, head)
        if self.protocol.settings.start == "trained":
            return partial(load_with_own_head, self.task.model, labels, head)
        return partial(load_with_new_head, self.task.model, labels)

    def trainer(self, unit: AnyUnit, method: Method, start: Callable[[], Any] | None = None) -> FairTrainer:
        """Return a trainer that works in the unit's folder."""
        seed = self.protocol.settings.seeds[0] if unit.seed is None else unit.seed
        shared: Any = self.protocol.repair if unit.entry.repairs else self.protocol.training
        folder = unit.folder / WORK
        own = {**unit.entry.training, "output_dir": str(folder), "seed": seed}
        args: Any = replace(shared, **own, disable_tqdm=True, push_to_hub=False)
        found = FairTrainer(
            model_init=KeptStart(start or self.start(unit)), args=args, data=self.data(unit), method=method
        )
        for kind in (ProgressCallback, PrinterCallback):
            found.remove_callback(kind)
        return found

    def check(self) -> dict[str, object]:
        """Load the data, and the model that the base starts from, once; return what trainings begin with, as hashes.

        How many devices share a step counts too: a batch is of each.

        Raises:
            FairTuneError: one of them cannot be used.
        """
        try:
            with unchanged_chance():
                set_seed(self.protocol.settings.seeds[0])
                model = self.start(self.units.search(self.task, 0, self.protocol.entry(self.protocol.base)))()
        except FairTuneError as error:
            raise FairTuneError(f"`tasks`: `{self.task.name}`: {error}") from error
        args = self.protocol.training
        found: dict[str, object] = {"devices": args.world_size * max(1, args.n_gpu), "augmentation draws": DECIDED_BY}
        return found | model_hashes(model) | {"image processor": digest(self.folds[0].processor.to_dict())}

    def refusal(self, entry: Entry) -> str:
        """Say why a method cannot be trained on this task, such as attention of a model without; "" where it can."""
        _ = self.folds  # a table that cannot be read is no method's fault
        if entry.name not in self._refusals:
            try:
                self.trainer(self.units.search(self.task, 0, entry), entry.method, self.fresh)
                self._refusals[entry.name] = ""
            except FairTuneError as error:
                self._refusals[entry.name] = str(error)
        return self._refusals[entry.name]

    def without_start(self, unit: AnyUnit) -> str:
        """Say why the training that a repair starts from left no model, such as one that diverged; "" where it did."""
        start = self.units.start(unit)
        lacking = "" if start is None else start.record().lacking
        return f"{self.protocol.base} left no model to start from: {lacking}" if lacking else ""

    def fresh(self) -> Any:
        """Load the task's model with a new head, which a check or a price takes for any other."""
        return load_with_new_head(self.task.model, self.folds[0].label_names)

    def run(self, unit: AnyUnit) -> None:
        """Run a unit, or the rest of one that was killed, and leave its record; every process of a run comes here."""
        record = self.search(unit) if unit.seed is None else self.train(unit)  # type: ignore[arg-type]
        once(partial(leave, unit, record))

    def search(self, unit: Unit[Tuned]) -> Tuned:
        """Search the learning rate and the knobs of a method."""
        settings, entry = self.protocol.settings, unit.entry
        if reason := self.refusal(entry) or self.without_start(unit):
            return Tuned({}, NAN, lacking=reason)
        trainer = self.trainer(unit, entry.method.tuned(*entry.knobs))
        if not (entry.is_tuned and settings.trials):
            return Tuned(entry.method.hyperparameters(), trainer.args.learning_rate)
        try:
            trainer.hyperparameter_search(
                settings.rates(),
                entry.objective or settings.objective,
                settings.trials,
                mode=entry.mode or settings.mode,
                min_auc=settings.min_auc,
                selection=entry.selection or settings.selection,
            )
        except NoWinnerError as error:
            return Tuned({}, NAN, lacking=str(error))
        return Tuned(trainer.method.hyperparameters(), float(trainer.args.learning_rate), trainer.search)

    def train(self, unit: Unit[Trained]) -> Trained:
        """Train a method as its search chose, score the test splits once, and keep the model where others start."""
        tuned = self.units.search(unit.task, unit.fold, unit.entry).record()
        if reason := tuned.lacking or self.without_start(unit):
            return Trained(NAN, NAN, 0, lacking=reason)
        method = method_named(unit.entry.method.name, **tuned.hyperparameters)
        trainer, begin = self.trainer(unit, method), time.monotonic()
        trainer.args.learning_rate = tuned.learning_rate
        try:
            trainer.train(resume_from_checkpoint=True)
        except DivergedError as error:
            return Trained(NAN, NAN, 0, lacking=str(error))
        seconds, assembled = time.monotonic() - begin, trainer.audits
        assert assembled is not None
        data = self.folds[unit.fold]
        cut = youden(data.columns(VALIDATION)["labels"], assembled.scores(MODEL, VALIDATION)).value
        rows = {split: len(data[split]) for split in data.test_splits}
        once(partial(note, self.units.root, (unit.task.name, unit.fold, unit.entry.name, unit.seed), rows))
        scores = {split: assembled.scores(MODEL, split) for split in data.test_splits}
        once(partial(write_scores, unit.folder / SCORES, scores))
        if unit.entry.name == self.protocol.base:
            once(partial(hand_on, trainer, unit.folder / MODEL_FOLDER))
        mask = None if is_staged(trainer.method) else trainer.method.record().mask
        trained = trainer.training_log.training(trainer).trainable_parameters
        return Trained(cut, seconds, trained, mask, rows=rows)


def checked(model: Path) -> str:
    """Return the folder of a trained model that others start from.

    Raises:
        FairTuneError: a file of it is not as it was written.
    """
    if reason := damage(model):
        raise FairTuneError(
            f"`{model}`, which repairs start from, is damaged ({reason}); delete the folder `{model.parent}`."
        )
    return str(model)


def leave(unit: AnyUnit, record: Tuned | Trained) -> None:
    """Write the record of a unit, and remove what it worked with."""
    unit.keep(record)  # type: ignore[arg-type]
    shutil.rmtree(unit.folder / WORK, ignore_errors=True)


def hand_on(trainer: FairTrainer, folder: Path) -> None:
    """Write a trained model that repairs start from."""
    model = trainer.model.merge_and_unload() if isinstance(trainer.model, PeftModel) else trainer.model
    model.save_pretrained(folder)
    trainer.processing_class.save_pretrained(folder)
    seal(folder)


def write_scores(path: Path, scores: dict[str, np.ndarray]) -> None:
    """Write scores by split, whole or not at all."""
    buffer = io.BytesIO()
    np.savez(buffer, allow_pickle=False, **scores)
    write_atomically(path, buffer.getvalue())
