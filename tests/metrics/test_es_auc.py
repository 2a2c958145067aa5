import numpy as np
import pytest

from hf_fairtune.metrics.es_auc import es_auc


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
