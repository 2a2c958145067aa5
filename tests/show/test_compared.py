"""What a comparison says: verdict, who gained and lost, and what is open."""

from dataclasses import replace
from typing import Any, get_args

import pytest

from hf_fairtune.document.comparison import GroupPower, Power, Verdict
from hf_fairtune.document.document import Document
from hf_fairtune.document.estimate import NAN
from hf_fairtune.show.compared import compared, compared_said, comparison, power
from hf_fairtune.show.table import plain
from hf_fairtune.show.view import views
from hf_fairtune.show.words import number

from .conftest import edited, only, unmoved


@pytest.mark.parametrize("verdict", get_args(Verdict))
def test_comparison_says_its_verdict(audit: Document, verdict: Verdict) -> None:
    def judged(content: dict[str, Any]) -> None:
        only(content, "sex")
        content["audits"][0]["comparison"]["verdict"] = verdict

    (view,) = views(edited(audit, judged))
    text = compared(view)
    assert text.startswith(f"{view.title} against {view.reference}, by sex, these two checkpoints: ")
    assert comparison(view.comparison) in text
    assert ("better for" in text) == (verdict in ("better", "gain"))


def test_comparison_names_who_gained_and_lost_how_much(repair: Document) -> None:
    (view,) = views(repair)
    found = view.comparison
    assert found is not None
    text = plain(compared(view))
    fell = [row for row in found.groups if row.auc.high < 0]
    assert fell
    for row in fell:
        assert f'"{row.group}" {number(row.auc, sign=True)}' in text.partition("The AUC fell for: ")[2]
    assert "The AUC rose" not in text
    assert "At the threshold youden, fitted on validation: the true positive rate fell for: " in text
    assert f"The gap changed by {number(found.auc_gap, sign=True)}." in text


def test_comparison_names_what_is_open_or_impossible(audit: Document) -> None:
    view = views(audit)[1]
    assert view.comparison is not None
    text = plain(compared(view))
    open_ = [row.group for row in view.comparison.groups if row.auc.low <= 0 <= row.auc.high and row.auc.value < 0]
    assert open_
    assert all(f'"{group}" ' in text.partition("which chance may explain, for: ")[2] for group in open_)
    assert 'No comparison is possible for: "not stated".' in text


def test_degenerate_thresholds_are_not_spoken_of(repair: Document) -> None:
    def blind(content: dict[str, Any]) -> None:
        content["audits"][0]["audit"]["thresholds"][1]["degenerate"] = True

    (view,) = views(edited(repair, blind))
    assert "at the threshold" not in compared(view)


def test_what_cases_can_show_is_one_sentence() -> None:
    """Judged in the two digits that are shown; the least and the most gain, and groups that can show none."""
    rows = [GroupPower("F", 0.031, 0.0241), GroupPower("M", 0.052, 0.018), GroupPower("X", NAN, NAN)]
    found = Power(0.81, 0.9, rows[:2])
    assert plain(power(found, 0.02)) == (
        '4 of 5 comparisons would find a gain of AUC of 0.03 ("F") to 0.05 ("M"), and where nothing changed exclude a '
        "fall of more than 0.02, which is within the margin of 0.02; at AUC 0.81 and scores correlated by 0.90"
    )
    assert "which is beyond the margin of 0.01;" in power(found, 0.01)
    alike = replace(found, groups=[rows[0], replace(rows[1], gain=0.029)])
    assert "would find a gain of AUC of 0.03, and" in power(alike, 0.02)
    some = plain(power(replace(found, groups=rows), 0.02))
    assert '0.05 ("M") (none for "X"), and' in some
    assert "which is beyond the margin of 0.02;" in some
    assert power(replace(found, groups=rows[2:]), 0.02).startswith("no change of AUC could be shown")
    falls = replace(found, groups=[GroupPower("F", NAN, 0.02)])
    assert power(falls, 0.02).startswith("4 of 5 comparisons would find no gain of AUC, however large, and ")


def test_a_comparison_ends_with_what_its_cases_could_show(audit: Document) -> None:
    view = views(audit)[0]
    assert view.comparison is not None
    found = Power(0.81, 0.9, [GroupPower("F", 0.031, 0.0241)])
    text = compared(replace(view, comparison=replace(view.comparison, power=found)))
    assert text == f"{compared(view)} With these cases {power(found, view.comparison.margin)}."


def test_a_harm_at_a_threshold_is_marked_with_its_verdict(audit: Document, repair: Document) -> None:
    """Only these and the verdict may not be cut; a gap that may have grown by chance may."""
    (view,) = views(repair)
    said = compared_said(view)
    assert [one.text.partition(" for")[0] for one in said if one.harm][1:3] == [
        "The AUC fell",
        "At the threshold youden, fitted on validation: the true positive rate fell",
    ]
    assert said[0].harm
    assert not next(one.harm for one in said if one.text.startswith("The gap "))
    assert not any(one.harm for one in compared_said(views(audit)[0]))


@pytest.mark.parametrize(("key", "sign", "harm"), [("tpr", -1, True), ("tpr", 1, False), ("fpr", 1, True)])
def test_a_rate_is_a_harm_by_its_direction(repair: Document, key: str, sign: int, harm: bool) -> None:
    (view,) = views(edited(repair, lambda content: unmoved(content, key, sign * 0.79)))
    assert [one.harm for one in compared_said(view) if "At the threshold" in one.text] == [harm]
    assert compared_said(view)[0].harm == harm
    assert "no change of AUC is shown, and none excluded: no group's AUC changed" in compared_said(view)[0].text
