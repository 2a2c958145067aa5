"""Set what a trial costs beside its steps against that of a stock search: start, optimizer, checkpoints, bookkeeping.

A trial's work is the forward, backward and optimizer steps of its training and the forward of its evaluations. The
rest of the time from the begin of one trial to the begin of the next is its fixed cost. Three searches take turns:
ours, and `Trainer.hyperparameter_search` with a checkpoint an epoch and without any, its study in memory. All draw the
learning rate alone, on the same rows, metrics and model, which is read from the disk at every stock trial. A mask is
PEFT's in ours, and `requires_grad` in stock. The first trial of a search is left out.

    OMP_NUM_THREADS=1 python scripts/benchmarks/trial_cost.py --rounds 3
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import torch
from datasets import ClassLabel, Dataset, Features, Value
from transformers import AutoModelForImageClassification, Trainer, TrainingArguments, ViTConfig

import hf_fairtune
from hf_fairtune import FairTrainer, FairTrainingArguments
from hf_fairtune.audits.compute import fairness_metrics
from hf_fairtune.cli.flags import silence
from hf_fairtune.loading import load_with_new_head
from hf_fairtune.masks.granularities import PRESETS
from hf_fairtune.search.space import LearningRate
from hf_fairtune.trainer.baselines import baseline_method

DEMO = Path(hf_fairtune.__file__).parent / "demo_vit"
GROUPS = ("a", "b")
LABELS = ("benign", "malignant")


def clocks() -> np.ndarray:
    """Return the seconds on the wall and on the processor."""
    return np.array([time.perf_counter(), time.process_time()])


class Watched(Trainer):
    """Keeps when each trial began, less the work that was done before."""

    begins: list[np.ndarray]
    work: np.ndarray

    def train(self, *args: Any, **kwargs: Any) -> Any:
        """Mark the begin of a trial."""
        self.begins.append(clocks() - self.work)
        return super().train(*args, **kwargs)

    @contextmanager
    def working(self) -> Iterator[None]:
        """Count what happens as work."""
        start = clocks()
        yield
        self.work = self.work + clocks() - start

    def training_step(self, *args: Any, **kwargs: Any) -> Any:
        """Count forward and backward."""
        with self.working():
            return super().training_step(*args, **kwargs)

    def prediction_step(self, *args: Any, **kwargs: Any) -> Any:
        """Count the forward of an evaluation."""
        with self.working():
            return super().prediction_step(*args, **kwargs)

    def create_optimizer(self, *args: Any, **kwargs: Any) -> Any:
        """Count the optimizer's steps."""
        optimizer = super().create_optimizer(*args, **kwargs)
        step = optimizer.step

        def counted(*args: Any, **kwargs: Any) -> Any:
            with self.working():
                return step(*args, **kwargs)

        optimizer.step = counted
        return optimizer


class WatchedFair(Watched, FairTrainer):
    """Ours."""


def rows(n: int, size: int, seed: int) -> Dataset:
    """Make rows whose pixels cost nothing to read: one number, spread over the image."""
    columns = {"row": list(range(n)), "labels": [i % 2 for i in range(n)], "groups": [i // 2 % 2 for i in range(n)]}
    features = Features(row=Value("int64"), labels=ClassLabel(names=LABELS), groups=ClassLabel(names=GROUPS))

    def pixels(batch: dict[str, Any]) -> dict[str, Any]:
        if "row" not in batch:
            return batch
        values = (torch.tensor(batch["row"]) * 7919 + seed) % 13 / 13 - 0.5
        found = {name: torch.tensor(batch[name]) for name in ("labels", "groups")}
        return found | {"pixel_values": values.view(-1, 1, 1, 1).expand(-1, 3, size, size).contiguous()}

    return Dataset.from_dict(columns, features=features).with_transform(pixels)


def arguments(kind: Any, folder: Path, given: argparse.Namespace, **more: Any) -> Any:
    """Return the arguments of a search of either kind."""
    return kind(
        str(folder), num_train_epochs=given.epochs, per_device_train_batch_size=given.batch_size,
        per_device_eval_batch_size=given.rows, use_cpu=True, eval_strategy="epoch", report_to="none",
        disable_tqdm=True, save_total_limit=1, logging_strategy="epoch", **more,
    )  # fmt: skip


def ours(folder: Path, model: str, what: str, given: argparse.Namespace) -> Watched:
    """Search by FairTrainer."""
    data = {"train_dataset": rows(given.rows, given.size, 0), "eval_dataset": rows(given.rows, given.size, 1)}
    trainer = WatchedFair(
        model_init=lambda: load_with_new_head(model, LABELS), args=arguments(FairTrainingArguments, folder, given),
        method=baseline_method(what), **data,
    )  # fmt: skip
    trainer.begins, trainer.work = [], np.zeros(2)
    trainer.hyperparameter_search(LearningRate(), n_trials=given.trials)
    return trainer


def stock(folder: Path, model: str, what: str, given: argparse.Namespace, save: str = "epoch") -> Watched:
    """Search by the stock Trainer."""

    def model_init() -> Any:
        found = AutoModelForImageClassification.from_pretrained(
            model, num_labels=len(LABELS), ignore_mismatched_sizes=True, dtype=torch.float32
        )
        for name, parameter in found.named_parameters() if what in PRESETS else ():
            parameter.requires_grad = f".{what}." in name or name.startswith("classifier.")
        return found

    more = {"label_names": ["labels", "groups"], "remove_unused_columns": False, "save_strategy": save}
    trainer = Watched(
        model_init=model_init, args=arguments(TrainingArguments, folder, given, **more),
        train_dataset=rows(given.rows, given.size, 0), eval_dataset=rows(given.rows, given.size, 1),
        compute_metrics=fairness_metrics(GROUPS), data_collator=collated,
    )  # fmt: skip
    trainer.begins, trainer.work = [], np.zeros(2)
    trainer.hyperparameter_search(
        LearningRate(), lambda metrics: metrics["eval_min_group_auc"], given.trials, "maximize", "optuna"
    )
    return trainer


def collated(batch: list[dict[str, Any]]) -> dict[str, torch.Tensor]:
    """Stack rows."""
    return {name: torch.stack([row[name] for row in batch]) for name in batch[0]}


SEARCHES: dict[str, Callable[..., Watched]] = {
    "ours": ours,
    "stock, no checkpoint": lambda *args: stock(*args, save="no"),
    "stock, a checkpoint an epoch": stock,
}


def fixed(trainer: Watched) -> np.ndarray:
    """Return the seconds a trial beside its work, on the wall and the processor: the median, without the first."""
    between = np.diff(np.stack(trainer.begins), axis=0)[1:]
    median: np.ndarray = np.median(between, axis=0)
    return median


def vit_base(folder: Path) -> str:
    """Write a random ViT-B/16 for images of 32 pixels: its weights are those of 224 but for 192 positions."""
    model = AutoModelForImageClassification.from_config(ViTConfig(num_labels=5, image_size=32))
    model.save_pretrained(folder)
    return str(folder)


def main() -> None:
    """Print a row a search, for each of the methods."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="demo", help="the demo's ViT, vit-base with random weights, or a folder")
    parser.add_argument("--methods", nargs="+", default=["full", "attention"], help="methods or masks")
    parser.add_argument("--rounds", type=int, default=3, help="searches of each kind")
    parser.add_argument("--trials", type=int, default=5, help="of a search")
    parser.add_argument("--epochs", type=float, default=4)
    parser.add_argument("--rows", type=int, default=16, help="of training and of validation")
    parser.add_argument("--batch_size", type=int, default=8)
    given = parser.parse_args()
    torch.set_num_threads(1)
    silence()
    with tempfile.TemporaryDirectory() as place:
        model = vit_base(Path(place) / "base") if given.model == "vit-base" else given.model
        model = str(DEMO) if model == "demo" else model
        given.size = ViTConfig.from_pretrained(model).image_size
        print(f"| method | search | seconds | ours/this | CPU s | ours/this |\n|{'---|' * 6}")
        for what in given.methods:
            found: dict[str, list[np.ndarray]] = {name: [] for name in SEARCHES}
            for _ in range(given.rounds):
                for name, run in SEARCHES.items():
                    with tempfile.TemporaryDirectory(dir=place) as folder:
                        found[name].append(fixed(run(Path(folder), model, what, given)))
            own = np.stack(found["ours"])
            for name, values in found.items():
                seconds, cpu = np.median(values, axis=0)
                ratio = [statistics.median(column) for column in (own / np.stack(values)).T]
                print(f"| {what} | {name} | {seconds:.3f} | {ratio[0]:.2f} | {cpu:.3f} | {ratio[1]:.2f} |", flush=True)


if __name__ == "__main__":
    main()
