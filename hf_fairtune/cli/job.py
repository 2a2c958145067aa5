"""What `demo`, `search` and `train` have in common: data, trainer, the rival, the hand-over."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from transformers.trainer_callback import PrinterCallback, ProgressCallback
from transformers.trainer_utils import TrainOutput

from ..audits.foresight import foresight
from ..audits.guards import ESTIMABLE
from ..data.arguments import DataArguments
from ..data.table import FairDataset, load_fair_dataset
from ..errors import FairTuneError
from ..folder import check, claim
from ..methods.full import Full
from ..methods.method import Method
from ..record import FILE_NAME, Record
from ..report.table import comparison_table
from ..report.verdict import verdict
from ..trainer.arguments import FairTrainingArguments
from ..trainer.checkpoints import last_checkpoint
from ..trainer.fair import FairTrainer
from ..trainer.lines import EpochLines
from .model import ModelArguments, load_processor, model_init


@dataclass
class Job:
    """A run's three groups of flags, and the trainer they make."""

    data: DataArguments
    model: ModelArguments
    training: FairTrainingArguments

    @property
    def folder(self) -> Path:
        """Return the output folder."""
        return Path(self.training.output_dir)

    def run(self, more: Mapping[str, Any]) -> dict[str, Any]:
        """Return what makes a run this run: everything that its numbers depend on, but for the number of trials."""
        run = {**asdict(self.data), **more}
        run |= {"dataset": located(self.data.dataset), "model": located(self.model.model)}
        return {**run, **self.training.deciding()} | {"data_cache": None, "trials": None}

    def finished(self, more: Mapping[str, Any]) -> bool:
        """Say whether the run ended before.

        Raises:
            FairTuneError: the folder holds another run, or one that ended with fewer trials.
        """
        check(self.folder, self.run(more))
        if not (self.folder / FILE_NAME).is_file():
            return False
        done, asked = len(Record.load(self.folder).trials), more.get("trials", 0)
        if asked > done:
            raise FairTuneError(
                f"`{self.folder}` ended with {done} trials and its test split is scored; "
                f"for {asked} trials choose another output_dir."
            )
        if self.training.process_index == 0:
            print(f"{self.folder} is finished; nothing was run.")
        return True

    def trainer(self, more: Mapping[str, Any]) -> FairTrainer:
        """Load data and model, and only then take the folder: a wrong flag leaves nothing in the way."""
        method, processor = self.method(), load_processor(self.model.model)
        with self.training.main_process_first():
            data = self.load_data(processor)
            init = self.starting_model(data)
            trainer = FairTrainer(model_init=init, args=self.training, data=data, method=method)
            claim(self.folder, self.run(more))
        say(trainer, f"note: test split: {foresight(counts_of(trainer, 'test'))}")
        return trainer

    def load_data(self, processor: Any) -> FairDataset:
        """Load the table and its splits."""
        return load_fair_dataset(self.data, processor, seed=self.training.seed, splits_file=self.splits)

    def starting_model(self, data: FairDataset) -> Callable[[], Any]:
        """Return what makes the model that is trained: here with a new head."""
        return model_init(self.model.model, data.label_names)

    def method(self) -> Method:
        """Return the method asked for.

        Raises:
            FairTuneError: it is none for a model with a new head.
        """
        method = self.training.build_method()
        if not method.needs.original_training_data:
            raise FairTuneError(f"`--method {method.name}` repairs a trained model; use `fairtune debias`.")
        return method

    @property
    def splits(self) -> Path:
        """Return the file of the splits, its folder made."""
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise FairTuneError(f"`{self.folder}` cannot be made ({error.strerror}); choose another.") from error
        return self.folder / "splits.json"

    def hand_over(self, trainer: FairTrainer) -> None:
        """Write the folder, and push it if asked to."""
        trainer.save_model()
        if self.training.push_to_hub:
            trainer.push_to_hub()

    def tell(self) -> None:
        """Print, on the main process, the table of the finished run and where its card is."""
        if self.training.process_index == 0:
            print(closing(self.folder))


def located(name: str) -> str:
    """Return the absolute path of a file or folder, and a Hub id as it is."""
    path = Path(name).expanduser()
    return str(path.resolve()) if path.exists() else name


def train(trainer: FairTrainer) -> TrainOutput:
    """Train, from the last whole checkpoint if there is one, a line an epoch."""
    trainer.remove_callback(ProgressCallback)
    trainer.remove_callback(PrinterCallback)
    trainer.add_callback(EpochLines(lambda: trainer.method.step if trainer.method.stages() else ""))
    # A method of several steps finds the checkpoint of each in the step's own folder.
    own = True if trainer.method.stages() else last_checkpoint(Path(trainer.args.output_dir))
    return trainer.train(resume_from_checkpoint=own)


def rival(trainer: FairTrainer) -> FairTrainer:
    """Return full fine-tuning under the same arguments, at the best learning rate the search found for it."""
    folder = str(Path(trainer.args.output_dir) / "full")
    args = replace(trainer.args, output_dir=folder, learning_rate=best_full_rate(trainer.record))
    return FairTrainer(model_init=trainer.model_init, args=args, data=trainer.data, method=Full())


def best_full_rate(record: Record) -> float:
    """Return the learning rate of the best trial that trained every bit, or the run's own if none did."""
    sign = -1 if record.search and record.search["direction"] == "minimize" else 1
    full = [t for t in record.trials if t["mask"] and all(t["mask"]) and t["value"] is not None]
    own: dict[str, Any] = {"learning_rate": record.learning_rate}
    return float(max(full, key=lambda t: float(sign * t["value"]), default=own)["learning_rate"])


def warn_of_small_groups(trainer: FairTrainer) -> None:
    """Say which groups are too small on validation for a search to tell their AUC from chance."""
    for group, (positives, negatives) in sorted(counts_of(trainer, "validation").items()):
        if min(positives, negatives) < ESTIMABLE:
            counts = f"{negatives} without and {positives} with the finding"
            say(trainer, f"note: group {group} has {counts} in validation; its AUC there is mostly chance")


def counts_of(trainer: FairTrainer, split: str) -> dict[str, tuple[int, int]]:
    """Return the positives and negatives of each group in a split."""
    cells = trainer.record.data["splits"][split]["cells"]
    # Of each group the negatives come first.
    return {no["group"]: (yes["n"], no["n"]) for no, yes in zip(cells[::2], cells[1::2], strict=True)}


def say(trainer: FairTrainer, line: str) -> None:
    """Print on the main process only."""
    if trainer.is_world_process_zero():
        print(line, flush=True)


def closing(folder: Path) -> str:
    """Return what a finished run prints: its table, what it shows and does not, and where the card is."""
    record = Record.load(folder)
    return f"{comparison_table(record)}\n\n{verdict(record).text}\n\nmodel card: {folder / 'README.md'}"
