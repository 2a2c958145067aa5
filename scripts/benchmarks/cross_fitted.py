"""Search with one validation split, and cross-fitted at the same number of epochs, where the truth is known.

    python scripts/benchmarks/cross_fitted.py

A cell is a split of generated lesions, the task `few` of `selection.py`, and a seed of search and training: a search
of n trials that are scored on validation, and one of n / k trials on k folds of train and validation. Nothing is
pruned, and no preset comes first. True is the lowest group's AUC on other images: of the winner, trained on train, and
of means of probabilities that cost no further epoch of search, of the k models of the cross-fitted winner and of as
many best trials of the one split. Cells that ended stay in the output folder, so that a killed run goes on.
"""

import argparse
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from optuna.pruners import NopPruner
from selection import OBJECTIVE
from selection_tasks import DEMO, TASKS, Held, batches
from transformers import set_seed

from hf_fairtune import FairTrainer, FairTrainingArguments
from hf_fairtune.audits.compute import scores_from_logits
from hf_fairtune.audits.engine.delong import auc
from hf_fairtune.cli.flags import silence
from hf_fairtune.data.fair_dataset import FairDataset
from hf_fairtune.loading import load_with_new_head
from hf_fairtune.search.modes import mode_named
from hf_fairtune.search.space import LearningRate
from hf_fairtune.selections.selection import Chosen, Pool, Selection
from hf_fairtune.trainer.folding import fixed

TASK = TASKS["few"]
KINDS = {
    "single": "one split, winner",
    "folded": "folds, winner",
    "single_mean": "one split, mean of the best trials",
    "folded_mean": "folds, mean of the winner's models",
}


@dataclass(frozen=True)
class Ranked(Selection):
    """Take the trial that comes at a place by its value."""

    place: int

    @property
    def title(self) -> str:
        """Say what is chosen."""
        return f"the value that comes at place {self.place + 1}"

    def choose(self, pool: Pool) -> Chosen:
        """Return the trial."""
        return pool.trials[pool.ranked()[self.place]], []


@dataclass(frozen=True)
class Truth:
    """Images kept aside, and the data set as whose images a model takes them."""

    held: Held
    data: FairDataset

    @torch.no_grad()
    def scores(self, model: Any) -> np.ndarray:
        """Score the images, [n], without a random draw."""
        model.eval()
        logits = [model(pixel_values=part).logits.double().numpy() for part in batches(self.held.images, self.data)]
        return scores_from_logits(np.concatenate(logits))


def trainer_of(folder: Path, data: FairDataset, epochs: float, seed: int) -> FairTrainer:
    """Return the trainer of a cell."""
    args = FairTrainingArguments(
        str(folder), seed=seed, num_train_epochs=epochs, per_device_train_batch_size=32, use_cpu=True,
        save_strategy="no", logging_strategy="no", disable_tqdm=True, report_to="none",
    )  # fmt: skip
    return FairTrainer(model_init=lambda: load_with_new_head(DEMO, data.label_names), args=args, data=data)


def search(run: FairTrainer, trials: int, folds: int, place: int) -> float:
    """Search, or take the search that is there, and take the trial at a place; return its value."""
    mode = replace(mode_named("default", trials, run.args.seed, 1), pruner=NopPruner(), presets=False)
    rates = LearningRate(1e-4, 1e-2)
    run.hyperparameter_search(rates, OBJECTIVE.name, mode=mode, selection=Ranked(place), folds=folds)
    assert run.search is not None
    assert run.search.chosen is not None
    return run.search.chosen.value


def single(run: FairTrainer, truth: Truth, trials: int, count: int) -> tuple[float, list[np.ndarray]]:
    """Search on one split; return the best value, and the scores of so many best trials."""
    found, values = [], []
    for place in range(count):
        values.append(search(run, trials, 0, place))
        run.train()
        found.append(truth.scores(run.model))
    return values[0], found


def folded(run: FairTrainer, truth: Truth, trials: int, folds: int) -> tuple[float, list[np.ndarray]]:
    """Search on folds; return the best value, and the scores of the winner, trained on train, and of its models."""
    value = search(run, trials, folds, 0)
    run.train()
    found = [truth.scores(run.model)]
    assert run.cross_fit is not None
    assert run.search is not None
    assert run.search.chosen is not None
    for fold in range(folds):
        found.append(truth.scores(run.cross_fit.train(fixed(run.search.chosen), fold).model))
    return value, found


def cell(asked: argparse.Namespace, held: Held, seed: int, again: int) -> dict[str, float]:
    """Run both searches of a cell; return by kind the lowest group's AUC, that of all rows, and the winner's value."""
    data = TASK.data(asked.output_dir / f"images-{seed}", seed)
    truth = Truth(held, data)
    found: dict[str, float] = {}
    of: dict[str, Callable[[FairTrainer], tuple[float, list[np.ndarray]]]] = {
        "single": partial(single, truth=truth, trials=asked.trials, count=asked.folds),
        "folded": partial(folded, truth=truth, trials=asked.trials // asked.folds, folds=asked.folds),
    }
    for name, run_search in of.items():
        run = trainer_of(asked.output_dir / f"{name}-{seed}-{again}", data, asked.epochs, again)
        set_seed(again)
        value, scores = run_search(run)
        members = scores if name == "single" else scores[1:]
        for kind, own in ((name, scores[0]), (f"{name}_mean", np.mean(members, axis=0))):
            lowest = OBJECTIVE.value(replace(held.rows, scores=own), (0, 1))
            found |= {kind: lowest, f"{kind} all": auc(held.rows.labels, own)}
        found[f"{name} value"] = value
    return found


def line(name: str, title: str, splits: Sequence[Sequence[Mapping[str, float]]]) -> str:
    """Return a row of the table: means over cells, and the difference to the one split's winner, by split."""
    means = [np.mean([one[key] for own in splits for one in own]) for key in (name, f"{name} all")]
    gained = [float(np.mean([one[name] - one["single"] for one in own])) for own in splits]
    error = f" ± {np.std(gained, ddof=1) / np.sqrt(len(gained)):.4f}" if len(gained) > 1 else ""
    better = sum(one[name] > one["single"] for own in splits for one in own)
    cells = [f"{means[0]:.4f}", f"{means[1]:.4f}", f"{np.mean(gained):+.4f}{error}", str(better)]
    return f"| {' | '.join([title, *(cells if name != 'single' else [*cells[:2], '', ''])])} |"


def main() -> None:
    """Print a row a kind of winner."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--splits", type=int, default=4)
    parser.add_argument("--seeds", type=int, default=2)
    parser.add_argument("--trials", type=int, default=12)
    parser.add_argument("--folds", type=int, default=3)
    parser.add_argument("--epochs", type=float, default=4.0)
    parser.add_argument("--held", type=int, default=2000)
    parser.add_argument("--output_dir", type=Path, default=Path("cross_fitted"))
    asked = parser.parse_args()
    torch.set_num_threads(1)
    silence()
    held = TASK.held(asked.held)
    splits: list[list[dict[str, float]]] = []
    asked.output_dir.mkdir(parents=True, exist_ok=True)
    for seed in range(asked.splits):
        splits.append([])
        for again in range(asked.seeds):
            kept = asked.output_dir / f"cell-{seed}-{again}.json"
            if not kept.is_file():
                kept.write_text(json.dumps(cell(asked, held, seed, again)))
            splits[-1].append(json.loads(kept.read_text()))
            print(f"split {seed}, seed {again}: {json.dumps(splits[-1][-1])}", flush=True)
    heads = ["", "lowest group's AUC, true", "AUC, true", "gain on the one split's winner", "cells that gained"]
    print(f"\n| {' | '.join(heads)} |\n{'|---' * len(heads)}|")
    for name, title in KINDS.items():
        print(line(name, title, splits))
    for name in ("single", "folded"):
        luck = [one[f"{name} value"] - one[name] for own in splits for one in own]
        print(f"\nThe {KINDS[name]}: its value in the search less the true one: {np.mean(luck):+.4f} on average.")
    print(f"\n{len(held.rows.labels)} images tell the truth; splits: {asked.splits}, seeds: {asked.seeds}.")


if __name__ == "__main__":
    main()
