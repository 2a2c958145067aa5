"""Search on real patients: the default search, its baselines at equal budget, each with several seeds.

    python scripts/benchmarks/real_data.py --data DATA --model vit-tiny-patch16-224

DATA holds `ham10000` and `pad_ufes`, each an `imagefolder` with a metadata.csv. Every task is one `fairtune search`,
whose flags are printed; a killed run goes on. The tables are read from the `fairtune.json` of each.
"""

import argparse
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pandas as pd

from hf_fairtune.document.document import Document
from hf_fairtune.document.replication import Repeated

# Table, attribute, and the column that a row must have.
TASKS = {
    "HAM10000, age:60": ("ham10000", "age:60"),
    "PAD-UFES-20, sex": ("pad_ufes", "sex"),
    "PAD-UFES-20, skin type": ("pad_ufes", "skin_group"),
}


def table(data: Path, folder: Path, name: str, attribute: str) -> Path:
    """Write the rows that have the attribute, with absolute paths: where it is missing it tells the label of PAD."""
    rows = pd.read_csv(data / name / "metadata.csv", dtype=str)
    rows = rows[rows[attribute.partition(":")[0]].notna()]
    rows["file_name"] = [str((data / name / file).resolve()) for file in rows["file_name"]]
    path = folder / f"{name}-{attribute.partition(':')[0]}.csv"
    if not path.is_file():
        rows.to_csv(path, index=False)
    return path


def said(value: Repeated) -> str:
    """Write a mean over trainings with its interval."""
    return f"{value.mean.value:.3f} [{value.mean.low:.3f}, {value.mean.high:.3f}]"


def rows_of(task: str, document: Document) -> Iterator[str]:
    """Yield a row a method: what it chose on validation, and what its trainings give on test."""
    models = {model.id: model for model in document.models}
    entry = next(audited for audited in document.audits if audited.replications)
    for place, found in enumerate(entry.replications):
        pairs = [(document.model, found.min_group_auc.method, found.auc.method, "")] if place == 0 else []
        pairs.append((found.baseline, found.min_group_auc.baseline, found.auc.baseline, found.verdict))
        for id, lowest, whole, verdict in pairs:
            model = models[id]
            budget = model.budget
            value = "" if budget is None else f"{budget.value:.3f}"
            trials = "" if budget is None else f"{budget.trials} · {budget.epochs:g}"
            optimism = "" if budget is None else f"{budget.value - lowest.mean.value:+.3f}"
            cells = [task, model.title, trials, value, said(lowest), optimism, said(whole), verdict]
            yield f"| {' | '.join(cells)} |"


def main() -> None:
    """Run the tasks and print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--model", required=True)
    parser.add_argument("--tasks", nargs="+", default=[*TASKS], choices=[*TASKS])
    parser.add_argument("--output_dir", type=Path, default=Path("real_data"))
    asked, flags = parser.parse_known_args()
    asked.output_dir.mkdir(parents=True, exist_ok=True)
    found = []
    for task in asked.tasks:
        name, attribute = TASKS[task]
        folder = asked.output_dir / f"{name}-{attribute.partition(':')[0]}"
        command = [
            sys.executable, "-m", "hf_fairtune.cli.main", "search", "--model", asked.model,
            "--dataset", str(table(asked.data, asked.output_dir, name, attribute)), "--label", "label",
            "--positive", "1", "--group", attribute, "--cluster", "patient_id",
            "--data_cache", str(asked.output_dir / "pixels"), "--output_dir", str(folder), *flags,
        ]  # fmt: skip
        print(" ".join(["fairtune", *command[3:]]), flush=True)
        subprocess.run(command, check=True)
        found += rows_of(task, Document.load(folder))
    heads = [
        "task",
        "method",
        "trials · epochs",
        "value on validation",
        "lowest group's AUC on test, mean of trainings",
    ]
    heads += ["validation - test", "AUC of all rows", "verdict on the search against it"]
    print(f"\n| {' | '.join(heads)} |\n{'|---' * len(heads)}|")
    print("\n".join(found))


if __name__ == "__main__":
    main()
