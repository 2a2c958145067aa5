import tracemalloc
from collections.abc import Callable

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from hf_fairtune.audits.engine import resampling
from hf_fairtune.audits.engine.bootstrap import Replicates, bootstrap
from hf_fairtune.audits.engine.resampling import plan
from hf_fairtune.audits.engine.rows import ScoredRows, check_rows

from ..resampled import CUTS, KINDS, decided, in_bootstrap_order, rate_draws, repeated, same, two_models
from ..samples import NAMES, rows, split


def of(given: ScoredRows, n_boot: int = 50, seed: int = 0, cuts: tuple[float, ...] = CUTS) -> Replicates:
    """Replicates of one model."""
    return bootstrap([given], [decided(given, cuts)], n_boot, seed)[0]


@pytest.mark.parametrize("per_cluster", [None, 3, 40])
def test_replicates_are_a_plain_loop_over_the_same_weights(per_cluster: int | None) -> None:
    """Ties everywhere (scores on one digit); clusters of 40 leave cells empty, which is NaN."""
    labels, scores, groups = split((6, 4, 2), (7, 9, 5), digits=1)
    clusters = None if per_cluster is None else np.arange(len(labels)) // per_cluster
    given = in_bootstrap_order(check_rows(labels, scores, groups, NAMES, clusters))
    (found,) = bootstrap([given], [decided(given)], n_boot=25, seed=4)
    weights = plan(given.groups * 2 + given.labels, given.clusters).draw(range(25), 4)
    for r in range(25):
        for t, cut in enumerate(CUTS):
            aucs, tpr, fpr, selected = repeated(given, weights[r], cut)
            np.testing.assert_allclose(found.auc[r], aucs, rtol=1e-12)
            for kind, wanted in zip(KINDS, (tpr, fpr, selected), strict=True):
                np.testing.assert_allclose(rate_draws(found, kind, t)[r], wanted, rtol=1e-12)


def test_weighted_auc_is_sklearns() -> None:
    given = in_bootstrap_order(rows())
    weights = plan(given.groups * 2 + given.labels, None).draw(range(3), 0)
    for found, w in zip(of(given, 3, cuts=()).auc, weights, strict=True):
        assert found[-1] == pytest.approx(roc_auc_score(given.labels, given.scores, sample_weight=w))


@pytest.mark.parametrize("clustered", [False, True])
def test_same_seed_same_replicates_whatever_the_order(clustered: bool) -> None:
    labels, scores, groups = split()
    clusters = np.arange(len(labels)) // 2 if clustered else None
    order = np.random.default_rng(5).permutation(len(labels))
    mixed = None if clusters is None else clusters[order]
    given = check_rows(labels, scores, groups, NAMES, clusters)
    permuted = check_rows(labels[order], scores[order], groups[order], NAMES, mixed)
    assert same(of(given, 50, 1), of(permuted, 50, 1))
    assert not same(of(given, 50, 1), of(given, 50, 2))


@pytest.mark.parametrize("clustered", [False, True])
def test_parts_in_threads_change_nothing(clustered: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    given = rows(np.arange(232) // 2 if clustered else None)
    whole = of(given, 50, 1)
    monkeypatch.setattr(resampling, "CHUNK_WEIGHTS", 3 * 232)
    assert same(whole, of(given, 50, 1))


@pytest.mark.parametrize("clustered", [False, True])
def test_strata_of_many_rows_are_drawn_alike_one_by_one(clustered: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    given = rows(np.arange(232) // 2 if clustered else None)
    whole = of(given, 20, 1)
    monkeypatch.setattr(resampling, "CHUNK_WEIGHTS", 1)
    monkeypatch.setattr(resampling, "MANY", 1)
    assert same(whole, of(given, 20, 1))


def test_a_single_group_is_the_whole() -> None:
    """It is counted once, and stands in both places."""
    given = rows()
    alone = check_rows(given.labels, given.scores, np.zeros_like(given.groups), ["all"])
    named = check_rows(given.labels, given.scores, np.zeros_like(given.groups), ["all", "none"])
    one, both = of(alone), of(named)
    assert np.array_equal(one.auc, both.auc[:, [0, 2]])
    assert np.array_equal(one.counts, both.counts[..., [0, 2]])


def test_memory_does_not_grow_with_the_replicates() -> None:
    """All weights at once would be 240 MB, and a few arrays like them."""
    labels, groups = np.arange(100_000) % 2, np.arange(100_000) % 7 % 3
    given = check_rows(labels, np.random.default_rng(0).random(100_000), groups, NAMES)
    tracemalloc.start()
    of(given, 300)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 150e6


def test_no_progress_bar_where_nobody_looks(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """On a terminal there is one, once it takes its time."""
    given = rows()
    monkeypatch.setattr("hf_fairtune.progress.PATIENCE", 0)
    of(given, 5)
    assert capsys.readouterr().err == ""
    monkeypatch.setattr("sys.stderr.isatty", lambda: True, raising=False)
    of(given, 5)
    assert "Bootstrap:" in capsys.readouterr().err


def test_copied_rows_need_clusters() -> None:
    """Each row four times: a bootstrap of rows claims twice the precision, one of clusters does not."""
    labels, scores, groups = split(digits=6)
    copies = [np.repeat(x, 4) for x in (labels, scores, groups)]
    clusters = np.repeat(np.arange(len(labels)), 4)
    once = of(check_rows(labels, scores, groups, NAMES), 600).auc.std(axis=0)
    naive = of(check_rows(*copies, NAMES), 600).auc.std(axis=0)
    clustered = of(check_rows(*copies, NAMES, clusters), 600).auc.std(axis=0)
    np.testing.assert_allclose(naive / once, 0.5, rtol=0.15)
    np.testing.assert_allclose(clustered / once, 1, rtol=0.15)


def test_a_missing_group_is_nan() -> None:
    labels, scores, _ = split()
    found = of(check_rows(labels, scores, np.zeros_like(labels), NAMES), 5)
    assert np.isnan(found.auc[:, 1:3]).all()
    assert np.isfinite(found.auc[:, [0, 3]]).all()


def test_shares_of_being_worst_are_a_plain_loop() -> None:
    """Ties are shared, resamples without an AUC are left out, and so is a group that takes no part."""
    aucs = np.array([[0.5, 0.5, 0.9, 0.7], [0.5, 0.6, 0.1, 0.7], [0.8, 0.6, 0.1, 0.7], [np.nan, 0.1, 0.2, 0.7]])
    found = Replicates(aucs, np.zeros((4, 4, 0, 4)), method="")
    np.testing.assert_array_equal(found.worst_shares([0, 1]), [0.5, 0.5, np.nan])
    np.testing.assert_array_equal(found.worst_shares([0, 1, 2]), [0.5 / 3, 0.5 / 3, 2 / 3])
    assert np.isnan([found.worst_shares(few) for few in ([], [0])]).all()


@pytest.mark.parametrize("per_cluster", [None, 3])
def test_joint_replicates_are_a_plain_loop_over_the_same_weights(per_cluster: int | None) -> None:
    """Weights are drawn for rows by cell and then by the scores of the model that sorts first."""
    models = two_models(per_cluster)
    cuts = [decided(one, (cut,)) for one, cut in zip(models, CUTS, strict=True)]
    found = bootstrap(models, cuts, n_boot=25, seed=4)
    cells = models[0].groups * 2 + models[0].labels
    lists = [sorted(zip(cells, one.scores, strict=True)) for one in models]
    first, second = models if lists[0] < lists[1] else models[::-1]
    order = np.lexsort((second.scores, first.scores, cells))
    clusters = models[0].clusters
    weights = plan(cells[order], None if clusters is None else clusters[order]).draw(range(25), 4)
    for one, mine, cut in zip(models, found, CUTS, strict=True):
        for r in range(25):
            aucs, *rates = repeated(one.take(order), weights[r], cut)
            np.testing.assert_allclose(mine.auc[r], aucs, rtol=1e-12)
            for kind, wanted in zip(KINDS, rates, strict=True):
                np.testing.assert_allclose(rate_draws(mine, kind)[r], wanted, rtol=1e-12)


@pytest.mark.parametrize("per_cluster", [None, 3])
def test_neither_the_order_of_rows_nor_of_models_matters(per_cluster: int | None) -> None:
    models = two_models(per_cluster)
    order = np.random.default_rng(5).permutation(len(models[0].labels))
    mixed = [model.take(order) for model in models]
    cuts = [decided(model) for model in models]
    one, two = bootstrap(models, cuts, 50, 1)
    turned = bootstrap(models[::-1], cuts[::-1], 50, 1)[::-1]
    for first, second in (bootstrap(mixed, [own[:, order] for own in cuts], 50, 1), turned):
        assert same(one, first)
        assert same(two, second)


def test_a_model_beside_itself_is_the_model_alone() -> None:
    given, _ = two_models()
    both = bootstrap([given, given], [decided(given)] * 2, 50, 1)
    assert all(same(of(given, 50, 1), one) for one in both)


@pytest.mark.parametrize("per_cluster", [None, 3])
def test_decisions_by_row_are_counted_by_cell(per_cluster: int | None) -> None:
    given = two_models(per_cluster)[0]
    own = (given.scores >= np.array([0.25, 0.4, 0.5])[given.groups]).astype(int)
    (found,) = bootstrap([given], [own[None]], 25, 4)
    order = np.lexsort((own, given.scores, given.groups * 2 + given.labels))
    cells = (given.groups * 4 + given.labels * 2 + own)[order]
    weights = plan(cells // 2, None if given.clusters is None else given.clusters[order]).draw(range(25), 4)
    for cell in range(12):
        np.testing.assert_array_equal(found.counts[cell % 4, :, 0, cell // 4], weights[:, cells == cell].sum(axis=1))
    np.testing.assert_array_equal(found.counts[:, :, 0, -1].sum(axis=0), weights.sum(axis=1))


def test_decisions_of_tied_rows_follow_the_rows() -> None:
    """Rows with one score and other decisions: their order must not matter either."""
    given = two_models()[0]
    own = np.random.default_rng(3).integers(2, size=(1, len(given.labels)))
    order = np.random.default_rng(5).permutation(len(given.labels))
    one, other = bootstrap([given], [own], 50, 1), bootstrap([given.take(order)], [own[:, order]], 50, 1)
    assert same(one[0], other[0])


def test_a_measure_is_computed_of_the_same_resamples() -> None:
    """Of rows ascending by score, by group and overall: here the weighted mean score, and the AUC once more."""
    given = in_bootstrap_order(rows())

    def mean(labels: np.ndarray, scores: np.ndarray) -> Callable[[np.ndarray], np.ndarray]:
        assert (np.diff(scores) >= 0).all()
        return lambda weights: weights @ scores / weights.sum(axis=-1)

    (found,) = bootstrap([given], [decided(given, ())], 20, 3, {"mean": mean})
    weights = plan(given.groups * 2 + given.labels, None).draw(range(20), 3)
    for code in (0, 1, 2, -1):
        inside = (given.groups == code) | (code == -1)
        wanted = weights[:, inside] @ given.scores[inside] / weights[:, inside].sum(axis=1)
        np.testing.assert_allclose(found.measures["mean"][:, code], wanted)
