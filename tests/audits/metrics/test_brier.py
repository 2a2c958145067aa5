import math

import numpy as np
import pytest
from scipy import stats
from scipy.special import expit, logit
from scipy.stats import norm
from sklearn.metrics import brier_score_loss

from hf_fairtune.audits.metrics.brier import brier
from hf_fairtune.document.estimate import Reason

from ..samples import few, split


@pytest.mark.parametrize("seed", range(3))
def test_it_is_sklearns(seed: int) -> None:
    labels, scores, _ = split(seed=seed)
    assert brier(labels, scores).value == pytest.approx(brier_score_loss(labels, scores))


def test_values_one_can_tell_by_hand() -> None:
    labels = np.array([1, 0, 0, 0])
    assert brier(labels, np.full(4, 0.25)).value == 0.25 * 0.75
    assert brier(labels, labels.astype(float)).value == 0
    assert brier(labels, 1.0 - labels).value == 1
    assert math.isnan(brier(labels[:0], np.zeros(0)).value)


def test_its_interval_lies_within_0_and_1() -> None:
    labels = np.repeat([0, 1], [39, 1])
    found = brier(labels, labels * 0.0)
    assert 0 < found.low < found.value < found.high < 1


@pytest.mark.parametrize("size", [1, 3])
def test_its_interval_is_that_of_a_mean_on_the_logit_scale(size: int) -> None:
    labels, scores, _ = split()
    ids = np.arange(len(labels)) // size
    found = brier(labels, scores, None if size == 1 else ids, 0.9)
    errors = (scores - labels) ** 2 - found.value
    sums = np.array([errors[ids == own].sum() for own in set(ids.tolist())])
    squares, n = sums * sums, len(sums)
    error = math.sqrt(n / (n - 1) * squares.sum()) / len(labels) / (found.value * (1 - found.value))
    degrees = min(n - 1, 2 / (squares @ squares / squares.sum() ** 2 - 1 / n))
    half = stats.t.ppf(0.95, degrees) * error
    assert logit([found.low, found.high]) == pytest.approx(logit(found.value) + half * np.array([-1, 1]))


@pytest.mark.parametrize(
    ("labels", "clusters", "reason"),
    [
        ([], None, few("rows", 0, 1)),
        ([1], None, few("rows", 1, 2)),
        ([1, 0], [0, 0], few("clusters", 1, 2)),
        ([1, 1], None, Reason("equal_values")),
    ],
)
def test_no_interval_has_a_reason(labels: list[int], clusters: list[int] | None, reason: Reason) -> None:
    found = brier(np.array(labels), np.full(len(labels), 0.3), None if clusters is None else np.array(clusters))
    assert (found.reasons, found.bounded, found.defined) == ((reason,), False, bool(labels))


def test_coverage_with_clusters() -> None:
    """Patients with 1 to 8 images, a few of which are badly wrong; a t interval of the mean held it in .90."""
    rng, inside, runs = np.random.default_rng(2), 0, 2000
    clusters = np.repeat(np.arange(40), [1, 1, 2, 3, 8] * 8)
    labels = np.zeros(len(clusters))
    truth = float(np.mean(expit(-1 + norm.ppf((np.arange(20_000) + 0.5) / 20_000)) ** 2))
    for _ in range(runs):
        found = brier(labels, expit(-1 + rng.normal(size=40))[clusters], clusters)
        inside += found.low <= truth <= found.high
    assert 0.92 <= inside / runs <= 0.97
