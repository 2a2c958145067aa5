"""What `search`, `train` and `debias` have in common: data, trainer, the hand-over."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from transformers.trainer_callback import PrinterCallback, ProgressCallback

from ..audits.audit_table import powers
from ..audits.compute import direction
from ..audits.engine.resampled_rows import ESTIMABLE
from ..data.arguments import DataArguments
from ..data.fair_dataset import FairDataset, load_fair_dataset
from ..data.pixels import cache_folder
from ..data.splits import FILE_NAME as SPLITS
from ..document.comparison import MARGIN
from ..document.document import RUN_FILE, Document
from ..errors import FairTuneError, plain
from ..folder import check, check_place, claim, undone_if_refused
from ..loading import load_processor, load_with_new_head
from ..methods.method import Method, method_named
from ..show.beforehand import classes
from ..show.compared import power
from ..show.terminal import audit_text
from ..trainer.arguments import FairTrainingArguments
from ..trainer.baselines import with_seed
from ..trainer.epoch_line import EpochLine
from ..trainer.fair import FairTrainer
from ..trainer.kept_hours import KeptHours
from ..trainer.kept_start import KeptStart
from ..trainer.selecting import objective_cells
from .counts import cells_said, classes_said, counts_of, detectable_said
from .model import ModelArguments


@dataclass
class Job:
    """A run's groups of flags, and the trainer they make; `more` is what else makes the run this run, by name."""

    data: DataArguments
    model: ModelArguments
    hyperparameters: Any
    training: FairTrainingArguments
    more: Mapping[str, object]

    @property
    def folder(self) -> Path:
        """Return the output folder."""
        return Path(self.training.output_dir)

    @property
    def fingerprint(self) -> dict[str, object]:
        """Return everything that the run's numbers depend on, but for the number of trials and the hours."""
        run = {**asdict(self.data), **self.method().hyperparameters(), **self.more}
        run |= {"dataset": located(self.data.dataset), "model": located(self.model.model)}
        run |= {"label": self.data.label[0]} if len(self.data.label) == 1 else {}
        followed = self.training.followed
        run |= {"recipe": followed and {followed.name: followed.values}}
        return {**run, **self.training.deciding()} | {"data_cache": None, "trials": None, "max_hours": None}

    def finished(self) -> bool:
        """Tell whether the run ended before."""
        check(self.folder, self.fingerprint)
        if not (self.folder / RUN_FILE).is_file():
            return False
        run = Document.load(self.folder).run
        search, wanted = run.search if run else None, self.more.get("trials")
        done = len(search.trials) if search else 0
        # Of those asked for, the hours of the run may have held fewer.
        if isinstance(wanted, int) and wanted > max(done, search.n_trials if search else 0):
            raise FairTuneError(
                f"`{self.folder}` ended with {done} trials and its test split is scored; "
                f"for {wanted} trials choose another output_dir."
            )
        if self.training.process_index == 0:
            print(f"{self.folder} is finished; nothing was run.")
        return True

    def trainer(self, objective: str | None = None, folds: int = 0) -> FairTrainer:
        """Load data and model, and only then take the folder: a wrong flag leaves nothing in the way.

        `objective` is the metric of a search, whose trials are scored on validation, or on so many folds.
        """
        check_place(self.folder)
        method = self.method()
        processor = load_processor(self.model.model)
        with self.training.main_process_first(), undone_if_refused(self.folder, self.made):
            data = self.load_data(processor)
            start = KeptStart(self.starting_model(data))
            trainer = FairTrainer(model_init=start, args=self.training, data=data, method=method)
            cells = None
            if objective is not None:
                direction(objective, data.groups_of("validation"), () if data.task == "binary" else data.label_names)
                cells = objective_cells(trainer, objective, folds)
            elif trainer.unsearched is not None:
                raise trainer.unsearched
            claim(self.folder, self.fingerprint)
        say_weights(trainer)
        for line in (*classes_said(data), *cells_said(data, cells), *detectable_said(data)):
            say(trainer, line)
        return trainer

    def load_data(self, processor: Any) -> FairDataset:
        """Load the table and its splits."""
        return load_fair_dataset(self.data, processor, seed=self.training.seed, splits_file=self.folder / SPLITS)

    def starting_model(self, data: FairDataset) -> Callable[[], Any]:
        """Return what makes the model that is trained: here with a new head."""
        return partial(load_with_new_head, self.model.model, data.label_names)

    def method(self) -> Method:
        """Return the method with its flags."""
        method = method_named(self.training.method, **vars(self.hyperparameters))
        if not method.needs.original_training_data:
            raise FairTuneError(f"`--method {method.name}` repairs a trained model; use `fairtune debias`.")
        return method

    @property
    def made(self) -> list[str]:
        """Return what a start makes in the folder: the splits, and the pixels if they are kept there."""
        folder, cache = self.folder.resolve(), cache_folder(self.data.data_cache).resolve()
        inside = cache.is_relative_to(folder)
        return [SPLITS, *([str(cache.relative_to(folder) / "pixels-*.npy")] if inside else [])]

    def hand_over(self, trainer: FairTrainer) -> None:
        """Write the folder, and push it if that is wanted."""
        trainer.save_model()
        if self.training.push_to_hub:
            trainer.push_to_hub(commit_message=None)

    def print_result(self) -> None:
        """Print, on the main process, the tables of the finished run and where its card is."""
        if self.training.process_index == 0:
            print(f"{audit_text(Document.load(self.folder))}\n\nmodel card: {self.folder / 'README.md'}")


def located(name: str) -> str:
    """Return the absolute path of a file or folder, and a Hub id as it is."""
    path = Path(name).expanduser()
    return str(path.resolve()) if path.exists() else name


def train(trainer: FairTrainer) -> None:
    """Train, from the last whole checkpoint if there is one, a line an epoch."""
    trainer.remove_callback(ProgressCallback)
    trainer.remove_callback(PrinterCallback)
    several = len(trainer.method.stages()) > 1
    trainer.add_callback(EpochLine(lambda: trainer.method.stage if several else ""))
    if trainer.ration is not None:
        trainer.add_callback(KeptHours(trainer.ration.clock))
    trainer.train(resume_from_checkpoint=True)


def train_all(trainer: FairTrainer, seeds: Sequence[int]) -> None:
    """Train, and again with each further seed."""
    train(trainer)
    train_again(trainer, seeds)


def train_again(trainer: FairTrainer, seeds: Sequence[int]) -> None:
    """Train again with each further seed, whose scores of the test splits the trainer keeps."""
    for seed in seeds:
        say(trainer, f"training {trainer.title or trainer.method.title} again with seed {seed}")
        other = with_seed(trainer, seed)
        other.ration = trainer.ration
        train(other)
        assert trainer.audits is not None
        assert other.audits is not None
        trainer.audits.repeat(seed, other.audits)


def say_weights(trainer: FairTrainer) -> None:
    """Say how the classes are weighted, if they are."""
    weights = trainer.method.cross_entropy.class_weights
    if weights and trainer.data is not None:
        names = trainer.data.label_names
        if len(weights) == 2 * len(names):
            # Each of several findings has two.
            names = [part for name in names for part in (f"no {name}", name)]
        each = [f"{name} {weight:.3g}" for name, weight in zip(names, weights, strict=True)]
        say(trainer, f"class weights: {', '.join(each)}")


def warn_of_small_groups(trainer: FairTrainer) -> None:
    """Say which groups are too small on validation for a search to tell their AUC from chance."""
    assert trainer.data is not None
    for by_group in counts_of(trainer.data, "validation").values() if trainer.data.task == "binary" else ():
        for group, counts in sorted(by_group.items()):
            if min(counts) < ESTIMABLE:
                say(
                    trainer, f"note: group {group} has {counted(counts)} in validation; its AUC there is mostly chance"
                )


def say_subset(trainer: FairTrainer, fraction: float) -> None:
    """Say which share of the training rows trials see, by group, and where it is too small to learn from."""
    if fraction == 1:
        return
    assert trainer.data is not None
    some = trainer.data.subset(fraction, trainer.args.seed)
    say(trainer, f"trials train on {len(some['train'])} of {len(trainer.data['train'])} images, the same in each:")
    if some.task != "binary":
        sizes = dict(zip(some.label_names, some.cells("train").sum(axis=0).tolist(), strict=True))
        say(trainer, f"  {classes(sizes)}")
        return
    ((_, by_group),) = counts_of(some, "train").items()
    for group, counts in sorted(by_group.items()):
        note = f"; fewer than {ESTIMABLE} tell a trial little" if min(counts) < ESTIMABLE else ""
        say(trainer, f"  group {group}: {counted(counts)}{note}")


def counted(counts: tuple[int, int]) -> str:
    """Write the positives and negatives of a group."""
    return f"{counts[1]} without and {counts[0]} with the finding"


def say_power(trainer: FairTrainer, split: str = "test", reference_scores: np.ndarray | None = None) -> None:
    """Say what a comparison on a split can show, before the model is trained; scores are a known reference's.

    Of several classes it is said of the last attribute, which is what training knows.
    """
    data = trainer.data
    assert data is not None
    shape = len(data.columns(split)["row"]), len(data.facts().targets)
    table = data.scored(split, np.zeros(shape) if reference_scores is None else reference_scores, reference_scores)
    said = dict[str, list[str]]()
    for target, attribute, found in powers(table, data.exclude, data.include):
        if len(table.targets) == 1:
            said[f"{attribute}: {plain(power(found, MARGIN))}"] = []
        elif attribute == table.attributes[-1].name:
            said.setdefault(f"{attribute}: {plain(power(found, MARGIN))}", []).append(target)
    for text, targets in said.items():
        of = f" ({', '.join(targets)})" if targets else ""
        say(trainer, f"note: comparison on {split} by {text}{of}")


def say(trainer: FairTrainer, line: str) -> None:
    """Print on the main process only."""
    if trainer.is_world_process_zero():
        print(plain(line), flush=True)
