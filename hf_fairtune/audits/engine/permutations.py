"""The gap that chance alone makes: AUCs of groups permuted within label, row by row or in whole clusters."""

from collections.abc import Callable
from itertools import compress
from operator import attrgetter
from typing import NamedTuple

import numpy as np
from tqdm.auto import tqdm

from ...document.estimate import NAN, Reason
from .bootstrap import PATIENCE
from .proportions import ratio

# Permuted groups held at once; a few arrays of eight bytes each like it.
CHUNK_CODES = 2**20
# Gaps that differ by less are the same number, rounded on two ways.
SAME = 1e-12


class GapNull(NamedTuple):
    """Gap of AUCs where groups do not matter: mean and 95th percentile over permutations; NaN, with reasons, for none.

    `p` is the share of permutations, the data among them, with a gap at least as large.
    """

    mean: float = NAN
    high: float = NAN
    p: float = NAN
    permutations: int = 0
    reasons: tuple[Reason, ...] = ()


class Stratum(NamedTuple):
    """Units (rows or clusters) of the same composition, which may trade their groups.

    Blocks are, by label that occurs, the rows' places among the rows of that label and their groups, both
    [n_units, rows of that label in each]; `mixed` units hold several groups within a label, and their rows trade too.
    """

    blocks: dict[int, tuple[np.ndarray, np.ndarray]]
    mixed: bool = False

    @property
    def movable(self) -> int:
        """Count the rows whose group a permutation may change."""
        size, moves = 0, self.mixed
        for _, groups in self.blocks.values():
            units = np.sort(groups, axis=1)
            size, moves = size + groups.size, moves or bool((units != units[0]).any())
        return size if moves else 0


def gap_null(
    labels: np.ndarray,
    scores: np.ndarray,
    groups: np.ndarray,
    clusters: np.ndarray | None = None,
    permutations: int = 1000,
    seed: int = 0,
) -> GapNull:
    """Permute the groups within each label and compute the gap (best minus worst group's AUC) each time.

    The null is that scores do not depend on the group given the label; every group keeps its counts. Clusters are
    permuted whole (see `clustered_strata`). There is no test where most rows may not be permuted: the gap would be
    compared with itself. Columns are [n]; every group that occurs has both labels, and the order of rows is no matter.

    Source: p of a permutation test with the data counted in, Phipson & Smyth 2010, "Permutation p-values should never
    be zero", eq. 2.
    """
    order = np.lexsort((groups, scores, labels))
    labels, scores = labels[order], scores[order]
    codes = np.unique(groups, return_inverse=True)[1][order]
    # Codes of 16 bits or less are sorted in one pass.
    codes = codes.astype(np.min_scalar_type(int(codes.max())))
    fixed, strata = (codes[labels == 0], codes[labels == 1]), []
    if clusters is not None:
        strata = clustered_strata(labels, codes, np.unique(clusters, return_inverse=True)[1][order])
    else:
        for label, own in enumerate(fixed):
            # Every row is a unit of its own; groups are sorted, so that the order of the rows is no matter.
            strata.append(Stratum({label: (np.arange(len(own))[:, None], np.sort(own)[:, None])}))
    movable = np.array(list(map(attrgetter("movable"), strata)))
    if 2 * movable.sum() < len(labels):
        return GapNull(reasons=(Reason("few_movable", count=int(movable.sum()), needed=len(labels)),))
    strata = list(compress(strata, movable))
    measure, rng = _gaps(labels, scores, codes), np.random.default_rng(seed)
    chunk, found = max(1, CHUNK_CODES // len(labels)), []
    with tqdm(total=permutations, desc="permutations", disable=None, delay=PATIENCE, leave=False) as bar:
        for first in range(0, permutations, chunk):
            times = min(chunk, permutations - first)
            found.append(measure(*_permuted(fixed, strata, rng, times)))
            bar.update(times)
    gaps, (observed,) = np.concatenate(found), measure(fixed[0][None], fixed[1][None])
    p = (1 + int((gaps >= observed - SAME).sum())) / (1 + permutations)
    return GapNull(float(gaps.mean()), float(np.quantile(gaps, 0.95)), p, permutations)


def clustered_strata(labels: np.ndarray, codes: np.ndarray, clusters: np.ndarray) -> list[Stratum]:
    """Find out which clusters may trade their groups.

    Clusters trade their groups with clusters of the same composition (negatives, positives), row by row within a
    label, and rows of a cluster trade within their label: nothing else leaves what belongs together together. A
    cluster whose composition is its own keeps its groups. Clusters count from 0 without holes.

    Source: exchangeability of units under the null, Good 2005, "Permutation, Parametric and Bootstrap Tests of
    Hypotheses", 3; whole blocks where rows are not exchangeable, Winkler et al. 2015, "Multi-level block permutation".
    """
    sizes = np.bincount(clusters * 2 + labels, minlength=2 * (int(clusters.max()) + 1)).reshape(-1, 2)
    kinds, kind_of = np.unique(sizes, axis=0, return_inverse=True)
    places = np.where(labels == 1, np.cumsum(labels) - 1, np.cumsum(1 - labels) - 1)
    # Rows by composition, cluster and label: every stratum is a run of equal clusters.
    kind = kind_of.ravel()[clusters]
    slots = np.lexsort((labels, clusters, kind))
    held = np.lexsort((codes, labels, clusters, kind))
    edges = np.searchsorted(kind[slots], np.arange(len(kinds) + 1))
    strata = []
    for (negatives, positives), start, stop in zip(kinds.tolist(), edges[:-1], edges[1:], strict=True):
        rows = places[slots[start:stop]].reshape(-1, negatives + positives)
        groups = codes[held[start:stop]].reshape(rows.shape)
        cuts = {0: slice(0, negatives), 1: slice(negatives, None)}
        blocks = {label: (rows[:, cut], groups[:, cut]) for label, cut in cuts.items() if rows[:, cut].size}
        strata.append(Stratum(blocks, any((own != own[:, :1]).any() for _, own in blocks.values())))
    return strata


def _permuted(
    fixed: tuple[np.ndarray, np.ndarray], strata: list[Stratum], rng: np.random.Generator, times: int
) -> tuple[np.ndarray, np.ndarray]:
    """Permute the groups of negatives and of positives, [times, n of the label] each, in the order of the rows."""
    found = np.repeat(fixed[0][None], times, axis=0), np.repeat(fixed[1][None], times, axis=0)
    for blocks, mixed in strata:
        n_units = len(next(iter(blocks.values()))[0])
        order = rng.permuted(np.broadcast_to(np.arange(n_units), (times, n_units)), axis=1)
        for label, (places, codes) in blocks.items():
            groups = codes[order]
            if mixed and groups.shape[-1] > 1:
                groups = rng.permuted(groups, axis=2)
            found[label][:, places.ravel()] = groups.reshape(times, -1)
    return found


def _gaps(labels: np.ndarray, scores: np.ndarray, codes: np.ndarray) -> Callable[[np.ndarray, np.ndarray], np.ndarray]:
    """Rank rows sorted by label and score, to compute the gaps of many permutations, which keep each group's counts.

    Negatives sorted by permutation, group and score get the ascending keys cell * (n + 1) + place; counting the keys
    below a positive's cell * (n + 1) + place counts the negatives of its own group below it.

    Returns:
        Groups of negatives and of positives, [times, n of the label] -> gap of AUCs, [times].
    """
    low, high = scores[labels == 0], scores[labels == 1]
    below, not_above = np.searchsorted(low, high, "left"), np.searchsorted(low, high, "right")
    tied = not np.array_equal(below, not_above)
    negatives, positives = np.bincount(codes.astype(np.int64) * 2 + labels, minlength=2).reshape(-1, 2).T
    n_groups, step = len(negatives), len(low) + 1

    def measure(of_negatives: np.ndarray, of_positives: np.ndarray) -> np.ndarray:
        times = len(of_negatives)
        cells = np.arange(times)[:, None] * n_groups
        by_group = np.argsort(of_negatives, axis=1, kind="stable")
        keys = (cells + np.arange(n_groups)).repeat(np.tile(negatives, times)) * step + by_group.ravel()
        cell_of = cells + of_positives
        starts = np.concatenate([[0], np.cumsum(np.tile(negatives, times))])[cell_of]
        wins = np.searchsorted(keys, (cell_of * step + below).ravel())
        ends = np.searchsorted(keys, (cell_of * step + not_above).ravel()) if tied else wins
        doubled = (wins + ends - 2 * starts.ravel()).astype(np.float64)
        sums = np.bincount(cell_of.ravel(), weights=doubled, minlength=times * n_groups).reshape(times, n_groups)
        return np.ptp(ratio(sums, 2.0 * negatives * positives), axis=1)

    return measure
