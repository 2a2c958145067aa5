import math

import numpy as np
import pytest
from scipy.stats import kstest

from hf_fairtune.audits.comparison import Comparison, compare
from hf_fairtune.intervals.paired_delong import paired_delong

from ..metrics.samples import NAMES, split


def compared(
    clusters: np.ndarray | None = None, n_boot: int = 0, positives: tuple[int, ...] = (30, 25, 22)
) -> Comparison:
    """The sample's scores against noisier ones."""
    labels, scores, groups = split(positives)
    other = scores + np.random.default_rng(1).normal(0, 0.1, len(scores))
    return compare(labels, scores, other, groups, NAMES, n_boot=n_boot, clusters=clusters)


def test_p_is_delongs_overall_and_by_group() -> None:
    labels, scores, groups = split()
    other = scores + np.random.default_rng(1).normal(0, 0.1, len(scores))
    found = compared()
    assert found.p == paired_delong(labels, scores, other).p
    expected = [paired_delong(labels[g == groups], scores[g == groups], other[g == groups]).p for g in range(3)]
    assert [row.p for row in found.groups] == expected


def test_few_cases_and_missing_errors_have_no_p() -> None:
    found = compared(positives=(30, 25, 9))
    assert math.isnan(found.groups[2].p)
    assert 0 < found.groups[1].p <= 1
    assert found.to_dict()["groups"][2]["p"] is None
    clusters = np.arange(232) // 2
    assert math.isnan(compared(clusters).p)
    assert 0 < compared(clusters, n_boot=200).p <= 1


def test_clusters_of_single_rows_give_about_delongs_p() -> None:
    alone = compared(np.arange(232), n_boot=2000)
    assert alone.p == pytest.approx(compared().p, abs=0.05)


def test_p_is_uniform_with_clusters() -> None:
    rng = np.random.default_rng(0)
    labels, clusters = np.repeat([1, 0], [60, 120]), np.arange(180) // 2
    found = []
    for seed in range(120):
        noise = rng.normal(0, 0.7, (2, 90))[:, clusters] + rng.normal(0, 0.3, (2, 180))
        shared = 1.2 * labels + rng.normal(0, 0.7, 90)[clusters]
        scores = shared + noise
        groups = np.zeros(180, dtype=int)
        found.append(compare(labels, *scores, groups, ["all"], n_boot=100, clusters=clusters, seed=seed).p)
    assert kstest(found, "uniform").pvalue > 0.05
