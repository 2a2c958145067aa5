"""Prove that a race of `search_race.py` is the search of `FairTrainer`: same masks, rates, epochs and values.

    python scripts/benchmarks/search_check.py

The two have the data of `search_task.py` and the order of its rows in common, and no code that trains.
"""

import argparse
import tempfile
from collections.abc import Iterator
from copy import deepcopy
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import torch
from search_race import RATES, Curves, Race, run
from search_task import BATCH, EPOCHS, SIZES, Rows, Task
from torch import Tensor
from torch.utils.data import Dataset, Sampler

from hf_fairtune import FairTrainer, FairTrainingArguments
from hf_fairtune.cli.flags import silence


class Images(Dataset[dict[str, Tensor]]):
    """Rows as a Trainer reads them."""

    features = {"groups": SimpleNamespace(names=["minority", "majority"])}

    def __init__(self, rows: Rows) -> None:
        self.rows = rows

    def __len__(self) -> int:
        """Return their number."""
        return len(self.rows.labels)

    def __getitem__(self, place: int) -> dict[str, Tensor]:
        """Return a row."""
        return {
            "pixel_values": self.rows.pixels[place],
            "labels": self.rows.labels[place],
            "groups": self.rows.groups[place],
        }


class Ordered(Sampler[int]):
    """The order that `Lanes` has."""

    def __init__(self, task: Task) -> None:
        self.task, self.epoch = task, 0

    def __len__(self) -> int:
        """Return the number of rows."""
        return SIZES["train"]

    def __iter__(self) -> Iterator[int]:
        """Yield the rows of the next epoch."""
        self.epoch += 1
        return iter(self.task.order(self.epoch - 1).tolist())


class OrderedTrainer(FairTrainer):
    """A `FairTrainer` whose rows come in the order of `Lanes`."""

    task: Task

    def _get_train_sampler(self, train_dataset: Any = None) -> Sampler[int]:
        return Ordered(self.task)


def searched(task: Task, mode: str, n_trials: int, folder: str) -> list[tuple[list[int], float, dict[str, float]]]:
    """Search by `FairTrainer`; return each trial's mask, learning rate and values."""
    args = FairTrainingArguments(
        folder, num_train_epochs=EPOCHS, per_device_train_batch_size=BATCH, use_cpu=True, save_strategy="no",
        logging_strategy="no", disable_tqdm=True, report_to="none", seed=0,
    )  # fmt: skip
    trainer = OrderedTrainer(
        model_init=lambda: deepcopy(task.model), args=args, train_dataset=Images(task.train),
        eval_dataset=Images(task.validation),
    )  # fmt: skip
    trainer.task = task
    trainer.hyperparameter_search(RATES, "min_group_auc", n_trials, mode=mode)
    assert trainer.search is not None
    return [(trial.mask, trial.learning_rate, dict(trial.values)) for trial in trainer.search.trials]


def main() -> None:
    """Compare the two, trial by trial."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--mode", default="default")
    parser.add_argument("--trials", type=int, default=9)
    parser.add_argument("--output_dir", type=Path, default=Path("search-efficiency"))
    asked = parser.parse_args()
    torch.set_num_threads(1)
    silence()
    task = Task.drawn(asked.output_dir / "world-0", 0, "planted", 0)
    with tempfile.TemporaryDirectory() as folder:
        race = Race(asked.mode, 0, 0, asked.trials)
        run([race], [task], Curves(Path(folder) / "curves.jsonl"), asked.trials)
        found = searched(task, asked.mode, asked.trials, folder)
    furthest = 0.0
    for own, (mask, rate, values) in zip(race.study.trials, found, strict=True):
        assert own.user_attrs["mask"] == mask, own.number
        assert own.params["learning_rate"] == rate, own.number
        last = max(own.intermediate_values)
        assert last == max(map(int, values)), own.number
        furthest = max(furthest, abs(own.intermediate_values[last] - values[str(last)]))
    print(f"{len(found)} trials: same masks, rates and last epochs; values differ by {furthest:.2e} at most")


if __name__ == "__main__":
    main()
