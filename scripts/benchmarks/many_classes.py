"""Seven classes: a search, a training and a repair of HAM10000's `dx`, with a transformer and a CNN.

    python scripts/benchmarks/many_classes.py --data DATA/ham10000 --models WEIGHTS/vit-tiny-patch16-224 ...

Each job is one command, whose flags are printed; a killed run goes on. The repair starts from the model that the
training left. The table is read from the `fairtune.json` of each; macro is the mean over classes that can be judged.
"""

import argparse
import subprocess
import sys
from collections.abc import Iterator
from math import isfinite
from pathlib import Path
from statistics import mean

import pandas as pd

from hf_fairtune.document.document import Audited, Document

HEADS = (
    "backbone", "job", "model", "macro AUC of all rows", "macro AUC of the lowest group", "lowest class and group",
    "cells judged",
)  # fmt: skip


def table(data: Path, folder: Path) -> Path:
    """Write the rows with a known sex, with absolute paths."""
    rows = pd.read_csv(data / "metadata.csv", dtype=str)
    rows = rows[rows["sex"].isin(["F", "M"])]
    rows["file_name"] = [str((data / file).resolve()) for file in rows["file_name"]]
    path = folder / "dx.csv"
    if not path.is_file():
        rows.to_csv(path, index=False)
    return path


def run(job: str, model: Path, rows: Path, folder: Path, *flags: str) -> Document:
    """Run a command, or what is left of it."""
    command = [
        sys.executable, "-m", "hf_fairtune", job, "--model", str(model), "--dataset", str(rows), "--label", "dx",
        "--group", "sex", "--cluster", "patient_id", "--data_cache", str(folder.parent / "pixels"),
        "--output_dir", str(folder), *flags,
    ]  # fmt: skip
    print(" ".join(["fairtune", *command[3:]]), flush=True)
    subprocess.run(command, check=True)
    return Document.load(folder)


def rows_of(backbone: str, document: Document) -> Iterator[str]:
    """Yield a row a model that is audited on test."""
    for model in document.models:
        if entries := [own for own in document.audits if (own.model, own.split) == (model.id, "test")]:
            yield f"| {' | '.join([backbone, document.job, model.title, *numbers(entries)])} |"


def numbers(entries: list[Audited]) -> list[str]:
    """Return a model's numbers; cells of class and group with too few cases have no part in them."""
    whole = [own.audit.auc.value for own in entries if own.attribute is None and isfinite(own.audit.auc.low)]
    cells = [(own.target, row) for own in entries if own.attribute is not None for row in own.audit.groups]
    judged = [(target, row) for target, row in cells if isfinite(row.auc.low)]
    targets = dict.fromkeys(target for target, _ in judged)
    lowest = [min(row.auc.value for own, row in judged if own == target) for target in targets]
    target, row = min(judged, key=lambda cell: cell[1].auc.value)
    worst = f"{row.auc.value:.3f} [{row.auc.low:.3f}, {row.auc.high:.3f}], {target} in {row.group}"
    return [f"{mean(whole):.3f}", f"{mean(lowest):.3f}", worst, f"{len(judged)} of {len(cells)}"]


def main() -> None:
    """Run the jobs with each model, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--models", type=Path, nargs="+", required=True)
    parser.add_argument("--trials", default="8")
    parser.add_argument("--output_dir", type=Path, default=Path("many_classes"))
    asked, flags = parser.parse_known_args()
    asked.output_dir.mkdir(parents=True, exist_ok=True)
    rows, found = table(asked.data, asked.output_dir), list[str]()
    for model in asked.models:
        place = asked.output_dir / model.name
        searching = ("--trials", asked.trials, "--baselines", "full", "--seeds", "1", *flags)
        found += rows_of(model.name, run("search", model, rows, place / "search", *searching))
        sampled = ("--method", "full", "--sampler", "group_label", *flags)
        found += rows_of(model.name, run("train", model, rows, place / "train", *sampled))
        repaired = ("--method", "swift", "--seeds", "1", *flags)
        found += rows_of(model.name, run("debias", place / "train", rows, place / "debias", *repaired))
    print(f"\n| {' | '.join(HEADS)} |\n{'|---' * len(HEADS)}|")
    print("\n".join(found))


if __name__ == "__main__":
    main()
