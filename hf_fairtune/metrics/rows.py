"""Scored rows: labels, scores, group codes and clusters, checked once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from ..errors import FairTuneError


@dataclass(frozen=True)
class Rows:
    """Rows of one split, as `check_rows` returns them.

    Shapes: labels, scores, groups and clusters are [n]; labels are 0 or 1, groups index `group_names`,
    clusters count from 0 (rows of one patient share one) or are None where rows are independent.
    """

    labels: np.ndarray
    scores: np.ndarray
    groups: np.ndarray
    group_names: tuple[str, ...]
    clusters: np.ndarray | None = None

    @property
    def n_clusters(self) -> int | None:
        """Count the clusters; None where rows are independent."""
        return None if self.clusters is None else int(self.clusters.max()) + 1

    def counts(self) -> np.ndarray:
        """Count rows by group and class: int [n_groups, 2], negatives first."""
        cells = np.bincount(self.groups * 2 + self.labels, minlength=2 * len(self.group_names))
        return cells.reshape(-1, 2)

    def units(self) -> np.ndarray:
        """Count independent units by group: int [n_groups, 3], with negatives, with positives, all.

        A unit is a row, or a cluster where there are clusters: ten positives of one patient are one unit.
        """
        if self.clusters is None:
            counts = self.counts()
            return np.column_stack([counts, counts.sum(axis=1)])
        size = len(self.group_names)
        by_class = _distinct(self.groups * 2 + self.labels, self.clusters, 2 * size).reshape(-1, 2)
        return np.column_stack([by_class, _distinct(self.groups, self.clusters, size)])

    def ordered(self) -> Rows:
        """Sort by score, label, group and cluster: sums over rows then do not depend on how these were given."""
        units = np.zeros_like(self.groups) if self.clusters is None else self.clusters
        order = np.lexsort((units, self.groups, self.labels, self.scores))
        clusters = None if self.clusters is None else self.clusters[order]
        return Rows(self.labels[order], self.scores[order], self.groups[order], self.group_names, clusters)


def _distinct(cells: np.ndarray, clusters: np.ndarray, size: int) -> np.ndarray:
    """Count the clusters that occur in each cell, [size]."""
    pairs = np.sort(cells * (int(clusters.max()) + 1) + clusters)
    first = np.append(True, np.diff(pairs) > 0)
    return np.bincount(pairs[first] // (int(clusters.max()) + 1), minlength=size)


def check_rows(
    labels: ArrayLike,
    scores: ArrayLike,
    groups: ArrayLike,
    group_names: Sequence[str],
    clusters: Sequence[object] | np.ndarray | None = None,
) -> Rows:
    """Check scored rows and return them as arrays.

    Args:
        labels: 0 or 1, [n]; 1 is the finding to detect.
        scores: finite numbers, [n]; higher means more likely 1.
        groups: codes of `group_names`, [n].
        clusters: hashable ids, [n], equal for rows that are not independent; None for none.

    Raises:
        FairTuneError: lengths differ, there are no rows, or a column holds something else.
    """
    given = {"labels": np.asarray(labels), "scores": np.asarray(scores), "groups": np.asarray(groups)}
    _check_shapes(given)
    names = _checked_names(group_names)
    n = len(given["labels"])
    return Rows(
        check_labels(given["labels"]),
        check_scores(given["scores"]),
        _checked_groups(given["groups"], names),
        names,
        None if clusters is None else _checked_clusters(clusters, n),
    )


def check_labels(labels: ArrayLike) -> np.ndarray:
    """Return labels as int64, or raise FairTuneError where one is neither 0 nor 1."""
    array = np.asarray(labels)
    values = np.unique(array)
    if not set(values.tolist()) <= {0, 1}:
        shown = ", ".join(map(str, values[:5].tolist()))
        raise FairTuneError(f"`labels` has the values {shown}; map the positive label to 1 and the other to 0.")
    return array.astype(np.int64)


def check_scores(scores: ArrayLike, name: str = "scores") -> np.ndarray:
    """Return scores as float64, or raise FairTuneError calling them `name` where one is not a finite number."""
    array = np.asarray(scores)
    if array.dtype.kind not in "biuf":
        raise FairTuneError(f"`{name}` has type {array.dtype}; pass one number a row.")
    array = array.astype(np.float64)
    bad = int((~np.isfinite(array)).sum())
    if bad:
        raise FairTuneError(f"`{name}` has {bad} values that are NaN or infinite; drop or repair those rows.")
    return array


def _check_shapes(given: dict[str, np.ndarray]) -> None:
    for name, array in given.items():
        if array.ndim != 1:
            raise FairTuneError(f"`{name}` has shape {array.shape}; pass one value a row.")
    if len({len(array) for array in given.values()}) > 1:
        lengths = ", ".join(f"{name} {len(array)}" for name, array in given.items())
        raise FairTuneError(f"Lengths differ ({lengths}); pass one value a row in each.")
    if not len(given["labels"]):
        raise FairTuneError("`labels` is empty; pass at least one row.")


def _checked_names(group_names: Sequence[str]) -> tuple[str, ...]:
    names = tuple(str(name) for name in group_names)
    if not names or len(set(names)) != len(names):
        raise FairTuneError(f"`group_names` is {list(names)}; pass at least one name, each once.")
    return names


def _checked_groups(groups: np.ndarray, names: tuple[str, ...]) -> np.ndarray:
    if groups.dtype.kind not in "biu":
        raise FairTuneError(f"`groups` has type {groups.dtype}; pass integer codes of `group_names`.")
    low, high = int(groups.min()), int(groups.max())
    if low < 0 or high >= len(names):
        raise FairTuneError(
            f"`groups` has codes from {low} to {high} but `group_names` has {len(names)} names; "
            "give rows without the attribute a level of their own."
        )
    return groups.astype(np.int64)


def _checked_clusters(clusters: Sequence[object] | np.ndarray, n: int) -> np.ndarray:
    """Code clusters by the order of their ids as text, not of the rows: rows permuted then draw the same resamples."""
    if len(clusters) != n or np.ndim(np.asarray(clusters[:1])) != 1:
        raise FairTuneError(f"`clusters` has {len(clusters)} entries for {n} rows; pass one id a row.")
    if isinstance(clusters, np.ndarray) and clusters.dtype.kind in "iuU":
        found, codes = np.unique(clusters, return_inverse=True)
        return np.argsort(np.argsort(found.astype(str), kind="stable"))[codes]
    ids = clusters.tolist() if isinstance(clusters, np.ndarray) else list(clusters)
    missing = sum(item is None or item != item for item in ids)
    if missing:
        raise FairTuneError(f"`clusters` lacks {missing} ids; give a row without one an id of its own.")
    ordered = sorted(sorted(dict.fromkeys(ids), key=lambda item: type(item).__name__), key=str)
    places = dict(zip(ordered, range(len(ordered)), strict=True))
    return np.fromiter(map(places.__getitem__, ids), dtype=np.int64, count=n)


def excluded_codes(group_names: Sequence[str], exclude: Sequence[str]) -> frozenset[int]:
    """Return the codes of the groups named in `exclude`, or raise FairTuneError for an unknown name."""
    names = [exclude] if isinstance(exclude, str) else list(exclude)
    unknown = [name for name in names if name not in group_names]
    if unknown:
        raise FairTuneError(f"`exclude` names {unknown}; the groups are {list(group_names)}.")
    return frozenset(list(group_names).index(name) for name in names)
