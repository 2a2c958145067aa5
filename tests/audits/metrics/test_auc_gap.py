import math

import numpy as np
import pytest
from scipy.stats import kstest
from sklearn.metrics import roc_auc_score

from hf_fairtune.audits.audit import audit
from hf_fairtune.audits.engine.auc_tests import adjusted, auc_difference_test, detectable_difference, wanted_counts
from hf_fairtune.audits.engine.clustered_null import clustered_gap_null
from hf_fairtune.audits.engine.delong import auc
from hf_fairtune.audits.engine.permutations import gap_null
from hf_fairtune.audits.engine.resampled_rows import ResampledRows
from hf_fairtune.audits.engine.rows import check_rows
from hf_fairtune.audits.metrics.auc import auc_estimates
from hf_fairtune.audits.metrics.auc_gap import Extremes, auc_pairs, extremes, lowest_and_gap
from hf_fairtune.audits.thresholds import fixed
from hf_fairtune.document.audit import AucGap, Pair
from hf_fairtune.document.estimate import Reason
from hf_fairtune.errors import FairTuneError

from ..resampled import resampled
from ..samples import NAMES, few, split


def pairs(
    counts: tuple[int, int, int] = (30, 25, 22), clusters: np.ndarray | None = None, n_boot: int = 0
) -> list[Pair]:
    """Pairs of a small split with these positives by group."""
    return audit(*split(counts), NAMES, n_boot=n_boot, clusters=clusters).pairs


def test_each_pair_has_its_test_and_holms_correction() -> None:
    labels, scores, groups = split()
    found = pairs()
    inside = [groups == g for g in range(3)]
    tests = [auc_difference_test((labels[i], labels[inside[0]]), (scores[i], scores[inside[0]])) for i in inside[1:]]
    assert [pair.p for pair in found] == [p for p, _ in tests]
    assert [pair.p_method for pair in found] == ["logit-DeLong t test"] * 2
    assert [pair.p_adjusted for pair in found] == adjusted(np.array([p for p, _ in tests])).tolist()


def test_each_pair_says_what_it_could_have_found() -> None:
    labels, scores, groups = split((30, 300, 22), (60, 3000, 45))
    found = audit(labels, scores, groups, NAMES, n_boot=0).pairs
    value = auc(labels[groups == 1], scores[groups == 1])
    assert [pair.reference for pair in found] == ["b", "b"]
    assert found[1].detectable == detectable_difference(value, (22, 45), (300, 3000))
    assert (found[1].positives_wanted, found[1].negatives_wanted) == wanted_counts(value, (22, 45), (300, 3000))


def test_too_few_cases_have_no_p_and_do_not_count() -> None:
    found = pairs((30, 25, 7))
    assert math.isnan(found[1].p)
    assert math.isnan(found[1].p_adjusted)
    assert found[1].p_method is None
    assert found[1].detectable > found[0].detectable > 0
    assert found[0].p_adjusted == found[0].p
    hollow = pairs((30, 25, 0))[1]
    assert math.isnan(hollow.detectable)
    assert (hollow.positives_wanted, hollow.negatives_wanted) == (None, None)


def test_clusters_count_as_cases() -> None:
    labels, _, groups = split()
    clusters = np.arange(len(labels)) // 2
    found = pairs(clusters=clusters, n_boot=300)
    assert {pair.p_method for pair in found} == {"logit-DeLong by clusters (Obuchowski) t test"}
    assert all(0 < pair.p <= pair.p_adjusted <= 1 for pair in found)
    assert all(pair.detectable > alone.detectable for pair, alone in zip(found, pairs(), strict=True))
    assert pairs(clusters=clusters) == found


def test_p_is_uniform_with_clusters() -> None:
    """Patients with two images and a level of their own, each image in another group: groups share all patients."""
    rng = np.random.default_rng(0)
    sick = np.repeat([1, 0], [40, 100])
    clusters, groups = np.repeat(np.arange(len(sick)), 2), np.tile([0, 1], len(sick))
    found, inside = [], 0
    for _ in range(120):
        scores = rng.normal(1.3 * sick)[clusters] + rng.normal(0, 0.5, len(clusters))
        rows = check_rows(sick[clusters], scores, groups, NAMES[:2], clusters)
        given = resampled(rows, n_boot=0)
        (pair,) = auc_pairs(given, auc_estimates(given))
        found.append(pair.p)
        inside += pair.auc_difference.low <= 0 <= pair.auc_difference.high
    assert kstest(found, "uniform").pvalue > 0.05
    assert 0.91 <= inside / 120 <= 0.985


def test_all_included_groups_take_part() -> None:
    found = extremes(np.array([0.9, 0.6, np.nan, 0.7]), (0, 1, 3))
    assert (found.minimum, found.maximum, found.worst, found.best) == (0.6, 0.9, 1, 0)
    assert found.gap == 0.9 - 0.6


def test_nan_propagates_and_one_group_has_no_gap() -> None:
    np.testing.assert_equal(extremes(np.array([0.9, np.nan]), (0, 1)), Extremes())
    np.testing.assert_equal(extremes(np.array([0.9, np.nan]), ()), Extremes())
    alone = extremes(np.array([0.9, np.nan]), (0,))
    assert alone.minimum == 0.9
    assert np.isnan(alone.gap)


def gap_of(given: ResampledRows, permutations: int = 300, seed: int = 5) -> AucGap:
    return lowest_and_gap(given, auc_estimates(given), permutations, seed)[1]


def numbers(found: AucGap) -> tuple[float, float, float, int]:
    return found.null_mean, found.null_high, found.p, found.permutations


def test_lowest_and_gap_are_those_of_scikit_learn() -> None:
    given = resampled(n_boot=0)
    labels, scores, groups = given.rows.labels, given.rows.scores, given.rows.groups
    aucs = [roc_auc_score(labels[groups == g], scores[groups == g]) for g in range(3)]
    lowest, gap = lowest_and_gap(given, auc_estimates(given), 0, 0)
    assert lowest.value == pytest.approx(min(aucs), abs=1e-12)
    assert gap.value == pytest.approx(max(aucs) - min(aucs), abs=1e-12)
    assert (lowest.group, gap.worst, gap.best) == tuple(
        NAMES[i] for i in (np.argmin(aucs), np.argmin(aucs), np.argmax(aucs))
    )


def test_the_null_is_of_the_included_groups() -> None:
    labels, scores, groups = split()
    whole = gap_null(labels, scores, groups, permutations=300, seed=5)
    assert numbers(gap_of(resampled(n_boot=0))) == whole[:4]
    kept = groups != 1
    found = gap_of(resampled(included=(0, 2), n_boot=0))
    assert numbers(found) == gap_null(labels[kept], scores[kept], groups[kept], permutations=300, seed=5)[:4]
    assert found.excess == found.value - found.null_mean


def test_clusters_have_a_null_of_their_own() -> None:
    given = resampled(clusters=np.arange(232) // 2, n_boot=0, included=(0, 2))
    assert numbers(gap_of(given)) == clustered_gap_null([given.inside(0), given.inside(2)], 300, 5)[:4]


@pytest.mark.parametrize(
    ("given", "permutations", "reasons"),
    [
        (resampled(included=(1,)), 100, (Reason("too_few_groups", count=1),)),
        (resampled(positives=(30, 25, 0)), 100, (few("positives", 0, 1, "c"),)),
        (resampled(), 0, (Reason("no_permutations"),)),
    ],
)
def test_without_a_gap_there_is_no_null_but_a_reason(
    given: ResampledRows, permutations: int, reasons: tuple[Reason, ...]
) -> None:
    found = gap_of(given, permutations)
    assert np.isnan(numbers(found)[:3]).all()
    assert (found.permutations, found.reasons) == (0, reasons)
    assert found.defined == (permutations == 0)


def test_a_named_reference_turns_the_differences() -> None:
    """The very AUCs less that of the group that was named, and the sign of a pair with the largest turned."""
    rows = split()
    plain = audit(*rows, NAMES, n_boot=0, n_permutations=0)
    found = audit(*rows, NAMES, n_boot=0, n_permutations=0, reference_group=["c"])
    aucs = {row.group: row.auc.value for row in found.groups}
    assert [(pair.group, pair.reference) for pair in found.pairs] == [("a", "c"), ("b", "c")]
    for pair in found.pairs:
        assert pair.auc_difference.value == pytest.approx(aucs[pair.group] - aucs["c"])
    turned, before = found.pairs[0].auc_difference, plain.pairs[1].auc_difference
    assert (plain.pairs[1].group, plain.pairs[1].reference) == ("c", "a")
    assert (turned.value, turned.low, turned.high) == pytest.approx((-before.value, -before.high, -before.low))
    assert found.pairs[0].p == pytest.approx(plain.pairs[1].p)
    assert found.auc_gap.value == plain.auc_gap.value


@pytest.mark.parametrize(("positives", "defined"), [(5, True), (0, False)])
def test_a_named_reference_with_few_cases_says_so(positives: int, defined: bool) -> None:
    found = audit(*split((30, 25, positives)), NAMES, n_boot=0, n_permutations=0, reference_group=["c"])
    for pair in found.pairs:
        assert (pair.auc_difference.defined, pair.auc_difference.bounded, math.isnan(pair.p)) == (defined, False, True)
        assert pair.auc_difference.reasons == (few("positives", positives, group="c"),)
    assert len(found.pairs) == 2


def test_signed_gaps_compare_with_the_named_group() -> None:
    labels, scores, groups = split()
    cut = audit(
        labels, scores, groups, NAMES, thresholds=[fixed(0.4)], n_boot=0, n_permutations=0, reference_group="b"
    ).thresholds[0]
    selected = [float((scores[groups == g] >= 0.4).mean()) for g in range(3)]
    signed = [selected[g] - selected[1] for g in (0, 2)]
    assert cut.gaps["statistical_parity_difference"].value == pytest.approx(max(signed, key=abs))


@pytest.mark.parametrize(
    ("names", "exclude", "message"),
    [
        (["z"], [], r"`reference_group` names \['z'\]; name one of the groups \['a', 'b', 'c'\]"),
        (["a", "b"], [], r"`reference_group` names \['a', 'b'\]; name one of"),
        (["a"], ["a"], "`reference_group` is 'a', which `exclude` leaves out"),
    ],
)
def test_a_reference_that_is_none_is_refused(names: list[str], exclude: list[str], message: str) -> None:
    with pytest.raises(FairTuneError, match=message):
        audit(*split(), NAMES, n_boot=0, n_permutations=0, reference_group=names, exclude=exclude)
