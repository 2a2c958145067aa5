import numpy as np

from hf_fairtune.metrics.extremes import Extremes, extremes


def test_all_included_groups_take_part() -> None:
    found = extremes(np.array([0.9, 0.6, np.nan, 0.7]), (0, 1, 3))
    assert (found.minimum, found.maximum, found.worst, found.best) == (0.6, 0.9, 1, 0)
    assert found.gap == 0.9 - 0.6


def test_nan_propagates_and_one_group_has_no_gap() -> None:
    np.testing.assert_equal(vars(extremes(np.array([0.9, np.nan]), (0, 1))), vars(Extremes()))
    np.testing.assert_equal(vars(extremes(np.array([0.9, np.nan]), ())), vars(Extremes()))
    alone = extremes(np.array([0.9, np.nan]), (0,))
    assert alone.minimum == 0.9
    assert np.isnan(alone.gap)
