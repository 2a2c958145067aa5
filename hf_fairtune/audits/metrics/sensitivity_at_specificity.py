"""Sensitivity at a wanted specificity: what a group could have, were the cut set for it alone.

Definition: among the cuts at observed scores, the lowest with at least the wanted specificity among the group's own
negatives; the share of the group's positives at or above it.

Range: 0 to 1; undefined for a group that lacks a class.

Direction: higher is better.

Traps: every group has its own cut, so equal values do not mean that one shared cut serves the groups equally. The cut
is read off the rows it is reported on, which is optimistic: never use it as a threshold. It is an achieved point, and
the specificity achieved, shown beside it, may be above the one wanted; interpolated cuts belong to no row. At a wanted
specificity of 1 a single negative decides.

Citation: Pepe 2003, "The statistical evaluation of medical tests for classification and prediction", section 4.3.2.
"""

from collections.abc import Iterable, Mapping, Sequence
from itertools import product
from typing import NamedTuple, get_args

import numpy as np

from ...document.audit import Criterion, OperatingPointGroup, OperatingPoints
from ...document.estimate import NAN, point
from ..engine.proportions import ratio
from ..engine.resampled_rows import ALL, ResampledRows, from_draws
from ..engine.resampling import Resampling, plan
from ..engine.rows import ScoredRows
from .metric import Metric

METRIC = Metric(better="higher")
CONVENTIONS = {
    "specificity_at_sensitivity": Metric(
        better="higher",
        text="""
Specificity at a wanted sensitivity: what a group could have, were the cut set for it alone.

Definition: among the cuts at observed scores, the highest with at least the wanted sensitivity among the group's own
positives; the share of the group's negatives below it.

Range: 0 to 1; undefined for a group that lacks a class.

Direction: higher is better.

Traps: every group has its own cut, so equal values do not mean that one shared cut serves the groups equally. The cut
is read off the rows it is reported on, which is optimistic: never use it as a threshold. With few positives it hangs
on one of them, and the sensitivity achieved, shown beside it, may be far above the one wanted.

Citation: Pepe 2003, "The statistical evaluation of medical tests for classification and prediction", section 4.3.2.
""",
    )
}
# The specificity, and the sensitivity, wanted.
TARGET = 0.9
METHOD = "cut chosen on these same rows, hence optimistic; percentile bootstrap that chooses it again"
# Weights that the cluster bootstrap may draw in all, to end within seconds whatever the rows.
MOST_WEIGHTS = 2 * 10**8
FEWEST_RESAMPLES = 200
FLIPPED: Criterion = "specificity at sensitivity"
Key = tuple[Criterion, int]


class Side(NamedTuple):
    """A share of rows of one class beyond a cut that the other class sets.

    With negatives as `limiting` and positives as `other` it is the sensitivity at a specificity of `target`; with
    scores negated and the classes swapped the specificity at a sensitivity. Both are places of rows, their scores
    ascending, [N] and [P]; `below` is how many of the others score no higher than each limiting row, [N].
    """

    limiting: np.ndarray
    other: np.ndarray
    below: np.ndarray
    target: float


def side(labels: np.ndarray, scores: np.ndarray, criterion: Criterion, target: float, kept: np.ndarray) -> Side:
    """Sort the rows in the places `kept`, [m], for a criterion."""
    limit = int(criterion == FLIPPED)
    signed = -scores if limit else scores
    ordered = kept[np.argsort(signed[kept], kind="stable")]
    limiting, other = ordered[labels[ordered] == limit], ordered[labels[ordered] != limit]
    below = np.searchsorted(signed[other], signed[limiting], "right")
    return Side(limiting, other, below, target)


def operating_point(
    scores: np.ndarray, side: Side, flipped: bool = False, weights: np.ndarray | None = None
) -> tuple[float, float, float]:
    """Read off the share beyond the cut, the share of limiting rows that it clears, and the cut: NaN without a class.

    The cut is the lowest score above the limiting rows that are to be cleared, or just above the highest score, where
    too many negatives hold that; `flipped`, for the specificity at a sensitivity, the score of the last of them.
    Shares are of rows or, with weights of all rows, of those.
    """
    if not len(side.limiting) or not len(side.other):
        return NAN, NAN, NAN
    limits = -scores[side.limiting] if flipped else scores[side.limiting]
    counted = np.ones(len(scores), dtype=np.int64) if weights is None else weights
    cleared, others = np.cumsum(counted[side.limiting]), np.append(0, np.cumsum(counted[side.other]))
    place = int((cleared / cleared[-1] >= side.target).argmax())
    bar = limits[place]
    value = (others[-1] - others[side.below[place]]) / others[-1]
    achieved = cleared[np.searchsorted(limits, bar, "right") - 1] / cleared[-1]
    if flipped:
        return float(value), float(achieved), float(-bar)
    rows = scores[np.concatenate([side.limiting, side.other])]
    cut = rows[rows > bar].min(initial=np.inf)
    return float(value), float(achieved), float(np.nextafter(rows.max(), np.inf) if np.isinf(cut) else cut)


def least_count(trials: np.ndarray, share: float) -> np.ndarray:
    """Return the least whole number of `trials` that is at least `share` of them, exactly: [...]."""
    count = np.ceil(trials * share)
    count = np.where((count - 1) / np.maximum(trials, 1) >= share, count - 1, count)
    return np.where(count / np.maximum(trials, 1) < share, count + 1, count).astype(np.int64)


def refitted_draws(side: Side, n_boot: int, seed: int) -> np.ndarray:
    """Resample rows of both classes and compute the share beyond the cut that is fitted again each time, [n_boot].

    The cut lies just above the m-th lowest of the limiting scores, m the least count that makes up the share. In a
    resample of N of them that one is in place floor(N u), u the m-th lowest of N uniform numbers, which is
    Beta(m, N - m + 1); and each draw of the others is beyond it or not. So this is the very bootstrap of the rows at
    the cost of two numbers a resample.
    """
    rng, size, others = np.random.default_rng(seed), len(side.limiting), len(side.other)
    rank = int(least_count(np.array(size), side.target))
    places = (rng.beta(rank, size - rank + 1, n_boot) * size).astype(np.int64).clip(max=size - 1)
    return np.asarray(rng.binomial(others, (others - side.below)[places] / others) / others)


def clustered_draws(
    resampling: Resampling, wanted: Sequence[Side], n_boot: int, seed: int, own: np.ndarray | None = None
) -> np.ndarray:
    """Resample clusters and compute of each side the share beyond the cut, [n_boot, n_sides]; NaN without a class.

    The rows' own weights, [n], multiply those of the resample.
    """
    found = np.full((n_boot, len(wanted)), np.nan)
    for part in resampling.parts(n_boot):
        weights = resampling.draw(part, seed)
        weights = weights if own is None else weights * own
        for column, side in enumerate(wanted):
            drawn, others = (weights.take(rows, axis=1).cumsum(axis=1) for rows in (side.limiting, side.other))
            rank = least_count(drawn[:, -1], side.target) if own is None else drawn[:, -1] * side.target
            place = [int(np.searchsorted(one, least, "left")) for one, least in zip(drawn, rank, strict=True)]
            below = side.below[np.minimum(place, len(side.limiting) - 1)]
            within = np.where(below > 0, others[np.arange(len(others)), below - 1], 0)
            beyond = ratio(others[:, -1] - within, others[:, -1])
            found[part, column] = np.where(drawn[:, -1] > 0, beyond, np.nan)
    return found


def resamples_for(n_rows: int, n_boot: int) -> int:
    """Return how many resamples of clusters are drawn: `n_boot`, or fewer where there are very many rows."""
    return min(n_boot, max(FEWEST_RESAMPLES, MOST_WEIGHTS // n_rows))


def operating_points(resampled: ResampledRows, seed: int = 0) -> list[OperatingPoints]:
    """Read sensitivity and specificity of all rows and of every group off its own ROC, at achieved points.

    Intervals are of a bootstrap that chooses the cut again, of rows or, where there are clusters, of whole clusters;
    with very many clustered rows it has fewer resamples, and the method says how many.
    """
    rows, names, found = resampled.rows, ("overall", *resampled.rows.group_names), []
    # Clusters are drawn once for all sides; else one side is held at a time, as the rows may be millions.
    sides = {} if rows.clusters is None else {key: _side(rows, *key) for key in _keys(rows)}
    shared, of = _clustered(resampled, sides, seed), "clusters" if resampled.grouped else "rows"
    for criterion in get_args(Criterion):
        points = []
        for code, name in enumerate(names, start=ALL):
            own = sides[criterion, code] if sides else _side(rows, criterion, code)
            value, achieved, cut = operating_point(rows.scores, own, criterion == FLIPPED, rows.weights)
            few, method = resampled.few(code), METHOD
            if few:
                estimate = point(value, METHOD, *few)
            else:
                draws = shared.get((criterion, code)) if sides else _refitted(resampled, own, seed)
                method += "" if draws is None else f", {len(draws)} resamples of {of}"
                estimate = from_draws(value, draws, resampled.quantiles, method, [None])
            points.append(OperatingPointGroup(name, estimate, achieved, cut))
        found.append(OperatingPoints(criterion, TARGET, points[0], points[1:]))
    return found


def _keys(rows: ScoredRows) -> Iterable[Key]:
    return product(get_args(Criterion), range(ALL, len(rows.group_names)))


def _side(rows: ScoredRows, criterion: Criterion, code: int) -> Side:
    kept = np.flatnonzero(rows.groups == code) if code != ALL else np.arange(len(rows.labels))
    return side(rows.labels, rows.scores, criterion, TARGET, kept)


def _refitted(resampled: ResampledRows, side: Side, seed: int) -> np.ndarray | None:
    """Draw the replicates of a side of independent rows; None without a bootstrap, or a class."""
    if resampled.replicates is None or not len(side.limiting) or not len(side.other):
        return None
    return refitted_draws(side, len(resampled.replicates.auc), seed)


def _clustered(resampled: ResampledRows, by_key: Mapping[Key, Side], seed: int) -> dict[Key, np.ndarray]:
    """Draw the replicates of every side that has both classes, of whole clusters."""
    rows, known = resampled.rows, resampled.replicates
    if known is None or rows.clusters is None:
        return {}
    wanted = {key: own for key, own in by_key.items() if len(own.limiting) and len(own.other)}
    n_boot = resamples_for(len(rows.labels), len(known.auc))
    resampling = plan(rows.groups * 2 + rows.labels, rows.clusters)
    draws = clustered_draws(resampling, list(wanted.values()), n_boot, seed, rows.weights)
    return dict(zip(wanted, draws.T, strict=True))
