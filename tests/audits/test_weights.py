"""Weighted rows: numbers of the population that they stand for, by every metric of the room."""

from dataclasses import fields, is_dataclass, replace
from typing import Any

import numpy as np
import pytest

from hf_fairtune.audits import threshold_audit
from hf_fairtune.audits.audit import audit
from hf_fairtune.audits.metrics.metric import cut_metrics
from hf_fairtune.audits.thresholds import fixed, given
from hf_fairtune.document.estimate import Estimate, Reason
from hf_fairtune.errors import FairTuneError
from hf_fairtune.show import words

from .samples import NAMES, POINTS, QUICK, split, whole_weights


@pytest.mark.parametrize("size", [0, 1, 2])
@pytest.mark.parametrize("weight", [2.0, 0.1])
def test_equal_weights_change_nothing(weight: float, size: int) -> None:
    labels, scores, groups = split()
    clusters = np.arange(len(labels)) // size if size else None
    plain = audit(labels, scores, groups, NAMES, thresholds=[fixed()], clusters=clusters, **QUICK)
    weights = labels * 0 + weight
    found = audit(labels, scores, groups, NAMES, thresholds=[fixed()], clusters=clusters, weights=weights, **QUICK)
    assert repr(found) == repr(plain)


@pytest.mark.parametrize("clustered", [False, True])
def test_a_factor_of_all_weights_changes_nothing(clustered: bool) -> None:
    labels, scores, groups = split()
    weights = np.random.default_rng(0).uniform(0.2, 5, len(labels))
    clusters = np.arange(len(labels)) // 2 if clustered else None
    once, doubled, tripled = (
        audit(
            labels, scores, groups, NAMES, thresholds=[fixed()], clusters=clusters, weights=weights * factor, **QUICK
        )
        for factor in (1, 2, 3)
    )
    assert repr(once) == repr(doubled)
    assert every_bound(tripled) == pytest.approx(every_bound(once), nan_ok=True, abs=1e-6)


def every_bound(part: Any) -> list[float]:
    """Values and bounds of every estimate."""
    if isinstance(part, Estimate):
        return [part.value, part.low, part.high]
    items: list[Any] = []
    if is_dataclass(part):
        items = [getattr(part, field.name) for field in fields(part)]
    elif isinstance(part, (list, tuple)):
        items = list(part)
    elif isinstance(part, dict):
        items = list(part.values())
    return [x for item in items for x in every_bound(item)]


def test_the_order_of_weighted_rows_is_no_matter() -> None:
    labels, scores, groups = split(digits=1)
    weights = np.random.default_rng(0).integers(1, 4, len(labels))
    order = np.random.default_rng(1).permutation(len(labels))
    columns = [column[order] for column in (labels, scores, groups)]
    one = audit(labels, scores, groups, NAMES, thresholds=[fixed()], weights=weights, **QUICK)
    other = audit(*columns, NAMES, thresholds=[fixed()], weights=weights[order], **QUICK)
    assert every_bound(one) == pytest.approx(every_bound(other), nan_ok=True, abs=1e-7)


@pytest.mark.parametrize("clustered", [False, True])
def test_rows_of_weight_0_are_left_out(clustered: bool) -> None:
    labels, scores, groups = split()
    rng = np.random.default_rng(2)
    weights = rng.uniform(0.5, 3, len(labels)) * (rng.random(len(labels)) < 0.8)
    kept, clusters = weights > 0, np.arange(len(labels)) // 2 if clustered else None
    decided = (scores > 0.4).astype(int)
    found = audit(
        labels, scores, groups, NAMES, thresholds=[given(decided)], clusters=clusters, weights=weights, **QUICK
    )
    columns = [column[kept] for column in (labels, scores, groups)]
    own = None if clusters is None else clusters[kept]
    wanted = audit(*columns, NAMES, thresholds=[given(decided[kept])], clusters=own, weights=weights[kept], **QUICK)
    assert found.n == kept.sum()
    assert every_bound(found) == pytest.approx(every_bound(wanted), nan_ok=True, abs=1e-7)
    assert repr(audit(labels, scores, groups, NAMES, weights=kept * 1, **QUICK)) == repr(
        audit(*columns, NAMES, **QUICK)
    )


def test_an_audit_says_what_its_rows_are_worth() -> None:
    labels, scores, groups = split()
    weights = np.random.default_rng(0).uniform(0.2, 5, len(labels))
    found = audit(labels, scores, groups, NAMES, weights=weights, **POINTS)
    for row, kept in [(found, groups >= 0), *zip(found.groups, (groups == g for g in range(3)), strict=True)]:
        for size, own in (
            (row.effective, kept),
            (row.effective_positives, kept & (labels == 1)),
            (row.effective_negatives, kept & (labels == 0)),
        ):
            assert size == round(weights[own].sum() ** 2 / (weights[own] ** 2).sum())
    assert found.groups[0].prevalence == pytest.approx(np.average(labels[groups == 0], weights=weights[groups == 0]))
    assert found.n == len(labels)
    assert audit(labels, scores, groups, NAMES, **POINTS).effective is None


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        ([1.0] * 134 + [-1.0], "has shape|values below 0"),
        (["many"], "has type"),
        ([float("nan")], "NaN or infinite"),
        ([0.0], "no value above 0"),
        ([-1.0], "values below 0"),
    ],
)
def test_other_weights_are_refused(weights: list[Any], message: str) -> None:
    labels, scores, groups = split()
    column = weights * len(labels) if len(weights) == 1 else weights
    with pytest.raises(FairTuneError, match=message):
        audit(labels, scores, groups, NAMES, weights=column, **POINTS)


def test_a_metric_of_a_cut_that_knows_no_weights_is_undefined_for_weighted_rows(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    labels, scores, groups = split()
    plain = {"net_benefit": replace(cut_metrics()["net_benefit"], weighted=None)}
    monkeypatch.setattr(threshold_audit, "cut_metrics", lambda: plain)
    weights = whole_weights(len(labels))
    found = audit(labels, scores, groups, NAMES, thresholds=[fixed()], weights=weights, **POINTS)
    rate = found.thresholds[0].groups[0].rates["net_benefit"]
    assert not rate.defined
    assert rate.reasons == (Reason("not_weighted"),)
    assert words.reasons(rate.reasons) == "not defined for weighted rows"
    unweighted = audit(labels, scores, groups, NAMES, thresholds=[fixed()], **POINTS)
    assert unweighted.thresholds[0].groups[0].rates["net_benefit"].defined


def test_a_group_says_that_its_weights_leave_few_cases() -> None:
    labels, scores, groups = split((40, 40, 40), (60, 60, 60))
    weights = np.ones(len(labels))
    weights[np.flatnonzero((groups == 1) & (labels == 1))[:2]] = 30.0
    found = audit(labels, scores, groups, NAMES, weights=weights, **POINTS).groups
    worth = (38 + 60) ** 2 / (38 + 2 * 900)
    assert [row.status for row in found] == ["ok", "weak", "ok"]
    assert found[1].reasons == (Reason("too_few", unit="effective_positives", count=int(worth), needed=20),)
    assert found[0].reasons == () == found[2].reasons
    assert words.reasons(found[1].reasons) == "5 effective positives of 20 needed"


def test_every_interval_is_about_the_weighted_number() -> None:
    """Rows that the model gets right weigh ten times as much: what forgets the weights lies far off."""
    labels, scores, groups = split((150, 150, 150), (200, 200, 200))
    weights = np.where((scores >= 0.4) == labels, 10.0, 1.0)
    cuts = [fixed(0.4)]
    found = audit(labels, scores, groups, NAMES, thresholds=cuts, weights=weights, n_boot=200, n_permutations=0)
    plain = audit(labels, scores, groups, NAMES, thresholds=cuts, **POINTS)
    pairs = [(found.auc, plain.auc), (found.min_group_auc, plain.min_group_auc), (found.es_auc, plain.es_auc)]
    pairs += [(found.measures[key], plain.measures[key]) for key in plain.measures]
    pairs += [(found.across[key], plain.across[key]) for key in plain.across if "gap" not in key]
    for here, there in zip(found.operating_points, plain.operating_points, strict=True):
        pairs.append((here.overall.value, there.overall.value))
    for key, rate in plain.thresholds[0].overall.rates.items():
        pairs += [(found.thresholds[0].overall.rates[key], rate)] if key != "selection_rate" else []
    assert found.calibration is not None is not plain.calibration
    pairs.append((found.calibration.overall.brier, plain.calibration.overall.brier))
    for weighted, unweighted in pairs:
        assert weighted.low <= weighted.value <= weighted.high
        assert not weighted.low <= unweighted.value <= weighted.high
    observed = found.calibration.overall
    assert observed.ece_null < observed.ece_null_high < 0.2


def test_uneven_weights_widen_intervals() -> None:
    labels, scores, groups = split((60, 60, 60), (120, 120, 120))
    weights = np.where(np.arange(len(labels)) % 4 == 0, 9.0, 1.0)
    plain = audit(labels, scores, groups, NAMES, thresholds=[fixed()], **QUICK)
    found = audit(labels, scores, groups, NAMES, thresholds=[fixed()], weights=weights, **QUICK)
    pairs = [(one.auc, other.auc) for one, other in zip(plain.groups, found.groups, strict=True)]
    for one, other in zip(plain.thresholds[0].groups, found.thresholds[0].groups, strict=True):
        pairs += [(one.rates[key], other.rates[key]) for key in ("tpr", "fpr", "selection_rate")]
    pairs.append((replace(plain.auc), found.auc))
    wider = [(b.high - b.low) / (a.high - a.low) for a, b in pairs]
    assert np.mean(wider) > 1.2
