"""Every rate and gap at a threshold, with whatever decides."""

from typing import Any

import numpy as np
import pytest
from scipy.stats import binomtest

from hf_fairtune.audits.audit import audit
from hf_fairtune.audits.engine.proportions import confusion, ratio, total, wilson
from hf_fairtune.audits.metrics.metric import cut_metrics, gaps, rates
from hf_fairtune.audits.thresholds import fixed, given, parse_policy
from hf_fairtune.document.audit import RateGroup, ThresholdAudit
from hf_fairtune.document.estimate import Estimate, Reason

from .samples import NAMES, checked, few, split, without_cut_metrics

ROWS = 4
DENOMINATORS = {"tpr": "positives", "fpr": "negatives", "tnr": "negatives", "selection_rate": "rows"}
DENOMINATORS |= {"accuracy": "rows", "ppv": "predicted positives", "npv": "predicted negatives"}


def one(*rows: Any, threshold: Any = None, names: tuple[str, ...] = NAMES, **options: Any) -> ThresholdAudit:
    found = audit(
        *rows, names, thresholds=[threshold or fixed(0.4)], **({"n_boot": 200, "n_permutations": 0} | options)
    )
    return found.thresholds[0]


def test_gaps_compare_with_the_largest_estimable_group() -> None:
    labels, scores, groups = split((9, 25, 30), (900, 60, 50))
    cut, counts = one(labels, scores, groups), confusion(labels, (scores >= 0.4).astype(int), groups, 3)[:, :3]
    assert set(cut.gaps) == set(gaps())
    for name, found in cut.gaps.items():
        assert found.value == float(gaps()[name](counts, 1))
        assert found.method.startswith(gaps()[name].formula)
    signed, selected = cut.gaps["statistical_parity_difference"], rates()["selection_rate"](counts)
    worst = max((0, 2), key=lambda g: abs(selected[g] - selected[1]))
    assert f"`{NAMES[worst]}` - `b`; sup-t" in signed.method


@pytest.mark.parametrize("clustered", [False, True])
def test_every_number_lies_within_its_interval(clustered: bool) -> None:
    rows = split()
    clusters = np.arange(len(rows[0])) // 2 if clustered else None
    cut = one(*rows, clusters=clusters)
    for name, found in cut.gaps.items():
        low, high = gaps()[name].limits
        assert low <= found.low <= found.value <= found.high <= high, name
        assert found.low < found.high
    for group in (cut.overall, *cut.groups):
        assert set(group.rates) == set(rates()) | set(cut_metrics())
        for name, found in group.rates.items():
            assert found.low <= found.value <= found.high
            assert (found.method == "Wilson") == (not clustered and name in {*DENOMINATORS, "f1"})


def test_rates_have_the_intervals_of_their_counts() -> None:
    labels, scores, groups = split()
    cut, inside = one(labels, scores, groups), groups == 1
    chosen = (scores >= 0.4)[inside]
    hits, flagged = int((labels[inside] & chosen).sum()), int(chosen.sum())
    right = int(((scores >= 0.4) == labels).sum())
    for found, counts in (
        (cut.groups[1].rates["ppv"], (hits, flagged)),
        (cut.groups[1].rates["tnr"], (50 - flagged + hits, 50)),
        (cut.overall.rates["accuracy"], (right, len(labels))),
    ):
        assert [found.value, found.low, found.high] == wilson(*counts).tolist()
    row = cut.groups[1]
    assert (row.n, row.positives, row.true_positives, row.false_positives) == (75, 25, hits, flagged - hits)


def test_f1_has_wilsons_interval_of_the_jaccard_index_or_a_reason() -> None:
    labels, scores, groups = split((30, 7, 0))
    cut, chosen = one(labels, scores, groups), scores >= 0.4
    for code, group in enumerate(cut.groups):
        found, inside = group.rates["f1"], groups == code
        hits, either = np.sum(inside & chosen & (labels == 1)), np.sum(inside & (chosen | (labels == 1)))
        wanted = [2 * share / (1 + share) for share in wilson(hits, either).tolist()]
        assert [found.value, found.low, found.high] == pytest.approx(wanted)
    assert cut.groups[2].rates["f1"].value == 0
    silent = one(*split((30, 7, 0)), threshold=fixed(2.0)).groups[2].rates
    assert silent["f1"].reasons == silent["ppv"].reasons == (Reason("zero_denominator"),)


def test_a_group_that_lacks_a_class_is_named_by_the_gaps_that_need_it() -> None:
    cut = one(*split((30, 25, 0)))
    for name, found in cut.gaps.items():
        if "positives" in gaps()[name].needs:
            assert (found.defined, found.reasons) == (False, (few("positives", 0, 1, "c"),)), name
        else:
            assert found.bounded, name
    assert all(found.bounded for found in one(*split((30, 25, 0)), exclude=["c"]).gaps.values())


def test_nobody_flagged_has_no_ratio_and_no_certainty() -> None:
    cut = one(*split(), threshold=fixed(2.0))
    assert not cut.degenerate  # nobody of 75 may well be 1 of 100
    assert cut.gaps["demographic_parity_ratio"].reasons == (Reason("no_predicted_positive"),)
    assert not cut.gaps["demographic_parity_ratio"].defined
    assert cut.gaps["equalized_odds_mean"].value == 0
    assert cut.gaps["equalized_odds_mean"].high > 0.02
    signed = cut.gaps["statistical_parity_difference"]
    assert signed.low < signed.value == 0 < signed.high
    alone = one(*split((30,), (60,)), names=("a",))
    assert {found.reasons for found in alone.gaps.values()} == {(Reason("too_few_groups", count=1),)}


@pytest.mark.parametrize(
    ("flagged", "degenerate"),
    [((50, 500), False), ((9, 500), False), ((3, 500), True), ((10, 997), True), ((50, 995), False)],
)
def test_degenerate_where_a_group_is_surely_hardly_decided(flagged: tuple[int, int], degenerate: bool) -> None:
    labels, groups = np.tile([0, 1], 1000), np.repeat([0, 1], 1000)
    decisions = np.concatenate([np.arange(1000) < k for k in flagged])
    given_rows = labels, decisions * 1.0, groups
    options: dict[str, Any] = {"threshold": given(decisions), "names": ("a", "b", "empty"), "n_boot": 0}
    assert one(*given_rows, **options).degenerate is degenerate
    for place, name in enumerate("ab"):
        bounds = binomtest(flagged[1 - place], 1000).proportion_ci(method="wilson")
        expected = bool(bounds.high < 0.01 or bounds.low > 0.99)
        assert one(*given_rows, exclude=[name], **options).degenerate is expected


def test_a_cut_by_group_is_recorded_and_resampled_as_it_decides() -> None:
    rows, other = split(), split(seed=1)
    decision = parse_policy("youden per group").fit(checked(*other))
    cut = one(*rows, threshold=decision)
    assert np.isnan(cut.value)
    assert (cut.by_group, cut.policy, cut.fitted_on) == (decision.by_group, "youden per group", "validation")
    as_given = one(*rows, threshold=given(decision.apply(checked(*rows))))
    assert as_given.by_group is None
    assert (as_given.gaps, as_given.groups) == (cut.gaps, without_cut_metrics(cut))


def test_given_decisions_at_a_cut_are_the_cut() -> None:
    labels, scores, groups = split(digits=6)
    by_cut, by_row = one(labels, scores, groups), one(labels, scores, groups, threshold=given(scores >= 0.4))
    assert (by_cut.gaps, without_cut_metrics(by_cut)) == (by_row.gaps, by_row.groups)


def patients(*cells: tuple[int, int]) -> tuple[np.ndarray, ...]:
    """Labels, scores, groups and patients: so many patients with only positives, and with only negatives, a group."""
    labels = np.concatenate([np.repeat([1, 0], [ROWS * p, ROWS * n]) for p, n in cells])
    groups = np.concatenate([np.full(ROWS * (p + n), g) for g, (p, n) in enumerate(cells)])
    scores = 0.25 * labels + 0.6 * np.random.default_rng(1).random(len(labels))
    return labels, scores, groups, np.arange(len(labels)) // ROWS


def test_a_rate_needs_ten_clusters_in_its_denominator() -> None:
    labels, scores, groups, clusters = patients((30, 30), (9, 30), (10, 9))
    cut = one(labels, scores, groups, clusters=clusters)
    for code, row in enumerate(cut.groups):
        inside, chosen = groups == code, scores >= 0.4
        held = {"positives": labels == 1, "negatives": labels == 0, "rows": labels >= 0}
        held |= {"predicted positives": chosen, "predicted negatives": ~chosen}
        for name, denominator in DENOMINATORS.items():
            found, n = row.rates[name], len(set(clusters[inside & held[denominator]]))
            assert found.defined
            assert found.bounded == (n >= 10), name
            assert found.reasons == (() if n >= 10 else (few("clusters_in_denominator", n),)), name
    assert all(found.bounded for found in cut.overall.rates.values())


@pytest.mark.parametrize("n", [1, 2, 9])
def test_all_rows_together_need_ten_clusters_too(n: int) -> None:
    labels, scores, groups, clusters = patients((n, 30))
    overall = one(labels, scores, groups, names=("a",), clusters=clusters).overall.rates
    assert overall["tpr"].reasons == (few("clusters_in_denominator", n),)
    assert overall["fpr"].bounded


def test_independent_rows_keep_wilsons_interval_however_few() -> None:
    labels, scores, groups, _ = patients((1, 2))
    found: Estimate = one(labels, scores, groups, names=("a",)).groups[0].rates["tpr"]
    assert (found.method, found.low < found.value) == ("Wilson", True)


def test_a_group_named_overall_is_a_group() -> None:
    labels, scores, groups, clusters = patients((30, 30), (9, 30))
    first, other = (
        one(labels, scores, groups, names=names, clusters=clusters) for names in (("overall", "b"), ("a", "b"))
    )
    rows: list[RateGroup] = [cut.groups[0] for cut in (first, other)]
    assert rows[0].rates == rows[1].rates
    counts = confusion(labels, (scores >= 0.4).astype(int), groups, 2)
    share = ratio(total(counts, ("true_positives",)), total(counts, ("positives",)))
    assert [first.groups[0].rates["tpr"].value, first.overall.rates["tpr"].value] == share[[0, 2]].tolist()
