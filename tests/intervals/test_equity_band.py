import numpy as np

from hf_fairtune.intervals.bootstrap import bootstrap
from hf_fairtune.intervals.equity_band import equity_interval
from hf_fairtune.metrics.auc import auc, group_aucs
from hf_fairtune.metrics.es_auc import es_auc
from hf_fairtune.metrics.rows import check_rows


def test_the_band_by_hand() -> None:
    """Two draws; c is such that both lie inside: the second's AUC is off by 0.02, the first's deviations by 0.1."""
    values = np.array([0.9, 0.7, 0.8])
    draws = np.array([[0.95, 0.65, 0.8], [0.92, 0.72, 0.82]])
    errors, radii = np.array([0.0, 0.02]), np.array([0.1, 0.0])
    c = float(np.quantile(np.maximum(errors / 0.01, radii / 0.05), 0.95))
    low, high = equity_interval(values, draws, 0.95)
    np.testing.assert_allclose(low, (0.8 - c * 0.01) / (1.2 + c * 0.05))
    np.testing.assert_allclose(high, (0.8 + c * 0.01) / (1.2 - c * 0.05))


def test_coverage_between_equal_groups_where_percentiles_fail() -> None:
    rng, runs = np.random.default_rng(0), 60
    labels, groups = np.tile(np.repeat([1, 0], [30, 120]), 4), np.repeat(np.arange(4), 150)
    band = percentile = 0
    truth = 0.8556  # of two normals 1.5 apart, and then of ES-AUC too
    for _ in range(runs):
        rows = check_rows(labels, rng.normal(1.5 * labels), groups, list("abcd"))
        draws = bootstrap(rows, (), 200, int(rng.integers(2**31))).auc
        values = np.append(group_aucs(rows.labels, rows.scores, groups, 4), auc(rows.labels, rows.scores))
        low, high = equity_interval(values, draws, 0.95)
        assert low <= es_auc(values[-1], values[:-1]) <= high
        band += low <= truth <= high
        low, high = np.quantile(es_auc(draws[:, -1], draws[:, :-1]), [0.025, 0.975])
        percentile += low <= truth <= high
    assert band / runs > 0.93
    assert percentile / runs < 0.6
