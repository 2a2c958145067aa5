"""The evidence of small audits."""

from __future__ import annotations

import numpy as np

from hf_fairtune.audits.evidence import Evidence
from hf_fairtune.intervals.bootstrap import bootstrap
from hf_fairtune.metrics.rows import Rows

from ..metrics.samples import rows


def evidence(
    given: Rows | None = None,
    included: tuple[int, ...] | None = None,
    n_boot: int = 200,
    **kwargs: object,
) -> Evidence:
    """Of these rows, or of those that `rows(**kwargs)` makes."""
    found = rows(**kwargs) if given is None else given  # type: ignore[arg-type]
    kept = tuple(range(len(found.group_names))) if included is None else included
    return Evidence(found, kept, bootstrap(found, (), n_boot) if n_boot else None, 0.95)


def shuffled(given: Rows, seed: int = 5) -> Rows:
    """The same rows in another order."""
    order = np.random.default_rng(seed).permutation(len(given.labels))
    clusters = None if given.clusters is None else given.clusters[order]
    return Rows(given.labels[order], given.scores[order], given.groups[order], given.group_names, clusters)
