import math

import numpy as np
import pytest

from hf_fairtune.audits.engine.delong import auc
from hf_fairtune.audits.engine.resampled_rows import ResampledRows
from hf_fairtune.audits.engine.rows import check_rows
from hf_fairtune.audits.metrics.auc import auc_estimates
from hf_fairtune.audits.metrics.es_auc import es_auc, es_auc_bounds, es_auc_estimate
from hf_fairtune.document.estimate import Estimate, Reason

from ..resampled import resampled
from ..samples import NAMES, few, group_aucs


@pytest.mark.parametrize(("n_groups", "value"), [(2, 0.802), (4, 0.759), (8, 0.685)])
def test_the_same_spread_costs_more_with_more_groups(n_groups: int, value: float) -> None:
    by_group = 0.85 + np.tile([0.03, -0.03], n_groups // 2)
    assert float(es_auc(0.85, by_group)) == pytest.approx(value, abs=5e-4)


def test_it_is_the_auc_where_groups_are_equal_and_undefined_where_one_is() -> None:
    assert float(es_auc(0.8, np.full(3, 0.8))) == 0.8
    assert np.isnan(es_auc(0.8, np.array([0.8, np.nan])))


def test_replicates_come_first() -> None:
    found = es_auc(np.array([0.8, 0.9]), np.array([[0.7, 0.9], [0.9, 0.8]]))
    np.testing.assert_allclose(found, [0.8 / 1.2, 0.9 / 1.1])


def test_the_band_by_hand() -> None:
    """Two draws; c is such that both lie inside: the second's AUC is off by 0.02, the first's deviations by 0.1."""
    values = np.array([0.9, 0.7, 0.8])
    draws = np.array([[0.95, 0.65, 0.8], [0.92, 0.72, 0.82]])
    errors, radii = np.array([0.0, 0.02]), np.array([0.1, 0.0])
    c = float(np.quantile(np.maximum(errors / 0.01, radii / 0.05), 0.95))
    low, high = es_auc_bounds(values, 0.95, draws)
    np.testing.assert_allclose(low, (0.8 - c * 0.01) / (1.2 + c * 0.05))
    np.testing.assert_allclose(high, (0.8 + c * 0.01) / (1.2 - c * 0.05))


def test_coverage_between_equal_groups_where_percentiles_fail() -> None:
    rng, runs = np.random.default_rng(0), 60
    labels, groups = np.tile(np.repeat([1, 0], [30, 120]), 4), np.repeat(np.arange(4), 150)
    band = percentile = 0
    truth = 0.8556  # of two normals 1.5 apart, and then of ES-AUC too
    for _ in range(runs):
        rows = check_rows(labels, rng.normal(1.5 * labels), groups, list("abcd"))
        replicates = resampled(rows, n_boot=200, seed=int(rng.integers(2**31))).replicates
        assert replicates is not None
        draws = replicates.auc
        values = np.append(group_aucs(rows.labels, rows.scores, groups, 4), auc(rows.labels, rows.scores))
        low, high = es_auc_bounds(values, 0.95, draws)
        assert low <= es_auc(values[-1], values[:-1]) <= high
        band += low <= truth <= high
        low, high = np.quantile(es_auc(draws[:, -1], draws[:, :-1]), [0.025, 0.975])
        percentile += low <= truth <= high
    assert band / runs > 0.93
    assert percentile / runs < 0.6


def found_of(given: ResampledRows) -> Estimate:
    return es_auc_estimate(given, auc_estimates(given))


@pytest.mark.parametrize("included", [(0, 1, 2), (0, 2), (1,)])
def test_it_sums_over_the_included_groups(included: tuple[int, ...]) -> None:
    given = resampled(included=included)
    rows, found = given.rows, found_of(given)
    whole, aucs = auc(rows.labels, rows.scores), group_aucs(rows.labels, rows.scores, rows.groups, 3)
    assert found.value == pytest.approx(whole / (1 + sum(abs(aucs[g] - whole) for g in included)))
    assert found.low < found.value < found.high
    assert "bootstrap" in found.method


def test_without_what_it_needs_there_is_a_reason() -> None:
    assert found_of(resampled(n_boot=0)).reasons == (Reason("no_bootstrap"),)
    hollow = found_of(resampled(positives=(30, 25, 0)))
    assert (math.isnan(hollow.value), hollow.reasons) == (True, (few("positives", 0, 1, "c"),))
    thin = found_of(resampled(positives=(30, 25, 7)))
    assert (math.isfinite(thin.value), math.isnan(thin.low)) == (True, True)
    assert thin.reasons == (few("positives", 7, group="c"),)
    nobody = found_of(resampled(included=()))
    assert (math.isnan(nobody.value), nobody.reasons) == (True, (Reason("too_few_groups", count=0),))


def test_an_auc_that_never_varies_leaves_no_interval() -> None:
    labels, groups = np.tile(np.repeat([0, 1], 30), 3), np.repeat([0, 1, 2], 60)
    scores = np.random.default_rng(0).normal(labels, 1.0)
    scores[:60] = labels[:60] * 9.0
    found = found_of(resampled(check_rows(labels, scores, groups, NAMES)))
    assert math.isfinite(found.value)
    assert np.isnan([found.low, found.high]).all()
    assert found.reasons == (Reason("same_in_resamples", "a"),)
