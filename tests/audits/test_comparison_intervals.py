"""Intervals and p-values of a change: paired, by cluster, withheld where an audit withholds them."""

import math

import numpy as np
import pytest
from scipy.stats import kstest, norm

from hf_fairtune.audits.audit import audit
from hf_fairtune.audits.comparison import compare
from hf_fairtune.audits.engine.bootstrap import bootstrap
from hf_fairtune.audits.engine.delong import paired_delong
from hf_fairtune.audits.engine.rows import check_rows
from hf_fairtune.audits.thresholds import fixed
from hf_fairtune.document.comparison import Comparison

from .samples import NAMES, QUICK, few, split, two_models


def test_group_intervals_are_percentiles_of_paired_replicates() -> None:
    labels, scores, reference, groups = two_models()
    found = compare(labels, scores, reference, groups, NAMES, seed=3, **QUICK)
    both = [check_rows(labels, x, groups, NAMES) for x in (scores, reference)]
    model, other = bootstrap(both, [np.empty((0, len(labels)))] * 2, 200, 3)
    ends = np.quantile(model.auc - other.auc, [0.025, 0.975], axis=0).T
    np.testing.assert_allclose([[row.auc.low, row.auc.high] for row in (*found.groups, found)], ends)
    audited = audit(labels, scores, groups, NAMES, **QUICK)
    assert found.auc.high - found.auc.low < audited.auc.high - audited.auc.low


def test_coverage_where_a_gap_closes() -> None:
    """Four groups end up equal: there percentiles of the gap hold the truth in 0.6 of samples."""
    rng = np.random.default_rng(0)
    sizes = [(60, 200), (30, 100), (30, 80), (20, 80)]
    labels = np.concatenate([np.repeat([1, 0], pair) for pair in sizes])
    groups = np.repeat(np.arange(4), np.sum(sizes, axis=1))
    before, after = np.array([0.88, 0.84, 0.80, 0.74]), np.full(4, 0.83)
    inside = 0
    for seed in range(40):
        noise, own = rng.normal(size=(2, len(labels)))
        reference = noise + labels * (np.sqrt(2) * norm.ppf(before))[groups]
        scores = 0.9 * noise + np.sqrt(0.19) * own + labels * (np.sqrt(2) * norm.ppf(after))[groups]
        gap = compare(labels, scores, reference, groups, "abcd", n_boot=200, seed=seed).auc_gap
        inside += gap.low <= -0.14 <= gap.high
    assert inside >= 35


@pytest.mark.parametrize("clustered", [False, True])
def test_the_change_of_all_rows_has_the_guard_of_a_group(clustered: bool) -> None:
    """Three patients of thirty positives are three cases."""
    labels, scores, reference, groups = two_models(positives=(4, 5, 0))
    clusters = None
    if clustered:
        labels, scores, reference, groups = two_models(positives=(30, 0, 0))
        clusters = np.where(labels == 1, np.arange(len(labels)) % 3, np.arange(len(labels)))
    found = compare(labels, scores, reference, groups, NAMES, clusters=clusters, **QUICK)
    reason = few("clusters_with_positives", 3) if clustered else few("positives", 9)
    assert np.isfinite(found.auc.value)
    assert np.isnan([found.auc.low, found.auc.high, found.p]).all()
    assert found.auc.reasons == (reason,)


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
    assert found.p == paired_delong(labels, scores, other)[2]
    expected = [paired_delong(labels[g == groups], scores[g == groups], other[g == groups])[2] for g in range(3)]
    assert [row.p for row in found.groups] == expected


def test_few_cases_have_no_p() -> None:
    found = compared(positives=(30, 25, 9))
    assert math.isnan(found.groups[2].p)
    assert 0 < found.groups[1].p <= 1
    assert 0 < compared(np.arange(232) // 2).p <= 1


def test_p_is_uniform_with_clusters() -> None:
    rng = np.random.default_rng(0)
    labels, clusters = np.repeat([1, 0], [60, 120]), np.arange(180) // 2
    found = []
    for seed in range(120):
        noise = rng.normal(0, 0.7, (2, 90))[:, clusters] + rng.normal(0, 0.3, (2, 180))
        shared = 1.2 * labels + rng.normal(0, 0.7, 90)[clusters]
        scores = shared + noise
        groups = np.zeros(180, dtype=int)
        found.append(compare(labels, *scores, groups, ["all"], n_boot=0, clusters=clusters, seed=seed).p)
    assert kstest(found, "uniform").pvalue > 0.05


def test_changes_of_unequal_clusters_are_covered() -> None:
    """Twenty patients with the finding, of 1 to 8 images that are much alike, under two models: AUC and rates."""
    rng, runs, inside, naive = np.random.default_rng(6), 200, np.zeros(2), np.zeros(2)
    sick, clusters = np.repeat([1, 0], [20, 40]), np.repeat(np.arange(60), (1, 1, 2, 3, 8) * 12)
    labels, groups = sick[clusters], np.zeros(len(clusters), dtype=int)
    apart = np.sqrt(2) * norm.ppf([0.88, 0.8])
    truth = 0.08, norm.sf(1 - apart[0]) - norm.sf(1 - apart[1])
    for _ in range(runs):
        noise = rng.normal(size=(3, 60))[:, clusters] * np.sqrt(0.8) + rng.normal(size=(3, 180)) * np.sqrt(0.2)
        scores = np.sqrt(0.7) * noise[0] + np.sqrt(0.3) * noise[1:] + apart[:, None] * labels
        for ids, held in ((clusters, inside), (None, naive)):
            cuts = [(fixed(1.0), fixed(1.0))]
            found = compare(labels, *scores, groups, ["all"], thresholds=cuts, n_boot=100, clusters=ids)
            items = found.groups[0].auc, found.thresholds[0].groups[0].rates["tpr"]
            held += [item.low <= value <= item.high for item, value in zip(items, truth, strict=True)]
    assert (inside / runs >= 0.915).all()
    assert (inside / runs <= 0.985).all()
    assert (naive / runs < 0.88).all()
