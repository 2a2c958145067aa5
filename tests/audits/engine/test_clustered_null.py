import math

import numpy as np
import pytest
from scipy.stats import norm

from hf_fairtune.audits.engine.clustered_null import clustered_gap_null
from hf_fairtune.audits.engine.clusters import auc_covariances
from hf_fairtune.audits.engine.permutations import gap_null
from hf_fairtune.audits.engine.rows import ScoredRows, check_rows

SIZES = (1, 1, 2, 3, 8)


def groups_of(
    aucs: tuple[float, ...], positives: int, rng: np.random.Generator, spread: float = 1.0
) -> list[ScoredRows]:
    """Groups of patients with 1 to 8 images, as many with the finding, and twice as many without."""
    found = []
    for place, value in enumerate(aucs):
        sick = np.repeat([1, 0], [positives, 2 * positives])
        own = np.repeat(np.arange(3 * positives), np.resize(SIZES, 3 * positives))
        noise = rng.normal(size=3 * positives)[own] * math.sqrt(0.7) + rng.normal(size=len(own)) * math.sqrt(0.3)
        scores = noise * spread + math.sqrt(2) * norm.ppf(value) * sick[own]
        found.append(check_rows(sick[own], scores, own * 0, ["a"], own))
        found[-1] = ScoredRows(sick[own], scores, own * 0, ("a",), own + 3 * positives * place)
    return found


def gap(groups: list[ScoredRows]) -> float:
    """Highest less lowest AUC by counting."""
    aucs = []
    for own in groups:
        high, low = own.scores[own.labels == 1], own.scores[own.labels == 0]
        aucs.append(((high[:, None] > low) + (high[:, None] == low) / 2).mean())
    return float(np.ptp(aucs))


def test_many_patients_have_a_gap_of_two_normal_numbers() -> None:
    """Then Student's t is normal, and the mean absolute difference of two is sqrt(2 / pi) standard deviations."""
    groups = groups_of((0.85, 0.85), 800, np.random.default_rng(0))
    covariances = auc_covariances(
        [(own.labels, own.scores, own.clusters) for own in groups if own.clusters is not None]
    )
    deviation = math.sqrt(covariances[0, 0] + covariances[1, 1])
    found = clustered_gap_null(groups, 20_000)
    assert found.mean == pytest.approx(math.sqrt(2 / math.pi) * deviation, rel=0.05)
    assert found.high == pytest.approx(1.96 * deviation, rel=0.05)
    assert found.p == pytest.approx(2 * norm.sf(gap(groups) / deviation), abs=0.03)


@pytest.mark.parametrize("aucs", [(0.85, 0.85, 0.85), (0.92, 0.85, 0.75)])
def test_chance_is_that_of_equal_groups_whatever_the_true_gap(aucs: tuple[float, ...]) -> None:
    rng = np.random.default_rng(1)
    by_chance = np.mean([gap(groups_of((0.85,) * 3, 30, rng)) for _ in range(150)])
    found = np.mean([clustered_gap_null(groups_of(aucs, 30, rng), 200).mean for _ in range(40)])
    assert found == pytest.approx(by_chance, rel=0.15)


def mixed(aucs: tuple[float, float], rng: np.random.Generator) -> list[ScoredRows]:
    """Patients with 4 to 11 images of both labels: hardly two are composed alike, and none could trade its group."""
    found = []
    for value in aucs:
        own = np.arange(60).repeat(rng.integers(4, 12, 60))
        labels = (rng.random(len(own)) < rng.beta(1, 2, 60)[own]).astype(int)
        noise = 0.6 * rng.normal(size=60)[own] + 0.8 * rng.normal(size=len(own))
        scores = noise + math.sqrt(2) * norm.ppf(value) * labels
        found.append(ScoredRows(labels, scores, own * 0, ("a",), own + 60 * len(found)))
    return found


def test_a_true_gap_does_not_leak_into_chance() -> None:
    rng = np.random.default_rng(4)
    by_chance = np.mean([gap(mixed((0.85, 0.85), rng)) for _ in range(100)])
    found = [clustered_gap_null(mixed((0.92, 0.78), rng), 200) for _ in range(10)]
    assert np.mean([own.mean for own in found]) == pytest.approx(by_chance, rel=0.2)
    assert max(own.p for own in found) < 0.05


def test_a_gap_between_equal_groups_is_rarely_called_one() -> None:
    rng, found, naive = np.random.default_rng(2), 0, 0
    for _ in range(120):
        groups = groups_of((0.85, 0.85), 20, rng)
        found += clustered_gap_null(groups, 199).p <= 0.05
        columns = [np.concatenate([getattr(own, name) for own in groups]) for name in ("labels", "scores")]
        which = np.repeat([0, 1], [len(own.labels) for own in groups])
        naive += gap_null(*columns, which, 199).p <= 0.05
    assert found <= 11
    assert naive > 20


def test_groups_of_the_same_patients_differ_less() -> None:
    rng, sick = np.random.default_rng(3), np.repeat([1, 0], [40, 80])
    level = rng.normal(1.2 * sick)
    own, other = (
        ScoredRows(sick, level + rng.normal(0, 0.5, 120), sick * 0, ("a",), np.arange(120)) for _ in range(2)
    )
    apart = ScoredRows(sick, other.scores, sick * 0, ("a",), np.arange(120, 240))
    assert clustered_gap_null([own, other]).mean < 0.7 * clustered_gap_null([own, apart]).mean


def test_a_perfect_group_keeps_a_width() -> None:
    sick, clusters = np.repeat([1, 0], [30, 60]), np.arange(90) // 2
    perfect = ScoredRows(sick, sick * 1.0, sick * 0, ("a",), clusters)
    found = clustered_gap_null([perfect, ScoredRows(sick, sick * 1.0, sick * 0, ("a",), clusters + 45)])
    assert 0 < found.mean < found.high < 0.2
    assert found.p == 1
