"""Choose among the trials of one search by each rule of `selections/`, and score the choice on thousands of images.

    python scripts/benchmarks/selection.py

Every split is 400 train and 200 validation images of generated lesions, 30 % of them dark, and a search of 12 trials,
none stopped early. True is the lowest group's AUC on 4,000 other images. Rules that read the kept scores alone are
also asked with many other validation sets of the same size, drawn by patient from 4,000 further images, at no
training.
Trials, folds and scores stay in the output folder, so that a killed run goes on.
"""

import argparse
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from optuna.pruners import NopPruner
from PIL import Image
from transformers import TrainerCallback, set_seed

import hf_fairtune
from hf_fairtune import DataArguments, FairTrainer, FairTrainingArguments, catalog, load_fair_dataset
from hf_fairtune.audits.compute import scores_from_logits
from hf_fairtune.audits.engine.delong import auc
from hf_fairtune.audits.engine.rows import ScoredRows, check_rows
from hf_fairtune.cli.flags import silence
from hf_fairtune.cli.model import load_processor, load_with_new_head
from hf_fairtune.data.fair_dataset import FairDataset
from hf_fairtune.data.splits import stratified
from hf_fairtune.data.transform import transform_of
from hf_fairtune.datasets.lesions import DATASET, LesionBias, draw_lesions, lesion_table
from hf_fairtune.document.search import Search, Trial
from hf_fairtune.search.modes import mode_named
from hf_fairtune.search.space import LearningRate
from hf_fairtune.selections.objective import Objective, Scored
from hf_fairtune.selections.selection import Pool, selection_named

DEMO = str(Path(hf_fairtune.__file__).parent / "demo_vit")
BIAS = LesionBias(dark_share=0.3)
SIZES = {"train": 400, "validation": 200, "test": 60}
HELD, FURTHER, SIZE, SOME = 4000, 4000, 48, 500
OBJECTIVE = Objective("min_group_auc", maximize=True)
GROUPS = ("dark", "light")


def drawn(n: int, seed: int) -> tuple[pd.DataFrame, np.ndarray]:
    """Draw so many images as training images are drawn: their rows and pixels, uint8 [n, size, size, 3]."""
    table = lesion_table(round(n / 0.4), BIAS, seed)
    table = table[table.split == "train"].reset_index(drop=True)
    images = [
        draw_lesions(table[start : start + SOME], BIAS, np.random.default_rng([seed, start]), SIZE)
        for start in range(0, len(table), SOME)
    ]
    return table, np.concatenate(images)


def split(folder: Path, seed: int) -> FairDataset:
    """Write the images of a split with their table, once, and load them."""
    table, images = drawn(sum(SIZES.values()), seed)
    total = sum(SIZES.values())
    strata = (table.label == "malignant").to_numpy() * 2 + (table.skin == "dark").to_numpy()
    shares = [size / total for size in SIZES.values()]
    table["split"] = np.array([*SIZES])[stratified(table.patient_id.to_numpy(), strata, shares, seed)]
    table["file_name"] = [f"{place:04d}.png" for place in range(total)]
    if not (folder / "table.csv").is_file():
        folder.mkdir(parents=True, exist_ok=True)
        for name, image in zip(table.file_name, images, strict=True):
            Image.fromarray(image).save(folder / name)
        table.to_csv(folder / "table.csv", index=False)
    arguments = DataArguments(
        str(folder / "table.csv"), "label", ["malignant"], ["skin"], cluster=DATASET.cluster, smallest_crop=1.0,
        data_cache=str(folder / "pixels"),
    )  # fmt: skip
    return load_fair_dataset(arguments, load_processor(DEMO), seed=seed)


class HeldOut(TrainerCallback):
    """Scores the held-out images with every trial's model at its end."""

    def __init__(self, folder: Path, images: np.ndarray, data: FairDataset) -> None:
        self.folder, self.images, self.transform = folder, images, transform_of(data["validation"])

    def place(self, rate: float, weights: int) -> Path:
        """Return where the scores of a trial lie, by what it trained."""
        return self.folder / f"{weights}-{rate:.12g}.npy"

    def scores(self, model: Any) -> np.ndarray:
        """Score the images, [n], without a random draw."""
        scale, shift = (torch.tensor(v).view(1, -1, 1, 1) for v in (self.transform.scale, self.transform.shift))
        model.eval()
        logits = []
        with torch.no_grad():
            for part in np.array_split(self.images, len(self.images) // 250):
                pixels = torch.from_numpy(part).permute(0, 3, 1, 2).float() * scale + shift
                logits.append(model(pixel_values=pixels).logits.double().numpy())
        return scores_from_logits(np.concatenate(logits))

    def on_train_end(self, args: Any, state: Any, control: Any, model: Any = None, **_: Any) -> None:
        """Score, and keep the scores."""
        weights = sum(p.numel() for p in model.parameters() if p.requires_grad)
        self.folder.mkdir(parents=True, exist_ok=True)
        np.save(self.place(args.learning_rate, weights), self.scores(model))


def trainer_of(folder: Path, data: FairDataset, epochs: float) -> FairTrainer:
    """Return the trainer of a split."""
    args = FairTrainingArguments(
        str(folder), num_train_epochs=epochs, per_device_train_batch_size=32, use_cpu=True, save_strategy="no",
        logging_strategy="no", disable_tqdm=True, report_to="none",
    )  # fmt: skip
    return FairTrainer(model_init=lambda: load_with_new_head(DEMO, data.label_names), args=args, data=data)


def chosen_by(trainer: FairTrainer, rule: str, trials: int) -> Search:
    """Search, or take the search that is there, and choose by a rule."""
    mode = replace(mode_named("default", trials, trainer.args.seed, 1), pruner=NopPruner())
    trainer.hyperparameter_search(LearningRate(1e-4, 1e-2), OBJECTIVE.name, mode=mode, selection=rule)
    assert trainer.search is not None
    return trainer.search


def lowest(rows: ScoredRows) -> float:
    """Return the lowest group's AUC."""
    return min(auc(rows.labels[rows.groups == g], rows.scores[rows.groups == g]) for g in range(len(GROUPS)))


def redrawn(rows: ScoredRows, scores: np.ndarray, trials: Sequence[Trial], sets: int, rule: str) -> Iterator[int]:
    """Yield what a rule chooses, by place, with each of many other validation sets; scores are [k, n]."""
    rng, n = np.random.default_rng(0), SIZES["validation"]
    assert rows.clusters is not None
    by_patient = [np.flatnonzero(rows.clusters == patient) for patient in range(int(rows.clusters.max()) + 1)]
    selection = selection_named(rule)
    for _ in range(sets):
        kept = np.concatenate([by_patient[patient] for patient in rng.permutation(len(by_patient))[:n]])[:n]
        part = rows.take(kept)
        part = check_rows(part.labels, part.scores, part.groups, GROUPS, part.clusters)
        scored = Scored(part, (0, 1), scores[:, kept])
        values = OBJECTIVE.values(scored)
        own = [replace(trial, value=value) for trial, value in zip(trials, values.tolist(), strict=True)]
        winner, _ = selection.choose(Pool(OBJECTIVE, own, 0, partial(Scored, part, (0, 1), scored.scores), untrained))
        yield [trial.number for trial in own].index(winner.number)


def untrained(trials: Sequence[Trial]) -> Scored:
    """Stand for what this benchmark does not ask."""
    raise NotImplementedError


def main() -> None:
    """Print a row a rule."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--splits", type=int, default=3)
    parser.add_argument("--trials", type=int, default=12)
    parser.add_argument("--epochs", type=float, default=6.0)
    parser.add_argument("--sets", type=int, default=200)
    parser.add_argument("--output_dir", type=Path, default=Path("selection"))
    asked = parser.parse_args()
    torch.set_num_threads(1)
    silence()
    table, images = drawn(HELD + FURTHER, seed=1000)
    labels, groups = (
        (table.label == "malignant").to_numpy().astype(int),
        (table.skin == "light").to_numpy().astype(int),
    )
    rows = check_rows(labels, np.zeros(len(labels)), groups, GROUPS, table.patient_id.to_numpy())
    # Rows of one patient adjoin in no order, but a patient is one group's: either part is a sample of its own.
    first = np.unique(rows.clusters)[: len(np.unique(rows.clusters)) // 2]
    held = np.isin(rows.clusters, first)
    rules = catalog.names("selections")
    true, random = {rule: list[float]() for rule in rules}, list[float]()
    best, spread = list[float](), list[float]()
    again = {rule: list[float]() for rule in rules if not selection_named(rule).refits}
    said = []
    for seed in range(asked.splits):
        set_seed(seed)
        folder = asked.output_dir / f"split-{seed}"
        data = split(asked.output_dir / f"images-{seed}", seed)
        scorer = HeldOut(folder / "held", images, data)
        trainer = trainer_of(folder, data, asked.epochs)
        trainer.add_callback(scorer)
        search = chosen_by(trainer, "best", asked.trials)
        trials = search.complete
        kept = []
        for trial in trials:
            assert trial.trainable_parameters is not None
            kept.append(np.load(scorer.place(trial.learning_rate, trial.trainable_parameters)))
        scores = np.stack(kept)
        truth = np.array([lowest(replace(rows, scores=one).take(held)) for one in scores])
        random.append(float(truth.mean()))
        best.append(float(truth.max()))
        spread.append(float(truth.std(ddof=1)))
        for rule in rules:
            chosen = chosen_by(trainer_of(folder, data, asked.epochs), rule, asked.trials).best_trial
            place = [trial.number for trial in trials].index(chosen)
            true[rule].append(float(truth[place]))
            said.append(f"split {seed}, {rule}: trial {chosen}, true {truth[place]:.4f}, best {truth.max():.4f}")
        part = replace(rows, scores=np.zeros(len(labels))).take(~held)
        part = check_rows(part.labels, part.scores, part.groups, GROUPS, part.clusters)
        for rule, found in again.items():
            picked = [*redrawn(part, scores[:, ~held], trials, asked.sets, rule)]
            found.append(float(np.mean(truth[picked] - truth.max())))
    print("\n".join(said))
    heads = ["rule", "lowest group's AUC, true", "regret to the best trial", "regret with other validation sets"]
    print(f"\n| {' | '.join(heads)} |\n{'|---' * len(heads)}|")
    for rule, values in [*true.items(), ("a trial at random", random)]:
        regret = np.array(best) - np.array(values)
        error = f" ± {regret.std(ddof=1) / np.sqrt(len(regret)):.4f}" if len(regret) > 1 else ""
        other = f"{-np.mean(again[rule]):.4f}" if rule in again else ""
        print(f"| {rule} | {np.mean(values):.4f} | {regret.mean():.4f}{error} | {other} |")
    print(f"\nSpread of the trials' true values within a split (sd): {np.mean(spread):.4f}; splits: {asked.splits}.")


if __name__ == "__main__":
    main()
