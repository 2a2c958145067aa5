"""Every rate and gap at a threshold, with whatever decides."""

import json
from pathlib import Path
from typing import Any

import jsonschema
import numpy as np
import pytest

import hf_fairtune
from hf_fairtune.audits.audit import AuditOptions, audit, evidence_of
from hf_fairtune.audits.gap_audit import audit_gap, gaps
from hf_fairtune.audits.rate_audit import rates
from hf_fairtune.audits.threshold_audit import ThresholdAudit
from hf_fairtune.intervals.estimate import plain
from hf_fairtune.intervals.proportion import wilson
from hf_fairtune.metrics.operating_threshold import per_group
from hf_fairtune.metrics.rates import rate_counts
from hf_fairtune.metrics.rows import check_rows
from hf_fairtune.metrics.thresholds import fixed, given

from ..metrics.samples import NAMES, split

SCHEMA = json.loads((Path(hf_fairtune.__file__).parent / "audit.schema.json").read_text())
FORM = {"$ref": "#/$defs/threshold", "$defs": SCHEMA["$defs"]}
STANDING = {"equalized_odds_difference", "demographic_parity_difference"}


def one(*rows: Any, threshold: Any = None, names: tuple[str, ...] = NAMES, **options: Any) -> ThresholdAudit:
    found = audit(
        *rows, names, thresholds=[threshold or fixed(0.4)], **({"n_boot": 200, "n_permutations": 0} | options)
    )
    return found.thresholds[0]


def test_measures_are_the_gaps_with_the_largest_estimable_group_as_reference() -> None:
    rows = split((9, 25, 30), (900, 60, 50))
    cut, counts = one(*rows), rate_counts(rows[0], (rows[1] >= 0.4).astype(int), rows[2], 3)
    assert set(cut.measures) == set(gaps()) - STANDING
    for name, found in cut.measures.items():
        assert found.value == float(gaps()[name](counts, 1))
        assert found.method.startswith(gaps()[name].formula)
    assert cut.tpr_difference == cut.measures["equal_opportunity_difference"]
    assert cut.fpr_difference == cut.measures["predictive_equality_difference"]
    signed = cut.measures["statistical_parity_difference"]
    worst = max((0, 2), key=lambda g: abs(counts.selection_rate[g] - counts.selection_rate[1]))
    assert f"`{NAMES[worst]}` - `b`; sup-t" in signed.method


@pytest.mark.parametrize("clustered", [False, True])
def test_every_measure_lies_within_its_interval(clustered: bool) -> None:
    rows = split()
    clusters = np.arange(len(rows[0])) // 2 if clustered else None
    cut = one(*rows, clusters=clusters)
    for name, found in cut.measures.items():
        low, high = gaps()[name].bounds
        assert low <= found.low <= found.value <= found.high <= high, name
        assert found.low < found.high
    for group in (cut.overall, *cut.groups):
        assert set(group.rates) == set(rates()) - {"tpr", "fpr", "selection_rate"}
        for name, found in group.rates.items():
            assert found.low <= found.value <= found.high
            assert (found.method == "Wilson") == (not clustered and name != "f1")
    jsonschema.validate(plain(cut), FORM)


def test_rates_have_the_intervals_of_their_counts() -> None:
    labels, scores, groups = split()
    cut, inside = one(labels, scores, groups), groups == 1
    chosen = (scores >= 0.4)[inside]
    hits, flagged = int((labels[inside] & chosen).sum()), int(chosen.sum())
    assert cut.groups[1].rates["ppv"] == wilson(hits, flagged)
    assert cut.groups[1].rates["tnr"] == wilson(50 - flagged + hits, 50)
    assert cut.overall.rates["accuracy"] == wilson(int(((scores >= 0.4) == labels).sum()), len(labels))


def test_f1_has_the_bootstraps_or_says_why_not() -> None:
    cut = one(*split((30, 7, 0)))
    solid, thin, hollow = (group.rates["f1"] for group in cut.groups)
    assert solid.low < solid.value < solid.high
    assert "percentile bootstrap" in solid.method
    assert thin.reason == "no interval: 7 positives, fewer than 10"
    assert np.isfinite(thin.value)
    assert np.isnan(thin.low)
    assert hollow.value == 0
    silent = one(*split((30, 7, 0)), threshold=fixed(2.0)).groups[2].rates
    assert silent["f1"].reason == silent["ppv"].reason == "the denominator is 0"


def test_a_group_that_lacks_a_class_is_named_by_the_measures_that_need_it() -> None:
    cut = one(*split((30, 25, 0)))
    for name, found in cut.measures.items():
        if "positives" in gaps()[name].needs:
            assert np.isnan(found.value)
            assert "`c`: no positives" in (found.reason or ""), name
        else:
            assert np.isfinite([found.value, found.low]).all(), name
    left_out = one(*split((30, 25, 0)), exclude=["c"])
    assert np.isfinite([found.low for found in left_out.measures.values()]).all()


def test_nobody_flagged_has_no_ratio_and_no_certainty() -> None:
    cut = one(*split(), threshold=fixed(2.0))
    assert cut.degenerate
    assert np.isnan(cut.measures["demographic_parity_ratio"].value)
    assert cut.measures["demographic_parity_ratio"].reason == "no group has a predicted positive"
    assert cut.measures["equalized_odds_mean"].value == 0
    assert cut.measures["equalized_odds_mean"].high > 0.02
    signed = cut.measures["statistical_parity_difference"]
    assert signed.low < signed.value == 0 < signed.high
    alone = one(*split((30,), (60,)), names=("a",))
    assert {found.reason for found in alone.measures.values()} == {"1 group takes part, too few"}


def test_a_cut_by_group_is_told_and_resampled_as_it_decides() -> None:
    rows, other = split(), split(seed=1)
    decision = per_group("youden", *other, NAMES, "validation")
    cut = one(*rows, threshold=decision)
    assert np.isnan(cut.value)
    assert (cut.by_group, cut.policy, cut.fitted_on) == (decision.values, "youden per group", "validation")
    as_given = one(*rows, threshold=given(decision.apply(*rows, NAMES)))
    assert as_given.by_group is None
    assert as_given.measures == cut.measures
    assert as_given.groups == cut.groups
    for found in (cut, as_given):
        jsonschema.validate(plain(found), FORM)


def test_given_decisions_at_a_cut_are_the_cut() -> None:
    labels, scores, groups = split(digits=6)
    by_cut, by_row = one(labels, scores, groups), one(labels, scores, groups, threshold=given(scores >= 0.4))
    assert by_cut.measures == by_row.measures
    assert by_cut.groups == by_row.groups


def test_coverage_of_the_measures() -> None:
    """Intervals of every measure hold the truth, for equal groups and for unequal ones."""
    rng, groups = np.random.default_rng(0), np.repeat([0, 1, 2], 150)
    labels = np.tile(np.repeat([1, 0], [50, 100]), 3)
    for tprs, fprs in ((0.8, 0.8, 0.8), (0.2, 0.2, 0.2)), ((0.9, 0.8, 0.6), (0.2, 0.1, 0.3)):
        chances = np.where(labels == 1, np.array(tprs)[groups], np.array(fprs)[groups])
        exact = rate_counts(labels, np.ones_like(labels), groups, 3)
        truth = type(exact)(exact.positives, exact.negatives, exact.positives * tprs, exact.negatives * fprs)
        inside = dict.fromkeys(gaps(), 0)
        for seed in range(40):
            decisions = (rng.random(450) < chances).astype(int)
            rows = check_rows(labels, rng.random(450), groups, NAMES)
            evidence = evidence_of(rows, AuditOptions([given(decisions)], n_boot=200, seed=seed))
            counts = rate_counts(labels, decisions, groups, 3)
            for name, gap in gaps().items():
                found = audit_gap(evidence, gap, counts, 0)
                inside[name] += found.low - 1e-12 <= float(gap(truth, 0)) <= found.high + 1e-12
        assert min(inside.values()) >= 35, inside
