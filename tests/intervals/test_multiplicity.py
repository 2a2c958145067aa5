import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import false_discovery_control

from hf_fairtune.errors import FairTuneError
from hf_fairtune.intervals.multiplicity import CORRECTIONS, adjusted, benjamini_hochberg, holm

P = st.lists(st.floats(0, 1), min_size=1, max_size=12)


def slow_holm(p: list[float]) -> list[float]:
    """A test's adjusted p is the largest of what the smaller ones and itself need."""
    ranks = sorted(range(len(p)), key=lambda i: p[i])
    needs = {i: min(1.0, p[i] * (len(p) - place)) for place, i in enumerate(ranks)}
    return [max(needs[j] for j in ranks[: ranks.index(i) + 1]) for i in range(len(p))]


def test_holm_by_hand() -> None:
    assert holm(np.array([0.01, 0.04, 0.03, 0.005])) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm(np.array([0.6, 0.4])).tolist() == [0.8, 0.8]
    assert holm(np.array([0.02])).tolist() == [0.02]


@settings(max_examples=80, deadline=None)
@given(P)
def test_holm_is_its_definition(p: list[float]) -> None:
    assert holm(np.array(p)) == pytest.approx(slow_holm(p))


@settings(max_examples=80, deadline=None)
@given(P)
def test_benjamini_hochberg_is_scipys(p: list[float]) -> None:
    assert benjamini_hochberg(np.array(p)) == pytest.approx(false_discovery_control(p))


@pytest.mark.parametrize("correction", CORRECTIONS)
def test_what_was_not_tested_does_not_count(correction: str) -> None:
    p = np.array([0.01, np.nan, 0.04, 0.2])
    found = adjusted(p, correction)
    assert np.isnan(found[1])
    assert found[[0, 2, 3]].tolist() == adjusted(p[[0, 2, 3]], correction).tolist()
    assert np.isnan(adjusted(np.array([np.nan]), correction)).all()
    assert not adjusted(np.array([]), correction).size


def test_bad_input_is_one_line() -> None:
    with pytest.raises(FairTuneError, match="`bonferroni` is no correction; choose from holm"):
        adjusted(np.array([0.1]), "bonferroni")
    with pytest.raises(FairTuneError, match="A p-value is 1.5; pass values from 0 to 1"):
        holm(np.array([0.1, 1.5]))
