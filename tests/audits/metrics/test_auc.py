import math
import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from sklearn.metrics import roc_auc_score, roc_curve

from hf_fairtune.audits.engine.delong import LOGIT_OBUCHOWSKI, auc, auc_interval
from hf_fairtune.audits.engine.rows import ScoredRows, check_rows
from hf_fairtune.audits.metrics.auc import auc_estimates, cross_groups, roc_curves
from hf_fairtune.document.curves import RocCurve

from ..resampled import resampled
from ..samples import NAMES, few, group_aucs, rows, shuffled, slow_auc, split, tied_splits

Split = tuple[np.ndarray, np.ndarray, np.ndarray]


@settings(max_examples=60)
@given(tied_splits())
def test_auc_counts_pairs(drawn: Split) -> None:
    labels, scores, _ = drawn
    assert auc(labels, scores) == pytest.approx(slow_auc(labels, scores), nan_ok=True)


def test_auc_is_sklearns() -> None:
    labels, scores, _ = split()
    assert auc(labels, scores) == pytest.approx(roc_auc_score(labels, scores), abs=1e-14)


@pytest.mark.parametrize("label", [0, 1])
def test_one_class_is_nan_without_a_warning(label: int) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert np.isnan(auc(np.full(4, label), np.arange(4.0)))


def test_auc_is_unmoved_by_a_monotone_map_and_mirrored_by_negation() -> None:
    labels, scores, _ = split()
    assert auc(labels, np.exp(3 * scores)) == auc(labels, scores)
    assert auc(labels, -scores) == pytest.approx(1 - auc(labels, scores), abs=1e-14)


def test_batch_means_are_another_number() -> None:
    """The published FairTune code averages over batches; the pooled AUC is not that."""
    labels, scores, _ = split(seed=3)
    batches = [auc(labels[i : i + 16], scores[i : i + 16]) for i in range(0, len(labels), 16)]
    assert abs(np.nanmean(batches) - auc(labels, scores)) > 1e-3


def test_every_group_and_all_rows_have_their_interval() -> None:
    given = resampled(n_boot=0)
    labels, scores, groups = given.rows.labels, given.rows.scores, given.rows.groups
    *found, whole = auc_estimates(given)
    assert [item.value for item in found] == group_aucs(labels, scores, groups, 3).tolist()
    parts = [auc_interval(labels[groups == g], scores[groups == g]) for g in range(3)]
    np.testing.assert_allclose([(item.low, item.high) for item in found], [(p.low, p.high) for p in parts])
    assert whole.value == auc(labels, scores)


@pytest.mark.parametrize(("positives", "withheld"), [(4, True), (9, True), (10, False)])
@pytest.mark.parametrize("rows_each", [1, 3])
def test_the_auc_of_all_rows_has_the_guard_of_a_group(positives: int, withheld: bool, rows_each: int) -> None:
    """Counted in rows, or in patients of three rows each."""
    labels, scores, groups = split((positives, 0), (20, 20))
    clusters = None if rows_each == 1 else np.repeat(np.arange(len(labels)), rows_each)
    columns = (np.repeat(column, rows_each) for column in (labels, scores, groups))
    found = auc_estimates(resampled(check_rows(*columns, "ab", clusters), n_boot=0))[-1]
    assert np.isfinite(found.value)
    assert found.bounded != withheld
    unit = "positives" if clusters is None else "clusters_with_positives"
    assert found.reasons == ((few(unit, positives),) if withheld else ())


def slow_xauc(labels: np.ndarray, scores: np.ndarray, positives_of: np.ndarray, negatives_of: np.ndarray) -> float:
    kept = np.array([bool(a if y else b) for y, a, b in zip(labels, positives_of, negatives_of, strict=True)])
    return slow_auc(labels[kept], scores[kept])


def test_every_group_is_set_against_all_others() -> None:
    given = resampled(n_boot=0)
    found = cross_groups(given)
    labels, scores, groups = given.rows.labels, given.rows.scores, given.rows.groups
    assert [row.group for row in found] == list(NAMES)
    for code, row in enumerate(found):
        inside = groups == code
        crossed = [slow_xauc(labels, scores, ~inside, inside), slow_xauc(labels, scores, inside, ~inside)]
        assert [row.bpsn.value, row.bnsp.value] == pytest.approx(crossed)
        kept = np.where(labels == 1, ~inside, inside)
        expected = auc_interval(labels[kept], scores[kept])
        assert (row.bpsn.low, row.bpsn.high) == pytest.approx((expected.low, expected.high))


def test_groups_left_out_are_nobodys_background() -> None:
    given = resampled(included=(0, 2), n_boot=0)
    kept = given.rows.groups != 1
    found = cross_groups(given)
    assert [row.group for row in found] == ["a", "c"]
    inside = given.rows.groups[kept] == 0
    expected = slow_xauc(given.rows.labels[kept], given.rows.scores[kept], ~inside, inside)
    assert found[0].bpsn.value == pytest.approx(expected)
    assert found[0].bpsn.value == pytest.approx(found[1].bnsp.value)


def test_clusters_may_lie_in_several_groups_and_order_does_not_matter() -> None:
    given = rows(clusters=np.arange(232) % 80)
    found, again = (cross_groups(resampled(item, n_boot=0)) for item in (given, shuffled(given)))
    alone = cross_groups(resampled(n_boot=0))
    for one, other, single in zip(found, again, alone, strict=True):
        for kind in ("bpsn", "bnsp"):
            estimate = getattr(one, kind)
            assert estimate.method == LOGIT_OBUCHOWSKI
            assert estimate.low == pytest.approx(getattr(other, kind).low)
            assert estimate.value == pytest.approx(getattr(single, kind).value)
            assert estimate.low != pytest.approx(getattr(single, kind).low, abs=1e-6)


def test_too_few_cases_on_either_side_have_no_interval() -> None:
    """A small group's own positives are few; those of the others against its negatives are not."""
    small = cross_groups(resampled(positives=(30, 25, 7), negatives=(60, 50, 45), n_boot=0))[2]
    assert math.isfinite(small.bpsn.low)
    assert np.isnan([small.bnsp.low, small.bnsp.high]).all()
    assert small.bnsp.reasons == (few("positives", 7),)
    clustered = cross_groups(resampled(n_boot=0, clusters=np.arange(232) // 30))[0]
    assert clustered.bpsn.reasons[0].unit == "clusters_with_positives_of_others"
    none = cross_groups(resampled(positives=(30, 25, 0), negatives=(60, 50, 45), n_boot=0))[2]
    assert (none.bnsp.reasons, math.isnan(none.bnsp.value)) == ((few("positives", 0, 1),), True)


def test_a_group_alone_has_no_others() -> None:
    (found,) = cross_groups(resampled(included=(1,), n_boot=0))
    assert found.bpsn.reasons == (few("positives_of_others", 0, 1),)
    assert found.bnsp.reasons == (few("negatives_of_others", 0, 1),)


def test_they_show_what_auc_within_groups_hides() -> None:
    """Both groups are ranked without a fault, and yet all negatives of one outrank all positives of the other."""
    labels, groups = np.tile(np.repeat([0, 1], 5), 2), np.repeat([0, 1], 10)
    scores = np.concatenate([np.linspace(0.1, 0.3, 10), np.linspace(0.6, 0.9, 10)])
    first, second = cross_groups(resampled(check_rows(labels, scores, groups, "ab"), n_boot=0))
    assert group_aucs(labels, scores, groups, 2).tolist() == [1, 1]
    assert second.bpsn.value == first.bnsp.value == 0
    assert second.bnsp.value == first.bpsn.value == 1


def curves(given: ScoredRows) -> list[RocCurve]:
    return roc_curves(resampled(given, n_boot=0))


@pytest.mark.parametrize("digits", [1, 2, 6])
def test_the_curve_is_sklearns(digits: int) -> None:
    given = rows(digits=digits)
    for code, curve in enumerate(curves(given)):
        labels, scores = given.labels[given.groups == code], given.scores[given.groups == code]
        fpr, tpr, _ = roc_curve(labels, scores)
        assert curve.group == "abc"[code]
        area = np.trapezoid(curve.tpr, curve.fpr)
        assert area == pytest.approx(np.trapezoid(tpr, fpr))
        full_fpr, full_tpr, _ = roc_curve(labels, scores, drop_intermediate=False)
        points = set(zip(full_fpr.tolist(), full_tpr.tolist(), strict=True))
        assert set(zip(curve.fpr, curve.tpr, strict=True)) <= points


def test_thinned_vertices_stay_on_the_curve_and_close_to_it() -> None:
    rng = np.random.default_rng(0)
    labels = (rng.random(20_000) < 0.2).astype(int)
    given = check_rows(labels, rng.normal(labels), np.zeros(20_000, dtype=int), ["all"])
    (curve,) = curves(given)
    fpr, tpr, _ = roc_curve(given.labels, given.scores, drop_intermediate=False)
    points = set(zip(fpr.tolist(), tpr.tolist(), strict=True))
    drawn = list(zip(curve.fpr, curve.tpr, strict=True))
    assert set(drawn) <= points
    assert 150 < len(drawn) <= 200
    assert (drawn[0], drawn[-1]) == ((0.0, 0.0), (1.0, 1.0))
    assert np.abs(np.interp(fpr, curve.fpr, curve.tpr) - tpr).max() < 0.012
    (short,) = roc_curves(resampled(given, n_boot=0), 20)
    assert 15 <= len(short.fpr) <= 20


def test_a_group_without_a_class_has_no_curve_and_a_constant_score_the_diagonal() -> None:
    given = check_rows([0, 1, 0, 0], [0.5] * 4, [0, 0, 1, 1], ["a", "b", "empty"])
    first, second, third = curves(given)
    assert (first.fpr, first.tpr) == ([0.0, 1.0], [0.0, 1.0])
    assert second.fpr == second.tpr == third.fpr == []
