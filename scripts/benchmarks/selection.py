"""Choose among the trials of searches by each rule of `selections/`, with and without averaged weights.

    python scripts/benchmarks/selection.py
    python scripts/benchmarks/selection.py --tasks few many --splits 1 --rules best one_se

Every split of a task has images, a seed and a search of its own, none of whose trials is stopped early. Each training
is scored twice, by its last weights and by the average of its last epochs, on validation and on images kept aside. A
half of these tells the truth, the lowest group's AUC; of the other half many more validation sets are drawn by
patient, so that a rule which trains nothing is asked again at no cost. Trials and folds stay in the output folder: a
killed run goes on, and more splits, tasks or rules are added to what is there.
"""

import argparse
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from both_scores import BothScores
from optuna.pruners import NopPruner
from optuna.trial import FixedTrial
from selection_tasks import DEMO, TASKS, Held
from transformers import set_seed

from hf_fairtune import FairTrainer, FairTrainingArguments, LearningRate, catalog
from hf_fairtune.audits.engine.rows import ScoredRows, check_rows
from hf_fairtune.cli.flags import silence
from hf_fairtune.data.fair_dataset import FairDataset
from hf_fairtune.document.search import Trial
from hf_fairtune.loading import load_with_new_head
from hf_fairtune.methods.method import Method
from hf_fairtune.search.modes import Mode, mode_named
from hf_fairtune.selections.objective import Objective, Scored
from hf_fairtune.selections.selection import Pool, Selection, selection_named

OBJECTIVE = Objective("min_group_auc", maximize=True)
KINDS = ("last", "average")
FIRST = ("best", "last")


class Numbered(FairTrainer):
    """Tells `BothScores` the trial's number."""

    both: BothScores

    def _hp_search_setup(self, trial: Any) -> None:
        super()._hp_search_setup(trial)
        if trial is not None:
            self.both.number = trial.number


@dataclass(frozen=True)
class Setting:
    """What all searches share."""

    trials: int
    epochs: float
    last: float
    images: int
    folder: Path

    @property
    def mode(self) -> Mode:
        """Return the default mode without pruning."""
        return replace(mode_named("default", self.trials, 0, 2), pruner=NopPruner())

    def trainer(self, folder: Path, data: FairDataset, **more: Any) -> Numbered:
        """Return a trainer of a split."""
        args = FairTrainingArguments(
            str(folder), num_train_epochs=self.epochs, average_last=self.last, per_device_train_batch_size=32,
            use_cpu=True, save_strategy="no", logging_strategy="no", disable_tqdm=True, report_to="none",
            learning_rate=more.pop("learning_rate", 1e-3), eval_strategy=more.pop("eval_strategy", "no"),
        )  # fmt: skip
        return Numbered(model_init=lambda: load_with_new_head(DEMO, data.label_names), args=args, data=data, **more)


@dataclass(frozen=True)
class Split:
    """A searched split: its trials, their scores by kind of weights, [k, n], and how to fit them on folds."""

    setting: Setting
    folder: Path
    data: FairDataset
    held: Held
    trials: list[Trial]
    kept: list[dict[str, np.ndarray]]

    @classmethod
    def searched(cls, setting: Setting, name: str, seed: int, held: Held) -> "Split":
        """Search, or take up the search that is there."""
        set_seed(seed)
        folder = setting.folder / f"{name}-{seed}"
        data = TASKS[name].data(setting.folder / f"images-{name}-{seed}", seed)
        trainer = setting.trainer(folder, data)
        trainer.both = BothScores(folder / "scores", data, held.images)
        trainer.add_callback(trainer.both)
        trainer.hyperparameter_search(LearningRate(1e-4, 1e-2), OBJECTIVE.name, mode=setting.mode)
        assert trainer.search is not None
        trials = trainer.search.complete
        kept = [dict(np.load(folder / "scores" / f"{trial.number}.npz")) for trial in trials]
        return cls(setting, folder, data, held, trials, kept)

    def scores(self, kind: str, part: str) -> np.ndarray:
        """Return the scores of the trials on validation, or on the images kept aside, [k, n]."""
        return np.stack([one[f"{kind}-{part}"] for one in self.kept])

    def truth(self, kind: str) -> np.ndarray:
        """Return the lowest group's AUC of each trial on the first half of the images kept aside, [k]."""
        half = first_half(self.held.rows)
        return OBJECTIVE.values(Scored(self.held.rows.take(half), (0, 1), self.scores(kind, "held")[:, half]))

    def chosen(self, rule: str, kind: str) -> int:
        """Return the place of the trial that a rule chooses by the split's own validation images."""
        rows = rows_of(self.data)
        return choose(selection_named(rule), self.trials, Scored(rows, (0, 1), self.scores(kind, "validation")),
                      partial(self.refit, kind, selection_named(rule).refits))  # fmt: skip

    def chosen_again(self, rule: str, kind: str, sets: int) -> list[int]:
        """Return the places that a rule chooses by other validation sets of the same size."""
        rows, rng, found = self.held.rows, np.random.default_rng(0), []
        rest, n = np.flatnonzero(~first_half(rows)), len(self.data["validation"])
        assert rows.clusters is not None
        by_patient = [rest[rows.clusters[rest] == patient] for patient in np.unique(rows.clusters[rest])]
        for _ in range(sets):
            drawn = np.concatenate([by_patient[place] for place in rng.permutation(len(by_patient))[:n]])[:n]
            part = rows.take(drawn)
            part = check_rows(part.labels, part.scores, part.groups, rows.group_names, part.clusters)
            scored = Scored(part, (0, 1), self.scores(kind, "held")[:, drawn])
            found.append(choose(selection_named(rule), self.trials, scored, None))
        return found

    def refit(self, kind: str, folds: int, trials: Sequence[Trial]) -> Scored:
        """Train some trials on folds, unless that is done, and give their out-of-fold scores."""
        parts = self.data.folds(folds, 0)
        rows = [rows_of(part) for part in parts]
        together = check_rows(*(np.concatenate([getattr(one, name) for one in rows]) for name in
                                ("labels", "scores", "groups")), rows[0].group_names)  # fmt: skip
        scores = np.stack(
            [np.concatenate([self.fold(trial, n, part)[f"{kind}-validation"] for n, part in enumerate(parts)])
             for trial in trials]
        )  # fmt: skip
        return Scored(together, (0, 1), scores, np.repeat(np.arange(folds), [len(one.labels) for one in rows]))

    def fold(self, trial: Trial, number: int, part: FairDataset) -> dict[str, np.ndarray]:
        """Train a trial on a fold, unless that is done, and return its scores."""
        both = BothScores(self.folder / "folds" / str(trial.number), part)
        both.number = number
        if not (path := both.folder / f"{number}.npz").is_file():
            trainer = self.setting.trainer(
                self.folder / "fit", part, method=self.method(trial), learning_rate=trial.learning_rate
            )
            trainer.add_callback(both)
            trainer.train()
        return dict(np.load(path))

    def method(self, trial: Trial) -> Method:
        """Return the method of a trial."""
        trainer = self.setting.trainer(self.folder / "fit", self.data)
        facts = replace(trainer.facts, proposal=self.setting.mode.proposal)
        return trainer.open_method.suggest(FixedTrial(dict(trial.params), trial.number), facts)


def first_half(rows: ScoredRows) -> np.ndarray:
    """Return which rows are of the first half of the patients, bool [n]."""
    assert rows.clusters is not None
    known = np.unique(rows.clusters)
    return np.isin(rows.clusters, known[: len(known) // 2])


def rows_of(data: FairDataset) -> ScoredRows:
    """Return the validation rows of a data set, without scores."""
    columns = data.columns("validation")
    labels = columns["labels"]
    return check_rows(labels, np.zeros(len(labels)), columns["groups"], data.group_names, columns.get("cluster"))


def choose(rule: Selection, trials: Sequence[Trial], scored: Scored, refit: Any) -> int:
    """Return the place of the trial that a rule chooses by these rows."""
    values = OBJECTIVE.values(scored).tolist()
    own = [replace(trial, value=value) for trial, value in zip(trials, values, strict=True)]
    winner, _ = rule.choose(Pool(OBJECTIVE, own, 0, lambda: scored, refit))
    return [trial.number for trial in own].index(winner.number)


def said(values: Sequence[float]) -> str:
    """Write a mean with its standard error."""
    error = f" ± {np.std(values, ddof=1) / np.sqrt(len(values)):.4f}" if len(values) > 1 else ""
    return f"{np.mean(values):.4f}{error}"


def table(title: str, found: dict[tuple[str, str], np.ndarray]) -> None:
    """Print a row a rule and kind of weights; each has [splits, 3]: true, regret, regret with other sets."""
    heads = ["rule", "weights", "true", "gain on best, last", "regret", "regret, other sets", "gain, other sets"]
    print(f"\n{title}\n\n| {' | '.join(heads)} |\n{'|---' * len(heads)}|")
    for (rule, kind), values in found.items():
        gains = found[FIRST] - values
        again = [f"{values[:, 2].mean():.4f}", said(gains[:, 2])] if np.isfinite(values[:, 2]).all() else ["", ""]
        print(f"| `{rule}` | {kind} | {values[:, 0].mean():.4f} | {said(gains[:, 1])} | {values[:, 1].mean():.4f} |"
              f" {' | '.join(again)} |")  # fmt: skip


def main() -> None:
    """Print a table a task, and one of all."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tasks", nargs="+", default=[*TASKS], choices=[*TASKS])
    parser.add_argument("--rules", nargs="+", default=catalog.names("selections"))
    parser.add_argument("--splits", type=int, default=3)
    parser.add_argument("--trials", type=int, default=12)
    parser.add_argument("--epochs", type=float, default=6.0)
    parser.add_argument("--last", type=float, default=3, help="Epochs averaged.")
    parser.add_argument("--images", type=int, default=4000, help="Images kept aside.")
    parser.add_argument("--sets", type=int, default=50, help="Other validation sets.")
    parser.add_argument("--output_dir", type=Path, default=Path("selection"))
    asked = parser.parse_args()
    torch.set_num_threads(1)
    silence()
    setting = Setting(asked.trials, asked.epochs, asked.last, asked.images, asked.output_dir)
    held = {name: TASKS[name].held(asked.images) for name in asked.tasks}
    splits = {(name, seed): Split.searched(setting, name, seed, held[name])
              for seed in range(asked.splits) for name in asked.tasks}  # fmt: skip
    rules = sorted(asked.rules, key=lambda rule: (rule != "best", selection_named(rule).refits))
    every: dict[str, dict[tuple[str, str], np.ndarray]] = {}
    for name in asked.tasks:
        own = [split for (task, _), split in splits.items() if task == name]
        top = [max(split.truth(kind).max() for kind in KINDS) for split in own]
        every[name] = {}
        for rule in rules:
            for kind in KINDS:
                lines = []
                for split, best in zip(own, top, strict=True):
                    truth = split.truth(kind)
                    true, again = truth[split.chosen(rule, kind)], np.nan
                    if not selection_named(rule).refits:
                        again = best - truth[split.chosen_again(rule, kind, asked.sets)].mean()
                    lines.append([true, best - true, again])
                every[name][rule, kind] = np.array(lines)
        table(f"{name}: {TASKS[name].title}; a trial at random by its last weights: "
              f"{np.mean([split.truth('last').mean() for split in own]):.4f}", every[name])  # fmt: skip
    together = {key: np.concatenate([found[key] for found in every.values()]) for key in every[asked.tasks[0]]}
    table(f"All {len(splits)} splits", together)


if __name__ == "__main__":
    main()
