"""Train one recipe with many seeds, and count how often checkpoints of it, or sets of runs, are called different.

    python scripts/benchmarks/same_recipe.py
    python scripts/benchmarks/same_recipe.py --real ../shared --runs 12

The first runs on the generated lesions alone; the second adds HAM10000 and PAD-UFES-20 from `<real>/data` on the ViT
of `<real>/weights`. Scores are kept in the output folder, so that a killed run goes on. A lift is planted: the logits
of the worst group's cases move until its AUC is that much higher; its verdicts are those of 3 runs on each side.
"""

import argparse
from collections.abc import Iterator
from itertools import combinations
from pathlib import Path

import numpy as np
from scipy.optimize import brentq
from scipy.special import logit

import hf_fairtune
from hf_fairtune import DataArguments, FairTrainer, FairTrainingArguments, load_fair_dataset
from hf_fairtune.audits.comparison import compare
from hf_fairtune.audits.engine.delong import auc
from hf_fairtune.audits.replication import replicate
from hf_fairtune.data.fair_dataset import FairDataset
from hf_fairtune.datasets.lesions import DATASET, write_lesions
from hf_fairtune.loading import load_processor, load_with_new_head

HAM = {"label": "label", "positive": ["1"], "cluster": "patient_id", "image_size": 64}
TASKS = {"HAM10000, age:60": ("ham10000", "age:60"), "PAD-UFES-20, sex": ("pad_ufes", "sex")}
LIFTS = (0.05, 0.1)
SOME = 300


def tasks(folder: Path, real: Path | None) -> Iterator[tuple[str, DataArguments, str, float]]:
    """Yield the name of a task, its data, its model and learning rate."""
    lesions = write_lesions(folder / "lesions")
    demo = str(Path(hf_fairtune.__file__).parent / "demo_vit")
    own = DataArguments(
        str(lesions), DATASET.label, list(DATASET.positive), list(DATASET.groups), cluster=DATASET.cluster
    )
    yield "generated lesions, skin", own, demo, 1e-3
    for name, (place, group) in TASKS.items() if real else ():
        assert real is not None
        table = DataArguments(str(real / "data" / place / "metadata.csv"), group=[group], **HAM)
        yield name, table, str(real / "weights" / "vit-tiny-patch16-224"), 1e-4


def scored(data: FairDataset, model: str, rate: float, epochs: float, seed: int, folder: Path) -> np.ndarray:
    """Train with a seed, and return the scores of the test split, [n]; they are kept in `folder`."""
    kept = folder / f"seed-{seed}.npy"
    if not kept.is_file():
        args = FairTrainingArguments(
            str(folder / "run"),
            method="full",
            num_train_epochs=epochs,
            learning_rate=rate,
            seed=seed,
            per_device_train_batch_size=32,
            use_cpu=True,
            save_strategy="no",
            eval_strategy="no",
            logging_strategy="no",
            disable_tqdm=True,
            report_to="none",
        )
        trainer = FairTrainer(model_init=lambda: load_with_new_head(model, data.label_names), args=args, data=data)
        trainer.train()
        assert trainer.audits is not None
        np.save(kept, trainer.audits.scores("model", "test"))
    return np.load(kept)


def lifted(labels: np.ndarray, scores: np.ndarray, part: np.ndarray, lift: float) -> np.ndarray:
    """Move the logits of some rows' cases so that the AUC of these rows rises by `lift`."""
    logits, moved = logit(np.clip(scores, 1e-12, 1 - 1e-12)), part & (labels == 1)

    def rises(step: float) -> np.ndarray:
        return logits + np.where(moved, step, 0.0)

    wanted = auc(labels[part], logits[part]) + lift
    step = brentq(lambda step: auc(labels[part], rises(step)[part]) - wanted, 0.0, 20.0, xtol=1e-3)
    return rises(float(step))


def share(found: list[str], names: tuple[str, ...]) -> float:
    """Return the share of verdicts that are one of `names`."""
    return sum(verdict in names for verdict in found) / len(found)


def main() -> None:
    """Print a row a task."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--real", type=Path, default=None)
    parser.add_argument("--runs", type=int, default=12)
    parser.add_argument("--epochs", type=float, default=5.0)
    parser.add_argument("--output_dir", type=Path, default=Path("same-recipe"))
    asked = parser.parse_args()
    rng = np.random.default_rng(0)
    heads = ["task", "seeds", "sd of the lowest AUC", "two checkpoints differ", "3 runs against 3 differ"]
    heads += [f"+{lift:g} in the worst group: gain named" for lift in LIFTS]
    print(f"| {' | '.join(heads)} |\n{'|---' * len(heads)}|")
    for name, table, model, rate in tasks(asked.output_dir, asked.real):
        folder = asked.output_dir / name.split(",")[0].replace(" ", "-")
        folder.mkdir(parents=True, exist_ok=True)
        data = load_fair_dataset(table, load_processor(model), seed=0)
        runs = np.stack([scored(data, model, rate, asked.epochs, seed, folder) for seed in range(asked.runs)])
        split = data.scored("test", runs[0])
        labels, attribute = split.labels[:, 0], split.attributes[0]
        groups, names = attribute.values, attribute.names
        # Rows without a known value are no group of patients.
        left = attribute.left_out(())
        kept = [code for code, own in enumerate(names) if own not in left]
        aucs = np.array([[auc(labels[groups == code], run[groups == code]) for code in kept] for run in runs])
        worst = groups == kept[aucs.mean(axis=0).argmin()]

        fixed = {"clusters": split.clusters, "exclude": left}
        alone = [
            compare(labels, runs[i], runs[j], groups, names, n_boot=300, **fixed).verdict
            for i, j in combinations(range(len(runs)), 2)
        ]
        together, lifts = list[str](), {lift: list[str]() for lift in LIFTS}
        for _ in range(SOME):
            drawn = rng.permutation(len(runs))[:6]
            one, other = runs[drawn[:3]], runs[drawn[3:]]
            together.append(replicate(labels, one, other, groups, names, **fixed).verdict)
            for lift in LIFTS if len(together) <= SOME // 5 else ():
                better = np.stack([lifted(labels, run, worst, lift) for run in one])
                lifts[lift].append(replicate(labels, better, other, groups, names, **fixed).verdict)
        cells = [f"{aucs.min(axis=1).std(ddof=1):.4f}", f"{1 - share(alone, ('not shown',)):.2f}"]
        cells += [f"{1 - share(together, ('not shown',)):.3f}"]
        cells += [f"{share(lifts[lift], ('better', 'gain')):.2f}" for lift in LIFTS]
        print(f"| {name} | {len(runs)} | {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    main()
