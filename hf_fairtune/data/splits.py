"""Train, validation and test: made from the data, read from a file, or checked as given."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from ..errors import FairTuneError
from ..folder import write_atomically
from .identity import digest
from .stratify import stratified
from .table_file import SPLITS

FILE_NAME = "splits.json"


@dataclass(frozen=True)
class SplitPlan:
    """How to divide the rows where the data do not say.

    Args:
        validation: share of the divided rows for validation.
        test: share of the divided rows for the test.
        seed: of the shuffle.
        file: where the made splits are kept and read back, whatever the seed; None keeps nothing.
    """

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

    Given splits stay; those that are missing are made out of the given train, or out of everything.

    Args:
        keys: unique identity of each row.
        units: what must stay together (cluster, or the image itself), [n].
        strata: label x group, from 0, [n].
        given: the split of each row where the data say so.
        plan: how to divide the others.

    Returns:
        names of splits, [n], and "given" if nothing had to be made, else "made".

    Raises:
        FairTuneError: the split file does not belong to these rows or fractions.
    """
    split = np.array(given or ["train"] * len(keys), dtype=object)
    absent = [name for name in SPLITS if name not in split]
    if not absent:
        return split, "given"
    if plan.file is not None and plan.file.is_file():
        return _kept(keys, split, plan, plan.file), "made"
    shares = {"train": 1.0} | {name: getattr(plan, name) for name in absent}
    shares["train"] -= sum(shares[name] for name in absent)
    free = np.flatnonzero(split == "train")
    chosen = stratified(units[free], strata[free], list(shares.values()), plan.seed)
    split[free] = np.array(list(shares), dtype=object)[chosen]
    if plan.file is not None:
        _save(keys, split, plan, plan.file)
    return split, "made"


def _save(keys: Sequence[str], split: np.ndarray, plan: SplitPlan, file: Path) -> None:
    names = np.array(keys, dtype=object)
    parts = {name: sorted(names[split == name].tolist()) for name in SPLITS}
    content = {
        "validation_fraction": plan.validation,
        "test_fraction": plan.test,
        "seed": plan.seed,
        "hash": digest(parts),
        "splits": parts,
    }
    write_atomically(file, json.dumps(content, indent=1) + "\n")


def read_splits(file: Path) -> tuple[dict[str, str], SplitPlan]:
    """Read a split file: the split of every row by the row's identity, and how they were made.

    Raises:
        FairTuneError: it is no split file, or not as it was written.
    """
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
        parts: dict[str, list[str]] = content["splits"]
        whole = content["hash"] == digest(parts)
        plan = SplitPlan(content["validation_fraction"], content["test_fraction"], content["seed"], file)
        where = {key: name for name in SPLITS for key in parts[name]}
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise FairTuneError(f"`{file}` is no split file ({error!r}). Delete it to divide again.") from error
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
    new, gone = set(keys) - set(where), set(where) - set(keys)
    split = np.array([where.get(key, "") for key in keys], dtype=object)
    moved = int(np.sum((given != "train") & (split != given)))
    if new or gone or moved:
        raise FairTuneError(
            f"`{file}` divides other data: {len(new)} of {len(keys)} rows are new, {len(gone)} are gone "
            f"and {moved} changed their given split. {advice}"
        )
    return split
