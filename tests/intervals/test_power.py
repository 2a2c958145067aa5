import math

import numpy as np
import pytest
from scipy.stats import norm

from hf_fairtune.intervals.auc_test import auc_difference_test
from hf_fairtune.intervals.power import detectable_difference, hanley_mcneil_variance, wanted_counts


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
        found += auc_difference_test(labels, scores).p < 0.05  # type: ignore[arg-type]
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
