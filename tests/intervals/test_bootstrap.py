import tracemalloc

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from hf_fairtune.intervals import resampling
from hf_fairtune.intervals.bootstrap import Replicates, bootstrap, percentile_interval
from hf_fairtune.intervals.resampling import plan
from hf_fairtune.metrics.rows import check_rows

from ..metrics.samples import NAMES, rows, split
from .resampled import CUTS, in_bootstrap_order, repeated, same


@pytest.mark.parametrize("per_cluster", [None, 3, 40])
def test_replicates_are_a_plain_loop_over_the_same_weights(per_cluster: int | None) -> None:
    """Ties everywhere (scores on one digit); clusters of 40 leave cells empty, which is NaN."""
    labels, scores, groups = split((6, 4, 2), (7, 9, 5), digits=1)
    clusters = None if per_cluster is None else np.arange(len(labels)) // per_cluster
    given = in_bootstrap_order(check_rows(labels, scores, groups, NAMES, clusters))
    found = bootstrap(given, CUTS, n_boot=25, seed=4)
    weights = plan(given.groups * 2 + given.labels, given.clusters).draw(range(25), 4)
    for r in range(25):
        for t, cut in enumerate(CUTS):
            aucs, tpr, fpr, selected = repeated(given, weights[r], cut)
            np.testing.assert_allclose(found.auc[r], aucs, rtol=1e-12)
            np.testing.assert_allclose(found.tpr[r, t], tpr, rtol=1e-12)
            np.testing.assert_allclose(found.fpr[r, t], fpr, rtol=1e-12)
            np.testing.assert_allclose(found.selection_rate[r, t], selected, rtol=1e-12)


def test_weighted_auc_is_sklearns() -> None:
    given = in_bootstrap_order(rows())
    weights = plan(given.groups * 2 + given.labels, None).draw(range(3), 0)
    for found, w in zip(bootstrap(given, n_boot=3).auc, weights, strict=True):
        assert found[-1] == pytest.approx(roc_auc_score(given.labels, given.scores, sample_weight=w))


@pytest.mark.parametrize("clustered", [False, True])
def test_same_seed_same_replicates_whatever_the_order(clustered: bool) -> None:
    labels, scores, groups = split()
    clusters = np.arange(len(labels)) // 2 if clustered else None
    order = np.random.default_rng(5).permutation(len(labels))
    mixed = None if clusters is None else clusters[order]
    given = check_rows(labels, scores, groups, NAMES, clusters)
    permuted = check_rows(labels[order], scores[order], groups[order], NAMES, mixed)
    assert same(bootstrap(given, CUTS, 50, 1), bootstrap(permuted, CUTS, 50, 1))
    assert not same(bootstrap(given, CUTS, 50, 1), bootstrap(given, CUTS, 50, 2))


@pytest.mark.parametrize("clustered", [False, True])
def test_parts_in_threads_change_nothing(clustered: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    given = rows(np.arange(232) // 2 if clustered else None)
    whole = bootstrap(given, CUTS, 50, 1)
    monkeypatch.setattr(resampling, "CHUNK_WEIGHTS", 3 * 232)
    assert same(whole, bootstrap(given, CUTS, 50, 1))


def test_memory_does_not_grow_with_the_replicates() -> None:
    """All weights at once would be 240 MB, and a few arrays like them."""
    labels, groups = np.arange(100_000) % 2, np.arange(100_000) % 7 % 3
    given = check_rows(labels, np.random.default_rng(0).random(100_000), groups, NAMES)
    tracemalloc.start()
    bootstrap(given, CUTS, 300)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 150e6


def test_no_progress_bar_where_nobody_looks(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """On a terminal there is one, once it takes its time."""
    given = rows()
    monkeypatch.setattr("hf_fairtune.intervals.bootstrap.PATIENCE", 0)
    bootstrap(given, n_boot=5)
    assert capsys.readouterr().err == ""
    monkeypatch.setattr("sys.stderr.isatty", lambda: True, raising=False)
    bootstrap(given, n_boot=5)
    assert "Bootstrap:" in capsys.readouterr().err


def test_copied_rows_need_clusters() -> None:
    """Each row four times: a bootstrap of rows claims twice the precision, one of clusters does not."""
    labels, scores, groups = split(digits=6)
    copies = [np.repeat(x, 4) for x in (labels, scores, groups)]
    clusters = np.repeat(np.arange(len(labels)), 4)
    once = bootstrap(check_rows(labels, scores, groups, NAMES), CUTS, 600).auc.std(axis=0)
    naive = bootstrap(check_rows(*copies, NAMES), CUTS, 600).auc.std(axis=0)
    clustered = bootstrap(check_rows(*copies, NAMES, clusters), CUTS, 600).auc.std(axis=0)
    np.testing.assert_allclose(naive / once, 0.5, rtol=0.15)
    np.testing.assert_allclose(clustered / once, 1, rtol=0.15)


def test_a_missing_group_is_nan() -> None:
    labels, scores, _ = split()
    found = bootstrap(check_rows(labels, scores, np.zeros_like(labels), NAMES), CUTS, 5)
    assert np.isnan(found.auc[:, 1:3]).all()
    assert np.isfinite(found.auc[:, [0, 3]]).all()


def test_percentile_interval_tells_blindness_from_certainty() -> None:
    low, high, reason = percentile_interval(np.arange(101.0), 0.9)
    assert (low, high) == pytest.approx((5, 95))
    assert reason is None
    assert percentile_interval(np.array([1.0, 2.0, np.nan]), 0.9)[2] == "undefined in 1 of 3 resamples"
    for blind in (np.ones(9), np.full(9, np.nan)):
        low, high, reason = percentile_interval(blind, 0.9)
        assert np.isnan([low, high]).all()
        assert reason


def test_shares_of_being_worst_are_a_plain_loop() -> None:
    """Ties are shared, resamples without an AUC are left out, and so is a group that takes no part."""
    aucs = np.array([[0.5, 0.5, 0.9, 0.7], [0.5, 0.6, 0.1, 0.7], [0.8, 0.6, 0.1, 0.7], [np.nan, 0.1, 0.2, 0.7]])
    counts = np.zeros((4, 0, 4)), np.zeros((4, 0, 4)), np.ones((4, 4)), np.ones((4, 4))
    found = Replicates(aucs, *counts, method="")
    np.testing.assert_array_equal(found.worst_shares([0, 1]), [0.5, 0.5, np.nan])
    np.testing.assert_array_equal(found.worst_shares([0, 1, 2]), [0.5 / 3, 0.5 / 3, 2 / 3])
    assert np.isnan([found.worst_shares(few) for few in ([], [0])]).all()
