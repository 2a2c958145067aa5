from decimal import Decimal, getcontext

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import softmax

from hf_fairtune.data.probabilities import class_log_odds, probabilities

getcontext().prec = 400
LOGIT = st.floats(-400, 400, width=32)


def slow_odds(logits: list[float]) -> list[float]:
    """Log-odds from sums of 400 digits."""
    powers = [Decimal(x).exp() for x in logits]
    return [float((own / (sum(powers) - own)).ln()) for own in powers]


@settings(max_examples=60, deadline=None)
@given(st.lists(st.lists(LOGIT, min_size=3, max_size=3), min_size=1, max_size=3))
def test_log_odds_are_those_of_400_digits(logits: list[list[float]]) -> None:
    found = class_log_odds(np.array(logits, dtype=np.float32))
    np.testing.assert_allclose(found, [slow_odds(row) for row in logits], rtol=1e-12, atol=1e-12)


@given(st.lists(st.floats(-2000, 2000) | st.sampled_from([50.0, 60.0, -800.0, np.inf, -np.inf]), min_size=1))
def test_rows_rank_as_their_log_odds(log_odds: list[float]) -> None:
    odds = np.array(log_odds)
    found = probabilities(odds)
    assert ((found >= 0) & (found <= 1)).all()
    np.testing.assert_array_equal(
        np.sign(found[:, None] - found), np.sign(np.subtract.outer(*[odds.clip(-1e9, 1e9)] * 2))
    )
    np.testing.assert_allclose(
        found, softmax(np.stack([0 * odds.clip(-1, 1), odds.clip(-1e9, 1e9)]), axis=0)[1], rtol=0, atol=1e-13
    )


def test_logits_whose_softmax_is_1_still_rank() -> None:
    logits = np.array([[0, 60], [0, 50], [0, 40], [0, 2], [900, 0], [950, 0]], dtype=np.float32)
    odds = class_log_odds(logits)
    assert (softmax(logits.astype(np.float64), axis=1)[:3, 1] == 1).all()
    for column in (0, 1):
        ranked = probabilities(odds[:, column])
        assert np.argsort(ranked).tolist() == np.argsort(odds[:, column]).tolist()
        assert len(set(ranked)) == 6


def test_what_is_not_finite_stays_so() -> None:
    found = probabilities(np.array([np.nan, 1.0, np.inf, -np.inf]))
    assert np.isnan(found[0])
    assert found[2:].tolist() == [1, 0]
    assert np.isnan(class_log_odds(np.array([[np.nan, 1.0]]))).any()
