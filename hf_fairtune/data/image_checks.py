"""Whether groups and classes of a table of images can be trained on and compared: in every split, in every fold."""

from collections.abc import Sequence

import numpy as np

from ..errors import FairTuneError, listed
from .arguments import DataArguments
from .columns import SPLITS
from .image_rows import ImageRows


def check_named(rows: ImageRows, arguments: DataArguments, left_out: Sequence[str]) -> None:
    """Check that what is left out or not by name are groups, or levels of them, and that two groups are left."""
    known = [name for attribute in rows.table.attributes for name in attribute.names]
    for flag in ("exclude", "include"):
        unknown = [name for name in getattr(arguments, flag) if name not in known]
        if unknown:
            raise FairTuneError(f"--{flag} {unknown[0]} is no group; the groups are {listed(known, 30)}.")
    if len(rows.groups.names) - len(left_out) < 2:
        raise FairTuneError(
            f"Without {listed(left_out)} fewer than two groups are left to compare; name fewer under --exclude, or "
            "an unknown one under --include."
        )


def check_both_classes(rows: ImageRows, left_out: Sequence[str]) -> None:
    """Check that every class has rows to learn from, and every group but those left out two of them in each split."""
    counts = rows.cases(rows.inside(SPLITS[0])).sum(axis=0)
    for name, (negatives, positives) in zip(rows.table.targets, counts.tolist(), strict=True):
        if not (negatives and positives):
            raise FairTuneError(
                f"`{name}` has {positives} rows with it and {negatives} without in the train split, so that it cannot "
                "be learnt; merge it with another, leave it out, or divide the rows otherwise."
            )
    for name in SPLITS:
        _check_part(rows, rows.inside(name), left_out, f"the {name} split", "enlarge the split")


def check_folds(rows: ImageRows, folds: Sequence[np.ndarray], left_out: Sequence[str]) -> None:
    """Check that every group but those left out has two classes in each fold, given by its rows."""
    for fold, chosen in enumerate(folds):
        _check_part(rows, chosen, left_out, f"fold {fold + 1} of {len(folds)}", "take fewer folds")


def _check_part(rows: ImageRows, chosen: np.ndarray, left_out: Sequence[str], part: str, cure: str) -> None:
    """Check groups in some rows: of several targets one at least must have rows with it and without."""
    for group, counts in zip(rows.groups.names, rows.cases(chosen), strict=True):
        if group in left_out or (counts > 0).all(axis=1).any():
            continue
        what = "one class" if counts.any() else "no row"
        found = zip(rows.table.targets, counts[:, 1].tolist(), strict=True)
        said = [f"{n} `{name}`" for name, n in found if n or rows.negative is not None]
        said += [f"{counts[0, 0]} `{rows.negative}`"] if rows.negative is not None else []
        raise FairTuneError(
            f"Group `{group}` has {what} in {part} ({', '.join(said) or 'no finding'}); merge it with another, leave "
            f"it out by --exclude, {cure}, or choose another --group."
        )
