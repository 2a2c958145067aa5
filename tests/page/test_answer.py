"""The answer in plain words: what is claimed follows from the numbers."""

from typing import Any

import pytest

from hf_fairtune.page.answer import answer, answer_table, answers, compared, headline, worst_first
from hf_fairtune.page.view import View, views

from .samples import document
from .strange import undefined


@pytest.fixture
def view() -> View:
    return next(views(document(attributes=1)))


def said(view: View, tested: int = 1) -> str:
    return " ".join(answer(view, tested).paragraphs).replace("\u2068", "").replace("\u2069", "")


@pytest.mark.parametrize(
    ("p", "tested", "kind"),
    [
        (0.05, 1, "beyond"),
        (0.051, 1, "open"),
        (0.05, 2, "alone"),
        (0.025, 2, "beyond"),
        (0.9, 3, "open"),
        (None, 1, "unknown"),
    ],
)
def test_verdict_is_the_test_with_all_gaps_counted(view: View, p: float | None, tested: int, kind: str) -> None:
    view.audit["auc_gap"]["p"] = p
    assert answer(view, tested).kind == kind
    assert ("is more than chance explains" in said(view, tested)) == (kind in ("beyond", "alone"))
    assert ("does not show that the groups are equal" in said(view, tested)) == (kind == "open")


def test_level_of_the_verdict_is_that_of_the_intervals(view: View) -> None:
    view.audit["auc_gap"]["p"] = 0.08
    assert answer(view, 1).kind == "open"
    view.audit["confidence"] = 0.9
    assert answer(view, 1).kind == "beyond"


def test_lowest_group_is_named_with_its_numbers(view: View) -> None:
    lowest = view.audit["min_group_auc"]
    text = said(view)
    assert f"{lowest['value']:.2f} (95 % interval {lowest['low']:.2f} to {lowest['high']:.2f})" in text
    assert 'in the group "M"' in text
    assert "stays the lowest in 90 of 100 redraws of the patients." in text
    next(row for row in view.audit["groups"] if row["group"] == "M")["worst_share"] = 0.4
    assert "so who it is stays open" in said(view)


@pytest.mark.parametrize("name", ["M", "F"])
def test_small_groups_are_called_a_hint(view: View, name: str) -> None:
    assert "a hint" not in said(view)
    row = next(row for row in view.audit["groups"] if row["group"] == name)
    row |= {"status": "weak", "reason": "12 positives, fewer than 20"}
    assert "a small group (12 positives, fewer than 20): a hint, not a finding" in said(view)


def test_withheld_interval_gives_its_reason(view: View) -> None:
    view.audit["auc_gap"] |= {"low": None, "high": None, "reason": "`F`: 7 positives, fewer than 10"}
    assert "(no interval: `F`: 7 positives, fewer than 10)" in said(view)


def test_reason_of_many_groups_is_shortened(view: View) -> None:
    reason = "no interval: " + " / ".join(f"`g{i}`: 3 positives, fewer than 10" for i in range(5))
    view.audit["auc_gap"] |= {"low": None, "high": None, "reason": reason}
    few = "positives, fewer than 10"
    assert f"(no interval: `g0`: 3 {few} / `g1`: 3 {few} and 3 more)" in said(view)


def test_undefined_is_said_and_never_judged() -> None:
    made = undefined(document(attributes=2, small=True))
    found = answers(made)
    assert {one.kind for one in found} == {"unknown"}
    assert all("cannot be said: \u2068no positives\u2069" in one.paragraphs[0] for one in found)
    assert headline(found) == "Whether groups are served unequally cannot be said from these rows."


def test_gaps_without_a_test_do_not_count_as_looked_at() -> None:
    made = document(attributes=2, small=True)
    tested = [view for view in views(made) if view.audit["auc_gap"]["p"] is not None]
    assert len(tested) == 1
    assert "gaps looked at" not in " ".join(p for one in answers(made) for p in one.paragraphs)


def test_headline_counts_the_verdicts() -> None:
    made = document(attributes=3)
    for view, p in zip(views(made), (0.001, 0.03, 0.4, None), strict=True):
        view.audit["auc_gap"]["p"] = p
    found = answers(made)
    assert [one.kind for one in found] == ["beyond", "alone", "open", "unknown"]
    assert headline(found) == (
        "Of 4 gaps between groups looked at, 3 can be judged; of these, 1 is more than chance explains; "
        "1 would be if looked at alone."
    )
    assert [one.kind for one in worst_first(found[::-1])] == ["beyond", "alone", "open", "unknown"]
    rows = answer_table(made).rows
    assert [row[0] for row in rows] == [one.place for one in found]
    assert [row[-2] for row in rows] == ["0.001", "0.030", "0.400", "–"]


@pytest.mark.parametrize("verdict", ["pareto-better", "level-down", "worse", "mixed", "not shown"])
def test_comparison_says_its_verdict(verdict: str) -> None:
    made = document(attributes=1, extras=("reference",))
    made["comparisons"][0]["verdict"] = verdict
    (text,) = compared(made)
    words = {
        "pareto-better": "none lost",
        "level-down": "levelling down",
        "worse": "is worse",
        "mixed": "mixed",
        "not shown": "not shown",
    }
    assert words[verdict] in text


def test_loss_without_gain_is_called_worse() -> None:
    made = document(attributes=1, extras=("reference",))
    rows: list[dict[str, Any]] = made["comparisons"][0]["groups"]
    rows[0]["auc"] |= {"value": -0.1, "low": -0.15, "high": -0.05}
    assert "is worse than" in compared(made)[0]
    rows[1]["auc"] |= {"value": 0.1, "low": 0.05, "high": 0.15}
    assert "mixed" in compared(made)[0]
