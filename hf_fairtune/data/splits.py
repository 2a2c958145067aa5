"""Train, validation and test: made from the data, read from a file, or checked as given."""

import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from ..errors import FairTuneError, first_line
from ..files.atomic import write_atomically
from .columns import SPLITS
from .identity import digest

FILE_NAME = "splits.json"
# What images are called by in the file.
BY = "content"


@dataclass(frozen=True)
class SplitPlan:
    """Shares of the divided rows where the data do not say, and the file that keeps the splits, whatever the seed."""

    validation: float = 0.2
    test: float = 0.2
    seed: int = 0
    file: Path | None = None

    def __post_init__(self) -> None:
        if not (self.validation > 0 and self.test > 0 and self.validation + self.test < 1):
            raise FairTuneError(
                f"--validation_fraction {self.validation:g} and --test_fraction {self.test:g} leave no rows for one "
                "split; both must be positive and their sum below 1."
            )


def divide(
    keys: Sequence[str], units: np.ndarray, strata: np.ndarray, given: Sequence[str] | None, plan: SplitPlan
) -> tuple[np.ndarray, Literal["given", "made"]]:
    """Give every row its split.

    Given splits stay; those that are missing are made out of the given train, or out of everything, with `units`
    (a cluster, or the image itself) whole and `strata` (label x group, from 0) alike in each.

    Returns:
        names of splits, [n], and "given" if nothing had to be made, else "made".
    """
    split = np.array(given or ["train"] * len(keys), dtype=object)
    absent = [name for name in SPLITS if name not in split]
    if not absent:
        return split, "given"
    if plan.file is not None and os.path.lexists(plan.file):
        return _kept(keys, split, plan, plan.file), "made"
    shares = {"train": 1.0} | {name: getattr(plan, name) for name in absent}
    shares["train"] -= sum(shares[name] for name in absent)
    free = np.flatnonzero(split == "train")
    chosen = stratified(units[free], strata[free], list(shares.values()), plan.seed)
    split[free] = np.array(list(shares), dtype=object)[chosen]
    if plan.file is not None:
        _save(keys, split, plan, plan.file)
    return split, "made"


def stratified(units: np.ndarray, strata: np.ndarray, shares: Sequence[float], seed: int) -> np.ndarray:
    """Give every row a part, whole units together and strata alike: an index into `shares`, which add up to 1.

    This is the iterative stratification of Sechidis et al. (ECML 2011) with units in place of rows; scikit-learn's
    folds divide by 1/k only and may leave a small stratum out. The units come largest first, shuffled within a size;
    each goes where its strata are furthest below their due.
    """
    _, unit = np.unique(units.astype(str), return_inverse=True)
    _, stratum = np.unique(strata, return_inverse=True)
    counts = np.zeros((unit.max() + 1, stratum.max() + 1))
    np.add.at(counts, (unit, stratum), 1)
    totals = counts.sum(axis=0)
    due = np.outer(shares, totals)
    shuffled = np.random.default_rng(seed).permutation(len(counts))
    order = shuffled[np.argsort(-counts[shuffled].sum(axis=1), kind="stable")]
    open_ = due.copy()
    part = np.empty(len(counts), dtype=np.int64)
    for i in order:
        need = (open_ / due) @ (counts[i] / totals)
        tied = np.flatnonzero(need >= need.max() - 1e-9)
        best = tied[np.argmax((open_[tied].sum(axis=1)) / due[tied].sum(axis=1))]
        part[i] = best
        open_[best] -= counts[i]
    return part[unit]


def _save(keys: Sequence[str], split: np.ndarray, plan: SplitPlan, file: Path) -> None:
    names = np.array(keys, dtype=object)
    parts = {name: sorted(names[split == name].tolist()) for name in SPLITS}
    content = {
        "validation_fraction": plan.validation,
        "test_fraction": plan.test,
        "seed": plan.seed,
        "images": BY,
        "hash": digest(parts),
        "splits": parts,
    }
    write_atomically(file, json.dumps(content, indent=1) + "\n")


def read_splits(file: Path) -> tuple[dict[str, str], SplitPlan]:
    """Read a split file: the split of every row by the row's identity, and how they were made."""
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
        parts: dict[str, list[str]] = content["splits"]
        whole = content["hash"] == digest(parts)
        plan = SplitPlan(content["validation_fraction"], content["test_fraction"], content["seed"], file)
        where = {key: name for name in SPLITS for key in parts[name]}
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise FairTuneError(f"`{file}` is no split file ({first_line(error)}). Delete it to divide again.") from error
    if content.get("images") != BY:
        raise FairTuneError(
            f"`{file}` is of an earlier version, which knew images by their paths and not by their content. Divide "
            "again, and train again, in another output_dir."
        )
    if not whole:
        raise FairTuneError(f"`{file}` was changed by hand or cut short. Delete it to divide again.")
    return where, plan


def _kept(keys: Sequence[str], given: np.ndarray, plan: SplitPlan, file: Path) -> np.ndarray:
    """Return the splits of an earlier run, which must have divided the same rows."""
    advice = "Give the data and fractions it was made with, or delete it to divide again."
    where, made = read_splits(file)
    if (made.validation, made.test) != (plan.validation, plan.test):
        raise FairTuneError(
            f"`{file}` divides by {made.validation:g} validation and {made.test:g} test, not {plan.validation:g} and "
            f"{plan.test:g}. {advice}"
        )
    gone, new = set(where) - set(keys), set(keys) - set(where)
    split = np.array([where.get(key, "") for key in keys], dtype=object)
    moved = int(np.sum((given != "train") & (split != given)))
    if new or gone or moved:
        raise FairTuneError(
            f"`{file}` divides other data: {len(new)} of {len(keys)} rows are new, {len(gone)} are gone (one "
            f"whose image changed is both) and {moved} changed their given split. {advice}"
        )
    return split
