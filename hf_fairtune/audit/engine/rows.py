"""Scored rows: labels, scores, group codes and clusters, checked once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from ...errors import FairTuneError


@dataclass(frozen=True)
class ScoredRows:
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
        """Count positives, negatives and rows by group and, in the last line, in all: int [n_groups + 1, 3]."""
        size = len(self.group_names)
        cells = np.bincount(self.groups * 2 + self.labels, minlength=2 * size).reshape(size, 2)
        by_group = np.column_stack([cells[:, 1], cells[:, 0], cells.sum(axis=1)])
        return np.vstack([by_group, by_group.sum(axis=0)])

    def units(self) -> np.ndarray:
        """Count independent units like `counts`: rows, or clusters that have such a row."""
        if self.clusters is None:
            return self.counts()
        return np.column_stack(
            [self.independent(self.labels == 1), self.independent(self.labels == 0), self.independent()]
        )

    def independent(self, kept: np.ndarray | None = None) -> np.ndarray:
        """Count independent units among some rows (bool [n]; None: all) by group and, last, in all: [n_groups + 1].

        A unit is a row, or a cluster where there are clusters: ten positives of one patient are one unit.
        """
        chosen: slice | np.ndarray = slice(None) if kept is None else kept
        size, groups = len(self.group_names), self.groups[chosen]
        if self.clusters is None:
            return np.append(np.bincount(groups, minlength=size), len(groups))
        clusters, step = self.clusters[chosen], int(self.clusters.max()) + 1
        by_group = np.bincount(np.unique(groups * step + clusters) // step, minlength=size)
        return np.append(by_group, len(np.unique(clusters)))

    def take(self, rows: np.ndarray) -> ScoredRows:
        """Return some rows (bool mask [n] or places) with all group names."""
        clusters = None if self.clusters is None else self.clusters[rows]
        return ScoredRows(self.labels[rows], self.scores[rows], self.groups[rows], self.group_names, clusters)

    def ordered(self) -> ScoredRows:
        """Sort by score, label, group and cluster: sums over rows then do not depend on the order of the input."""
        units = np.zeros_like(self.groups) if self.clusters is None else self.clusters
        return self.take(np.lexsort((units, self.groups, self.labels, self.scores)))


def check_rows(
    labels: ArrayLike,
    scores: ArrayLike,
    groups: ArrayLike,
    group_names: Sequence[str],
    clusters: Sequence[object] | np.ndarray | None = None,
) -> ScoredRows:
    """Check scored rows and return them as arrays.

    Args:
        labels: 0 or 1, [n]; 1 is the finding to detect.
        scores: finite numbers, [n]; higher means more likely 1.
        groups: codes of `group_names`, [n].
        group_names: name of each code, [n_groups].
        clusters: hashable ids, [n], equal for rows that are not independent; None for none.

    Raises:
        FairTuneError: lengths differ, there are no rows, or a column holds something else.
    """
    columns = {"labels": np.asarray(labels), "scores": np.asarray(scores), "groups": np.asarray(groups)}
    lengths = {name: len(array) if array.ndim == 1 else -1 for name, array in columns.items()}
    for name, length in lengths.items():
        if length < 0:
            raise FairTuneError(f"`{name}` has shape {columns[name].shape}; pass one value a row.")
    if len(set(lengths.values())) > 1:
        listed = ", ".join(f"{name} {length}" for name, length in lengths.items())
        raise FairTuneError(f"Lengths differ ({listed}); pass one value a row in each.")
    n = lengths["labels"]
    if not n:
        raise FairTuneError("`labels` is empty; pass at least one row.")
    names = tuple(map(str, group_names))
    if not names or len(set(names)) != len(names):
        raise FairTuneError(f"`group_names` is {list(names)}; pass at least one name, each once.")
    codes = _checked_groups(columns["groups"], len(names))
    ids = None if clusters is None else _checked_clusters(clusters, n)
    return ScoredRows(check_labels(columns["labels"]), check_scores(columns["scores"]), codes, names, ids)


def check_labels(labels: ArrayLike) -> np.ndarray:
    """Return labels as int64, or raise FairTuneError where one is neither 0 nor 1."""
    array = np.asarray(labels)
    values = np.unique(array)
    if not set(values.tolist()) <= {0, 1}:
        shown = ", ".join(map(str, values[:5].tolist()))
        raise FairTuneError(f"`labels` has the values {shown}; map the positive label to 1 and the other to 0.")
    return array.astype(np.int64)


def check_scores(scores: ArrayLike, name: str = "scores") -> np.ndarray:
    """Return scores as float64, or raise FairTuneError about `name` where one is not a finite number."""
    array = np.asarray(scores)
    if array.dtype.kind not in "biuf":
        raise FairTuneError(f"`{name}` has type {array.dtype}; pass one number a row.")
    array = array.astype(np.float64)
    bad = int((~np.isfinite(array)).sum())
    if bad:
        raise FairTuneError(f"`{name}` has {bad} values that are NaN or infinite; drop or repair those rows.")
    return array


def _checked_groups(groups: np.ndarray, n_names: int) -> np.ndarray:
    if groups.dtype.kind not in "biu":
        raise FairTuneError(f"`groups` has type {groups.dtype}; pass integer codes of `group_names`.")
    low, high = int(groups.min()), int(groups.max())
    if low < 0 or high >= n_names:
        raise FairTuneError(
            f"`groups` has codes from {low} to {high} but `group_names` has {n_names} names; "
            "give rows without the attribute a level of their own."
        )
    return groups.astype(np.int64)


def _checked_clusters(clusters: Sequence[object] | np.ndarray, n: int) -> np.ndarray:
    """Code clusters by the order of their ids as text, not of the rows: rows permuted then draw the same resamples."""
    if len(clusters) != n or np.ndim(np.asarray(clusters[:1])) != 1:
        raise FairTuneError(f"`clusters` has {len(clusters)} entries for {n} rows; pass one id a row.")
    if isinstance(clusters, np.ndarray) and clusters.dtype.kind in "iuU":
        ids, codes = np.unique(clusters, return_inverse=True)
        return np.argsort(np.argsort(ids.astype(str), kind="stable"))[codes]
    listed = clusters.tolist() if isinstance(clusters, np.ndarray) else list(clusters)
    missing = sum(item is None or item != item for item in listed)
    if missing:
        raise FairTuneError(f"`clusters` lacks {missing} ids; give a row without one an id of its own.")
    ordered = sorted(sorted(dict.fromkeys(listed), key=lambda item: type(item).__name__), key=str)
    places = dict(zip(ordered, range(len(ordered)), strict=True))
    return np.fromiter(map(places.__getitem__, listed), dtype=np.int64, count=n)


def included_codes(group_names: Sequence[str], exclude: Sequence[str]) -> tuple[int, ...]:
    """Return the codes of the groups that `exclude` does not name, or raise FairTuneError for an unknown name."""
    names = [exclude] if isinstance(exclude, str) else list(exclude)
    unknown = [name for name in names if name not in group_names]
    if unknown:
        raise FairTuneError(f"`exclude` names {unknown}; the groups are {list(group_names)}.")
    return tuple(code for code, name in enumerate(group_names) if name not in names)
