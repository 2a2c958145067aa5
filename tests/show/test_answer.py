"""The answer in plain words: what is claimed follows from the numbers."""

from typing import Any, get_args

import pytest

from hf_fairtune.document.comparison import Verdict
from hf_fairtune.document.document import Document
from hf_fairtune.show.answer import answer_table, answers, compared, headline, limits
from hf_fairtune.show.table import plain
from hf_fairtune.show.view import views
from hf_fairtune.show.words import GAP_VERDICTS, comparison, number, percent

from .conftest import Edit, edited
from .strange import undefined


def only(content: dict[str, Any], attribute: str) -> dict[str, Any]:
    """Keep the audit by one attribute, and return it."""
    content["audits"] = [entry for entry in content["audits"] if entry["attribute"] == attribute]
    return content["audits"][0]["audit"]


def by_sex(**gap: float | None) -> Edit:
    return lambda content: only(content, "sex")["auc_gap"].update(gap)


def said(document: Document) -> str:
    return plain(" ".join(text for one in answers(document) for text in one.paragraphs))


@pytest.mark.parametrize(("p", "kind"), [(0.05, "beyond"), (0.051, "open"), (None, "unknown")])
def test_verdict_of_one_gap_is_its_test(audit: Document, p: float | None, kind: str) -> None:
    made = edited(audit, by_sex(p=p))
    (found,) = answers(made)
    assert found.kind == kind
    assert ("the gap is more than chance explains" in said(made)) == (kind == "beyond")
    assert ("does not show that the groups are equal" in said(made)) == (kind == "open")
    assert ("is not judged" in said(made)) == (kind == "unknown")


def test_verdict_counts_all_gaps_that_were_tested(audit: Document) -> None:
    def tested(content: dict[str, Any]) -> None:
        sex = only(content, "sex")
        content["audits"] = [content["audits"][0] | {"attribute": name} for name in "abcd"]
        for entry, p in zip(content["audits"], (0.016, 0.03, 0.4, None), strict=True):
            entry["audit"] = sex | {"auc_gap": sex["auc_gap"] | {"p": p}}

    found = answers(edited(audit, tested))
    assert [one.kind for one in found] == ["beyond", "alone", "open", "unknown"], "level 0.05 / 3"
    judged = "Of 4 gaps between groups, 3 can be judged; of these, 1 is more than chance explains"
    assert headline(found) == f"{judged}; 1 would be if taken alone."
    table = answer_table(found)
    assert [row[0] for row in table.rows] == [one.view.place for one in found]
    assert [row[-1] for row in table.rows] == [GAP_VERDICTS[one.kind] for one in found]


def test_level_of_the_verdict_is_that_of_the_intervals(audit: Document) -> None:
    def wider(content: dict[str, Any]) -> None:
        only(content, "sex")["confidence"] = 0.9
        content["audits"][0]["audit"]["auc_gap"]["p"] = 0.08

    assert answers(edited(audit, by_sex(p=0.08)))[0].kind == "open"
    assert answers(edited(audit, wider))[0].kind == "beyond"


def test_lowest_group_is_named_with_its_numbers(audit: Document) -> None:
    found = views(audit)[0].audit
    lowest, row = found.min_group_auc, next(r for r in found.groups if r.group == found.min_group_auc.group)
    text = said(audit)
    assert f"{lowest.value:.2f} (95 % interval {lowest.low:.2f} to {lowest.high:.2f})" in text
    assert f'in the group "{lowest.group}". It is the lowest in {percent(row.worst_share)} of the resamples' in text
    assert f"a true difference of {number(max(p.detectable for p in found.pairs))} may go unseen" in text


@pytest.mark.parametrize("group", ["F", "M"])
def test_small_groups_are_called_a_hint(audit: Document, group: str) -> None:
    def small(content: dict[str, Any]) -> None:
        for row in only(content, "sex")["groups"]:
            if row["group"] == group:
                few = {"kind": "too_few", "group": None, "unit": "positives", "count": 12, "needed": 20}
                row.update(status="weak", reasons=[few])

    assert "a hint" not in said(edited(audit, by_sex()))
    assert "That group is small (12 of 20 needed positives): a hint, not a finding." in said(edited(audit, small))


def test_undefined_is_said_and_never_judged(audit: Document) -> None:
    made = edited(audit, undefined)
    assert {one.kind for one in answers(made)} == {"unknown"}
    assert "is unknown (too few cases (fewer than 10 positives))" in said(made)
    assert headline(answers(made)) == "These rows do not show whether groups are served unequally."
    assert said(audit).count("no clusters with positives") >= 1


@pytest.mark.parametrize("verdict", get_args(Verdict))
def test_comparison_says_its_verdict(audit: Document, verdict: Verdict) -> None:
    def judged(content: dict[str, Any]) -> None:
        only(content, "sex")
        content["audits"][0]["comparison"]["verdict"] = verdict

    (view,) = views(edited(audit, judged))
    text = compared(view)
    assert text.startswith(f"{view.title} against {view.reference}, by sex: {comparison(view.comparison)}")
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
    assert "true positive rate at the threshold youden, fitted on validation fell for" in text
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


def test_limits_name_groups_thresholds_and_prevalence(audit: Document) -> None:
    text = plain(" ".join(limits(audit)))
    assert 'Not estimable: "not stated" (by skin)' in text
    assert "such as 0.5, may not be the one used in care" in text
    assert "share with the finding runs from 0.00 to" in text
    assert "saw any of these rows in its training is unknown" in text
    assert "Left out" not in text

    def excluded(content: dict[str, Any]) -> None:
        for entry in content["audits"]:
            entry["audit"]["excluded"] = ["not stated"]

    assert 'on request: "not stated"' in plain(" ".join(limits(edited(audit, excluded))))


def test_limits_set_the_best_of_many_trials_beside_the_test(search: Document) -> None:
    assert search.run is not None
    assert search.run.search is not None
    (view,) = views(search)
    best = search.run.search.trials[search.run.search.best_trial or 0].value
    text = " ".join(limits(search))
    assert f"min_group_auc was {number(best)} and is {number(view.audit.min_group_auc.value)} on test" in text
    assert "another seed gives another model" in text

    def other(content: dict[str, Any]) -> None:
        content["run"]["search"]["objective"] = "eval_loss"

    assert f"where loss was {number(best)}. The best" in " ".join(limits(edited(search, other)))


def test_limits_of_a_repair_doubt_the_model_before(repair: Document) -> None:
    assert "saw any of these rows" in " ".join(limits(repair))
