"""Combine the trials of one search in each way, and score what comes out on images that nothing was chosen on.

    python scripts/benchmarks/combine.py
    python scripts/benchmarks/combine.py --real ../shared

Each split is a search, none of whose trials is stopped early. The members are those that `--combine` takes. Students
have the mask, the learning rate and the epochs of the chosen trial; its own training with hard labels and the same
seeds is their control. Generated lesions: 400 train, 200 validation and 2,000 test images, 30 % of them dark. HAM10000
(`--real`): random splits by lesion of its 1,200 images into 500, 250 and 450. Trials and scores stay in the output
folder, so that a killed run goes on.
"""

import argparse
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pandas as pd
import torch
from optuna.pruners import NopPruner
from selection_tasks import DEMO, TASKS
from torch import nn
from transformers import set_seed

from hf_fairtune import DataArguments, FairTrainer, FairTrainingArguments, load_fair_dataset
from hf_fairtune.audits.engine.delong import auc
from hf_fairtune.cli.flags import silence
from hf_fairtune.combinations.combination import Combination
from hf_fairtune.combinations.library import Library, Step
from hf_fairtune.combinations.mean import MeanModel
from hf_fairtune.combinations.soup import Soup
from hf_fairtune.data.fair_dataset import FairDataset
from hf_fairtune.data.splits import stratified
from hf_fairtune.loading import load_processor, load_with_new_head
from hf_fairtune.methods.method import Method
from hf_fairtune.methods.teacher import Teacher
from hf_fairtune.search.modes import mode_named
from hf_fairtune.search.space import LearningRate
from hf_fairtune.trainer.audits import scores_of
from hf_fairtune.trainer.baselines import beside
from hf_fairtune.trainer.stages import start_model
from hf_fairtune.trainer.team import weights_of

SPLITS = ("train", "validation", "test")
SINGLE, DISTILLED = "single winner = control", "distilled"


@dataclass(frozen=True)
class Task:
    """A model, its learning rates, and how a split of the data is made."""

    name: str
    model: str
    rates: LearningRate
    split: Callable[[Path, int], FairDataset]


def lesions(folder: Path, seed: int) -> FairDataset:
    """Write generated lesions once, and load them."""
    return replace(TASKS["few"], rest=2000).data(folder, seed)


def ham(real: Path, folder: Path, seed: int) -> FairDataset:
    """Divide HAM10000 by lesion and by label and age, and load it."""
    source = real / "data" / "ham10000"
    table = pd.read_csv(source / "metadata.csv")
    strata = table.label.to_numpy() * 2 + (table.age > 60).to_numpy()
    shares = [500 / 1200, 250 / 1200, 450 / 1200]
    table["split"] = np.array(SPLITS)[stratified(table.patient_id.to_numpy(), strata, shares, seed)]
    folder.mkdir(parents=True, exist_ok=True)
    table.to_csv(folder / "table.csv", index=False)
    arguments = DataArguments(
        str(folder / "table.csv"), "label", ["1"], ["age:60"], cluster="patient_id", image_size=64,
        image_root=str(source), data_cache=str(folder / "pixels"),
    )  # fmt: skip
    return load_fair_dataset(arguments, load_processor(str(real / "weights" / "vit-tiny-patch16-224")), seed=seed)


class Weighed(Combination):
    """Keeps the members that the rules take."""

    reads_weights: ClassVar[bool] = True
    teachers = 1
    title = "weighed"

    def members(self, library: Library) -> list[Step]:
        """Weigh, and leave the chosen trial alone."""
        trials = range(len(library.scored.scores))
        self.__dict__["found"] = {
            "single": [library.first],
            "members": [step.place for step in library.best_mean(4)],
            "all": [*trials],
            "soup": [step.place for step in library.best_soup(4)],
        }
        return library.best_mean(1)

    def made(self, start: nn.Module, members: Sequence[Any]) -> nn.Module:
        """Average the weights."""
        return Soup().made(start, members)


def trainer_of(task: Task, folder: Path, data: FairDataset, epochs: float) -> FairTrainer:
    """Return the trainer of a split."""
    args = FairTrainingArguments(
        str(folder), seed=0, num_train_epochs=epochs, per_device_train_batch_size=32, use_cpu=True, save_strategy="no",
        logging_strategy="no", disable_tqdm=True, report_to="none",
    )  # fmt: skip
    return FairTrainer(model_init=lambda: load_with_new_head(task.model, data.label_names), args=args, data=data)


def scores(kept: Path, made: Callable[[], np.ndarray]) -> np.ndarray:
    """Return what is kept, or make and keep it."""
    if not kept.is_file():
        kept.parent.mkdir(parents=True, exist_ok=True)
        np.save(kept, made())
    return np.load(kept)


def measured(task: Task, folder: Path, seed: int, asked: argparse.Namespace) -> dict[str, np.ndarray]:
    """Search on a split; return the lowest group's AUC and that of all rows on test by each way, [seeds, 2]."""
    data = task.split(folder / f"data-{seed}", seed)
    set_seed(seed)
    trainer, rule = trainer_of(task, folder / f"split-{seed}", data, asked.epochs), Weighed()
    mode = replace(mode_named("default", asked.trials, 0, 1), pruner=NopPruner())
    trainer.hyperparameter_search(task.rates, "min_group_auc", mode=mode, combine=rule)
    assert trainer.search is not None
    numbers, found = [trial.number for trial in trainer.search.complete], rule.__dict__["found"]
    print(f"{task.name}, split {seed}: members by place {found}", flush=True)
    tested = folder / f"split-{seed}" / "tested"

    @cache
    def moved(places: tuple[int, ...]) -> list[Any]:
        return weights_of(trainer, [numbers[place] for place in places])

    def forward(model: nn.Module) -> np.ndarray:
        trainer.model = trainer.model_wrapped = model
        return scores_of(trainer, "test")

    def soup(places: Sequence[int]) -> Callable[[], np.ndarray]:
        return lambda: forward(Soup().made(start_model(trainer), moved(tuple(places))))

    def student(name: str, method: Method, own: int) -> Callable[[], np.ndarray]:
        def train() -> np.ndarray:
            other = beside(trainer, Path(name.replace(" ", "-")) / str(own), method, own)
            other.args.eval_strategy = "no"
            other.train()
            return scores_of(other, "test")

        return train

    singles = [scores(tested / f"trial-{numbers[place]}.npy", soup([place])) for place in range(len(numbers))]
    made = {
        "mean of the members": np.stack([np.mean([singles[place] for place in found["members"]], axis=0)]),
        "mean of all trials": np.stack([np.mean(singles, axis=0)]),
        "soup": scores(tested / "soup.npy", soup(found["soup"]))[None],
        "best trial on test (no choice)": np.stack([max(singles, key=lambda own: lowest(data, own))]),
    }
    plain = replace(trainer.method, teacher=None)
    for name, places in ((SINGLE, None), (DISTILLED, found["members"])):
        method: Method = plain
        if places is not None:
            method = plain.taught(Teacher(MeanModel(start_model(trainer), moved(tuple(places)))))
        runs = [scores(tested / f"{name} {own}.npy", student(name, method, own)) for own in range(asked.seeds)]
        made[name] = np.stack(runs)
    return {name: np.array([[lowest(data, own), whole(data, own)] for own in made[name]]) for name in made}


def lowest(data: FairDataset, scores: np.ndarray) -> float:
    """Return the lowest AUC of a group on test."""
    columns, left = data.columns("test"), data.left_out("test")
    labels, groups = columns["labels"], columns["groups"]
    kept = [code for code, name in enumerate(data.group_names) if name not in left and (groups == code).any()]
    return min(auc(labels[groups == code], scores[groups == code]) for code in kept)


def whole(data: FairDataset, scores: np.ndarray) -> float:
    """Return the AUC of all test rows."""
    return auc(data.columns("test")["labels"], scores)


def tasks(real: Path | None) -> Iterator[Task]:
    """Yield the tasks."""
    yield Task("generated lesions", DEMO, LearningRate(1e-4, 1e-2), lesions)
    if real is not None:
        name = str(real / "weights" / "vit-tiny-patch16-224")
        yield Task("HAM10000, age:60", name, LearningRate(), lambda folder, seed: ham(real, folder, seed))


def main() -> None:
    """Print a table a task."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--real", type=Path, default=None)
    parser.add_argument("--only", default="", help="Begin of a task's name.")
    parser.add_argument("--splits", type=int, default=4)
    parser.add_argument("--trials", type=int, default=8)
    parser.add_argument("--epochs", type=float, default=6.0)
    parser.add_argument("--seeds", type=int, default=2)
    parser.add_argument("--output_dir", type=Path, default=Path("combine"))
    asked = parser.parse_args()
    torch.set_num_threads(1)
    silence()
    for task in tasks(asked.real):
        if not task.name.startswith(asked.only):
            continue
        folder = asked.output_dir / task.name.split(",")[0].replace(" ", "-")
        found = [measured(task, folder, seed, asked) for seed in range(asked.splits)]
        print(f"\n{task.name}: {asked.splits} splits, {asked.trials} trials of {asked.epochs:g} epochs\n")
        print("| way | lowest group's AUC | minus control | AUC of all rows | minus control |\n|---|---|---|---|---|")
        for name in found[0]:
            cells = []
            for part in range(2):
                values = np.array([one[name][:, part].mean() for one in found])
                change = values - np.array([one[SINGLE][:, part].mean() for one in found])
                error = change.std(ddof=1) / np.sqrt(len(change)) if len(change) > 1 else np.nan
                cells += [f"{values.mean():.4f}", "" if name == SINGLE else f"{change.mean():+.4f} ± {error:.4f}"]
            print(f"| {name} | {' | '.join(cells)} |", flush=True)
        wins = sum(int((one[DISTILLED] > one[SINGLE])[:, 0].sum()) for one in found)
        print(f"\n`{DISTILLED}` is above the control of its seed in {wins} of {asked.splits * asked.seeds} pairs.")


if __name__ == "__main__":
    main()
