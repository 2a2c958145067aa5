"""Scored rows of several classes, of which a row has one, or of several findings: one against the rest each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike

from ...errors import FairTuneError
from .resampled_rows import ESTIMABLE
from .rows import ScoredRows, check_labels, check_rows, check_scores


@dataclass(frozen=True)
class ClassRows:
    """Rows of one split, as `check_class_rows` returns them.

    Args:
        names: of the targets, [k].
        labels: 0 or 1, or -1 where a finding is not known, int64 [n, k].
        scores: float64 [n, k].
        groups: codes of `group_names`, [n].
        group_names: name of each code.
        estimable: whether the rows at first had `ESTIMABLE` cases with the target and as many without, by target and
            group and, last, of all rows, [k, n_groups + 1]. Other cells take no part in numbers across cells.
        clusters: as in `ScoredRows`.
        exclusive: whether a row has one of the targets.
    """

    names: tuple[str, ...]
    labels: np.ndarray
    scores: np.ndarray
    groups: np.ndarray
    group_names: tuple[str, ...]
    estimable: np.ndarray
    clusters: np.ndarray | None = None
    exclusive: bool = True

    def known(self, target: int) -> np.ndarray:
        """Tell of which rows the label of a target is known, [n]."""
        found: np.ndarray = self.labels[:, target] >= 0
        return found

    def of(self, target: int) -> ScoredRows:
        """Return the rows of a target whose label is known."""
        whole = ScoredRows(
            self.labels[:, target], self.scores[:, target], self.groups, self.group_names, self.clusters
        )
        kept = self.known(target)
        return whole if kept.all() else whole.take(kept)

    def compared(self, target: int, included: Sequence[int]) -> tuple[int, ...]:
        """Return the codes among `included` whose cell with a target takes part, as far as it has both sides here."""
        rows = self.of(target)
        both = rows.cases(units=False)[:, :2].min(axis=1) > 0
        return tuple(code for code in included if self.estimable[target, code] and both[code])

    def take(self, rows: np.ndarray) -> ClassRows:
        """Return some rows (bool [n], or places) with all names; what takes part stays."""
        clusters = None if self.clusters is None else self.clusters[rows]
        kept = {"labels": self.labels[rows], "scores": self.scores[rows], "groups": self.groups[rows]}
        return replace(self, clusters=clusters, **kept)


def check_class_rows(
    labels: ArrayLike,
    scores: ArrayLike,
    groups: ArrayLike,
    group_names: Sequence[str],
    clusters: Sequence[object] | np.ndarray | None = None,
    names: Sequence[str] = (),
) -> ScoredRows | ClassRows:
    """Check scored rows; with `names` those of several classes or findings, without as `check_rows`.

    Labels are then codes of the classes, [n], or of findings 0, 1 or NaN where one is not known, [n, k]; scores are
    [n, k].

    Raises:
        FairTuneError: the columns do not fit together, or hold something else.
    """
    if not names:
        return check_rows(labels, scores, groups, group_names, clusters)
    truth, values, size = np.asarray(labels), check_scores(scores), len(names)
    if values.ndim != 2 or values.shape[1] != size:
        raise FairTuneError(f"`scores` has shape {values.shape} for {size} classes; pass one score a row and class.")
    if exclusive := truth.ndim == 1:
        if not np.isin(truth, np.arange(size)).all():
            raise FairTuneError(f"`labels` has codes outside of 0 to {size - 1}; pass codes of the {size} classes.")
        truth = (truth[:, None] == np.arange(size)).astype(np.int64)
    elif truth.shape != values.shape:
        raise FairTuneError(f"`labels` has shape {truth.shape}, `scores` {values.shape}; pass one of each.")
    else:
        truth = check_labels(np.nan_to_num(truth, nan=0)) - np.isnan(truth.astype(np.float64))
    nobody = check_rows(np.zeros(len(truth), int), np.zeros(len(truth)), groups, group_names, clusters)
    known = np.ones((size, len(nobody.group_names) + 1), dtype=bool)
    own = nobody.groups, nobody.group_names
    found = ClassRows(tuple(map(str, names)), truth, values, *own, known, nobody.clusters, exclusive)
    counts = [found.of(target).cases(units=False)[:, :2].min(axis=1) for target in range(size)]
    return replace(found, estimable=np.stack(counts) >= ESTIMABLE)
