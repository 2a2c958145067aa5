"""Policies that choose a threshold on one split, for all rows or for each group."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from ..errors import FairTuneError
from .rates import achieved_points, check_target
from .rows import check_rows
from .thresholds import Threshold, fingerprint, fixed, refuse_own_rows, youden

PER_GROUP = " per group"
POLICIES = "a number such as 0.5, youden, f1, sensitivity=0.9, specificity=0.9, or one of these four per group"


def f1(labels: ArrayLike, scores: ArrayLike, split: str = "validation") -> Threshold:
    """Fit the observed score that maximises F1 as a cut; of equally good ones the highest.

    Args:
        labels: 0 or 1, [n].
        scores: finite, [n].
        split: name of the rows; never the ones it will be reported on.

    Raises:
        FairTuneError: a class is missing.
    """
    points = achieved_points(labels, scores, split)
    scored = 2 * points.true_positives / (points.positives + points.true_positives + points.false_positives)
    return Threshold("f1", float(points.cuts[scored.argmax()]), split, fingerprint(labels, scores))


def sensitivity(labels: ArrayLike, scores: ArrayLike, target: float, split: str = "validation") -> Threshold:
    """Fit the highest observed score that finds at least the share `target` of the positives as a cut.

    Arguments and errors as for `f1`, and FairTuneError where `target` is not above 0 and up to 1.
    """
    points = achieved_points(labels, scores, split)
    place = points.sensitive_place(target)
    return Threshold(f"sensitivity={target:g}", float(points.cuts[place]), split, fingerprint(labels, scores))


def specificity(labels: ArrayLike, scores: ArrayLike, target: float, split: str = "validation") -> Threshold:
    """Fit the lowest observed score that clears at least the share `target` of the negatives as a cut.

    Where even the highest score flags too many, because negatives hold it, the cut is just above that score.
    Arguments and errors as for `sensitivity`.
    """
    points = achieved_points(labels, scores, split)
    place = points.specific_place(target)
    cut = np.nextafter(points.cuts[0], np.inf) if place is None else points.cuts[place]
    return Threshold(f"specificity={target:g}", float(cut), split, fingerprint(labels, scores))


@dataclass(frozen=True)
class GroupThresholds:
    """A cut for each group, fitted on the group's own rows.

    Whoever uses it must know every patient's group, and treats equal scores unequally.

    Args:
        policy: such as "youden per group".
        values: group name -> cut in units of the scores.
        fitted_on: name of the split.
        fingerprint: of all rows it was fitted on.
    """

    policy: str
    values: dict[str, float]
    fitted_on: str
    fingerprint: str

    @property
    def value(self) -> float:
        """Say that there is no cut for all."""
        return float("nan")

    @property
    def by_group(self) -> dict[str, float]:
        """Give the cut of each group by name."""
        return dict(self.values)

    def apply(
        self,
        labels: ArrayLike,
        scores: ArrayLike,
        groups: ArrayLike | None = None,
        group_names: Sequence[str] | None = None,
    ) -> np.ndarray:
        """Predict 0 or 1 for each row by its group's cut, [n].

        Raises:
            FairTuneError: no groups are given, one was not there when the cuts were fitted, or these are the very rows
                they were fitted on.
        """
        if groups is None or group_names is None:
            raise FairTuneError(f"`{self.policy}` has a cut for each group; pass `groups` and `group_names`.")
        refuse_own_rows(self.policy, self.fitted_on, self.fingerprint, labels, scores)
        rows = check_rows(labels, scores, groups, group_names)
        present = {rows.group_names[code] for code in np.unique(rows.groups)}
        unknown = sorted(present - set(self.values))
        if unknown:
            raise FairTuneError(
                f"`{self.policy}` has no cut for the groups {unknown}, which `{self.fitted_on}` lacks; "
                "fit it on rows of every group, or use one cut for all."
            )
        cuts = np.array([self.values.get(name, np.nan) for name in rows.group_names])
        return (rows.scores >= cuts[rows.groups]).astype(np.int64)


def per_group(
    policy: str,
    labels: ArrayLike,
    scores: ArrayLike,
    groups: ArrayLike,
    group_names: Sequence[str],
    split: str = "validation",
) -> GroupThresholds:
    """Fit a cut for each group on the group's own rows.

    Args:
        policy: "youden", "f1", "sensitivity=..." or "specificity=...".
        labels: 0 or 1, [n].
        scores: finite, [n].
        groups: codes of `group_names`, [n].
        group_names: name of each code; a group without rows gets no cut.
        split: name of the rows.

    Raises:
        FairTuneError: a group lacks a class, or the policy is another.
    """
    rows, fit = check_rows(labels, scores, groups, group_names), _fitter(policy)
    values = {}
    for code, name in enumerate(rows.group_names):
        inside = rows.groups == code
        if inside.any():
            values[name] = fit(rows.labels[inside], rows.scores[inside], f"{split}, {name}").value
    return GroupThresholds(policy + PER_GROUP, values, split, fingerprint(rows.labels, rows.scores))


@dataclass(frozen=True)
class Policy:
    """How a threshold is to be chosen.

    Args:
        name: as `parse_policy` reads it, without "per group".
        by_group: whether every group gets its own cut.
    """

    name: str
    by_group: bool = False

    @property
    def number(self) -> float | None:
        """Return the cut itself; None where it is fitted."""
        return _number(self.name)

    @property
    def needs_rows(self) -> bool:
        """Tell whether it is fitted on rows, which must not be the ones it is reported on."""
        return self.number is None

    def fit(
        self,
        labels: ArrayLike,
        scores: ArrayLike,
        groups: ArrayLike | None = None,
        group_names: Sequence[str] | None = None,
        split: str = "validation",
    ) -> Threshold | GroupThresholds:
        """Choose the threshold on these rows.

        Raises:
            FairTuneError: a class is missing, or groups are, where every group gets its own cut.
        """
        if self.number is not None:
            return fixed(self.number)
        if not self.by_group:
            return _fitter(self.name)(labels, scores, split)
        if groups is None or group_names is None:
            raise FairTuneError(f"`{self.name}{PER_GROUP}` fits each group; pass `groups` and `group_names`.")
        return per_group(self.name, labels, scores, groups, group_names, split)


def parse_policy(text: str) -> Policy:
    """Read a policy: a number, or youden, f1, sensitivity=0.9, specificity=0.9, and each of these four "per group".

    Raises:
        FairTuneError: it is none of these.
    """
    name = " ".join(text.split()).lower()
    by_group, name = name.endswith(PER_GROUP), name.removesuffix(PER_GROUP)
    value = _number(name)
    if value is None:
        _fitter(name)
    elif by_group:
        raise FairTuneError(f"`{text}` gives every group the same cut; leave out{PER_GROUP}.")
    else:
        fixed(value)
    return Policy(name, by_group)


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None


def _fitter(policy: str) -> Callable[[ArrayLike, ArrayLike, str], Threshold]:
    """Return the function that fits a policy, or raise FairTuneError listing those there are."""
    plain = {"youden": youden, "f1": f1}
    if policy in plain:
        return plain[policy]
    found = re.fullmatch(r"(sensitivity|specificity)=(.+)", policy)
    target = _number(found[2]) if found else None
    if found is None or target is None:
        raise FairTuneError(f"`{policy}` is no threshold policy; choose {POLICIES}.")
    share, fit = check_target(found[1], target), {"sensitivity": sensitivity, "specificity": specificity}[found[1]]
    return lambda labels, scores, split: fit(labels, scores, share, split)
