"""One test for each known trap of fairness metrics: what goes wrong elsewhere, and what is done here instead."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy.special import expit, logit
from scipy.stats import norm
from sklearn.metrics import roc_curve

from hf_fairtune.audits.audit import audit
from hf_fairtune.audits.calibration import fit_calibration
from hf_fairtune.audits.comparison import compare
from hf_fairtune.audits.compute import fairness_metrics
from hf_fairtune.audits.engine.auc_tests import adjusted
from hf_fairtune.audits.engine.permutations import gap_null
from hf_fairtune.audits.metrics.calibration_slope import calibration_intercept
from hf_fairtune.audits.metrics.es_auc import es_auc
from hf_fairtune.audits.metrics.expected_calibration_error import expected_calibration_error, redrawn_errors
from hf_fairtune.audits.metrics.metric import gaps
from hf_fairtune.audits.thresholds import fixed, parse_policy, youden
from hf_fairtune.audits.verdict import classify
from hf_fairtune.data.attributes import read_attributes
from hf_fairtune.data.targets import binary_targets
from hf_fairtune.document.estimate import Estimate
from hf_fairtune.errors import FairTuneError

from .samples import NAMES, checked, group_aucs, group_change, split

QUICK: dict[str, Any] = {"n_boot": 200}


def binormal(
    rng: np.random.Generator, sizes: tuple[tuple[int, int, float], ...]
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Labels, log-likelihood ratios and groups; a group is positives, negatives and AUC."""
    labels = np.concatenate([np.repeat([1, 0], size[:2]) for size in sizes])
    groups = np.repeat(np.arange(len(sizes)), [size[0] + size[1] for size in sizes])
    shifts = np.sqrt(2) * norm.ppf([size[2] for size in sizes])[groups]
    return labels, shifts * (rng.normal(shifts * labels) - shifts / 2), groups


def rates(tpr: tuple[float, ...], fpr: tuple[float, ...]) -> np.ndarray:
    """Counts of groups of 10 positives and 10 negatives with these rates."""
    hits, alarms = np.rint(np.multiply(tpr, 10)).astype(int), np.rint(np.multiply(fpr, 10)).astype(int)
    return np.stack([10 - alarms, alarms, 10 - hits, hits])


def gap_named(name: str, counts: np.ndarray, reference: int = 0) -> float:
    return float(gaps()[name](counts, reference))


def test_trap_01_metrics_are_computed_once_never_averaged_over_batches() -> None:
    rng = np.random.default_rng(1)
    labels, scores, groups = binormal(rng, ((40, 765, 0.85), (32, 772, 0.85)))
    compute = fairness_metrics(["a", "b"])

    def of(rows: np.ndarray) -> dict[str, float]:
        return compute(SimpleNamespace(predictions=scores[rows], label_ids=(labels[rows], groups[rows])))

    order = rng.permutation(len(labels))
    whole = of(order)
    batches = [of(part) for part in np.array_split(order, len(order) // 64)]
    averaged = np.nanmean([batch["equalized_odds_difference"] for batch in batches])
    assert averaged > whole["equalized_odds_difference"] + 0.2
    assert whole["min_group_auc"] == group_aucs(labels, scores, groups, 2).min()


def test_trap_02_one_class_is_undefined_and_few_cases_are_marked() -> None:
    statuses = {}
    for positives in (0, 9, 10, 19, 20):
        found = audit(*split((40, 40, positives), (80, 80, 80)), NAMES, **QUICK)
        row = found.groups[2]
        statuses[positives] = row.status
        assert row.auc.defined == found.min_group_auc.defined == found.auc_gap.defined == (positives > 0)
        assert row.auc.bounded == found.auc_gap.bounded == (found.auc_gap.reasons == ()) == (positives >= 10)
    assert statuses == {0: "not estimable", 9: "not estimable", 10: "weak", 19: "weak", 20: "ok"}


def test_trap_03_a_range_is_positive_under_equality_so_its_null_stands_beside_it() -> None:
    for k, expected in ((2, 0.042), (4, 0.077), (6, 0.093), (12, 0.120)):
        means = [
            gap_null(*binormal(np.random.default_rng(seed), ((30, 200, 0.85),) * k), permutations=200).mean
            for seed in range(3)
        ]
        assert np.mean(means) == pytest.approx(expected, abs=0.015)
    found = audit(*binormal(np.random.default_rng(0), ((30, 200, 0.85),) * 2), "ab", **QUICK)
    assert found.auc_gap.low == 0
    assert found.auc_gap.excess == pytest.approx(found.auc_gap.value - found.auc_gap.null_mean)
    spread = [es_auc(0.85, 0.85 + np.tile([-0.03, 0.03], k // 2)) for k in (2, 4, 8)]
    assert np.round(spread, 3).tolist() == [0.802, 0.759, 0.685]


def test_trap_04_equalized_odds_is_five_formulas() -> None:
    names = [f"equalized_odds_{kind}" for kind in ("difference", "mean", "signed", "joint", "score")]
    counts = rates((0.9, 0.6), (0.1, 0.2))
    assert [gap_named(name, counts) for name in names] == pytest.approx([0.30, 0.20, -0.10, 0.10, 0.80])
    cancelled = rates((0.8, 0.6), (0.1, 0.3))
    assert gap_named("equalized_odds_joint", cancelled) == pytest.approx(0.0)
    assert gap_named("equalized_odds_difference", cancelled) == pytest.approx(0.2)
    (cut,) = audit(*split(), NAMES, thresholds=[fixed()], **QUICK).thresholds
    assert "max(TPR difference, FPR difference)" in cut.gaps["equalized_odds_difference"].method


def test_trap_05_a_cut_that_hardly_selects_looks_fair_and_is_marked_degenerate() -> None:
    labels, ratios, groups = binormal(np.random.default_rng(0), ((160, 3840, 0.94), (160, 3840, 0.80)))
    # Probabilities for a prevalence of 4 %, too timid by half as regularised models are.
    scores = expit(logit(0.04) + ratios / 2)
    cut = np.quantile(scores[labels == 1], 0.2)
    half, sensitive = audit(labels, scores, groups, "ab", thresholds=[fixed(), fixed(cut)], n_boot=0).thresholds
    assert half.degenerate
    assert not sensitive.degenerate
    assert half.gaps["demographic_parity_difference"].value < 0.02
    assert sensitive.gaps["equalized_odds_difference"].value > half.gaps["equalized_odds_difference"].value + 0.1
    none = rates((0, 0), (0, 0))
    assert gap_named("equalized_odds_difference", none) == gap_named("demographic_parity_difference", none) == 0


def test_trap_06_a_threshold_does_not_score_the_rows_it_was_fitted_on() -> None:
    labels, scores, groups = split()
    for policy in ("youden", "f1", "sensitivity=0.9", "youden per group"):
        cut = parse_policy(policy).fit(checked(labels, scores, groups))
        with pytest.raises(FairTuneError, match="fitted on these same rows"):
            audit(labels, scores, groups, NAMES, thresholds=[cut])
        (cut_at,) = audit(*split(seed=1), NAMES, thresholds=[cut], n_boot=0).thresholds
        assert (cut_at.policy, cut_at.fitted_on) == (policy, "validation")


def test_trap_07_parity_signed_and_unsigned_agree_in_size_and_prevalence_stands_beside() -> None:
    counts = rates((0.9, 0.6), (0.1, 0.2))
    size = gap_named("demographic_parity_difference", counts)
    assert gap_named("statistical_parity_difference", counts, 0) == pytest.approx(-size)
    assert gap_named("statistical_parity_difference", counts, 1) == pytest.approx(size)
    assert size == pytest.approx(abs((6 + 2) - (9 + 1)) / 20)
    assert [row.prevalence for row in audit(*split(), NAMES, n_boot=0).groups] == [30 / 90, 25 / 75, 22 / 67]


def test_trap_08_who_is_worst_and_how_sure_that_is() -> None:
    found = audit(*split(), NAMES, **QUICK)
    aucs = [row.auc.value for row in found.groups]
    assert found.auc_gap.worst == found.min_group_auc.group == NAMES[int(np.argmin(aucs))]
    shares = [row.worst_share for row in found.groups]
    assert sum(shares) == pytest.approx(1.0)
    assert 0 < min(shares) <= max(shares) < 1


def test_trap_09_the_positive_class_is_named_not_guessed() -> None:
    column = pd.Series(["melanoma", "nevus", "nevus"], name="diagnosis")
    with pytest.raises(FairTuneError, match="nothing says which mean disease; pass --positive"):
        binary_targets(column)
    found = binary_targets(column, ["melanoma"])
    assert (found.labels[:, 0].tolist(), found.names, found.negative) == ([1, 0, 0], ["melanoma"], "nevus")
    labels, scores, groups = split()
    one, other = (
        audit(y, s, groups, NAMES, thresholds=[fixed()], n_boot=0).thresholds[0]
        for y, s in ((labels, scores - 1e-6), (1 - labels, 1 - scores))
    )
    assert other.gaps["equalized_odds_difference"].value == pytest.approx(one.gaps["equalized_odds_difference"].value)
    assert other.gaps["equal_opportunity_difference"].value == pytest.approx(
        one.gaps["predictive_equality_difference"].value
    )


def test_trap_10_a_small_calibrated_group_has_no_excess_error() -> None:
    rng = np.random.default_rng(0)
    for n, expected in ((50, 0.102), (300, 0.044), (1000, 0.025)):
        scores = expit(rng.normal(-1, 2.5, size=(100, n)))
        labels = (rng.random(scores.shape) < scores).astype(int)
        errors = [expected_calibration_error(y, s) for y, s in zip(labels, scores, strict=True)]
        nulls = [redrawn_errors(s, rng, draws=40).mean() for s in scores]
        assert np.mean(errors) == pytest.approx(expected, abs=0.015)
        assert np.mean(errors) - np.mean(nulls) == pytest.approx(0, abs=0.01)


def test_trap_11_certainty_does_not_grow_with_replicates_and_comparisons_share_them() -> None:
    labels, scores, groups = split()
    widths = [
        found.high - found.low
        for found in (
            audit(labels, scores, groups, NAMES, clusters=np.arange(len(labels)), n_boot=n).auc for n in (200, 2000)
        )
    ]
    assert widths[1] == pytest.approx(widths[0], rel=0.2)
    near = scores + np.random.default_rng(0).normal(scale=0.02, size=len(scores))
    change = compare(labels, near, scores, groups, NAMES, **QUICK).auc
    assert change.high - change.low < widths[1] / 3


def test_trap_12_equal_group_aucs_hide_who_outranks_whom() -> None:
    labels, groups = np.array([0, 0, 1, 1] * 2), np.repeat([0, 1], 4)
    scores = np.array([0.1, 0.2, 0.3, 0.4, 0.6, 0.7, 0.8, 0.9])
    assert group_aucs(labels, scores, groups, 2).tolist() == [1.0, 1.0]
    low, high = audit(labels, scores, groups, "ab", n_boot=0).cross_group
    assert (low.bnsp.value, low.bpsn.value, high.bpsn.value) == (0.0, 1.0, 0.0)


def test_trap_13_a_threshold_is_a_score_that_occurs() -> None:
    labels, scores, _ = split()
    assert np.isinf(roc_curve(labels, scores)[2][0])
    for policy in ("youden", "f1", "sensitivity=0.9", "specificity=0.9"):
        assert parse_policy(policy).fit(checked(labels, scores)).value in scores
    point = audit(labels, scores, np.zeros_like(labels), "a", n_boot=0).operating_points[0].overall
    assert point.achieved == (scores[labels == 0] < point.threshold).mean() >= 0.9
    assert point.value.value == (scores[labels == 1] >= point.threshold).mean()
    assert youden(labels, np.full(len(labels), 0.3)).value == 0.3


def test_trap_14_probabilities_of_rebalanced_rows_are_refitted_at_the_natural_prevalence() -> None:
    labels, ratios, _ = binormal(np.random.default_rng(0), ((400, 9600, 0.85),))
    balanced = expit(ratios)
    assert calibration_intercept(labels, balanced).value < -2.5
    line = fit_calibration(labels[::2], balanced[::2])
    refitted = expit(line.slope * logit(balanced[1::2]) + line.intercept)
    assert abs(calibration_intercept(labels[1::2], refitted).value) < 0.25


def test_trap_15_the_worst_of_many_is_no_finding() -> None:
    p = np.random.default_rng(0).random(504)
    assert (p < 0.05).sum() > 10
    assert (adjusted(p) < 0.05).sum() == (adjusted(p, "benjamini-hochberg") < 0.05).sum() == 0
    assert adjusted(np.array([0.02, np.nan, 0.03])).tolist()[::2] == [0.04, 0.04]


def test_trap_16_a_missing_attribute_is_a_group_with_counts() -> None:
    found = read_attributes(pd.DataFrame({"sex": ["F", None, "M", "", "F"]}), ["sex"])[0][-1]
    assert found.names == ["F", "M", "missing"]
    assert np.bincount(found.values).tolist() == [2, 1, 2]


def test_trap_17_a_gap_closed_by_harm_is_levelling_down() -> None:
    def verdict(*changes: tuple[float, float]) -> str:
        rows = [group_change(low, high) for low, high in changes]
        return classify([(row.joint, row.fall) for row in rows], shrunk, 0.02)

    shrunk = Estimate(-0.03, -0.05, -0.01, "paired")
    assert verdict((-0.06, -0.02), (-0.01, 0.01)) == "level-down"
    assert verdict((0.01, 0.05), (-0.02, 0.01)) == "better"
    assert verdict((0.01, 0.05), (-0.05, -0.01)) == "gain"
    assert verdict((-0.02, 0.02), (-0.01, 0.01)) == "not shown"
    assert verdict((0.01, 0.05), (np.nan, np.nan)) == "gain"
