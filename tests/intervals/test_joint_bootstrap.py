import numpy as np
import pytest

from hf_fairtune.intervals.bootstrap import bootstrap, joint_bootstrap
from hf_fairtune.intervals.resampling import plan
from hf_fairtune.metrics.rows import Rows

from ..metrics.samples import NAMES
from .resampled import CUTS, repeated, same, two_models


@pytest.mark.parametrize("per_cluster", [None, 3])
def test_joint_replicates_are_a_plain_loop_over_the_same_weights(per_cluster: int | None) -> None:
    """Weights are drawn for rows by cell and then by the scores of the model that sorts first."""
    models = two_models(per_cluster)
    found = joint_bootstrap(models, [CUTS[:1], CUTS[1:]], n_boot=25, seed=4)
    cells = models[0].groups * 2 + models[0].labels
    lists = [sorted(zip(cells, one.scores, strict=True)) for one in models]
    first, second = models if lists[0] < lists[1] else models[::-1]
    order = np.lexsort((second.scores, first.scores, cells))
    clusters = models[0].clusters
    weights = plan(cells[order], None if clusters is None else clusters[order]).draw(range(25), 4)
    for one, mine, cut in zip(models, found, CUTS, strict=True):
        given = Rows(one.labels[order], one.scores[order], one.groups[order], NAMES)
        for r in range(25):
            aucs, tpr, fpr, selected = repeated(given, weights[r], cut)
            np.testing.assert_allclose(mine.auc[r], aucs, rtol=1e-12)
            np.testing.assert_allclose(mine.tpr[r, 0], tpr, rtol=1e-12)
            np.testing.assert_allclose(mine.fpr[r, 0], fpr, rtol=1e-12)
            np.testing.assert_allclose(mine.selection_rate[r, 0], selected, rtol=1e-12)


@pytest.mark.parametrize("per_cluster", [None, 3])
def test_neither_the_order_of_rows_nor_of_models_matters(per_cluster: int | None) -> None:
    models = two_models(per_cluster)
    order = np.random.default_rng(5).permutation(len(models[0].labels))

    def shuffled(x: np.ndarray | None) -> np.ndarray | None:
        return None if x is None else x[order]

    mixed = [Rows(m.labels[order], m.scores[order], m.groups[order], NAMES, shuffled(m.clusters)) for m in models]
    one, two = joint_bootstrap(models, [CUTS, CUTS], 50, 1)
    turned = joint_bootstrap(models[::-1], [CUTS] * 2, 50, 1)[::-1]
    for first, second in (joint_bootstrap(mixed, [CUTS] * 2, 50, 1), turned):
        assert same(one, first)
        assert same(two, second)


def test_a_model_beside_itself_is_the_model_alone() -> None:
    (given, _) = two_models()
    alone = bootstrap(given, CUTS, 50, 1)
    assert all(same(alone, one) for one in joint_bootstrap([given, given], [CUTS, CUTS], 50, 1))
