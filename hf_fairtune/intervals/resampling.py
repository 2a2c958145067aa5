"""Bootstrap weights: how often each row is drawn in each replicate."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

# Weights held at once: 16 MiB of them, and a few arrays like it while they are used.
CHUNK_WEIGHTS = 2**21


@dataclass(frozen=True)
class Resampling:
    """A plan to draw units (rows or clusters) with replacement within strata.

    Args:
        start: first place of each unit's stratum, [n_units]; the units of a stratum have adjoining places.
        size: units in each unit's stratum, [n_units].
        unit: place of the unit each row belongs to, [n_rows]; None where rows are the units, in order.
        method: what the bootstrap is called.
    """

    start: np.ndarray
    size: np.ndarray
    unit: np.ndarray | None
    method: str

    def weights(self, n_boot: int, seed: int) -> Iterator[np.ndarray]:
        """Draw the weights of `n_boot` replicates, int64 [chunk, n_rows] at a time, to bound memory.

        The same seed gives the same replicates, however they are cut into chunks.
        """
        rng = np.random.default_rng(seed)
        n_units = len(self.start)
        n_rows = n_units if self.unit is None else len(self.unit)
        chunk = max(1, CHUNK_WEIGHTS // max(n_units, n_rows))
        for first in range(0, n_boot, chunk):
            drawn = self._draw(rng, min(chunk, n_boot - first))
            yield drawn if self.unit is None else drawn[:, self.unit]

    def _draw(self, rng: np.random.Generator, replicates: int) -> np.ndarray:
        """Count the draws of each unit, [replicates, n_units]: multinomial within each stratum."""
        n_units = len(self.start)
        place = (rng.random((replicates, n_units)) * self.size).astype(np.int64)
        place += self.start
        place += np.arange(replicates)[:, None] * n_units
        return np.bincount(place.ravel(), minlength=replicates * n_units).reshape(replicates, n_units)


def plan(cells: np.ndarray, clusters: np.ndarray | None) -> Resampling:
    """Choose how to resample rows.

    Rows are drawn within their cell. Clusters are drawn whole: within cells if every cluster lies in one cell, else
    from all clusters, and then the cells' sizes vary.

    Args:
        cells: group x label code of each row, [n_rows]; sorted if there are no clusters.
        clusters: cluster of each row from 0 without holes, [n_rows]; None where rows are independent.

    Source: Efron & Tibshirani 1993, "An Introduction to the Bootstrap", 8; Field & Welsh 2007, "Bootstrapping
    clustered data", for whole clusters.
    """
    if clusters is None:
        start, size = _strata(cells)
        return Resampling(start, size, None, "bootstrap, stratified by group x label")
    n_clusters = int(clusters.max()) + 1
    cell_of = np.full(n_clusters, -1)
    cell_of[clusters] = cells
    if not np.array_equal(cell_of[clusters], cells):
        everything = np.zeros(n_clusters, dtype=np.int64)
        return Resampling(everything, everything + n_clusters, clusters, "cluster bootstrap")
    order = np.argsort(cell_of, kind="stable")
    place = np.empty(n_clusters, dtype=np.int64)
    place[order] = np.arange(n_clusters)
    start, size = _strata(cell_of[order])
    method = "cluster bootstrap, stratified by group x label"
    return Resampling(start, size, place[clusters], method)


def _strata(sorted_cells: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the first place and the size of each unit's stratum, [n_units] each."""
    _, first, inverse, count = np.unique(sorted_cells, return_index=True, return_inverse=True, return_counts=True)
    return first[inverse], count[inverse]
