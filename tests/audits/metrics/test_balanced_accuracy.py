"""Balanced accuracy: the mean of two independent rates, and its interval; its values are in `test_rates`."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import binom

from hf_fairtune.audits.audit import audit
from hf_fairtune.audits.engine.proportions import mover, wilson
from hf_fairtune.audits.metrics.metric import rates
from hf_fairtune.audits.thresholds import fixed
from hf_fairtune.document.estimate import Estimate, Reason

from ..samples import NAMES, few, split


def by_group(*columns: np.ndarray, **options: object) -> list[Estimate]:
    """Audit at 0.4, and return the balanced accuracy of every group and, last, of all rows."""
    kept = {"n_boot": 200, "n_permutations": 0, "thresholds": [fixed(0.4)]} | options
    cut = audit(*columns, NAMES, **kept).thresholds[0]  # type: ignore[arg-type]
    return [row.rates["balanced_accuracy"] for row in (*cut.groups, cut.overall)]


def test_its_interval_is_the_movers_of_two_wilsons() -> None:
    labels, scores, groups = split()
    right = (scores >= 0.4) == labels
    for code, found in enumerate(by_group(labels, scores, groups)):
        inside = (groups == code) | (code == 3)
        (p, a, b), (q, c, d) = (
            wilson(right[own].sum(), own.sum()) for own in (inside & (labels == y) for y in (1, 0))
        )
        value = (p + q) / 2
        wanted = value, value - np.hypot(p - a, q - c) / 2, value + np.hypot(b - p, d - q) / 2
        assert (found.value, found.low, found.high) == pytest.approx(wanted)
        assert found.method == "MOVER of Wilson"


@pytest.mark.parametrize(("tpr", "tnr"), [(0.5, 0.9), (0.8, 0.8), (0.95, 0.6), (0.3, 0.98)])
def test_coverage_is_exact_over_all_outcomes(tpr: float, tnr: float) -> None:
    """20 positives beside 200 negatives: every outcome, weighed by its chance; pooled counts are of another number."""
    hits, clears = np.arange(21), np.arange(201)
    one, other = wilson(hits, 20).T.tolist(), wilson(clears, 200).T.tolist()
    chance = np.outer(binom.pmf(hits, 20, tpr), binom.pmf(clears, 200, tnr))
    truth, inside = (tpr + tnr) / 2, np.zeros_like(chance)
    for k, first in enumerate(one):
        for m, second in enumerate(other):
            _, low, high = mover([first, second], (0.5, 0.5))
            inside[k, m] = low <= truth <= high
    assert 0.93 < float((chance * inside).sum()) < 0.98
    _, low, high = wilson(np.add.outer(hits, clears), 220)
    pooled = float((chance * ((low <= truth) & (truth <= high))).sum())
    assert pooled < 0.9 or tpr == tnr


def test_a_group_without_a_class_has_none() -> None:
    labels, scores, groups = split((30, 7, 0))
    solid, thin, hollow, _ = by_group(labels, scores, groups)
    assert solid.bounded
    assert thin.bounded
    assert (hollow.defined, hollow.reasons) == (False, (Reason("zero_denominator"),))


def test_doubled_rows_in_clusters_hold_no_more_than_the_rows() -> None:
    labels, scores, groups = split((60, 60, 60), (120, 120, 120))
    single = by_group(labels, scores, groups, clusters=np.arange(540), n_boot=2000)
    doubled = [np.repeat(column, 2) for column in (labels, scores, groups)]
    twice = by_group(*doubled, clusters=np.repeat(np.arange(540), 2), n_boot=2000)
    for plain, one, two in zip(by_group(labels, scores, groups), single, twice, strict=True):
        assert (two.value, two.low, two.high) == pytest.approx((one.value, one.low, one.high), abs=0.003)
        assert (one.low, one.high) == pytest.approx((plain.low, plain.high), abs=0.02)


def test_clusters_of_both_classes_let_the_rates_correlate() -> None:
    """A patient's two images, one with the finding, are both right or both wrong: it is the share of patients."""
    labels, groups = np.tile([1, 0], 600), np.repeat([0, 1, 2], 400)
    wrong = np.repeat(np.random.default_rng(0).random(600) < 0.2, 2)
    scores = np.where(wrong, 1 - labels, labels) * 0.8 + 0.1
    clustered = by_group(labels, scores, groups, clusters=np.repeat(np.arange(600), 2), n_boot=2000)
    for code, found in enumerate(clustered[:3]):
        right = ~wrong[(groups == code) & (labels == 1)]
        _, low, high = wilson(right.sum(), 200)
        assert (found.low, found.high) == pytest.approx((low, high), abs=0.02)
    unaware = by_group(labels, scores, groups)[0]
    assert clustered[0].high - clustered[0].low > 1.3 * (unaware.high - unaware.low)


def test_few_clusters_of_a_class_leave_it_without_interval() -> None:
    labels = np.repeat([1, 0], [36, 120])
    scores, groups = 0.25 * labels + 0.6 * np.random.default_rng(1).random(156), np.zeros(156, dtype=int)
    found = by_group(labels, scores, groups, clusters=np.arange(156) // 4)[0]
    assert (found.bounded, found.reasons) == (False, (few("clusters_in_denominator", 9),))


def test_it_is_no_rate_of_rows_that_two_models_share() -> None:
    assert not rates()["balanced_accuracy"].paired
