import math

import numpy as np
import pytest

from hf_fairtune.metrics.performance_scaled_disparity import max_psd, mean_psd


def test_by_hand() -> None:
    by_group = np.array([0.9, 0.8, 0.7])
    assert float(mean_psd(0.8, by_group)) == pytest.approx(math.sqrt((0.01 + 0 + 0.01) / 3) / 0.8)
    assert float(max_psd(0.8, by_group)) == pytest.approx(0.2 / 0.8)


def test_equal_groups_have_none_and_an_undefined_one_makes_it_undefined() -> None:
    draws = np.array([[0.75, 0.75], [0.75, np.nan]])
    for psd in (mean_psd, max_psd):
        found = psd(np.array([0.8, 0.8]), draws)
        assert found[0] == 0
        assert np.isnan(found[1])
