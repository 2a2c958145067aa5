"""Floors: which objective has which, what breaks them, and what is said then."""

import pytest

from hf_fairtune.audits.compute import directions
from hf_fairtune.errors import FairTuneError
from hf_fairtune.search.floors import Floors, UndefinedObjectiveError, note
from hf_fairtune.search.modes import mode_named
from hf_fairtune.search.plan import Plan


def plan(objective: str, min_auc: float | None = None) -> Plan:
    return Plan.of(objective, None, mode_named("paper", 10, 0, 1), 3, None, (), min_auc)


def test_gaps_and_ratios_have_a_floor_and_nothing_else() -> None:
    floored = {key for key in directions() if Floors.of(key).min_auc is not None}
    assert {Floors.of(key).min_auc for key in floored} == {0.6}
    assert {"auc_gap", "accuracy_gap", "demographic_parity_ratio", "equalized_odds_difference_fitted"} <= floored
    assert {key for key in directions() if key.endswith("_gap")} <= floored
    assert not {"auc", "min_group_auc", "min_group_accuracy", "max_group_log_loss", "fpr", "tpr", "f1"} & floored


def test_a_floor_is_what_was_asked_for() -> None:
    assert plan("auc_gap", 0.7).floors == Floors(0.7)
    assert plan("acc_diff").floors == Floors(0.6, "one_class_share")
    assert plan("min_group_auc", 0.7).floors == Floors(0.7)
    assert plan("auc_gap", 0).floors == Floors()
    assert Floors.of(None) == Floors()
    assert Floors.of(None, 0.7) == Floors(0.7)
    for wrong in (-0.1, 1, 60, float("nan")):
        with pytest.raises(FairTuneError, match="`min_auc` is .*; give a floor from 0, for none, to below 1."):
            plan("auc_gap", wrong)


def test_what_is_exceeded() -> None:
    floors = plan("equalized_odds_difference_fitted").floors
    metrics = {"eval_auc": 0.55, "eval_one_class_share": 1.0, "eval_one_class_share_fitted": 0.995}
    assert floors.excess(metrics) == pytest.approx({"min_auc": 0.05, "one_class": 0.005})
    # On the floor is feasible.
    kept = floors.excess({"eval_auc": 0.6, "eval_one_class_share_fitted": 0.99})
    assert max(kept.values()) == 0
    assert plan("equalized_odds_difference").floors.excess(metrics)["one_class"] == pytest.approx(0.01)
    assert plan("min_group_auc").floors.excess({}) == {}
    for name in ("auc", "one_class_share_fitted"):
        with pytest.raises(UndefinedObjectiveError, match=f"`{name}` is not defined on the validation split"):
            floors.excess({**metrics, f"eval_{name}": float("nan")})
    with pytest.raises(FairTuneError, match="`min_auc` needs 'auc'; the metrics are auc_gap."):
        plan("auc_gap").floors.excess({"eval_auc_gap": 0.0})
    with pytest.raises(FairTuneError, match="`objective` needs 'one_class_share'; the metrics are auc."):
        plan("tpr").floors.excess({"eval_auc": 0.7})


def test_what_is_kept() -> None:
    floors = Floors.of("auc_gap")
    assert floors.are_kept({"eval_auc": 0.6})
    assert not floors.are_kept({"eval_auc": 0.59})
    assert not floors.are_kept({"eval_auc": float("nan")})


def test_what_is_said() -> None:
    floors = Floors(0.6, "one_class_share")
    assert floors.said("min_auc", 0.1) == "its AUC of 0.500 is below `min_auc` 0.6"
    assert floors.said("one_class", 0.01) == "it predicts one class for 100.0% of a group, more than 99%"
    assert floors.said("bytes", 3.0) == "it exceeds `bytes` by 3"


def test_a_gap_at_a_half_has_a_note() -> None:
    said = note("equalized_odds_difference")
    assert said is not None
    assert "threshold of 0.5" in said
    assert "`equalized_odds_difference_fitted`" in said
    assert note("equalized_odds_difference_fitted") is note("auc_gap") is note("accuracy_gap") is None
