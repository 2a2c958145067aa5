"""Rows of every odd kind: each estimate contains its value or has a reason, and all of it is JSON."""

from __future__ import annotations

import numpy as np
import pytest
from pydantic import TypeAdapter

from hf_fairtune.audits.audit import audit
from hf_fairtune.audits.engine.rows import ScoredRows, check_rows
from hf_fairtune.audits.thresholds import fixed
from hf_fairtune.document.audit import Audit
from hf_fairtune.document.estimate import Estimate

from ..document_samples import held

KINDS = ("even", "tied", "constant", "perfect", "huge", "separated", "certain", "saturated")


def odd_scores(kind: str, labels: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    even = rng.random(len(labels))
    made = {
        "even": even,
        "tied": np.round(even, 1),
        "constant": np.full(len(labels), 0.3),
        "perfect": labels * 1.0,
        "huge": (even - 0.5) * 1e9,
        "separated": labels * 0.5 + even * 0.25,
        "certain": np.round(even),
        "saturated": 1 - 10.0 ** (-17 * even),
    }
    return made[kind]


def odd_rows(kind: str, seed: int) -> ScoredRows:
    rng = np.random.default_rng([KINDS.index(kind), seed])
    n, n_groups = int(rng.integers(1, 80)), int(rng.integers(1, 5))
    labels = (rng.random(n) < rng.choice([0, 0.1, 0.5, 1])).astype(int)
    clusters = None if seed % 2 else rng.integers(0, int(rng.integers(1, n + 1)), n)
    names = [str(code) for code in range(n_groups)]
    return check_rows(labels, odd_scores(kind, labels, rng), rng.integers(0, n_groups, n), names, clusters)


@pytest.mark.parametrize("kind", KINDS)
def test_each_estimate_contains_its_value_or_has_a_reason(kind: str) -> None:
    seen = 0
    for seed in range(12):
        given = odd_rows(kind, seed)
        clusters = None if given.clusters is None else given.clusters.tolist()
        columns = given.labels, given.scores, given.groups, given.group_names
        found = audit(*columns, clusters=clusters, thresholds=[fixed(0.5)], n_boot=20, n_permutations=20)
        assert TypeAdapter(Audit).dump_json(found)
        for item in held(found, Estimate):
            seen += 1
            if item.bounded:
                assert item.low <= item.value <= item.high, item
            else:
                assert item.reasons, item
    assert seen > 500
