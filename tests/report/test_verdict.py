"""The verdict says no more than the intervals show."""

from typing import Any

import pytest

from hf_fairtune.record import Record
from hf_fairtune.report.verdict import verdict, verdicts

from .repair_samples import kind, repaired
from .samples import sample

Interval = tuple[float, float, float]


def compared(full: list[Interval | None], best: list[Interval | None]) -> Record:
    """Make a record of two models with these group intervals."""
    record = sample(len(full), n_trials=0)
    for entry, ends in zip(record.evaluations, (full, best), strict=True):
        for row, end in zip(entry["audit"]["groups"], ends, strict=True):
            row["status"] = "ok" if end else "not estimable"
            row["auc_low"], row["auc"], row["auc_high"] = end or (None, None, None)
        values = [end[1] for end in ends if end]
        entry["audit"]["auc_gap"]["value"] = max(values) - min(values)
        entry["audit"]["min_group_auc"]["value"] = min(values)
    return record


TIGHT = (0.799, 0.8, 0.801)
CASES: dict[str, tuple[list[Any], list[Any]]] = {
    "pareto-better": ([TIGHT, TIGHT], [(0.85, 0.86, 0.87), (0.7995, 0.8005, 0.8015)]),
    "not shown": ([(0.7, 0.8, 0.9), (0.6, 0.7, 0.8)], [(0.75, 0.85, 0.95), (0.7, 0.79, 0.88)]),
    "mixed": ([TIGHT, TIGHT], [(0.85, 0.86, 0.87), (0.7, 0.75, 0.85)]),
    "level-down": ([(0.89, 0.9, 0.91), (0.69, 0.7, 0.71)], [(0.79, 0.8, 0.81), (0.68, 0.69, 0.7)]),
}


@pytest.mark.parametrize("kind", CASES)
def test_kind_and_word(kind: str) -> None:
    found = verdict(compared(*CASES[kind]))
    assert found.kind == kind
    assert ("fairer" in found.text) == (kind == "pareto-better")


def test_a_group_not_estimable_forbids_the_word() -> None:
    full, best = CASES["pareto-better"]
    found = verdict(compared([*full, None], [*best, None]))
    assert found.kind == "mixed"
    assert "fairer" not in found.text
    assert "No comparison is possible for: women, 41–65" in found.text


def test_losses_are_named() -> None:
    text = verdict(compared(*CASES["level-down"])).text
    assert "levelling down" in text
    assert "Worse with FairTune beyond the intervals: women, 18–40." in text
    assert "The estimate is lower with FairTune for: women, 18–40; men, 18–40." in text


@pytest.mark.parametrize("models", [("full",), ("fairtune",), ("erm",)])
def test_one_model_is_no_comparison(models: tuple[str, ...]) -> None:
    found = verdict(sample(3, models, 0))
    assert found.kind == "no comparison"
    assert "no improvement is shown" in found.text


def test_undefined_minimum_is_said_with_its_reason() -> None:
    assert "undefined (no positives)" in verdict(sample(8)).text


def test_no_evaluation() -> None:
    assert "nothing is shown" in verdict(sample(2, ())).text


PAIRED: dict[str, list[Interval | None]] = {
    "pareto-better": [(0.01, 0.03, 0.05), (-0.004, 0.001, 0.006)],
    "level-down": [(-0.05, -0.03, -0.01), (-0.02, -0.001, 0.01)],
    "worse": [(-0.05, -0.03, -0.01), (-0.02, -0.001, 0.01)],
    "mixed": [(0.01, 0.03, 0.05), (-0.05, -0.03, -0.01)],
    "not shown": [(-0.01, 0.03, 0.05), (-0.05, -0.03, 0.01)],
}


def changed(groups: list[Interval | None], gap: float = -0.02) -> Record:
    """Make a repair whose groups' AUCs changed like this."""
    record = repaired(len(groups), ())
    held = record.comparisons[0]
    for row, ends in zip(held["groups"], groups, strict=True):
        row["auc"]["low"], row["auc"]["value"], row["auc"]["high"] = ends or (None, 0.1, None)
        row["auc"]["reason"] = row["reason"] = None if ends else "4 positives, fewer than 10"
    held["auc_gap"]["value"] = gap
    held["verdict"] = kind([row["auc"] for row in held["groups"]], held["auc_gap"])
    return record


@pytest.mark.parametrize("name", PAIRED)
def test_paired_kind_and_word(name: str) -> None:
    found = verdict(changed(PAIRED[name], gap=0.02 if name == "worse" else -0.02))
    assert found.kind == name
    assert ("is worse than" in found.text) == (name == "worse")
    assert ("fairer" in found.text) == (name == "pareto-better")
    assert ("levelling down" in found.text) == (name == "level-down")
    assert "the record does not hold one" not in found.text


def test_a_repair_names_who_lost_how_much() -> None:
    record = changed(PAIRED["mixed"])
    cut = record.comparisons[0]["thresholds"][1]
    for group, (low, value, high) in zip(cut["groups"], [(-0.2, -0.1, -0.05), (0.02, 0.1, 0.2)], strict=True):
        group["tpr"] |= {"low": low, "value": value, "high": high}
        group["fpr"] |= {"low": -0.1, "value": 0.0, "high": 0.1}
    text = verdict(record).text
    assert "AUC rose beyond the paired interval for: women, 18–40 +0.030 [+0.010, +0.050]." in text
    assert "AUC fell beyond the paired interval for: men, 18–40 -0.030 [-0.050, -0.010]." in text
    where = "Sensitivity at the threshold youden, fitted on validation,"
    assert f"{where} fell for: women, 18–40 -0.100 [-0.200, -0.050]." in text
    assert f"{where} rose for: men, 18–40 +0.100 [+0.020, +0.200]." in text
    assert "The false positive rate" not in text


def test_losses_within_the_interval_are_told_as_open() -> None:
    text = verdict(changed(PAIRED["not shown"])).text
    assert "which chance may explain, for: men, 18–40 -0.030 [-0.050, +0.010]." in text


def test_a_group_without_paired_interval_forbids_the_word() -> None:
    found = verdict(changed([*PAIRED["pareto-better"], None]))
    assert found.kind == "mixed"
    assert "No comparison is possible for: women, 41–65" in found.text
    assert "(4 positives, fewer than 10)" in found.text


def test_no_change_at_any_threshold_is_said() -> None:
    record = changed(PAIRED["not shown"])
    for cut in record.comparisons[0]["thresholds"]:
        for group in cut["groups"]:
            group |= {key: {**group[key], "low": -0.1, "high": 0.1} for key in ("tpr", "fpr")}
    assert "No group's sensitivity or false positive rate at the threshold youden" in verdict(record).text


def test_one_verdict_a_test_set() -> None:
    record = repaired(3, ("clinic-b",))
    found = verdicts(record)
    assert list(found) == ["test", "clinic-b"]
    assert verdict(record).kind == found["test"].kind == record.comparisons[0]["verdict"]
    assert verdict(record).text == f"{found['test'].text}\n\n{found['clinic-b'].text}"
    assert found["clinic-b"].text.startswith("On clinic-b ")


def test_a_repair_without_paired_changes_is_judged_by_bounds() -> None:
    record = repaired(3, ())
    record.comparisons = []
    text = verdict(record).text
    assert "with the model as it came" in text
    assert "full fine-tuning" not in text
