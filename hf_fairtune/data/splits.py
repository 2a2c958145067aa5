"""Train, validation and test: made from the data, read from a file, or checked as given."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..errors import FairTuneError
from ..folder import write_atomically
from .identity import digest
from .source import SPLITS
from .stratify import stratified

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


@dataclass(frozen=True)
class SplitRows:
    """The rows to divide.

    Args:
        keys: unique identity of each row.
        units: what must stay together (cluster, or the image itself), one a row.
        strata: label x group, from 0, shape `(rows,)`.
        given: the split of each row where the data say so.
    """

    keys: list[str]
    units: list[str]
    strata: np.ndarray
    given: list[str] | None = None


def divide(rows: SplitRows, plan: SplitPlan) -> tuple[np.ndarray, str]:
    """Give every row its split.

    Given splits stay; those that are missing are made out of the given train, or out of everything.

    Returns:
        names of splits, shape `(rows,)`, and "given" if nothing had to be made, else "made".

    Raises:
        FairTuneError: the split file does not belong to these rows or fractions.
    """
    given = np.array(rows.given or ["train"] * len(rows.keys), dtype=object)
    absent = [name for name in SPLITS if name not in given]
    if not absent:
        return given, "given"
    if plan.file is not None and plan.file.is_file():
        return _read(rows, plan, given), "made"
    split = _make(rows, plan, given, absent)
    if plan.file is not None:
        _save(rows, plan, split)
    return split, "made"


def _make(rows: SplitRows, plan: SplitPlan, given: np.ndarray, absent: list[str]) -> np.ndarray:
    shares = {name: getattr(plan, name) for name in absent}
    shares = {"train": 1 - sum(shares.values()), **shares}
    free = np.flatnonzero(given == "train")
    units = np.array(rows.units, dtype=object)[free]
    split = given.copy()
    chosen = stratified(units, rows.strata[free], list(shares.values()), plan.seed)
    split[free] = np.array(list(shares), dtype=object)[chosen]
    return split


def _save(rows: SplitRows, plan: SplitPlan, split: np.ndarray) -> None:
    assert plan.file is not None
    keys = np.array(rows.keys, dtype=object)
    parts = {name: sorted(keys[split == name].tolist()) for name in SPLITS}
    content = {
        "validation_fraction": plan.validation,
        "test_fraction": plan.test,
        "seed": plan.seed,
        "hash": digest(parts),
        "splits": parts,
    }
    plan.file.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(plan.file, json.dumps(content, indent=1) + "\n")


def read_splits(file: Path) -> tuple[dict[str, str], SplitPlan]:
    """Read a split file.

    Returns:
        the split of every row by the row's identity, and how they were made.

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
        raise FairTuneError(f"`{file}` is no split file ({error!r}). Delete it to divide anew.") from error
    if not whole:
        raise FairTuneError(f"`{file}` was changed by hand or cut short. Delete it to divide anew.")
    return where, plan


def _read(rows: SplitRows, plan: SplitPlan, given: np.ndarray) -> np.ndarray:
    assert plan.file is not None
    advice = "Give the data and fractions it was made with, or delete it to divide anew."
    where, made = read_splits(plan.file)
    fractions = (made.validation, made.test)
    if fractions != (plan.validation, plan.test):
        raise FairTuneError(
            f"`{plan.file}` divides by {fractions[0]:g} validation and {fractions[1]:g} test, not "
            f"{plan.validation:g} and {plan.test:g}. {advice}"
        )
    new, gone = set(rows.keys) - set(where), set(where) - set(rows.keys)
    split = np.array([where.get(key, "") for key in rows.keys], dtype=object)
    moved = int(np.sum((given != "train") & (split != given)))
    if new or gone or moved:
        raise FairTuneError(
            f"`{plan.file}` divides other data: {len(new)} of {len(rows.keys)} rows are new, {len(gone)} are gone "
            f"and {moved} changed their given split. {advice}"
        )
    return split
