"""Bootstrap weights: how often each row is drawn in each replicate."""

from dataclasses import dataclass

import numpy as np

# Weights of one part: 4 MiB of them, to stay in a cache with a few arrays like them. At least one replicate.
CHUNK_WEIGHTS = 2**19
# From so many rows on, a replicate is drawn a stratum at a time, which takes less memory and stays in a cache.
MANY = 2**19


@dataclass(frozen=True)
class Resampling:
    """A plan to draw units (rows or clusters) with replacement within strata, by a bootstrap named `method`.

    Args:
        start: first place of each unit's stratum, [n_units]; the units of a stratum have adjoining places.
        size: units in each unit's stratum, as floats, [n_units].
        unit: place of the unit each row belongs to, [n_rows]; None where rows are the units, in order.
    """

    start: np.ndarray
    size: np.ndarray
    unit: np.ndarray | None
    method: str

    def parts(self, n_boot: int) -> list[range]:
        """Cut `n_boot` replicates into parts, to bound memory and to stay within a processor's cache."""
        size = max(1, CHUNK_WEIGHTS // max(len(self.start), 0 if self.unit is None else len(self.unit)))
        edges = [*range(0, n_boot, size), n_boot]
        return list(map(range, edges[:-1], edges[1:]))

    def draw(self, part: range, seed: int) -> np.ndarray:
        """Draw the weights of some replicates, int64 [len(part), n_rows]: multinomial within each stratum.

        A seed is one stream of random numbers, and replicate i reads it from place i * n_units: parts may be drawn in
        any order, at once, and however they are cut.
        """
        stream = np.random.PCG64(seed).advance(part.start * len(self.start))
        rng = np.random.Generator(stream)
        drawn = self._by_stratum(rng) if len(part) == 1 and len(self.start) >= MANY else self._at_once(rng, len(part))
        return drawn if self.unit is None else drawn.take(self.unit, axis=1)

    def _at_once(self, rng: np.random.Generator, times: int) -> np.ndarray:
        """Draw the units of several replicates, int64 [times, n_units]."""
        uniform = rng.random((times, len(self.start)))
        uniform *= self.size
        place = uniform.astype(np.int64)
        place += self.start
        place += np.arange(len(place))[:, None] * place.shape[1]
        return np.bincount(place.ravel(), minlength=place.size).reshape(place.shape)

    def _by_stratum(self, rng: np.random.Generator) -> np.ndarray:
        """Draw the units of one replicate a stratum at a time, by the same numbers: int64 [1, n_units]."""
        drawn, start = np.empty((1, len(self.start)), dtype=np.int64), 0
        while start < len(self.start):
            size = int(self.size[start])
            uniform = rng.random(size)
            uniform *= size
            drawn[0, start : start + size] = np.bincount(uniform.astype(np.int64), minlength=size)
            start += size
        return drawn


def plan(cells: np.ndarray, clusters: np.ndarray | None) -> Resampling:
    """Choose how to resample rows, from the group x label code of each, sorted if there are no clusters, [n_rows].

    Rows are drawn within their cell. Clusters, counted from 0 without holes, are drawn whole: within cells if every
    cluster lies in one cell, else from all clusters, and then the cells' sizes vary.

    Source: Efron & Tibshirani 1993, "An Introduction to the Bootstrap", 8; Field & Welsh 2007, "Bootstrapping
    clustered data", for whole clusters.
    """
    units, sorted_cells, method = None, cells, "bootstrap, stratified by group x label"
    if clusters is not None:
        n_clusters = int(clusters.max()) + 1
        cell_of = np.full(n_clusters, -1)
        cell_of[clusters] = cells
        method, units = f"cluster {method}", clusters
        if not np.array_equal(cell_of[clusters], cells):
            cell_of, method = np.zeros(n_clusters, dtype=np.int64), "cluster bootstrap"
        order = np.argsort(cell_of, kind="stable")
        sorted_cells, units = cell_of[order], np.argsort(order)[clusters]
    _, first, inverse, count = np.unique(sorted_cells, return_index=True, return_inverse=True, return_counts=True)
    return Resampling(first[inverse], count[inverse].astype(np.float64), units, method)
