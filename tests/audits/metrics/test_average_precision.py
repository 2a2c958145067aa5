"""Average precision against scikit-learn, and in every place where an audit has numbers."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import average_precision_score

from hf_fairtune.audits.audit import audit
from hf_fairtune.audits.engine.influence import influence_interval
from hf_fairtune.audits.engine.rows import check_rows
from hf_fairtune.audits.metrics.average_precision import METRIC, average_precision, influences
from hf_fairtune.document.estimate import Reason

from ..samples import NAMES, few, split, tied_splits

Split = tuple[np.ndarray, np.ndarray, np.ndarray]


@settings(max_examples=60)
@given(tied_splits(least=1))
def test_it_is_sklearns_with_ties(drawn: Split) -> None:
    labels, scores, _ = drawn
    assert METRIC(labels, scores) == pytest.approx(average_precision_score(labels, scores))


@settings(max_examples=40)
@given(tied_splits(least=1))
def test_weights_are_sklearns(drawn: Split) -> None:
    labels, scores, groups = drawn
    order = np.argsort(scores, kind="stable")
    weights = np.stack([groups, 2 - groups, groups * groups])[:, order]
    found = average_precision(labels[order], scores[order])(weights)
    for value, own in zip(found, weights, strict=True):
        if 0 < own @ labels[order] < own.sum():
            wanted = average_precision_score(labels[order], scores[order], sample_weight=own)
            assert value == pytest.approx(wanted)
        else:
            assert np.isnan(value)


def test_scores_that_rank_nothing_have_the_prevalence() -> None:
    labels = np.repeat([1, 0], [3, 9])
    assert METRIC(labels, np.full(12, 0.4)) == pytest.approx(0.25)
    assert METRIC(labels, labels * 1.0) == 1


def test_an_audit_has_it_by_group_overall_and_across_groups() -> None:
    labels, scores, groups = split()
    found = audit(labels, scores, groups, NAMES, n_boot=200, n_permutations=0)
    parts = [average_precision_score(labels[groups == g], scores[groups == g]) for g in range(3)]
    own = [row.measures["average_precision"] for row in found.groups]
    assert [item.value for item in own] == pytest.approx(parts)
    assert found.measures["average_precision"].value == pytest.approx(average_precision_score(labels, scores))
    lowest, gap = found.across["min_group_average_precision"], found.across["average_precision_gap"]
    assert (lowest.value, gap.value) == pytest.approx((min(parts), max(parts) - min(parts)))
    for item in (*own, found.measures["average_precision"], lowest, gap):
        assert item.low <= item.value <= item.high
    assert {item.method for item in (*own, found.measures["average_precision"])} == {"sandwich on the logit scale"}
    assert "sup-t" in gap.method


@settings(max_examples=60)
@given(tied_splits(least=1), st.booleans())
def test_influences_are_derivatives_by_the_weight_of_a_row(drawn: Split, weighted: bool) -> None:
    order = np.argsort(drawn[1], kind="stable")
    labels, scores = drawn[0][order], drawn[1][order]
    size, step = len(labels), 1e-5
    own = np.random.default_rng(size).uniform(0.5, 3, size) if weighted else np.ones(size, dtype=int)
    found = influences(labels, scores, own)
    assert found.sum() == pytest.approx(0, abs=1e-12)
    for row in range(size):
        ends = []
        for side in (1, -1):
            weights = own.astype(float)
            weights[row] *= 1 + side * step
            ends.append(average_precision_score(labels, scores, sample_weight=weights))
        assert found[row] == pytest.approx((ends[0] - ends[1]) / (2 * step), abs=1e-7)


@pytest.mark.parametrize("size", [1, 2])
def test_intervals_are_about_those_of_a_bootstrap_of_all_rows_or_clusters(size: int) -> None:
    labels, scores, groups = split((90, 80, 70), (160, 150, 145))
    ids, order = np.arange(len(labels)) // size, np.argsort(labels * 10 + scores)
    labels, scores, groups = labels[order], scores[order], groups[order]
    clusters = None if size == 1 else ids
    found = audit(labels, scores, groups, NAMES, clusters=clusters, n_boot=0, n_permutations=0)
    own, rng, draws = found.measures["average_precision"], np.random.default_rng(0), []
    for _ in range(800):
        weights = np.bincount(rng.integers(ids.max() + 1, size=ids.max() + 1), minlength=ids.max() + 1)[ids]
        draws.append(average_precision_score(labels, scores, sample_weight=weights))
    spread = np.std(np.log(np.array(draws) / (1 - np.array(draws))))
    width = np.log(own.high / (1 - own.high)) - np.log(own.low / (1 - own.low))
    assert width / 2 / 1.96 == pytest.approx(spread, rel=0.08)


def test_guards_are_those_of_an_auc() -> None:
    found = audit(*split((30, 7, 0)), NAMES, n_boot=100, n_permutations=0)
    solid, thin, hollow = (row.measures["average_precision"] for row in found.groups)
    assert solid.bounded
    assert (thin.defined, thin.bounded, thin.reasons) == (True, False, (few("positives", 7),))
    assert (hollow.defined, hollow.reasons) == (False, (few("positives", 0, 1),))
    assert found.across["average_precision_gap"].reasons == (few("positives", 0, 1, "c"),)
    left_out = audit(*split((30, 25, 0)), NAMES, n_boot=100, n_permutations=0, exclude=["c"])
    assert left_out.across["average_precision_gap"].bounded
    none = audit(*split(), NAMES, n_boot=0, n_permutations=0)
    assert none.measures["average_precision"].bounded
    assert none.across["average_precision_gap"].reasons == (Reason("no_bootstrap"),)


def test_a_group_that_is_ranked_perfectly_leaves_the_gap_without_interval() -> None:
    labels, scores, groups = split()
    found = audit(labels, np.where(groups == 0, labels, scores), groups, NAMES, n_boot=100, n_permutations=0)
    assert found.groups[0].measures["average_precision"].reasons == (Reason("equal_values"),)
    assert found.across["average_precision_gap"].reasons == (Reason("same_in_resamples", "a"),)


@pytest.mark.parametrize("images", [(1,), (1, 1, 2, 3, 8)])
def test_coverage_where_the_prevalence_varies(images: tuple[int, ...]) -> None:
    """About twenty positive patients of 76; percentiles that keep the classes' numbers held it in .85."""
    rng, inside, runs = np.random.default_rng(4), 0, 1000
    large = np.repeat([1, 0], [50_000, 140_000])
    truth, sizes = METRIC(large, rng.normal(1.5 * large)), np.resize(images, 76)
    for _ in range(runs):
        sick, level = (rng.random(76) < 50 / 190).repeat(sizes), rng.normal(size=76).repeat(sizes)
        scores = 1.5 * sick + np.sqrt(0.7) * level + np.sqrt(0.3) * rng.normal(size=len(sick))
        order = np.argsort(scores)
        labels, counted = sick[order].astype(int), np.ones(len(order), dtype=int)
        moves = influences(labels, scores[order], counted)
        clusters = np.arange(76).repeat(sizes)[order]
        found = influence_interval(METRIC(labels, scores[order]), moves, clusters, 0.95, share=True)
        inside += found.low <= truth <= found.high
    assert 0.93 <= inside / runs <= 0.97


def test_coverage_of_a_groups_value_and_of_no_gap() -> None:
    """Two equal groups of 40 positives and 120 negatives; the truth from a large sample."""
    rng = np.random.default_rng(0)
    large = np.repeat([1, 0], [50_000, 150_000])
    truth = METRIC(large, rng.normal(1.5 * large))
    labels, groups, inside = np.tile(np.repeat([1, 0], [40, 120]), 2), np.repeat([0, 1], 160), np.zeros(2)
    for seed in range(60):
        rows = check_rows(labels, rng.normal(1.5 * labels), groups, "ab")
        found = audit(rows.labels, rows.scores, groups, "ab", n_boot=200, n_permutations=0, seed=seed)
        own, gap = found.groups[0].measures["average_precision"], found.across["average_precision_gap"]
        inside += [own.low <= truth <= own.high, gap.low <= 0]
    assert inside[0] >= 50
    assert inside[1] >= 54
