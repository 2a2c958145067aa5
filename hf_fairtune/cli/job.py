"""What `demo`, `search` and `train` have in common: data, trainer, the rival, the hand-over."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from transformers.trainer_callback import PrinterCallback, ProgressCallback
from transformers.trainer_utils import TrainOutput

from ..data.arguments import DataArguments
from ..data.table import load_fair_dataset
from ..folder import claim
from ..methods.full import Full
from ..record import FILE_NAME, Record
from ..report.table import comparison_table
from ..trainer.arguments import FairTrainingArguments
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

    def finished(self, more: Mapping[str, Any]) -> bool:
        """Claim the folder for this run; say whether the run ended before, and if so print what it found.

        Raises:
            FairTuneError: the folder holds another run.
        """
        changing = {"trials", "data_cache"}
        run = {**asdict(self.data), "model": self.model.model, **more}
        for name in ("method", "mask", "space", "num_train_epochs", "learning_rate", "seed"):
            run[name] = getattr(self.training, name)
        claim(self.folder, {name: value for name, value in run.items() if name not in changing})
        return (self.folder / FILE_NAME).is_file()

    def trainer(self) -> FairTrainer:
        """Load data and model."""
        processor = load_processor(self.model.model)
        with self.training.main_process_first():
            data = load_fair_dataset(
                self.data, processor, seed=self.training.seed, splits_file=self.folder / "splits.json"
            )
        labels = data["train"].features["labels"].names
        return FairTrainer(model_init=model_init(self.model.model, labels), args=self.training, data=data)

    def hand_over(self, trainer: FairTrainer) -> None:
        """Write the folder, and push it if asked to."""
        trainer.save_model()
        if self.training.push_to_hub:
            trainer.push_to_hub()

    def tell(self) -> None:
        """Print, on the main process, the table of the finished run and where its card is."""
        if self.training.process_index == 0:
            print(closing(self.folder))


def train(trainer: FairTrainer) -> TrainOutput:
    """Train, from the last whole checkpoint if there is one, a line an epoch."""
    trainer.remove_callback(ProgressCallback)
    trainer.remove_callback(PrinterCallback)
    trainer.add_callback(EpochLines)
    return trainer.train(resume_from_checkpoint=last_checkpoint(Path(trainer.args.output_dir)))


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


def last_checkpoint(folder: Path) -> str | None:
    """Return the newest checkpoint that was written whole: its state is its last file."""
    whole = []
    for path in folder.glob("checkpoint-*"):
        try:
            json.loads((path / "trainer_state.json").read_text(encoding="utf-8"))
            whole.append((int(path.name.rpartition("-")[2]), str(path)))
        except (OSError, ValueError):
            continue
    return max(whole, default=(0, None))[1]


def say(trainer: FairTrainer, line: str) -> None:
    """Print on the main process only."""
    if trainer.is_world_process_zero():
        print(line, flush=True)


def closing(folder: Path) -> str:
    """Return what a finished run prints: its table, and where the card is."""
    return f"{comparison_table(Record.load(folder))}\n\nmodel card: {folder / 'README.md'}"
