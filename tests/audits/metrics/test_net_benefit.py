"""Net benefit against the slow sum over patients, its interval over all outcomes, and where an audit has it."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given as drawn_from
from hypothesis import settings
from scipy.stats import multinomial

from hf_fairtune.audits.audit import audit
from hf_fairtune.audits.metrics.net_benefit import METRIC, flagging_all, net_benefit
from hf_fairtune.audits.thresholds import Decision, fixed, given, parse_policy
from hf_fairtune.document.audit import ThresholdAudit
from hf_fairtune.document.estimate import Reason

from ..samples import NAMES, checked, few, split, tied_splits

Split = tuple[np.ndarray, np.ndarray, np.ndarray]


def slow(labels: np.ndarray, flagged: np.ndarray, cut: float) -> float:
    """Add up patients one by one: 1 for a patient found, the odds of the cut off for a false alarm."""
    gained = [(1.0 if y else -cut / (1 - cut)) if f else 0.0 for y, f in zip(labels, flagged, strict=True)]
    return sum(gained) / len(gained)


def at(columns: Split, decision: Decision, **options: Any) -> ThresholdAudit:
    found = audit(*columns, NAMES, thresholds=[decision], **({"n_boot": 20, "n_permutations": 0} | options))
    return found.thresholds[0]


@settings(max_examples=60, deadline=None)
@drawn_from(tied_splits())
def test_it_is_the_sum_over_patients(drawn: Split) -> None:
    labels, scores, _ = drawn
    for cut in (0.0, 0.1, 0.5, 0.75):
        flagged = scores >= cut
        found = net_benefit(labels * 2 + flagged, None, cut)
        assert found.value == pytest.approx(slow(labels, flagged, cut))
        assert found.low <= found.value + 1e-12
        assert found.value <= found.high + 1e-12
        everybody = slow(labels, np.ones(len(labels)), cut)
        assert flagging_all(float(labels.mean()), cut) == pytest.approx(everybody)


def test_the_worked_example_of_a_decision_curve() -> None:
    """1,000 men, 250 with cancer; a model flags 230 and 400 others at 20 %: 0.13, flagging all 0.0625."""
    cells = np.repeat([3, 2, 1, 0], [230, 20, 400, 350])
    assert net_benefit(cells, None, 0.2).value == pytest.approx(0.13)
    assert flagging_all(0.25, 0.2) == pytest.approx(0.0625)


@pytest.mark.parametrize(
    ("cut", "shares"), [(0.1, (0.08, 0.2)), (0.2, (0.15, 0.1)), (0.5, (0.05, 0.05)), (0.3, (0.3, 0.02))]
)
def test_coverage_is_exact_over_all_outcomes(cut: float, shares: tuple[float, float]) -> None:
    """120 patients of which prevalence and decisions vary: every outcome, weighed by its chance."""
    truth, held, total = shares[0] - shares[1] * cut / (1 - cut), 0.0, 0.0
    for hits in range(60):
        for alarms in range(60):
            chance = multinomial.pmf([hits, alarms, 120 - hits - alarms], 120, [*shares, 1 - sum(shares)])
            if chance > 1e-6:
                found = net_benefit(np.repeat([3, 1, 0], [hits, alarms, 120 - hits - alarms]), None, cut)
                held, total = held + chance * (found.low <= truth <= found.high), total + chance
    assert total > 0.999
    assert 0.93 < held < 0.98


def test_its_interval_is_about_that_of_patients_drawn_again() -> None:
    rng, cells = np.random.default_rng(0), np.repeat([3, 2, 1, 0], [90, 30, 80, 400])
    found = net_benefit(cells, None, 0.2)
    draws = [slow(own >= 2, own % 2 == 1, 0.2) for own in rng.choice(cells, (800, 600))]
    assert (found.low, found.high) == pytest.approx(np.quantile(draws, [0.025, 0.975]), abs=0.006)


def test_clusters_drawn_again_have_about_its_interval() -> None:
    """Three images a patient, decided alike as often as not; patients are drawn whole, by the slow way."""
    rng = np.random.default_rng(3)
    own, kept = rng.choice([3, 2, 1, 0], (200, 1), p=[0.2, 0.1, 0.2, 0.5]), rng.random((200, 3)) < 0.7
    cells = np.where(kept, own, rng.choice([3, 2, 1, 0], (200, 3)))
    found = net_benefit(cells.ravel(), np.repeat(np.arange(200), 3), 0.2)
    draws = [slow(c >= 2, c % 2 == 1, 0.2) for c in (cells[rng.integers(200, size=200)].ravel() for _ in range(800))]
    assert (found.low, found.high) == pytest.approx(np.quantile(draws, [0.025, 0.975]), abs=0.012)
    unaware = net_benefit(cells.ravel(), None, 0.2)
    assert found.high - found.low > 1.2 * (unaware.high - unaware.low)


def test_coverage_with_few_unequal_clusters() -> None:
    """Forty patients with 1 to 8 images that are much alike; as independent rows they would be too sure."""
    rng, runs, inside = np.random.default_rng(4), 600, np.zeros(2)
    clusters = np.repeat(np.arange(40), (1, 1, 2, 3, 8) * 8)
    shares = np.array([0.25, 0.1, 0.2, 0.45])
    truth = shares[0] - shares[2] * 0.3 / 0.7
    for _ in range(runs):
        own = rng.choice([3, 2, 1, 0], 40, p=shares)[clusters]
        cells = np.where(rng.random(120) < 0.8, own, rng.choice([3, 2, 1, 0], 120, p=shares))
        for place, ids in enumerate((clusters, None)):
            found = net_benefit(cells, ids, 0.3)
            inside[place] += found.low <= truth <= found.high
    assert 0.915 <= inside[0] / runs <= 0.98
    assert inside[1] / runs < 0.85


def test_clusters_of_one_row_and_doubled_rows_change_nothing() -> None:
    cells = np.repeat([3, 2, 1, 0], [20, 10, 30, 140])
    plain, single = net_benefit(cells, None, 0.1), net_benefit(cells, np.arange(200), 0.1)
    doubled = net_benefit(np.repeat(cells, 2), np.repeat(np.arange(200), 2), 0.1)
    for found, within in ((single, 1e-9), (doubled, 2e-3)):
        assert (found.value, found.low, found.high) == pytest.approx((plain.value, plain.low, plain.high), abs=within)


def test_it_keeps_a_width_where_nobody_is_flagged() -> None:
    found = net_benefit(np.repeat([2, 0], [20, 80]), None, 0.2)
    assert (found.value, found.low < 0 < found.high) == (0, True)


def test_an_audit_has_it_at_each_groups_own_cut() -> None:
    labels, scores, groups = columns = split()
    shared = at(columns, fixed(0.4))
    own = at(columns, parse_policy("youden per group").fit(checked(*split(seed=1))))
    for code, name in enumerate(NAMES):
        inside = groups == code
        for cut, found in ((0.4, shared), ((own.by_group or {})[name], own)):
            wanted = slow(labels[inside], scores[inside] >= cut, cut)
            assert found.groups[code].rates["net_benefit"].value == pytest.approx(wanted)
    assert shared.overall.rates["net_benefit"].value == pytest.approx(slow(labels, scores >= 0.4, 0.4))
    assert own.overall.rates["net_benefit"].reasons == (Reason("no_cut"),)


def test_it_needs_probabilities_and_a_cut_below_one() -> None:
    labels, scores, groups = split()
    assert "net_benefit" not in at((labels, scores * 3 - 1, groups), fixed(0.4)).overall.rates
    assert "net_benefit" not in at((labels, scores, groups), given(scores >= 0.4)).overall.rates
    for cut in (1.0, -0.5):
        assert at((labels, scores, groups), fixed(cut)).groups[0].rates["net_benefit"].reasons == (Reason("no_cut"),)


def test_few_rows_or_clusters_leave_it_without_interval() -> None:
    labels, scores, groups = split((3, 25, 0), (5, 50, 0))
    thin, solid, hollow = (row.rates["net_benefit"] for row in at((labels, scores, groups), fixed(0.4)).groups)
    assert (thin.defined, thin.bounded, thin.reasons) == (True, False, (few("rows", 8),))
    assert solid.bounded
    assert hollow.reasons == (few("rows", 0, 1),)
    one = at((labels, scores, groups), fixed(0.4), clusters=np.where(groups == 0, 0, np.arange(len(labels)) + 1))
    assert one.groups[0].rates["net_benefit"].reasons == (few("clusters", 1),)
    assert math.isfinite(one.groups[0].rates["net_benefit"].value)


def test_its_contract() -> None:
    assert METRIC.needs == ("rows",)
    assert METRIC.flagging_all(0.3, 0.3) == pytest.approx(0)
