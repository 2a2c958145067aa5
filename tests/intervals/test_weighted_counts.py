import numpy as np
import pytest

from hf_fairtune.errors import FairTuneError
from hf_fairtune.intervals.bootstrap import bootstrap
from hf_fairtune.intervals.resampling import plan
from hf_fairtune.intervals.weighted_counts import sorted_columns, weighted_counts
from hf_fairtune.metrics.rates import ratio
from hf_fairtune.metrics.rows import Rows

from ..metrics.samples import NAMES
from .resampled import CUTS, in_bootstrap_order, repeated, same, two_models


@pytest.mark.parametrize("in_place", [True, False])
def test_counts_are_those_of_rows_written_out(in_place: bool) -> None:
    """Weights may be anything; scores need not be sorted within a cell."""
    given = in_bootstrap_order(two_models()[0])
    cells = given.groups * 2 + given.labels
    scores = given.scores if in_place else two_models()[1].scores
    weights = np.random.default_rng(2).integers(4, size=(20, len(cells)))
    auc, hits, alarms, positives, negatives = weighted_counts(weights, sorted_columns(cells, scores, [CUTS[1]], 3))
    mine = Rows(given.labels, scores, given.groups, NAMES)
    for r in range(20):
        aucs, tpr, fpr, _ = repeated(mine, weights[r], CUTS[1])
        np.testing.assert_allclose(auc[r], aucs, rtol=1e-12)
        np.testing.assert_allclose(ratio(hits[r, 0], positives[r]), tpr, rtol=1e-12)
        np.testing.assert_allclose(ratio(alarms[r, 0], negatives[r]), fpr, rtol=1e-12)
    np.testing.assert_array_equal((positives + negatives)[:, -1], weights.sum(axis=1))


@pytest.mark.parametrize("per_cluster", [None, 3])
def test_decisions_by_row_are_counted_as_those_of_a_cut(per_cluster: int | None) -> None:
    given = two_models(per_cluster)[0]
    decided = given.scores >= np.array([0.25, 0.4, 0.5])[given.groups]
    found = bootstrap(given, [0.4, given.scores >= 0.4, decided.astype(int)], 25, 4)
    order = np.lexsort((decided, given.scores, given.groups * 2 + given.labels))
    cells = (given.groups * 2 + given.labels)[order]
    weights = plan(cells, None if given.clusters is None else given.clusters[order]).draw(range(25), 4)
    for kind in ("tpr", "fpr", "selection_rate"):
        np.testing.assert_array_equal(getattr(found, kind)[:, 0], getattr(found, kind)[:, 1])
    for cell, kind in enumerate(("false_positives", "true_positives") * 3):
        mine = weights[:, (cells == cell) & decided[order]].sum(axis=1)
        np.testing.assert_array_equal(getattr(found, kind)[:, 2, cell // 2], mine)
    np.testing.assert_array_equal(found.counts(2).tpr, found.tpr[:, 2])
    np.testing.assert_array_equal(found.counts(0).n[:, -1], weights.sum(axis=1))


def test_decisions_of_tied_rows_follow_the_rows() -> None:
    """Rows with one score and other decisions: their order must not matter either."""
    given = two_models()[0]
    decided = np.random.default_rng(3).integers(2, size=len(given.labels))
    order = np.random.default_rng(5).permutation(len(decided))
    mixed = Rows(given.labels[order], given.scores[order], given.groups[order], NAMES)
    assert same(bootstrap(given, [decided], 50, 1), bootstrap(mixed, [decided[order]], 50, 1))


@pytest.mark.parametrize("cut", [float("nan"), np.zeros(3)])
def test_a_cut_is_a_threshold_or_one_decision_a_row(cut: float | np.ndarray) -> None:
    with pytest.raises(FairTuneError, match=r"A cut is (NaN|an array of shape \(3,\)); pass a threshold"):
        bootstrap(two_models()[0], [cut], 5)
