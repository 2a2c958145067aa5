import math
from typing import Any, get_args

import numpy as np
import pytest
from fairlearn.metrics import equalized_odds_difference
from pydantic import TypeAdapter
from scipy.stats import kstest, norm
from sklearn.metrics import roc_auc_score

from hf_fairtune.audits.audit import audit
from hf_fairtune.audits.comparison import classify, compare
from hf_fairtune.audits.engine.bootstrap import bootstrap
from hf_fairtune.audits.engine.delong import paired_delong
from hf_fairtune.audits.engine.rows import check_rows
from hf_fairtune.audits.metrics.metric import gaps, rates
from hf_fairtune.audits.thresholds import fixed, given, parse_policy, youden
from hf_fairtune.document.comparison import Comparison, Verdict
from hf_fairtune.document.estimate import NAN, Estimate, Reason
from hf_fairtune.errors import FairTuneError

from .samples import NAMES, checked, few, split
from .test_audit import estimates

QUICK: dict[str, Any] = {"n_boot": 200}
CUTS = [(fixed(0.5), fixed(0.45))]


def two_models(seed: int = 0, **kwargs: Any) -> tuple[np.ndarray, ...]:
    """Labels, a model's scores, a reference's that go with them, and groups."""
    labels, scores, groups = split(seed=seed, **kwargs)
    noise = np.random.default_rng(seed + 100).normal(0, 0.1, len(scores))
    return labels, scores, np.clip(np.round(scores + noise, 2), 0, 1), groups


def test_points_are_differences_of_sklearns() -> None:
    labels, scores, reference, groups = two_models()
    found = compare(labels, scores, reference, groups, NAMES, **QUICK)
    parts = [groups == g for g in range(3)]
    model, other = ([roc_auc_score(labels[p], s[p]) for p in parts] for s in (scores, reference))
    assert found.auc.value == pytest.approx(roc_auc_score(labels, scores) - roc_auc_score(labels, reference))
    np.testing.assert_allclose([row.auc.value for row in found.groups], np.subtract(model, other), atol=1e-12)
    assert found.min_group_auc.value == pytest.approx(min(model) - min(other))
    assert found.auc_gap.value == pytest.approx(np.ptp(model) - np.ptp(other))


def test_identical_models_have_not_changed() -> None:
    labels, scores, _, groups = two_models()
    found = compare(labels, scores, scores, groups, NAMES, thresholds=[(fixed(), fixed())], **QUICK)
    assert {item.value for item in estimates(found)} == {0.0}
    assert found.verdict == "not shown"


def test_the_other_way_round_flips_every_sign() -> None:
    labels, scores, reference, groups = two_models()
    one = compare(labels, scores, reference, groups, NAMES, thresholds=CUTS, **QUICK)
    other = compare(labels, reference, scores, groups, NAMES, thresholds=[CUTS[0][::-1]], **QUICK)
    for there, back in zip(estimates(one), estimates(other), strict=True):
        np.testing.assert_allclose(
            [there.value, there.low, there.high], [-back.value, -back.high, -back.low], atol=1e-12
        )


def test_it_is_json_with_every_group_and_both_cuts() -> None:
    labels, scores, reference, groups = two_models()
    found = compare(labels, scores, reference, groups, NAMES, thresholds=CUTS, **QUICK)
    adapter = TypeAdapter(Comparison)
    assert adapter.validate_json(adapter.dump_json(found)) == found
    assert (found.thresholds[0].value, found.thresholds[0].reference_value) == (0.5, 0.45)
    assert [row.group for row in found.groups] == list(NAMES)
    assert set(found.thresholds[0].groups[0].rates) == {name for name, rate in rates().items() if rate.paired}
    assert {"tpr", "fpr", "selection_rate"} <= set(found.thresholds[0].groups[0].rates)
    assert set(found.thresholds[0].gaps) == {name for name, gap in gaps().items() if gap.paired}


def test_bad_input_is_one_line() -> None:
    labels, scores, reference, groups = two_models()
    with pytest.raises(FairTuneError, match="same rows with both models"):
        compare(labels, scores, reference[1:], groups, NAMES)
    with pytest.raises(FairTuneError, match="`reference_scores` has 1 values that are NaN"):
        compare(labels, scores, np.where(np.arange(len(labels)), reference, np.nan), groups, NAMES)
    fitted = youden(*split(seed=9)[:2])
    with pytest.raises(FairTuneError, match="in one way"):
        compare(labels, scores, reference, groups, NAMES, thresholds=[(fixed(), fitted)])
    pair = (fitted, youden(labels, reference))
    with pytest.raises(FairTuneError, match="fitted on these same rows"):
        compare(labels, scores, reference, groups, NAMES, thresholds=[pair])


def cases() -> dict[str, dict[str, Any]]:
    ordinary = dict(zip(("labels", "scores", "reference_scores", "groups"), two_models(), strict=True))

    def uneven(*positives: int) -> dict[str, Any]:
        return dict(
            zip(("labels", "scores", "reference_scores", "groups"), two_models(positives=positives), strict=True)
        )

    clusters = np.arange(len(ordinary["labels"])) // 2
    perfect = ordinary | {"scores": ordinary["labels"].astype(float)}
    both = perfect | {"reference_scores": perfect["scores"]}
    single = ordinary | {"labels": np.zeros_like(ordinary["labels"])}
    return {
        "ordinary": ordinary,
        "hollow": uneven(30, 25, 0),
        "hollow excluded": uneven(30, 25, 0) | {"exclude": ["c"]},
        "all excluded": ordinary | {"exclude": NAMES},
        "thin": uneven(30, 25, 7),
        "one class": single,
        "one group": ordinary | {"groups": np.zeros_like(ordinary["groups"]), "group_names": ["a"]},
        "clusters": ordinary | {"clusters": clusters},
        "one-class clusters": single | {"clusters": clusters},
        "perfect": perfect,
        "perfect clusters": perfect | {"clusters": clusters},
        "both perfect": both,
        "all negative": ordinary | {"thresholds": [(fixed(2.0), fixed(2.0))]},
        "no bootstrap": ordinary | {"n_boot": 0},
        "one resample": ordinary | {"n_boot": 1},
        "a group without rows": ordinary | {"groups": np.minimum(ordinary["groups"], 1)},
    }


@pytest.mark.parametrize("case", cases())
def test_every_undefined_number_has_its_reason(case: str) -> None:
    found = compare(**({"group_names": NAMES, "thresholds": CUTS} | QUICK | cases()[case]))
    assert found.verdict in get_args(Verdict)
    for item in estimates(found):
        assert item.defined or item.reasons, item
        assert item.bounded or item.reasons, item
        assert not item.bounded or -1 <= item.low < item.high <= 1, item


def test_guards_are_the_audits() -> None:
    labels, scores, reference, groups = two_models(positives=(30, 25, 7))
    found = compare(labels, scores, reference, groups, NAMES, thresholds=CUTS, **QUICK)
    row, cut = found.groups[2], found.thresholds[0]
    assert (row.status, row.reasons) == ("not estimable", (few("positives", 7),))
    for item in (
        row.auc,
        found.min_group_auc,
        found.auc_gap,
        cut.gaps["equal_opportunity_difference"],
        cut.gaps["equalized_odds_difference"],
    ):
        assert np.isfinite(item.value)
        assert np.isnan([item.low, item.high]).all()
        assert (item.reasons[0].unit, item.reasons[0].count) == ("positives", 7)
    for item in (
        cut.gaps["predictive_equality_difference"],
        cut.gaps["demographic_parity_difference"],
        cut.groups[2].rates["tpr"],
        found.groups[0].auc,
    ):
        assert item.low <= item.value <= item.high
    assert found.verdict != "pareto-better"


def test_a_group_without_a_class_is_named_and_can_be_excluded() -> None:
    labels, scores, reference, groups = two_models(positives=(30, 25, 0))
    found = compare(labels, scores, reference, groups, NAMES, **QUICK)
    assert np.isnan(found.auc_gap.value)
    assert found.auc_gap.reasons == (few("positives", 0, 1, "c"),)
    assert found.groups[2].auc.reasons == (few("positives", 0, 1),)
    without = compare(labels, scores, reference, groups, NAMES, exclude=["c"], **QUICK)
    assert without.excluded == ["c"]
    assert without.auc_gap.low <= without.auc_gap.value <= without.auc_gap.high
    assert without.groups[2].reasons == (few("positives", 0), Reason("excluded"))


def test_group_intervals_are_percentiles_of_paired_replicates() -> None:
    labels, scores, reference, groups = two_models()
    found = compare(labels, scores, reference, groups, NAMES, seed=3, **QUICK)
    both = [check_rows(labels, x, groups, NAMES) for x in (scores, reference)]
    model, other = bootstrap(both, [np.empty((0, len(labels)))] * 2, 200, 3)
    ends = np.quantile(model.auc - other.auc, [0.025, 0.975], axis=0).T
    np.testing.assert_allclose([[row.auc.low, row.auc.high] for row in (*found.groups, found)], ends)
    audited = audit(labels, scores, groups, NAMES, **QUICK)
    assert found.auc.high - found.auc.low < audited.auc.high - audited.auc.low


@pytest.mark.parametrize("clustered", [False, True])
def test_rates_change_as_counted(clustered: bool) -> None:
    labels, scores, reference, groups = two_models()
    clusters = np.arange(len(labels)) // 2 if clustered else None
    found = compare(labels, scores, reference, groups, NAMES, thresholds=CUTS, clusters=clusters, **QUICK)
    (cut,) = found.thresholds
    for g, row in enumerate(cut.groups):
        for name, kept in (("tpr", labels == 1), ("fpr", labels == 0), ("selection_rate", labels >= 0)):
            rows, item = kept & (groups == g), row.rates[name]
            change = np.mean(scores[rows] >= 0.5) - np.mean(reference[rows] >= 0.45)
            assert item.value == pytest.approx(change, abs=1e-12)
            assert item.low <= change <= item.high or item.reasons == (Reason("same_in_resamples"),)
            assert ("cluster" in item.method) == clustered
    sides = [
        equalized_odds_difference(labels, s >= c, sensitive_features=groups)
        for s, c in ((scores, 0.5), (reference, 0.45))
    ]
    assert cut.gaps["equalized_odds_difference"].value == pytest.approx(sides[0] - sides[1])


def test_rows_in_another_order_change_nothing() -> None:
    labels, scores, reference, groups = two_models()
    order = np.random.default_rng(0).permutation(len(labels))
    one = compare(labels, scores, reference, groups, NAMES, thresholds=CUTS, **QUICK)
    mixed = (x[order] for x in (labels, scores, reference, groups))
    assert compare(*mixed, NAMES, thresholds=CUTS, **QUICK) == one


def shifted(by_group: tuple[float, float], seed: int = 0) -> tuple[np.ndarray, ...]:
    """Two large groups of AUC 0.89 and 0.78, and a model that moves their positives."""
    rng = np.random.default_rng(seed)
    labels, groups = np.tile(np.repeat([1, 0], [400, 800]), 2), np.repeat([0, 1], 1200)
    reference = rng.normal(size=len(labels)) + labels * np.array([1.7, 1.1])[groups]
    moved = reference + labels * np.array(by_group)[groups] + rng.normal(0, 0.05, len(labels))
    return labels, moved, reference, groups


@pytest.mark.parametrize(
    ("moves", "verdict"),
    [
        ((0.0, 0.3), "pareto-better"),
        ((-0.4, 0.0), "level-down"),
        ((-0.3, -0.4), "worse"),
        ((-0.3, 0.3), "mixed"),
        ((0.3, -0.3), "mixed"),
    ],
)
def test_planted_changes_get_their_verdict(moves: tuple[float, float], verdict: str) -> None:
    assert compare(*shifted(moves), "ab", **QUICK).verdict == verdict


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


def test_few_cases_and_missing_errors_have_no_p() -> None:
    found = compared(positives=(30, 25, 9))
    assert math.isnan(found.groups[2].p)
    assert 0 < found.groups[1].p <= 1
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


def test_decisions_are_compared_as_cuts_are() -> None:
    labels, scores, groups = split(digits=6)
    reference = split(digits=6, seed=4)[1]
    pairs = [(fixed(0.5), fixed(0.5)), (given(scores >= 0.5), given(reference >= 0.5))]
    found = compare(labels, scores, reference, groups, NAMES, thresholds=pairs, n_boot=100)
    by_cut, by_row = (vars(cut) for cut in found.thresholds)
    for name in set(by_cut) - {"policy", "value", "reference_value"}:
        assert by_cut[name] == by_row[name]
    assert np.isnan([by_row["value"], by_row["reference_value"]]).all()


def test_cuts_by_group_are_compared() -> None:
    labels, scores, groups = split()
    reference, other = split(seed=4)[1], split(seed=1)
    cut = parse_policy("youden per group").fit(checked(*other))
    decided = [given(cut.apply(checked(labels, own, groups)), "youden per group") for own in (scores, reference)]
    pairs = [(cut, cut), (decided[0], decided[1])]
    first, second = compare(labels, scores, reference, groups, NAMES, thresholds=pairs, n_boot=100).thresholds
    assert first.groups == second.groups
    assert first.gaps == second.gaps
    assert first.groups[0].rates["tpr"].bounded


UP, DOWN, FLAT, VAGUE = (0.01, 0.05), (-0.05, -0.01), (-0.004, 0.02), (-0.03, 0.03)
WITHHELD = (NAN, NAN)
SLIGHTLY_DOWN = (-0.004, -0.001)


def verdict(gap: float, *groups: tuple[float, float]) -> str:
    changes = [Estimate((low + high) / 2, low, high, "made up") for low, high in groups]
    return classify(changes, Estimate(gap, NAN, NAN, "made up"))


@pytest.mark.parametrize(
    ("gap", "groups", "expected"),
    [
        (-0.03, (UP, FLAT), "pareto-better"),
        (+0.03, (UP, FLAT), "pareto-better"),
        (-0.03, (UP, SLIGHTLY_DOWN), "pareto-better"),
        (-0.03, (UP, VAGUE), "mixed"),
        (-0.03, (UP, WITHHELD), "mixed"),
        (-0.03, (UP, DOWN), "mixed"),
        (-0.03, (DOWN, FLAT), "level-down"),
        (-0.03, (DOWN, DOWN), "level-down"),
        (-0.03, (DOWN, WITHHELD), "level-down"),
        (+0.03, (DOWN, FLAT), "worse"),
        (NAN, (DOWN, FLAT), "worse"),
        (0.0, (DOWN, DOWN), "worse"),
        (+0.03, (SLIGHTLY_DOWN, FLAT), "worse"),
        (+0.03, (DOWN, WITHHELD), "worse"),
        (+0.03, (DOWN, UP), "mixed"),
        (-0.03, (FLAT, FLAT), "not shown"),
        (-0.03, (VAGUE, WITHHELD), "not shown"),
        (-0.03, (), "not shown"),
    ],
)
def test_verdicts(gap: float, groups: tuple[tuple[float, float], ...], expected: str) -> None:
    assert verdict(gap, *groups) == expected


def test_the_margin_is_where_harm_begins() -> None:
    assert verdict(0.0, UP, (-0.005, 0.01)) == "pareto-better"
    assert verdict(0.0, UP, (-0.0051, 0.01)) == "mixed"
