"""Scored rows: labels, scores, group codes, clusters and weights, checked once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from ...errors import FairTuneError


@dataclass(frozen=True)
class ScoredRows:
    """Rows of one split, as `check_rows` returns them.

    Shapes: labels, scores, groups, clusters and weights are [n]; labels are 0 or 1, groups index `group_names`,
    clusters count from 0 (rows of one patient share one) or are None where rows are independent, each of its own.
    Weights say how many patients of the target population a row stands for, up to a factor; None where all are alike.
    Weighted rows always have clusters, where they are independent of one row each: the linearised variance of a
    weighted number is that by clusters.
    """

    labels: np.ndarray
    scores: np.ndarray
    groups: np.ndarray
    group_names: tuple[str, ...]
    clusters: np.ndarray | None = None
    weights: np.ndarray | None = None

    @property
    def grouped(self) -> bool:
        """Tell whether some rows share a cluster."""
        return self.clusters is not None and bool(np.bincount(self.clusters).max(initial=0) > 1)

    def count(self, kept: np.ndarray, units: bool = True) -> np.ndarray:
        """Count some rows (bool, [n]) by group and, last, in all: int [n_groups + 1].

        With `units` independent ones, rows or clusters with such a row: ten positives of one patient are one unit.
        """
        size, groups = len(self.group_names), self.groups[kept]
        if self.clusters is None or not units:
            return np.append(np.bincount(groups, minlength=size), len(groups))
        clusters, step = self.clusters[kept], int(self.clusters.max(initial=0)) + 1
        by_group = np.bincount(np.unique(groups * step + clusters) // step, minlength=size)
        return np.append(by_group, len(np.unique(clusters)))

    def cases(self, units: bool = True) -> np.ndarray:
        """Count positives, negatives and rows like `count`: int [n_groups + 1, 3]."""
        parts = (self.labels == 1, self.labels == 0, self.labels >= 0)
        return np.column_stack([self.count(parts[0], units), self.count(parts[1], units), self.count(parts[2], units)])

    def take(self, rows: np.ndarray) -> ScoredRows:
        """Return some rows (bool [n], or places) with all group names."""
        clusters, weights = (None if own is None else own[rows] for own in (self.clusters, self.weights))
        columns = self.labels[rows], self.scores[rows], self.groups[rows]
        return ScoredRows(*columns, self.group_names, clusters, unlike(weights))

    def counting(self) -> np.ndarray | None:
        """Tell which rows have a weight above 0, [n]; None where all have one."""
        return None if self.weights is None or self.weights.all() else self.weights > 0

    def weighed(self) -> ScoredRows:
        """Leave out the rows of weight 0, which are no part of the population."""
        kept = self.counting()
        if kept is None:
            return self
        found = self.take(kept)
        assert found.clusters is not None
        codes = np.unique(found.clusters, return_inverse=True)[1]
        return replace(found, clusters=codes if found.grouped or found.weights is not None else None)

    def ordered(self) -> ScoredRows:
        """Sort by score, label, group, cluster and weight: sums then do not depend on the order of the input."""
        alike = np.zeros_like(self.groups)
        clusters, weights = (alike if own is None else own for own in (self.clusters, self.weights))
        return self.take(np.lexsort((weights, clusters, self.groups, self.labels, self.scores)))


def check_rows(
    labels: ArrayLike,
    scores: ArrayLike,
    groups: ArrayLike,
    group_names: Sequence[str],
    clusters: Sequence[object] | np.ndarray | None = None,
    weights: ArrayLike | None = None,
) -> ScoredRows:
    """Check scored rows, as `audit` describes them, and return them as arrays.

    Raises:
        FairTuneError: lengths differ, there are no rows, or a column holds something else.
    """
    columns = {"labels": np.asarray(labels), "scores": np.asarray(scores), "groups": np.asarray(groups)}
    n, names, codes = len(np.atleast_1d(columns["labels"])), tuple(map(str, group_names)), columns["groups"]
    for name, column in columns.items():
        if column.ndim != 1:
            raise FairTuneError(f"`{name}` has shape {column.shape}; pass one value a row.")
        if len(column) != n:
            raise FairTuneError(f"Lengths differ (labels {n}, {name} {len(column)}); pass one value a row in each.")
    if not n:
        raise FairTuneError("`labels` is empty; pass at least one row.")
    if not names or len(set(names)) != len(names):
        raise FairTuneError(f"`group_names` is {list(names)}; pass at least one name, each once.")
    if codes.dtype.kind not in "biu":
        raise FairTuneError(f"`groups` has type {codes.dtype}; pass integer codes of `group_names`.")
    if codes.min() < 0 or codes.max() >= len(names):
        raise FairTuneError(
            f"`groups` has codes from {codes.min()} to {codes.max()} but `group_names` has {len(names)} names; "
            "give rows without the attribute a level of their own."
        )
    truth, values = check_labels(columns["labels"]), check_scores(columns["scores"])
    ids = None if clusters is None else _checked_clusters(clusters, n)
    own = None if weights is None else check_weights(weights, n)
    if own is not None and ids is None:
        # By content, so that the order of the rows is no matter.
        ids = np.argsort(np.lexsort((own, values, truth, codes)))
    return ScoredRows(truth, values, codes.astype(np.int64), names, ids, own)


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


def check_weights(weights: ArrayLike, n: int) -> np.ndarray | None:
    """Return the weights of n rows, float64 below 1, None where all are alike.

    Raises:
        FairTuneError: they are not one finite number of 0 or more a row, or all are 0.
    """
    found = check_scores(weights, "weights")
    if found.shape != (n,):
        raise FairTuneError(f"`weights` has shape {found.shape} for {n} rows; pass one weight a row.")
    if (found < 0).any() or not found.any():
        wrong = f"{int((found < 0).sum())} values below 0" if (found < 0).any() else "no value above 0"
        raise FairTuneError(f"`weights` has {wrong}; pass how many of the population each row stands for.")
    # By a power of 2, which rounds nothing: a factor tells nothing, and squares of large weights would overflow.
    return unlike(np.ldexp(found, -int(np.frexp(found.max())[1])))


def unlike(weights: np.ndarray | None) -> np.ndarray | None:
    """Return weights, None where all are alike."""
    return None if weights is None or not len(weights) or weights.min() == weights.max() else weights


def _checked_clusters(clusters: Sequence[object] | np.ndarray, n: int) -> np.ndarray | None:
    """Code clusters by the order of their ids as text, not of the rows: rows permuted then draw the same resamples.

    Clusters of one row each are none.
    """
    if len(clusters) != n or np.ndim(np.asarray(clusters[:1])) != 1:
        raise FairTuneError(f"`clusters` has {len(clusters)} entries for {n} rows; pass one id a row.")
    column = clusters if isinstance(clusters, np.ndarray) else np.fromiter(clusters, dtype=object, count=n)
    codes, ids = pd.factorize(column)
    missing = int((codes < 0).sum())
    if missing:
        raise FairTuneError(f"`clusters` lacks {missing} ids; give a row without one an id of its own.")
    if len(ids) == n:
        return None
    texts, types = [str(item) for item in ids], [type(item).__name__ for item in ids]
    return np.argsort(np.lexsort((types, texts)))[codes]


def reference_code(group_names: Sequence[str], included: Sequence[int], reference_group: Sequence[str]) -> int | None:
    """Return the code of the one group that `reference_group` names, None for none.

    Raises:
        FairTuneError: it names an unknown group, an excluded one, or several.
    """
    names = [reference_group] if isinstance(reference_group, str) else [*reference_group]
    if not names:
        return None
    if len(names) > 1 or names[0] not in group_names:
        raise FairTuneError(f"`reference_group` names {names}; name one of the groups {list(group_names)}.")
    code = list(group_names).index(names[0])
    if code not in included:
        raise FairTuneError(
            f"`reference_group` is {names[0]!r}, which `exclude` leaves out; name another, or keep it."
        )
    return code


def included_codes(group_names: Sequence[str], exclude: Sequence[str]) -> tuple[int, ...]:
    """Return the codes of the groups that `exclude` does not name, or raise FairTuneError for an unknown name."""
    names = {exclude} if isinstance(exclude, str) else set(exclude)
    unknown = sorted(names - set(group_names))
    if unknown:
        raise FairTuneError(f"`exclude` names {unknown}; the groups are {list(group_names)}.")
    return tuple(np.flatnonzero(~np.isin(group_names, [*names])).tolist())
