"""What a comparison can show, against pairs of models drawn again and again."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.stats import multivariate_normal, norm

from hf_fairtune.audits.audit_table import powers
from hf_fairtune.audits.comparison import compare
from hf_fairtune.audits.engine.auc_tests import ASSUMED_AUC
from hf_fairtune.audits.engine.delong import auc
from hf_fairtune.audits.engine.rows import check_rows
from hf_fairtune.audits.power import (
    ASSUMED_CORRELATION,
    _together,
    change_error,
    comparison_power,
    effective_cases,
    power_of,
    score_correlation,
)
from hf_fairtune.data.attributes import Attribute
from hf_fairtune.data.scored_table import ScoredTable
from hf_fairtune.document.comparison import Comparison
from hf_fairtune.publish import publish

from ..document_samples import SMALL_CELL, document
from .samples import NAMES, QUICK, two_models

AUC = 0.8


def draw(
    rng: np.random.Generator, cases: list[tuple[int, int]], gains: list[float], correlation: float = 0.9
) -> tuple[np.ndarray, ...]:
    """Draw labels, both models' scores and groups; both are normal within a class."""
    labels = np.concatenate([np.repeat([1, 0], own) for own in cases])
    groups = np.repeat(np.arange(len(cases)), np.sum(cases, axis=1))
    means = np.sqrt(2) * norm.ppf([np.add(AUC, gains), np.full(len(gains), AUC)])
    shared, own = rng.standard_normal((2, len(labels)))
    model = correlation * shared + math.sqrt(1 - correlation**2) * own
    return labels, model + means[0][groups] * labels, shared + means[1][groups] * labels, groups


@pytest.mark.parametrize(("first", "second"), [(0.0, 0.0), (0.8, 1.1), (-0.3, 1.5), (2.0, 2.0)])
def test_two_wins_come_together_as_scipys_bivariate_normal_says(first: float, second: float) -> None:
    for correlation in (-0.5, 0.0, 0.45, 0.5, 0.95):
        both = multivariate_normal.cdf([first, second], cov=[[1, correlation], [correlation, 1]], abseps=1e-9)
        wanted = both - norm.cdf(first) * norm.cdf(second)
        assert _together(first, second, correlation) == pytest.approx(wanted, abs=1e-7)
    assert _together(first, first, 1.0) == pytest.approx(norm.cdf(first) * norm.sf(first), abs=1e-6)


@pytest.mark.parametrize(("gain", "correlation"), [(0.0, 0.9), (0.1, 0.9), (0.05, 0.5)])
def test_the_error_of_a_change_is_that_of_models_drawn_again(gain: float, correlation: float) -> None:
    rng, found = np.random.default_rng(0), []
    for _ in range(3000):
        labels, model, reference, _ = draw(rng, [(25, 60)], [gain], correlation)
        found.append(auc(labels, model) - auc(labels, reference))
    # The Monte Carlo error of a standard deviation is 1 / sqrt(2 * 3000) of it; three of them.
    assert change_error(AUC, AUC + gain, correlation, (25, 60)) == pytest.approx(np.std(found), rel=0.04)


def shown(cases: list[tuple[int, int]], group: int, runs: int, seed: int) -> tuple[float, float]:
    """Draw models of which the one gains what is claimed: how often is that called, and the fall of all excluded?"""
    rng, names = np.random.default_rng(seed), list(map(str, range(len(cases))))
    power = comparison_power(dict(zip(names, cases, strict=True)), AUC, 0.9)
    gains = [0.0] * len(cases)
    # Of the others, none is ranked alike by both models: all may have changed.
    gains[group] = power.groups[group].gain
    called = excluded = 0
    for _ in range(runs):
        labels, model, reference, groups = draw(rng, cases, gains)
        found: Comparison = compare(labels, model, reference, groups, names, n_boot=0)
        called += found.groups[group].joint.low > 0
        excluded += found.groups[group - 1].fall <= power.groups[group - 1].fall
    return called / runs, excluded / runs


@pytest.mark.parametrize(
    ("cases", "group"), [([(50, 200), (50, 200)], 0), ([(25, 100), (200, 600), (60, 90), (100, 300)], 2)]
)
def test_in_four_of_five_comparisons_it_is_shown(cases: list[tuple[int, int]], group: int) -> None:
    found = shown(cases, group, 400, 1)
    # Three Monte Carlo errors, 0.06, both ways.
    assert found == pytest.approx((0.8, 0.8), abs=0.06)


def test_more_groups_and_fewer_cases_show_less() -> None:
    two, four = (comparison_power({str(i): (50, 200) for i in range(k)}) for k in (2, 4))
    assert four.groups[0].gain > two.groups[0].gain
    assert four.groups[0].fall == two.groups[0].fall
    large, small, thin, hollow = comparison_power(
        {"a": (200, 800), "b": (20, 80), "c": (9, 90), "d": (0, 5)}, 0.7
    ).groups
    assert large.gain < small.gain
    assert large.fall < small.fall
    assert np.isnan([thin.gain, thin.fall, hollow.gain, hollow.fall]).all()
    # Up to an AUC of 1 there is no room for a gain that so few would show.
    assert math.isnan(comparison_power({"a": (12, 12), "b": (12, 12)}, 0.97, 0.5).groups[0].gain)
    assert comparison_power({"a": (30, 90)}, 0.8, 1.0).groups[0].fall == pytest.approx(0, abs=1e-6)


def test_correlation_and_cases_are_read_off_the_rows() -> None:
    labels, model, reference, groups = draw(np.random.default_rng(0), [(900, 2000)], [0.05], 0.7)
    rows = check_rows(labels, 1 / (1 + np.exp(-model)), groups, ["a"])
    assert score_correlation(rows, reference) == pytest.approx(0.7, abs=0.04)
    assert math.isnan(score_correlation(rows, np.zeros(len(labels))))
    assert effective_cases(rows, 0) == (900, 2000)
    clusters = check_rows([1, 1, 1, 1, 0, 0], np.arange(6), [0] * 6, ["a"], list("aabcdd"))
    assert effective_cases(clusters, 0) == (16 / 6, 1)


def test_a_comparison_holds_it_and_a_table_tells_it_before() -> None:
    labels, scores, reference, groups = two_models()
    found = compare(labels, scores, reference, groups, NAMES, exclude=["c"], **QUICK)
    assert found.power is not None
    assert [row.group for row in found.power.groups] == ["a", "b"]
    assert found.power.auc == auc(labels, reference)
    rows = check_rows(labels, scores, groups, NAMES)
    assert repr(found.power) == repr(power_of(rows, reference, [0, 1], 0.95))
    attribute = Attribute("site", ["site"], "levels", [], groups, [(name,) for name in NAMES])
    table = ScoredTable(
        labels[:, None], scores[:, None], ["y"], "binary", "y", [attribute], reference_scores=reference[:, None]
    )
    assert repr([*powers(table, ["c"])]) == repr([("y", "site", found.power)])
    unknown, alone = power_of(rows, None, [0, 1], 0.95), power_of(rows, scores, [0, 1], 0.95)
    assert (unknown.auc, unknown.correlation) == (ASSUMED_AUC, ASSUMED_CORRELATION)
    assert (alone.auc, alone.correlation) == (auc(labels, scores), ASSUMED_CORRELATION)


def test_what_is_shared_of_it_has_two_digits_and_no_small_group() -> None:
    exact = document(SMALL_CELL, compared=True)
    for before, after in zip(exact.audits, publish(exact).audits, strict=True):
        if before.comparison and after.comparison:
            old, new = before.comparison.power, after.comparison.power
            assert old is not None
            assert new is not None
            assert (new.auc, new.correlation) == (round(old.auc, 2), round(old.correlation, 2))
            for one, other in zip(old.groups, new.groups, strict=True):
                few = one.group == "F & >60"
                wanted = [math.nan if few else round(value, 2) for value in (one.gain, one.fall)]
                assert [other.gain, other.fall] == pytest.approx(wanted, nan_ok=True)
