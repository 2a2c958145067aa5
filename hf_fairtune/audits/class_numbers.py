"""Numbers of several classes or findings: of each against the rest, the worst over them, and their mean.

A key of one finding, such as `min_group_auc`, is here the worst over the classes, `macro_min_group_auc` their mean,
and `min_group_auc_<class>` that of one; `auc_<class>_<group>` is one cell. Cells of fewer than 10 cases with or
without take no part in what is worst or mean, as chance alone would decide it; commands say which. Accuracy and log
loss are of all classes together where a row has one.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Container, Iterable, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from ..document.estimate import NAN
from ..errors import FairTuneError
from .engine.class_rows import ClassRows
from .engine.rows import ScoredRows
from .metrics.auc_gap import extremes
from .metrics.metric import gaps

MACRO = "macro_"
AUCS = ("auc", "min_group_auc", "max_group_auc", "auc_gap")
# What is of all classes together where a row has one: their names, and whether greater is better.
WHOLE = {"accuracy": True, "log_loss": False}
# Decisions that are one-sided for every class decide nothing; those of a rare class often are.
LEAST = ("one_class_share", "one_class_share_fitted")
Numbers = Mapping[str, float]
One = Callable[[ScoredRows, Sequence[int], np.ndarray | None], Numbers]


class Cell(NamedTuple):
    """Which rows a key of one finding is of: those of a group, or all, or what is across so many groups at least."""

    group: str | None = None
    groups: int = 0


def class_numbers(
    rows: ClassRows,
    included: Sequence[int],
    folds: np.ndarray | None,
    one: One,
    greater: Mapping[str, bool],
) -> dict[str, float]:
    """Compute every number of several classes; see above.

    Args:
        rows: of all classes.
        included: codes of groups that numbers across groups are of.
        folds: of each row, where another model scored the rows of each fold, [n].
        one: computes the numbers of one class's rows, with the groups and folds of these.
        greater: whether a greater value is better, of the keys that know it.
    """
    parts, compared = [], []
    for place in range(len(rows.names)):
        own = None if folds is None else folds[rows.known(place)]
        compared.append(rows.compared(place, included))
        parts.append(one(rows.of(place), compared[-1], own))
    found = _whole_numbers(rows, included) if rows.exclusive else {}
    for key, cell in _cells(parts[0], rows.group_names).items():
        if key == "worst_group" or (rows.exclusive and _is_whole(key)):
            continue
        values = np.array([part[key] for part in parts])
        kept = values[_taking_part(rows, compared, cell)]
        if key in greater or key in LEAST:
            found[key] = float(worst(kept, greater.get(key, True)))
        found[MACRO + key] = float(kept.mean()) if len(kept) else NAN
        named = zip(rows.names, values.tolist(), strict=True) if cell.group is None else ()
        found |= {f"{key}_{name}": value for name, value in named}
        if cell.group is not None and key == f"auc_{cell.group}":
            each = zip(rows.names, values.tolist(), strict=True)
            found |= {f"auc_{name}_{cell.group}": value for name, value in each}
    lowest = [part["min_group_auc"] for part in parts]
    if np.isnan(lowest).all():
        return found | {"worst_class": NAN, "worst_group": NAN}
    lowest_class = int(np.nanargmin(lowest))
    return found | {"worst_class": float(lowest_class), "worst_group": parts[lowest_class]["worst_group"]}


def class_directions(
    greater: Mapping[str, bool], group_names: Sequence[str], classes: Sequence[str]
) -> dict[str, bool]:
    """Tell of each key of several classes that can be optimised whether greater is better; `greater` is of one."""
    found = {**greater}
    for key, cell in _cells(greater, group_names).items():
        if _is_whole(key):
            continue
        found[MACRO + key] = greater[key]
        found |= {f"{key}_{name}": greater[key] for name in classes if cell.group is None}
    return found | {f"auc_{name}_{group}": True for name in classes for group in group_names}


def worst(values: np.ndarray, greater: bool) -> np.ndarray:
    """Return the worst over the last axis, [..., k] -> [...]; NaN without any."""
    if not values.shape[-1]:
        return np.full(values.shape[:-1], np.nan)
    return np.asarray(values.min(axis=-1) if greater else values.max(axis=-1))


def of_class_aucs(name: str, aucs: np.ndarray, rows: ClassRows, included: Sequence[int]) -> np.ndarray | None:
    """Read a key off AUCs by class, group and, last, of all rows, [..., k, n_groups + 1]; None if it takes more."""
    places = {
        f"auc_{own}_{group}": (place, code)
        for place, own in enumerate(rows.names)
        for code, group in enumerate(rows.group_names)
    }
    if name in places:
        place, code = places[name]
        return np.asarray(aucs[..., place, code])
    key, (before, after) = single_key(name, rows.names, AUCS)
    compared = [rows.compared(place, included) for place in range(len(rows.names))]
    values = [of_aucs(key, aucs[..., place, :], codes, rows.group_names) for place, codes in enumerate(compared)]
    known = [value for value in values if value is not None]
    if len(known) < len(values):
        return None
    if after:
        return known[list(rows.names).index(after[1:])]
    cell = _cells(dict.fromkeys(("auc", "auc_gap", key)), rows.group_names)[key]
    kept = np.stack(known, axis=-1)[..., _taking_part(rows, compared, cell)]
    return kept.mean(axis=-1) if before and kept.shape[-1] else worst(kept, key != "auc_gap")


def of_aucs(name: str, aucs: np.ndarray, included: Sequence[int], group_names: Sequence[str]) -> np.ndarray | None:
    """Read a key off AUCs of one finding by group and, last, of all rows, [..., n_groups + 1]; None if it takes more.

    What is across groups is NaN where none are `included`, by code.
    """
    across = aucs[..., list(included)]
    if name in AUCS[1:]:
        if not across.shape[-1]:
            return np.full(across.shape[:-1], np.nan)
        low, high = across.min(axis=-1), across.max(axis=-1)
        return np.asarray({"min_group_auc": low, "max_group_auc": high, "auc_gap": high - low}[name])
    columns = {"auc": -1} | {f"auc_{group}": code for code, group in enumerate(group_names)}
    return aucs[..., columns[name]] if name in columns else None


def cells_of_key(
    name: str, rows: ClassRows, included: Sequence[int], known: Container[str]
) -> list[tuple[str, str]] | None:
    """List class and group of every cell that a key across groups rests on; None of a key that is not of cells.

    `known` are the keys of one finding.
    """
    key, (_, after) = single_key(name, rows.names, known)
    least = _cells(dict.fromkeys(("auc", "auc_gap", key)), rows.group_names)[key].groups
    if not least or (rows.exclusive and _is_whole(key)):
        return None
    found = list[tuple[str, str]]()
    for place, target in enumerate(rows.names):
        codes = rows.compared(place, included)
        if after in ("", f"_{target}") and len(codes) >= least:
            found += [(target, rows.group_names[code]) for code in codes]
    return found


def check_class_names(greater: Mapping[str, bool], group_names: Sequence[str], classes: Sequence[str]) -> None:
    """Check that no two keys of several classes are one.

    Raises:
        FairTuneError: two are, or a class is named twice.
    """
    taken = {
        *greater,
        *(MACRO + key for key in greater),
        *(f"{key}_{name}" for key in greater for name in group_names),
    }
    for name in classes:
        own = [f"{key}_{name}" for key in greater if f"{key}_{name}" in taken]
        if own or list(classes).count(name) > 1:
            key = own[0] if own else f"auc_{name}"
            raise FairTuneError(f"The class name {name!r} makes the key `{key}` twice; rename it.")


def single_key(key: str, classes: Iterable[str], known: Container[str]) -> tuple[str, tuple[str, str]]:
    """Divide a key into that of one finding and what stands before and after: "macro_" or "", "_<class>" or "".

    A class may be called as a key ends, "auc" say, so that only what is left of a `known` key of one finding counts.
    """
    if key.startswith(MACRO):
        return key.removeprefix(MACRO), (MACRO, "")
    own = [name for name in classes if key.endswith(f"_{name}") and key.removesuffix(f"_{name}") in known]
    after = f"_{max(own, key=len)}" if own else ""
    return key.removesuffix(after), ("", after)


def _cells(keys: Collection[str], group_names: Sequence[str]) -> dict[str, Cell]:
    """Tell which rows each key of one finding is of."""
    groups = {f"{base}_{name}": name for name in group_names for base in keys if f"{base}_{name}" in keys}
    found = {}
    for key in keys:
        gap = key.removesuffix("_fitted") in gaps() or key.endswith("_gap")
        across = key.startswith(("min_group_", "max_group_")) or key in LEAST
        found[key] = Cell(groups[key]) if key in groups else Cell(groups=2 if gap else 1 if across else 0)
    return found


def _taking_part(rows: ClassRows, compared: Sequence[tuple[int, ...]], cell: Cell) -> np.ndarray:
    """Tell which classes take part in what is worst or mean over them, [k]."""
    if cell.groups:
        return np.array([len(codes) >= cell.groups for codes in compared])
    code = -1 if cell.group is None else rows.group_names.index(cell.group)
    found: np.ndarray = rows.estimable[:, code]
    return found


def _is_whole(key: str) -> bool:
    """Tell whether a key is of a number of all classes together, of whatever rows."""
    bare = key.removeprefix("min_group_").removeprefix("max_group_")
    return bare in WHOLE or bare.startswith(tuple(f"{name}_" for name in WHOLE))


def _whole_numbers(rows: ClassRows, included: Sequence[int]) -> dict[str, float]:
    """Compute the share of rows whose likeliest class is theirs, and the log loss of their class, by group."""
    truth, found = rows.labels.argmax(axis=1), dict[str, float]()
    chances = np.clip(rows.scores[np.arange(len(truth)), truth], np.finfo(np.float64).tiny, 1)
    values = {"accuracy": rows.scores.argmax(axis=1) == truth, "log_loss": -np.log(chances)}
    for name, greater in WHOLE.items():
        by_group = []
        for code, group in enumerate(rows.group_names):
            own = values[name][rows.groups == code]
            by_group.append(float(own.mean()) if len(own) else NAN)
            found[f"{name}_{group}"] = by_group[-1]
        ends = extremes(np.array(by_group), included)
        found |= {name: float(values[name].mean()), f"{name}_gap": ends.gap}
        found["min_group_accuracy" if greater else "max_group_log_loss"] = ends.minimum if greater else ends.maximum
    return found
