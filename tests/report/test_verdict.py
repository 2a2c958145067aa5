"""The verdict says no more than the intervals show."""

from typing import Any

import pytest

from hf_fairtune.record import Record
from hf_fairtune.report.verdict import verdict

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
