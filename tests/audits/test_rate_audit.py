"""Rates of few clusters: the value stays, the interval goes."""

import numpy as np
import pytest

from hf_fairtune.audits.audit import audit
from hf_fairtune.audits.rate_audit import RateGroup
from hf_fairtune.metrics.thresholds import fixed

ROWS = 4
NEEDS = {"tpr": "positives", "fpr": "negatives", "tnr": "negatives", "selection_rate": "rows"}
NEEDS |= {"accuracy": "rows", "ppv": "predicted positives", "npv": "predicted negatives"}


def patients(*cells: tuple[int, int]) -> tuple[np.ndarray, ...]:
    """Labels, scores, groups and patients: so many patients with only positives, and with only negatives, a group."""
    labels = np.concatenate([np.repeat([1, 0], [ROWS * p, ROWS * n]) for p, n in cells])
    groups = np.concatenate([np.full(ROWS * (p + n), g) for g, (p, n) in enumerate(cells)])
    scores = 0.25 * labels + 0.6 * np.random.default_rng(1).random(len(labels))
    return labels, scores, groups, np.arange(len(labels)) // ROWS


def rates_of(row: RateGroup) -> dict[str, tuple[float, float, str | None]]:
    named = {"tpr": row.tpr, "fpr": row.fpr, "selection_rate": row.selection_rate} | row.rates
    return {name: (found.value, found.low, found.reason) for name, found in named.items()}


def test_a_rate_needs_ten_clusters_in_its_denominator() -> None:
    labels, scores, groups, clusters = patients((30, 30), (9, 30), (10, 9))
    cut = audit(labels, scores, groups, "abc", clusters=clusters, thresholds=[fixed(0.4)], n_boot=200).thresholds[0]
    for code, row in enumerate(cut.groups):
        inside, chosen = groups == code, scores >= 0.4
        held = {"positives": labels == 1, "negatives": labels == 0, "rows": labels >= 0}
        held |= {"predicted positives": chosen, "predicted negatives": ~chosen}
        for name, (value, low, reason) in rates_of(row).items():
            assert np.isfinite(value)
            if name in NEEDS:
                n = len(set(clusters[inside & held[NEEDS[name]]]))
                assert np.isnan(low) == (n < 10), name
                assert (reason == f"no interval: {n} clusters in the denominator, fewer than 10") == (n < 10), name
    assert not any(np.isnan(low) for _, low, _ in rates_of(cut.overall).values())
    assert np.isnan([cut.groups[2].fpr.low, cut.groups[1].tpr.low, cut.groups[2].rates["f1"].low]).all()


@pytest.mark.parametrize("n", [1, 2, 9])
def test_all_rows_together_need_ten_clusters_too(n: int) -> None:
    labels, scores, groups, clusters = patients((n, 30))
    overall = audit(labels, scores, groups, "a", clusters=clusters, thresholds=[fixed(0.4)], n_boot=50).thresholds[0]
    few = f"{n} cluster{'s' if n > 1 else ''}"
    assert overall.overall.tpr.reason == f"no interval: {few} in the denominator, fewer than 10"
    assert overall.overall.rates["f1"].reason == f"no interval: {few} with positives, fewer than 10"
    assert overall.overall.fpr.low < overall.overall.fpr.high


def test_independent_rows_keep_wilsons_interval_however_few() -> None:
    labels, scores, groups, _ = patients((1, 2))
    found = audit(labels, scores, groups, "a", thresholds=[fixed(0.4)], n_boot=50).thresholds[0].groups[0].tpr
    assert found.method == "Wilson"
    assert found.low < found.value


def test_no_group_called_overall_is_taken_for_all_rows() -> None:
    labels, scores, groups, clusters = patients((30, 30), (9, 30))
    options = {"clusters": clusters, "thresholds": [fixed(0.4)], "n_boot": 50}
    one, other = (audit(labels, scores, groups, names, **options) for names in (("overall", "b"), "ab"))
    assert one.thresholds[0].groups[0].tpr == other.thresholds[0].groups[0].tpr
