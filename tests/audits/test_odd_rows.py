"""Rows of every odd kind: each estimate contains its value or says why it has none, and all of it is JSON."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from hf_fairtune.audits.calibration_audit import audit_calibration
from hf_fairtune.audits.cross_group import audit_cross_group
from hf_fairtune.audits.curves import reliability_curves, roc_curves
from hf_fairtune.audits.equity import audit_es_auc
from hf_fairtune.intervals.estimate import plain
from hf_fairtune.metrics.rows import Rows, check_rows

from .evidence_samples import evidence

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


def odd_rows(kind: str, seed: int) -> Rows:
    rng = np.random.default_rng([KINDS.index(kind), seed])
    n, n_groups = int(rng.integers(1, 80)), int(rng.integers(1, 5))
    labels = (rng.random(n) < rng.choice([0, 0.1, 0.5, 1])).astype(int)
    clusters = None if seed % 2 else rng.integers(0, int(rng.integers(1, n + 1)), n)
    names = [str(code) for code in range(n_groups)]
    return check_rows(labels, odd_scores(kind, labels, rng), rng.integers(0, n_groups, n), names, clusters)


def estimates(content: Any) -> Iterator[dict[str, Any]]:
    if isinstance(content, dict):
        if {"value", "low", "high", "reason"} <= set(content):
            yield content
        content = list(content.values())
    if isinstance(content, list):
        for item in content:
            yield from estimates(item)


@pytest.mark.parametrize("kind", KINDS)
def test_each_estimate_contains_its_value_or_says_why_not(kind: str) -> None:
    seen = 0
    for seed in range(12):
        given = odd_rows(kind, seed)
        known = evidence(given, n_boot=20)
        content = plain([audit_calibration(known), audit_cross_group(known), audit_es_auc(known)])
        json.dumps([content, plain([roc_curves(given), reliability_curves(given)])], allow_nan=False)
        for item in estimates(content):
            seen += 1
            if item["low"] is None or item["high"] is None:
                assert item["reason"], item
            else:
                assert item["low"] <= item["value"] <= item["high"], item
    assert seen > 50
