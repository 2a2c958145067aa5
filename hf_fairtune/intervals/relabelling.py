"""Groups dealt out anew where they do not matter: permutations within label, of rows or of whole clusters."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class _Stratum:
    """Clusters of the same composition, which may trade their groups.

    Args:
        blocks: for each label, the rows' places among the rows of that label and the groups dealt to them, both
            [n_clusters, rows of that label in each]; None where a cluster of this kind has no row of it.
        mixed: a cluster holds several groups within a label, so that its rows trade them too.
    """

    blocks: tuple[tuple[np.ndarray, np.ndarray] | None, tuple[np.ndarray, np.ndarray] | None]
    n_clusters: int
    mixed: bool

    @property
    def moves(self) -> bool:
        """Tell whether a permutation may change anything."""
        held = [np.sort(block[1], axis=1) for block in self.blocks if block is not None]
        return self.mixed or any((groups != groups[0]).any() for groups in held)


@dataclass(frozen=True)
class Relabelling:
    """How groups may be dealt out: strata of units, and where nothing moves the groups as they are, by label."""

    fixed: tuple[np.ndarray, np.ndarray]
    strata: tuple[_Stratum, ...]

    @property
    def movable(self) -> int:
        """Count the rows whose group may change."""
        return sum(block[0].size for stratum in self.strata for block in stratum.blocks if block is not None)

    def draw(self, rng: np.random.Generator, times: int) -> tuple[np.ndarray, np.ndarray]:
        """Deal the groups of negatives and of positives, [times, n of the label] each, in the order of the rows."""
        dealt = tuple(np.repeat(codes[None], times, axis=0) for codes in self.fixed)
        for stratum in self.strata:
            order = np.broadcast_to(np.arange(stratum.n_clusters), (times, stratum.n_clusters))
            order = rng.permuted(order, axis=1)
            for target, block in zip(dealt, stratum.blocks, strict=True):
                if block is None:
                    continue
                groups = block[1][order]
                if stratum.mixed and groups.shape[-1] > 1:
                    groups = rng.permuted(groups, axis=2)
                target[:, block[0].ravel()] = groups.reshape(times, -1)
        return dealt[0], dealt[1]


def relabelling(labels: np.ndarray, codes: np.ndarray, clusters: np.ndarray | None) -> Relabelling:
    """Find out which rows may trade their groups.

    Independent rows trade within their label. Clusters trade their groups with clusters of the same composition
    (negatives, positives), row by row within a label, and rows of a cluster trade within their label: nothing else
    leaves what belongs together together. A cluster whose composition is its own keeps its groups.

    Args:
        labels: 0 or 1, [n].
        codes: groups, [n], of the type to be dealt.
        clusters: cluster of each row from 0 without holes, [n]; None where rows are independent.

    Source: exchangeability of units under the null, Good 2005, "Permutation, Parametric and Bootstrap Tests of
    Hypotheses", 3; whole blocks where rows are not exchangeable, Winkler et al. 2015, "Multi-level block permutation".
    """
    fixed = (codes[labels == 0], codes[labels == 1])
    if clusters is None:
        parts = [_single(codes, side) for side, codes in enumerate(fixed)]
    else:
        parts = _clustered(labels, codes, clusters)
    return Relabelling(fixed, tuple(part for part in parts if part.moves))


def _single(codes: np.ndarray, side: int) -> _Stratum:
    """Take every row of a label for a unit of its own; sorted groups, so that the order of the rows is no matter."""
    block = (np.arange(len(codes))[:, None], np.sort(codes)[:, None])
    return _Stratum((block, None) if side == 0 else (None, block), len(codes), False)


def _clustered(labels: np.ndarray, codes: np.ndarray, clusters: np.ndarray) -> list[_Stratum]:
    sizes = np.bincount(clusters * 2 + labels, minlength=2 * (int(clusters.max()) + 1)).reshape(-1, 2)
    kinds, kind_of = np.unique(sizes, axis=0, return_inverse=True)
    places = np.empty(len(labels), dtype=np.int64)
    for label in (0, 1):
        places[labels == label] = np.arange(int((labels == label).sum()))
    # Rows by composition, cluster and label: every stratum is a run of equal clusters.
    kind = kind_of.ravel()[clusters]
    slots = np.lexsort((labels, clusters, kind))
    held = np.lexsort((codes, labels, clusters, kind))
    edges = np.searchsorted(kind[slots], np.arange(len(kinds) + 1))
    strata = []
    for (negatives, positives), start, stop in zip(kinds.tolist(), edges[:-1], edges[1:], strict=True):
        rows = places[slots[start:stop]].reshape(-1, negatives + positives)
        groups = codes[held[start:stop]].reshape(rows.shape)
        cuts = (slice(0, negatives), slice(negatives, None))
        blocks = [(rows[:, cut], groups[:, cut]) if rows[:, cut].size else None for cut in cuts]
        mixed = any(block is not None and bool((block[1] != block[1][:, :1]).any()) for block in blocks)
        strata.append(_Stratum((blocks[0], blocks[1]), len(rows), mixed))
    return strata
