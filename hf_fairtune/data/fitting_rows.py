"""Rows on which a threshold is fitted are of other patients than the audited ones."""

from __future__ import annotations

import numpy as np

from ..errors import FairTuneError
from .levels import listed
from .scored import ScoredTable

SHARE = 0.5
FEWEST = 10


def refuse_shared(scored: ScoredTable, fit_on: ScoredTable) -> None:
    """Refuse rows to fit thresholds on that are audited too: at a cut chosen on them rates look too good.

    Where both have clusters none may be shared. Otherwise rows are the same that have the same labels and scores,
    twins within a table left out: of tables of other patients these are at most 1 in e, whatever the scores'
    digits, so that half of the smaller table (and `FEWEST`) is no chance.

    Raises:
        FairTuneError: they are; the line says how many.
    """
    advice = "a threshold looks too good on the rows it is fitted on: give those of other patients"
    if scored.clusters is not None and fit_on.clusters is not None:
        both = np.intersect1d(scored.clusters, fit_on.clusters)
        if len(both):
            raise FairTuneError(
                f"clusters of audited rows are among those for thresholds, too ({listed(both, 3)}); {advice}."
            )
        return
    same = len(np.intersect1d(_lone(scored), _lone(fit_on)))
    if same >= FEWEST and same > SHARE * min(len(scored.labels), len(fit_on.labels)):
        raise FairTuneError(
            f"{same} of {len(fit_on.labels)} rows for thresholds have the labels and scores of audited rows; {advice}."
        )


def _lone(table: ScoredTable) -> np.ndarray:
    """Return the rows that stand once in a table, as bytes [m]."""
    content = np.ascontiguousarray(np.column_stack([table.labels.astype(np.float64), table.scores]) + 0.0)
    rows = content.view(np.dtype((np.void, content.itemsize * content.shape[1]))).ravel()
    found, counts = np.unique(rows, return_counts=True)
    return found[counts == 1]
