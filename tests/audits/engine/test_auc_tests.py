import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import false_discovery_control, kstest, norm
from scipy.stats import t as student

from hf_fairtune.audits.engine.auc_tests import (
    CORRECTIONS,
    INVERTED,
    LOGIT_T,
    Detectable,
    adjusted,
    auc_difference_test,
    detectable,
    detectable_difference,
    hanley_mcneil_variance,
    wanted_counts,
)
from hf_fairtune.audits.engine.delong import auc_interval, mover_difference
from hf_fairtune.errors import FairTuneError

from ..samples import slow_auc, split

Sample = tuple[np.ndarray, np.ndarray]


def pair(seed: int = 0) -> tuple[Sample, Sample]:
    """Labels and scores of two groups."""
    labels, scores, groups = split((14, 40), (35, 90), seed)
    inside = [groups == g for g in (0, 1)]
    return (labels[inside[0]], labels[inside[1]]), (scores[inside[0]], scores[inside[1]])


def slow_p(labels: Sample, scores: Sample) -> float:
    """The t test from DeLong's components by a double loop."""
    total, below, logits = 0.0, 0.0, []
    for own, values in zip(labels, scores, strict=True):
        high, low = values[own == 1], values[own == 0]
        wins = np.array([[(p > q) + (p == q) / 2 for q in low] for p in high])
        value = slow_auc(own, values)
        logits.append(math.log(value / (1 - value)))
        for axis in (1, 0):
            placed = wins.mean(axis=axis)
            part = placed.var(ddof=1) / len(placed) / (value * (1 - value)) ** 2
            total, below = total + part, below + part**2 / (len(placed) - 1)
    return float(2 * student.sf(abs(logits[0] - logits[1]) / math.sqrt(total), total**2 / below))


@pytest.mark.parametrize("seed", range(4))
def test_p_is_that_of_the_slow_form(seed: int) -> None:
    p, method = auc_difference_test(*pair(seed))
    assert p == pytest.approx(slow_p(*pair(seed)), rel=1e-9)
    assert method == LOGIT_T


def test_p_is_uniform_where_the_aucs_are_equal() -> None:
    rng = np.random.default_rng(0)
    labels = (np.repeat([1, 0], [25, 100]), np.repeat([1, 0], [40, 200]))
    found = []
    for _ in range(600):
        scores = tuple(rng.normal(1.5 * own + shift) for own, shift in zip(labels, (0, 1), strict=True))
        found.append(auc_difference_test(labels, scores)[0])
    assert kstest(found, "uniform").pvalue > 0.05


def test_a_perfect_group_has_the_p_of_its_interval() -> None:
    labels = (np.repeat([1, 0], [15, 40]), np.repeat([1, 0], [40, 80]))
    scores = (labels[0].astype(float), np.random.default_rng(0).normal(1.2 * labels[1]))
    p, method = auc_difference_test(labels, scores)
    assert method == INVERTED
    parts = [auc_interval(own, values, confidence=1 - p) for own, values in zip(labels, scores, strict=True)]
    assert mover_difference(*parts).low == pytest.approx(0, abs=1e-6)
    assert auc_difference_test((labels[0],) * 2, (scores[0],) * 2) == (1.0, INVERTED)


P = st.lists(st.floats(0, 1), min_size=1, max_size=12)


def slow_holm(p: list[float]) -> list[float]:
    """A test's adjusted p is the largest of what the smaller ones and itself need."""
    ranks = sorted(range(len(p)), key=lambda i: p[i])
    needs = {i: min(1.0, p[i] * (len(p) - place)) for place, i in enumerate(ranks)}
    return [max(needs[j] for j in ranks[: ranks.index(i) + 1]) for i in range(len(p))]


def test_holm_by_hand() -> None:
    assert adjusted(np.array([0.01, 0.04, 0.03, 0.005])) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert adjusted(np.array([0.6, 0.4])).tolist() == [0.8, 0.8]
    assert adjusted(np.array([0.02])).tolist() == [0.02]


@settings(max_examples=80)
@given(P)
def test_holm_is_its_definition(p: list[float]) -> None:
    assert adjusted(np.array(p)) == pytest.approx(slow_holm(p))


@settings(max_examples=80)
@given(P)
def test_benjamini_hochberg_is_scipys(p: list[float]) -> None:
    assert adjusted(np.array(p), "benjamini-hochberg") == pytest.approx(false_discovery_control(p))


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


def test_variance_is_exact_for_exponential_scores() -> None:
    rng = np.random.default_rng(0)
    rate = 0.8 / 0.2
    high, low = rng.exponential(rate, (20000, 12)), rng.exponential(1, (20000, 30))
    values = np.array([(p[:, None] > n).mean() for p, n in zip(high, low, strict=True)])
    assert values.mean() == pytest.approx(0.8, abs=0.005)
    assert values.var() == pytest.approx(hanley_mcneil_variance(0.8, 12, 30), rel=0.05)


@pytest.mark.parametrize(("group", "reference"), [((20, 100), (60, 300)), ((100, 100), (100, 400))])
def test_what_is_detectable_is_found_in_four_of_five_samples(
    group: tuple[int, int], reference: tuple[int, int]
) -> None:
    auc, runs = 0.85, 300
    lower = auc - detectable_difference(auc, group, reference)
    rng = np.random.default_rng(1)
    labels = (np.repeat([1, 0], group), np.repeat([1, 0], reference))
    shifts = [math.sqrt(2) * norm.ppf(value) for value in (lower, auc)]
    found = 0
    for _ in range(runs):
        scores = tuple(rng.normal(own * shift) for own, shift in zip(labels, shifts, strict=True))
        found += auc_difference_test(labels, scores)[0] < 0.05  # type: ignore[arg-type]
    assert 0.7 < found / runs < 0.9


def test_more_cases_find_smaller_differences() -> None:
    found = [detectable_difference(0.9, (k, 5 * k), (200, 1000)) for k in (5, 10, 20, 50, 200)]
    assert found == sorted(found, reverse=True)
    assert 0 < found[-1] < found[0] < 0.9
    assert 0 < detectable_difference(1.0, (20, 100), (200, 1000)) < 0.2


def test_wanted_cases_are_just_enough() -> None:
    for group in ((8, 100), (100, 8)):
        positives, negatives = wanted_counts(0.88, group, (300, 2000)) or (0, 0)
        assert positives / negatives == pytest.approx(group[0] / group[1], rel=0.01)
        assert detectable_difference(0.88, (positives, negatives), (300, 2000)) <= 0.05
        fewer = (math.floor(positives * 0.98), math.floor(negatives * 0.98))
        assert detectable_difference(0.88, fewer, (300, 2000)) > 0.05


def test_what_cannot_be_found_is_undefined() -> None:
    assert math.isnan(detectable_difference(0.85, (0, 30), (40, 200)))
    assert math.isnan(detectable_difference(0.55, (1, 2), (2, 3)))
    assert math.isnan(detectable_difference(0.0, (20, 30), (40, 200)))
    assert math.isnan(detectable_difference(float("nan"), (20, 30), (40, 200)))
    assert wanted_counts(0.85, (20, 100), (20, 100)) is None
    assert wanted_counts(0.85, (0, 100), (2000, 10000)) is None
    assert wanted_counts(float("nan"), (10, 100), (2000, 10000)) is None


def test_what_rows_can_show_is_of_the_group_that_shows_least() -> None:
    counts = {"F": (40, 200), "M": (90, 400), "other": (12, 30)}
    found = detectable_difference(0.85, (12, 30), (90, 400))
    assert found > detectable_difference(0.85, (40, 200), (90, 400))
    assert detectable(counts) == Detectable("other", "M", 12, 30, found, 0.85)


def test_a_class_that_is_missing_shows_nothing() -> None:
    found = detectable({"F": (0, 50), "M": (90, 400)})
    assert (found.group, found.positives) == ("F", 0)
    assert math.isnan(found.difference)
