"""Thresholds: policies that fit a cut on one split, to decide on another."""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import ArrayLike

from ..document.estimate import NAN
from ..errors import FairTuneError
from .engine.rows import ScoredRows, check_labels, check_rows

PER_GROUP = " per group"
# So many different scores tell rows apart.
TELLING = 10
POLICIES = "a number such as 0.5, youden, f1, sensitivity=0.9, specificity=0.9, or one of these four per group"


@dataclass(frozen=True)
class Decision:
    """What turns scores into 0 or 1: one cut, a cut for each group, or decisions that were made elsewhere.

    A row is predicted 1 if its score is at or above the cut, both in the type in which the scores were made: 0.7 in
    half or single precision lies below 0.7 in double. Whoever uses a cut for each group must know every patient's
    group, and treats equal scores unequally.

    Args:
        policy: how it was chosen, such as "fixed", "youden" or "youden per group".
        value: the one cut in units of the scores; NaN where there is none.
        fitted_on: name of the split it was fitted on; None if on none.
        fingerprint: of the rows it was fitted on, see `fingerprint`; None if on none, or if these tell nothing.
        by_group: cut of each group by name; None where they share one, or there is none.
        predictions: decisions by row, [n]; None where a cut decides.
    """

    policy: str
    value: float = NAN
    fitted_on: str | None = None
    fingerprint: str | None = None
    by_group: dict[str, float] | None = None
    predictions: np.ndarray | None = field(default=None, compare=False)

    def apply(self, rows: ScoredRows) -> np.ndarray:
        """Predict 0 or 1 for each row, [n].

        Raises:
            FairTuneError: these are the very rows it was fitted on, in whatever order; there is another number of rows
                than decisions; or a group has no cut.
        """
        if self.predictions is not None:
            size, n = len(self.predictions), len(rows.labels)
            if n != size:
                raise FairTuneError(f"`{self.policy}` holds {size} decisions for {n} rows; pass one a row.")
            return self.predictions
        if self.fingerprint is not None and self.fingerprint == fingerprint(rows):
            raise FairTuneError(
                f"The `{self.policy}` threshold was fitted on these same rows ({self.fitted_on}); "
                "apply it to another split, or use fixed()."
            )
        if self.by_group is None:
            return (rows.scores >= self._as_made(rows.scores)).astype(np.int64)
        cuts = np.array([self.by_group.get(name, np.nan) for name in rows.group_names])[rows.groups]
        if np.isnan(cuts).any():
            unknown = sorted({rows.group_names[code] for code in rows.groups[np.isnan(cuts)]})
            raise FairTuneError(
                f"`{self.policy}` has no cut for the groups {unknown}, which `{self.fitted_on}` lacks; "
                "fit it on rows of every group, or use one cut for all."
            )
        return (rows.scores >= cuts).astype(np.int64)

    def _as_made(self, scores: np.ndarray) -> float:
        """Return the cut in the type of which all scores are; one that was fitted is a score already."""
        with np.errstate(over="ignore"):
            for kind in (np.float16, np.float32):
                if self.fitted_on is None and np.array_equal(scores.astype(kind), scores):
                    return float(kind(self.value))
        return self.value


def decide(thresholds: Sequence[Decision], rows: ScoredRows) -> np.ndarray:
    """Predict 0 or 1 for each row by each threshold, [n_cuts, n]; errors as of `Decision.apply`."""
    found = np.empty((len(thresholds), len(rows.labels)), dtype=np.int64)
    for place, threshold in enumerate(thresholds):
        found[place] = threshold.apply(rows)
    return found


def fixed(value: float = 0.5) -> Decision:
    """Make a threshold that no data chose."""
    if not np.isfinite(value):
        raise FairTuneError(f"`value` is {value}; pass a finite threshold in units of the scores.")
    return Decision("fixed", float(value))


def given(predictions: ArrayLike, policy: str = "given") -> Decision:
    """Wrap decisions that were made elsewhere, 0 or 1 for each row, [n], under the name `policy`."""
    array = np.asarray(predictions)
    if array.ndim != 1 or array.dtype.kind not in "biuf" or not np.isin(array, (0, 1)).all():
        raise FairTuneError(f"`predictions` has shape {array.shape}, type {array.dtype}; pass 0 or 1 for each row.")
    return Decision(policy, predictions=check_labels(array))


def youden(labels: ArrayLike, scores: ArrayLike, split: str = "validation") -> Decision:
    """Fit the threshold that maximises TPR - FPR on `split`, see `Policy.fit`.

    Source: Youden 1950, "Index for rating diagnostic tests".
    """
    return Policy("youden").fit(check_rows(labels, scores, np.zeros_like(labels, dtype=np.int64), ["all"]), split)


# True and false positives at every observed score as a cut, highest first, and a share -> place of the cut; -1 is
# above all scores.
CHOOSERS: dict[str, Callable[[np.ndarray, np.ndarray, float], int]] = {
    # Whole numbers, so that equally good cuts tie exactly: J times positives times negatives.
    "youden": lambda hits, alarms, _: int((hits * alarms[-1] - alarms * hits[-1]).argmax()),
    "f1": lambda hits, alarms, _: int((2 * hits / (hits[-1] + hits + alarms)).argmax()),
    "sensitivity": lambda hits, _, share: int((hits / hits[-1] >= share).argmax()),
    "specificity": lambda _, alarms, share: int(((alarms[-1] - alarms) / alarms[-1] >= share).sum()) - 1,
}


@dataclass(frozen=True)
class Policy:
    """How a threshold is chosen: a number, or an observed score, so that the operating point is one that was achieved.

    "youden" maximises TPR - FPR, "f1" F1, of equally good cuts the highest. "sensitivity=s" is the highest cut that
    finds at least the share s of the positives, "specificity=s" the lowest that clears at least that of the negatives:
    just above the highest score where even that flags too many.

    Args:
        name: as `parse_policy` reads it, without "per group".
        by_group: whether every group gets its own cut, fitted on the group's own rows.
        number: the cut itself; None where it is fitted on rows, which must not be the ones it is reported on.
    """

    name: str
    by_group: bool = False
    number: float | None = None

    def fit(self, rows: ScoredRows, split: str = "validation") -> Decision:
        """Choose the threshold on these rows of `split`, never the ones it will be reported on."""
        if not self.by_group:
            return Decision(self.name, self._cut(rows, split), split, fingerprint(rows))
        cuts = {}
        for code in np.unique(rows.groups):
            name = rows.group_names[code]
            cuts[name] = self._cut(rows.take(rows.groups == code), f"{split}, {name}")
        return Decision(self.name + PER_GROUP, NAN, split, fingerprint(rows), cuts)

    def _cut(self, rows: ScoredRows, split: str) -> float:
        """Find the cut among the observed scores."""
        rows = rows.weighed()
        truth, values = rows.labels, rows.scores
        positives = int(truth.sum())
        if positives in (0, len(truth)):
            raise FairTuneError(f"`{split}` has {positives} positives in {len(truth)} rows; a cut needs both classes.")
        cuts, place = np.unique(-values, return_inverse=True)
        sides = []
        for own in (truth == 1, truth == 0):
            counted = None if rows.weights is None else rows.weights[own]
            sides.append(np.bincount(place[own], counted, len(cuts)).cumsum())
        kind, _, share = self.name.partition("=")
        chosen = CHOOSERS[kind](sides[0], sides[1], float(share or 0))
        return float(np.nextafter(-cuts[0], np.inf) if chosen < 0 else -cuts[chosen])


def parse_policy(text: str) -> Policy:
    """Read a policy: a number, or youden, f1, sensitivity=0.9, specificity=0.9, and each of these four "per group"."""
    name = " ".join(text.split()).lower()
    by_group, name = name.endswith(PER_GROUP), name.removesuffix(PER_GROUP)
    value, (kind, equals, share) = number_in(name), name.partition("=")
    if value is not None:
        if by_group:
            raise FairTuneError(f"`{text}` gives every group the same cut; leave out{PER_GROUP}.")
        fixed(value)
    elif kind in ("sensitivity", "specificity") and (wanted := number_in(share)) is not None:
        if not 0 < wanted <= 1:
            raise FairTuneError(f"The {kind} wanted is {wanted}; pass a share above 0 and up to 1, such as 0.9.")
        name = f"{kind}={wanted:.12g}"
    elif equals or name not in ("youden", "f1"):
        raise FairTuneError(f"`{name}` is no threshold policy; choose {POLICIES}.")
    return Policy(name, by_group, value)


def number_in(text: str) -> float | None:
    """Read a number; None where there is none."""
    try:
        return float(text)
    except ValueError:
        return None


def fingerprint(rows: ScoredRows) -> str | None:
    """Hash rows by their labels and scores, in any order; None where so few different scores tell no rows apart.

    Other rows of a model that gives every image one score, or only 0 and 1, can have the same labels and scores.
    """
    truth, values = rows.labels, rows.scores + 0.0
    if len(np.unique(values)) < min(TELLING, len(values)):
        return None
    order = np.lexsort((truth, values))
    return hashlib.sha256(values[order].tobytes() + truth[order].tobytes()).hexdigest()[:32]
