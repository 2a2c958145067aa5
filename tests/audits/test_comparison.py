from typing import Any, get_args

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from hf_fairtune.audits.comparison import compare
from hf_fairtune.audits.thresholds import fixed, youden
from hf_fairtune.audits.verdict import classify
from hf_fairtune.document.comparison import Verdict
from hf_fairtune.document.estimate import NAN, Estimate, Reason
from hf_fairtune.errors import FairTuneError

from ..document_samples import held
from .samples import CUTS, NAMES, QUICK, few, group_change, on_positives, split, two_models, without_positives


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
    assert {item.value for item in held(found, Estimate)} == {0.0}
    assert found.verdict == "not shown"


def test_the_other_way_round_flips_every_sign() -> None:
    labels, scores, reference, groups = two_models()
    one = compare(labels, scores, reference, groups, NAMES, thresholds=CUTS, **QUICK)
    other = compare(labels, reference, scores, groups, NAMES, thresholds=[CUTS[0][::-1]], **QUICK)
    for there, back in zip(held(one, Estimate), held(other, Estimate), strict=True):
        np.testing.assert_allclose(
            [there.value, there.low, there.high], [-back.value, -back.high, -back.low], atol=1e-12
        )


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
    for item in held(found, Estimate):
        assert item.defined or item.reasons, item
        assert item.bounded or item.reasons, item
        still = item.value == item.low == item.high == 0
        assert not item.bounded or still or -1 <= item.low < item.high <= 1, item


def test_guards_are_the_audits() -> None:
    labels, scores, reference, groups = two_models(positives=(30, 25, 7))
    found = compare(labels, scores, reference, groups, NAMES, thresholds=CUTS, **QUICK)
    row = found.groups[2]
    assert (row.status, row.reasons) == ("not estimable", (few("positives", 7),))
    for item in (row.auc, *on_positives(found)):
        assert np.isfinite(item.value)
        assert np.isnan([item.low, item.high]).all()
        assert (item.reasons[0].unit, item.reasons[0].count) == ("positives", 7)
    for item in (*without_positives(found), found.thresholds[0].groups[2].rates["tpr"], found.groups[0].auc):
        assert item.low <= item.value <= item.high
    assert found.verdict != "better"


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
        ((0.0, 0.3), "better"),
        ((-0.4, 0.0), "level-down"),
        ((-0.3, -0.4), "worse"),
        ((-0.3, 0.3), "gain"),
        ((0.3, -0.3), "gain"),
    ],
)
def test_planted_changes_get_their_verdict(moves: tuple[float, float], verdict: str) -> None:
    assert compare(*shifted(moves), "ab", **QUICK).verdict == verdict


UP, DOWN, FLAT, VAGUE = (0.01, 0.05), (-0.05, -0.01), (-0.004, 0.02), (-0.03, 0.03)
WITHHELD = (NAN, NAN)
SLIGHTLY_DOWN = (-0.004, -0.001)


def verdict(gap: float, *groups: tuple[float, float]) -> str:
    rows = [group_change(low, high) for low, high in groups]
    changes = [(row.joint, row.fall) for row in rows]
    return classify(changes, Estimate(gap, NAN, NAN, "made up"), 0.005)


@pytest.mark.parametrize(
    ("gap", "groups", "expected"),
    [
        (-0.03, (UP, FLAT), "better"),
        (+0.03, (UP, FLAT), "better"),
        (-0.03, (UP, SLIGHTLY_DOWN), "better"),
        (-0.03, (UP, VAGUE), "gain"),
        (-0.03, (UP, WITHHELD), "gain"),
        (-0.03, (UP, DOWN), "gain"),
        (-0.03, (DOWN, FLAT), "level-down"),
        (-0.03, (DOWN, DOWN), "level-down"),
        (-0.03, (DOWN, WITHHELD), "level-down"),
        (+0.03, (DOWN, FLAT), "worse"),
        (NAN, (DOWN, FLAT), "worse"),
        (0.0, (DOWN, DOWN), "worse"),
        (+0.03, (SLIGHTLY_DOWN, FLAT), "worse"),
        (+0.03, (DOWN, WITHHELD), "worse"),
        (+0.03, (DOWN, UP), "gain"),
        (-0.03, (FLAT, FLAT), "not shown"),
        (-0.03, (VAGUE, WITHHELD), "not shown"),
        (-0.03, (), "not shown"),
    ],
)
def test_verdicts(gap: float, groups: tuple[tuple[float, float], ...], expected: str) -> None:
    assert verdict(gap, *groups) == expected


def test_the_margin_is_where_harm_begins() -> None:
    assert verdict(0.0, UP, (-0.005, 0.01)) == "better"
    assert verdict(0.0, UP, (-0.0051, 0.01)) == "gain"
