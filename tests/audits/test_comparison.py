import json
from pathlib import Path
from typing import Any

import jsonschema
import numpy as np
import pytest
from scipy.stats import norm
from sklearn.metrics import roc_auc_score

import hf_fairtune
from hf_fairtune.audits.audit import audit
from hf_fairtune.audits.comparison import compare
from hf_fairtune.errors import FairTuneError
from hf_fairtune.intervals.bootstrap import joint_bootstrap
from hf_fairtune.metrics.equalized_odds_difference import equalized_odds_difference
from hf_fairtune.metrics.rows import check_rows
from hf_fairtune.metrics.thresholds import fixed, youden

from ..metrics.samples import NAMES, split

SCHEMA = json.loads((Path(hf_fairtune.__file__).parent / "record.schema.json").read_text())
ESTIMATE = SCHEMA["$defs"]["estimate"]
QUICK: dict[str, Any] = {"n_boot": 200}
CUTS = [(fixed(0.5), fixed(0.45))]


def two_models(seed: int = 0, **kwargs: Any) -> tuple[np.ndarray, ...]:
    """Labels, a model's scores, a reference's that go with them, and groups."""
    labels, scores, groups = split(seed=seed, **kwargs)
    noise = np.random.default_rng(seed + 100).normal(0, 0.1, len(scores))
    return labels, scores, np.clip(np.round(scores + noise, 2), 0, 1), groups


def estimates(value: Any) -> list[dict[str, Any]]:
    if isinstance(value, list):
        return [found for item in value for found in estimates(item)]
    if not isinstance(value, dict):
        return []
    own = [value] if "method" in value else []
    return own + [found for item in value.values() for found in estimates(item)]


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
    numbers = estimates(found.to_dict())
    assert {item["value"] for item in numbers} == {0.0}
    assert found.verdict == "not shown"


def test_the_other_way_round_flips_every_sign() -> None:
    labels, scores, reference, groups = two_models()
    one = compare(labels, scores, reference, groups, NAMES, thresholds=CUTS, **QUICK)
    other = compare(labels, reference, scores, groups, NAMES, thresholds=[CUTS[0][::-1]], **QUICK)
    for there, back in zip(estimates(one.to_dict()), estimates(other.to_dict()), strict=True):
        np.testing.assert_allclose(there["value"], -back["value"], atol=1e-12)
        ends = np.array([[there["low"], there["high"]], [back["high"], back["low"]]], dtype=float)
        np.testing.assert_allclose(ends[0], -ends[1], atol=1e-12)


def test_the_dictionary_is_json() -> None:
    labels, scores, reference, groups = two_models()
    content = compare(labels, scores, reference, groups, NAMES, thresholds=CUTS, **QUICK).to_dict()
    json.dumps(content, allow_nan=False)
    assert content["thresholds"][0]["reference_value"] == 0.45
    assert [row["group"] for row in content["groups"]] == list(NAMES)


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
    content = compare(**({"group_names": NAMES, "thresholds": CUTS} | QUICK | cases()[case])).to_dict()
    json.dumps(content, allow_nan=False)
    assert content["verdict"] in {"pareto-better", "level-down", "worse", "mixed", "not shown"}
    for item in estimates(content):
        jsonschema.validate(item, ESTIMATE)
        assert item["value"] is not None or item["reason"], item
        assert item["low"] is not None or item["reason"], item
        assert item["low"] is None or -1 <= item["low"] < item["high"] <= 1, item


def test_guards_are_the_audits() -> None:
    labels, scores, reference, groups = two_models(positives=(30, 25, 7))
    found = compare(labels, scores, reference, groups, NAMES, thresholds=CUTS, **QUICK)
    row, cut = found.groups[2], found.thresholds[0]
    assert (row.status, row.reason) == ("not estimable", "7 positives, fewer than 10")
    for item in (row.auc, found.min_group_auc, found.auc_gap, cut.tpr_difference, cut.equalized_odds_difference):
        assert np.isfinite(item.value)
        assert np.isnan([item.low, item.high]).all()
        assert "7 positives, fewer than 10" in (item.reason or "")
    for item in (cut.fpr_difference, cut.demographic_parity_difference, cut.groups[2].tpr, found.groups[0].auc):
        assert item.low <= item.value <= item.high
    assert found.verdict != "pareto-better"


def test_a_group_without_a_class_is_named_and_can_be_excluded() -> None:
    labels, scores, reference, groups = two_models(positives=(30, 25, 0))
    found = compare(labels, scores, reference, groups, NAMES, **QUICK)
    assert np.isnan(found.auc_gap.value)
    assert "`c`: no positives" in (found.auc_gap.reason or "")
    assert found.groups[2].auc.reason == "no positives"
    without = compare(labels, scores, reference, groups, NAMES, exclude=["c"], **QUICK)
    assert without.excluded == ["c"]
    assert without.auc_gap.low <= without.auc_gap.value <= without.auc_gap.high
    assert without.groups[2].reason == "no positives; excluded by name"


def test_group_intervals_are_percentiles_of_paired_replicates() -> None:
    labels, scores, reference, groups = two_models()
    found = compare(labels, scores, reference, groups, NAMES, seed=3, **QUICK)
    both = [check_rows(labels, x, groups, NAMES) for x in (scores, reference)]
    model, other = joint_bootstrap(both, [(), ()], 200, 3)
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
        for item, kept in ((row.tpr, labels == 1), (row.fpr, labels == 0), (row.selection_rate, labels >= 0)):
            rows = kept & (groups == g)
            change = np.mean(scores[rows] >= 0.5) - np.mean(reference[rows] >= 0.45)
            assert item.value == pytest.approx(change, abs=1e-12)
            assert item.low <= change <= item.high or "same value in every resample" in (item.reason or "")
            assert ("cluster" in item.method) == clustered
    sides = [
        equalized_odds_difference(labels, (s >= c).astype(int), groups, 3)
        for s, c in ((scores, 0.5), (reference, 0.45))
    ]
    assert cut.equalized_odds_difference.value == pytest.approx(sides[0] - sides[1])


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
