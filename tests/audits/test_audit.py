from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from pydantic import TypeAdapter

from hf_fairtune.audits.audit import audit
from hf_fairtune.audits.engine.delong import auc_interval, mover_difference
from hf_fairtune.audits.thresholds import fixed, youden
from hf_fairtune.document.audit import Audit
from hf_fairtune.document.estimate import Estimate, Reason
from hf_fairtune.errors import FairTuneError

from ..document_samples import held
from .samples import NAMES, QUICK, few, group_aucs, on_positives, split, without_positives


def test_points_and_intervals_are_the_parts() -> None:
    labels, scores, groups = split()
    found = audit(labels, scores, groups, NAMES, thresholds=[fixed()], **QUICK)
    aucs = group_aucs(labels, scores, groups, 3)
    assert [row.auc.value for row in found.groups] == aucs.tolist()
    assert found.min_group_auc.value == aucs.min()
    assert found.min_group_auc.group == NAMES[aucs.argmin()]
    assert found.auc_gap.value == np.ptp(aucs)
    assert (found.auc_gap.best, found.auc_gap.worst) == (NAMES[aucs.argmax()], NAMES[aucs.argmin()])
    assert [row.prevalence for row in found.groups] == [30 / 90, 25 / 75, 22 / 67]
    parts = [auc_interval(labels[groups == g], scores[groups == g]) for g in range(3)]
    assert [(row.auc.low, row.auc.high) for row in found.groups] == [(p.low, p.high) for p in parts]
    assert [(pair.group, pair.reference) for pair in found.pairs] == [("b", "a"), ("c", "a")]
    assert found.pairs[1].auc_difference == mover_difference(parts[2], parts[0])
    for item in (found.min_group_auc, found.auc_gap, found.thresholds[0].gaps["equalized_odds_difference"]):
        assert item.low <= item.value <= item.high
        assert "sup-t bootstrap, stratified" in item.method
    assert "max(TPR difference, FPR difference)" in found.thresholds[0].gaps["equalized_odds_difference"].method


def cases() -> dict[str, dict[str, Any]]:
    ordinary = dict(zip(("labels", "scores", "groups"), split(), strict=True))
    hollow = dict(zip(("labels", "scores", "groups"), split((30, 25, 0)), strict=True))
    thin = dict(zip(("labels", "scores", "groups"), split((30, 25, 7)), strict=True))
    single = ordinary | {"labels": np.zeros_like(ordinary["labels"])}
    clusters = np.arange(len(ordinary["labels"])) // 2
    perfect = ordinary | {"scores": ordinary["labels"].astype(float)}
    return {
        "ordinary": ordinary,
        "youden": ordinary | {"thresholds": [fixed(), youden(*split(seed=9)[:2])]},
        "hollow": hollow | {"thresholds": [fixed()]},
        "hollow excluded": hollow | {"thresholds": [fixed()], "exclude": ["c"]},
        "all excluded": ordinary | {"thresholds": [fixed()], "exclude": NAMES},
        "thin": thin | {"thresholds": [fixed()]},
        "one class": single | {"thresholds": [fixed()]},
        "clusters": ordinary | {"clusters": clusters, "thresholds": [fixed()]},
        "one-class clusters": single | {"clusters": clusters, "thresholds": [fixed()]},
        "perfect": perfect | {"thresholds": [fixed()]},
        "perfect clusters": perfect | {"clusters": clusters, "thresholds": [fixed()]},
        "no bootstrap": ordinary | {"thresholds": [fixed()], "n_boot": 0},
        "one row": {"labels": [1], "scores": [0.3], "groups": [0], "thresholds": [fixed()]},
    }


@pytest.mark.parametrize("case", cases())
def test_every_estimate_holds_its_value_or_has_a_reason(case: str) -> None:
    found = audit(**({"group_names": NAMES} | QUICK | cases()[case]))
    assert TypeAdapter(Audit).validate_json(TypeAdapter(Audit).dump_json(found)).n == found.n
    for item in held(found, Estimate):
        assert item.defined or item.reasons, item
        assert item.bounded or item.reasons, item
        assert not item.bounded or item.low <= item.value <= item.high, item
        assert not item.bounded or item.low < item.high, item


def test_a_one_class_group_makes_the_rest_undefined_and_is_named() -> None:
    labels, scores, groups = split((30, 25, 0))
    found = audit(labels, scores, groups, NAMES, thresholds=[fixed()], **QUICK)
    assert found.groups[2].reasons == (few("positives", 0, 1),)
    for item in on_positives(found):
        assert np.isnan(item.value)
        assert item.reasons == (few("positives", 0, 1, "c"),)
    assert found.pairs[1].auc_difference.reasons == (few("positives", 0, group="c"),)
    assert np.isfinite([item.value for item in without_positives(found)]).all()


def test_exclude_defines_it_again_and_is_recorded() -> None:
    labels, scores, groups = split((30, 25, 0))
    found = audit(labels, scores, groups, NAMES, exclude=["c"], **QUICK)
    assert found.excluded == ["c"]
    assert found.min_group_auc.value == min(row.auc.value for row in found.groups[:2])
    assert found.groups[2].reasons == (few("positives", 0, 1), Reason("excluded"))
    assert [pair.group for pair in found.pairs] == ["b"]


def test_a_group_not_estimable_takes_part_without_an_interval() -> None:
    labels, scores, groups = split((30, 25, 7))
    found = audit(labels, scores, groups, NAMES, thresholds=[fixed()], **QUICK)
    row = found.groups[2]
    assert (row.status, row.reasons) == ("not estimable", (few("positives", 7),))
    assert (row.auc.defined, row.auc.bounded) == (True, False)
    assert found.min_group_auc.value == min(group.auc.value for group in found.groups)
    for item in on_positives(found):
        assert np.isfinite(item.value)
        assert np.isnan([item.low, item.high]).all()
        assert item.reasons[0] == few("positives", 7, group="c")
    assert np.isfinite([item.low for item in without_positives(found)]).all()
    assert np.isnan(found.pairs[1].auc_difference.low)


def test_the_reference_is_the_largest_estimable_group() -> None:
    found = audit(*split((9, 25, 30), (900, 60, 50)), NAMES, **QUICK)
    assert [(pair.group, pair.reference) for pair in found.pairs] == [("a", "b"), ("c", "b")]
    assert audit(*split((9, 5, 3)), NAMES, **QUICK).pairs == []


def test_clusters_replace_delong_and_count_as_cases() -> None:
    labels, scores, groups = (np.repeat(x, 3) for x in split(digits=6))
    ids = [f"patient {i}" for i in range(len(labels) // 3) for _ in range(3)]
    rows = audit(labels, scores, groups, NAMES, **QUICK)
    found = audit(labels, scores, groups, NAMES, clusters=ids, thresholds=[fixed()], **QUICK)
    assert found.clusters == len(labels) // 3
    assert found.auc.method == "logit-DeLong by clusters (Obuchowski)"
    assert found.pairs[0].auc_difference.method == "MOVER of logit-DeLong by clusters (Obuchowski)"
    assert found.thresholds[0].groups[0].rates["tpr"].method == "Wilson on rows over the design effect"
    assert rows.auc.method == "logit-DeLong"
    for one, other in zip(found.groups, rows.groups, strict=True):
        assert one.auc.value == other.auc.value
        assert one.auc.high - one.auc.low > 1.3 * (other.auc.high - other.auc.low)
    one_patient = audit(labels, scores, groups, NAMES, clusters=groups, **QUICK)
    assert few("clusters_with_positives", 1) in one_patient.groups[0].reasons


def test_clusters_of_one_row_each_change_nothing() -> None:
    labels, scores, groups = split()
    options: dict[str, Any] = {"thresholds": [fixed(0.4)], **QUICK}
    ids = [f"patient {i}" for i in np.random.default_rng(0).permutation(len(labels))]
    alone, named = (audit(labels, scores, groups, NAMES, clusters=own, **options) for own in (None, ids))
    assert named == alone


def test_rows_in_another_order_change_nothing() -> None:
    labels, scores, groups = split()
    order = np.random.default_rng(0).permutation(len(labels))
    for clusters in (None, np.arange(len(labels)) // 2):
        mixed = None if clusters is None else clusters[order]
        one = audit(labels, scores, groups, NAMES, thresholds=[fixed()], clusters=clusters, **QUICK)
        columns = (labels[order], scores[order], groups[order])
        assert audit(*columns, NAMES, thresholds=[fixed()], clusters=mixed, **QUICK) == one


def test_relabelled_groups_keep_their_numbers() -> None:
    labels, scores, groups = split()
    names = (NAMES[2], NAMES[0], NAMES[1])
    one = audit(labels, scores, groups, NAMES, **QUICK)
    other = audit(labels, scores, np.array([1, 2, 0])[groups], names, **QUICK)
    rows = [sorted(found.groups, key=lambda row: row.group) for found in (one, other)]
    # The seed's numbers fall on other groups, so shares of resamples agree only up to chance.
    np.testing.assert_allclose(*([row.worst_share for row in both] for both in rows), atol=0.15)
    kept = [[replace(row, worst_share=0.0, measures={}) for row in both] for both in rows]
    assert kept[0] == kept[1]
    assert one.min_group_auc.group == other.min_group_auc.group
    assert one.auc_gap.value == other.auc_gap.value
    assert sorted(map(repr, one.pairs)) == sorted(map(repr, other.pairs))


def test_a_threshold_does_not_score_its_own_rows() -> None:
    labels, scores, groups = split()
    with pytest.raises(FairTuneError, match="same rows"):
        audit(labels, scores, groups, NAMES, thresholds=[youden(labels, scores)])


def test_each_threshold_has_its_own_interval() -> None:
    rows = split()
    both = audit(*rows, NAMES, thresholds=[fixed(0.3), fixed(0.6)], **QUICK).thresholds
    alone = audit(*rows, NAMES, thresholds=[fixed(0.6)], **QUICK).thresholds
    assert both[1] == alone[0]
    clusters = np.arange(len(rows[0])) // 2
    both, alone = (
        audit(*rows, NAMES, clusters=clusters, thresholds=cuts, **QUICK).thresholds
        for cuts in ([fixed(0.3), fixed(0.6)], [fixed(0.6)])
    )
    assert both[1] == alone[0]


def test_an_all_negative_classifier_is_degenerate_not_certainly_fair() -> None:
    labels, scores, groups = split()
    many = (np.tile(labels, 6), np.tile(scores, 6), np.tile(groups, 6))
    assert audit(*many, NAMES, thresholds=[fixed(2.0)], **QUICK).thresholds[0].degenerate
    (cut,) = audit(labels, scores, groups, NAMES, thresholds=[fixed(2.0)], **QUICK).thresholds
    assert cut.gaps["equalized_odds_difference"].value == 0
    assert cut.gaps["equalized_odds_difference"].high > 0.05


@pytest.mark.parametrize(
    ("options", "message"),
    [({"confidence": 95}, "between 0 and 1"), ({"n_boot": -1}, "n_boot"), ({"exclude": ["z"]}, "groups are")],
)
def test_options_are_checked(options: dict[str, Any], message: str) -> None:
    with pytest.raises(FairTuneError, match=message):
        audit(*split(), NAMES, **options)


def test_coverage_of_minimum_and_gap() -> None:
    """Two equal groups, where a percentile interval of the gap never holds 0."""
    rng = np.random.default_rng(0)
    labels, groups = np.tile(np.repeat([1, 0], [25, 75]), 2), np.repeat([0, 1], 100)
    truth, inside = 0.8, np.zeros(2)
    shift = 1.19023
    for seed in range(60):
        found = audit(labels, rng.normal(shift * labels), groups, "ab", n_boot=200, seed=seed)
        lowest, gap = found.min_group_auc, found.auc_gap
        inside += [lowest.low <= truth <= lowest.high, gap.low <= 0 <= gap.high]
    assert (inside >= 51).all()


def shares(found: Audit) -> list[float]:
    return [row.worst_share for row in found.groups]


def test_worst_share_is_a_count_over_resamples() -> None:
    labels, scores, groups = split()
    found = audit(labels, scores, groups, NAMES, n_boot=200)
    assert sum(shares(found)) == pytest.approx(1)
    assert [row.auc.method for row in found.groups] == ["logit-DeLong"] * 3
    again = audit(labels, np.where(groups == 1, labels, scores), groups, NAMES, n_boot=200)
    assert shares(again)[1] == 0
    assert again.groups[1].auc.method == "Newcombe score"


def test_worst_share_needs_a_bootstrap_and_somebody_to_compare_with() -> None:
    labels, scores, groups = split()
    excluded = audit(labels, scores, groups, NAMES, n_boot=50, exclude=["a"])
    assert np.isnan(shares(excluded)).tolist() == [True, False, False]
    for options in ({"n_boot": 0}, {"n_boot": 50, "exclude": ["a", "b"]}):
        assert np.isnan(shares(audit(labels, scores, groups, NAMES, **options))).all()


def test_equal_scores_are_said_once() -> None:
    labels, scores, groups = split()
    equal, ordinary = (audit(labels, values, groups, NAMES, n_boot=0) for values in (scores * 0, scores))
    assert (equal.auc.value, equal.auc.reasons) == (0.5, (Reason("equal_scores"),))
    assert ordinary.auc.reasons == ()
