"""Ranks against scipy's, bit for bit."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import rankdata

from hf_fairtune.audits.engine.ranks import midranks

SCORES = st.floats(allow_nan=False) | st.sampled_from([0.0, -0.0, 0.5, 1.0, np.inf])


@given(st.lists(SCORES, max_size=40))
def test_they_are_scipys(scores: list[float]) -> None:
    values = np.array(scores)
    assert midranks(values).tolist() == rankdata(values).tolist()
    missing = np.append(values, np.nan)
    np.testing.assert_array_equal(midranks(missing), rankdata(missing))
    decided = values > 0.5
    assert midranks(decided).tolist() == rankdata(decided).tolist()
