"""The answer in plain words: what is claimed follows from the numbers."""

import json
from typing import Any

import pytest
from scipy.stats import norm

from hf_fairtune.document.document import Document
from hf_fairtune.publish import publish
from hf_fairtune.show.answer import answers, headline
from hf_fairtune.show.group_names import in_words
from hf_fairtune.show.page import answer_table
from hf_fairtune.show.table import plain
from hf_fairtune.show.view import views
from hf_fairtune.show.words import ALIKE, ALL_EQUAL

from .conftest import Edit, edited, only
from .strange import many_groups, undefined


def by_sex(**gap: float | None) -> Edit:
    return lambda content: only(content, "sex")["auc_gap"].update(gap)


def said(document: Document) -> str:
    return plain(" ".join(text for one in answers(document) for text in one.paragraphs))


def estimate(value: float, low: float | None = None, high: float | None = None) -> dict[str, Any]:
    return {"value": value, "low": low, "high": high, "method": "", "reasons": []}


def deciding(finds: dict[str, float], alarms: dict[str, float], gaps: dict[str, tuple[float, float, float]]) -> Edit:
    """Give the groups of sex rates at the one threshold, and these rates gaps; AUCs stay."""

    def edit(content: dict[str, Any]) -> None:
        audit = only(content, "sex")
        at = audit["thresholds"][1] | {"policy": "fixed", "fitted_on": None, "value": 0.3}
        audit["thresholds"] = [at]
        for row in at["groups"]:
            row["rates"]["tpr"] = estimate(finds[row["group"]], finds[row["group"]] - 0.01, finds[row["group"]] + 0.01)
            row["rates"]["fpr"] = estimate(alarms[row["group"]])
        for name, gap in gaps.items():
            at["gaps"][name] = estimate(*gap)

    return edit


FOUND, ALARMED = "equal_opportunity_difference", "predictive_equality_difference"
# As in the task of every reader: 26 and 39 of 100 cases, 3 and 12 of 100 false alarms.
TASK = ({"F": 0.26, "M": 0.39}, {"F": 0.03, "M": 0.12})


def test_rates_come_first_then_the_ranking(audit: Document) -> None:
    gaps = {FOUND: (0.13, 0.03, 0.23), ALARMED: (0.09, 0.0, 0.19)}
    (found,) = answers(edited(audit, deciding(*TASK, gaps)))
    rates, ranking = map(plain, found.paragraphs[:2])
    assert rates == (
        'At the threshold 0.30 the model finds 26 of 100 cases in "F" and 39 of 100 in "M": 13 apart, interval '
        "3 to 23, more than chance explains; false alarms 3 and 12 of 100 others: 9 apart, interval 0 to 19, so it "
        "may be chance."
    )
    assert ranking.startswith('Ranking: the AUC is 0.82 in "F" and 0.88 in "M": 0.05 apart, interval')
    assert plain(found.verdict) == '"F" is clearly served worst: it is missed more often.'


@pytest.mark.parametrize(
    ("found", "alarmed", "kind", "verdict"),
    [
        ((0.13, 0.06, 0.20), (0.09, 0.0, 0.19), "worst", '"F" is clearly served worst: it is missed more often.'),
        (
            (0.13, 0.06, 0.20),
            (0.09, 0.06, 0.12),
            "unequal",
            'Groups are clearly served unequally: "F" is missed more often; "M" has more false alarms.',
        ),
        # False alarms may be the price of being found: no worst group.
        (
            (0.13, 0.0, 0.26),
            (0.09, 0.06, 0.12),
            "unequal",
            'Groups are clearly served unequally: "M" has more false alarms; who is missed more often stays open.',
        ),
        ((0.13, 0.0, 0.26), (0.09, 0.0, 0.19), "open", f"No group is clearly served worst, {ALIKE}."),
    ],
)
def test_who_is_clearly_worst_follows_from_intervals(
    audit: Document, found: tuple[float, float, float], alarmed: tuple[float, float, float], kind: str, verdict: str
) -> None:
    (answer,) = answers(edited(audit, deciding(*TASK, {FOUND: found, ALARMED: alarmed})))
    assert (answer.kind, plain(answer.verdict)) == (kind, verdict)


def test_rates_and_ranking_that_disagree_are_said_to(audit: Document) -> None:
    gaps = {FOUND: (0.13, 0.06, 0.20), ALARMED: (0.09, 0.0, 0.19)}
    swapped = ({"M": 0.26, "F": 0.39}, {"M": 0.03, "F": 0.12})
    assert not any("disagree" in text for text in answers(edited(audit, deciding(*TASK, gaps)))[0].paragraphs)
    (answer,) = answers(edited(audit, deciding(*swapped, gaps)))
    said_last = plain(answer.paragraphs[-1])
    assert said_last.startswith(
        'Rates and ranking disagree about who is worse served: "M" is missed more often, "F" has'
    )
    gaps[FOUND] = (0.13, 0.0, 0.26)
    assert not any("disagree" in text for text in answers(edited(audit, deciding(*swapped, gaps)))[0].paragraphs)


def test_of_many_groups_the_lowest_and_the_highest_are_told(audit: Document) -> None:
    def four(content: dict[str, Any]) -> None:
        deciding(*TASK, {FOUND: (0.33, 0.2, 0.46), ALARMED: (0.1, 0.0, 0.2)})(content)
        many_groups(content, "sex", 2)
        rows = content["audits"][0]["audit"]["thresholds"][0]["groups"]
        for row, value in zip(rows, (0.26, 0.39, 0.55, 0.59), strict=True):
            row["rates"]["tpr"] = estimate(value, value - 0.05, value + 0.05)

    (answer,) = answers(edited(audit, four))
    text = plain(answer.paragraphs[0])
    assert 'finds from 26 of 100 cases in "F" to 59 of 100 in "M 1": 33 apart, interval 20 to 46' in text
    assert plain(answer.verdict) == '"F" is clearly served worst: it is missed more often.', "0.31 < 0.34"

    def near(content: dict[str, Any]) -> None:
        four(content)
        rows = content["audits"][0]["audit"]["thresholds"][0]["groups"]
        rows[1]["rates"]["tpr"] = estimate(0.3, 0.25, 0.35)

    (answer,) = answers(edited(audit, near))
    assert answer.kind == "unequal"
    assert plain(answer.verdict).endswith('some group is missed more often, perhaps "F".')


def test_rows_without_a_value_are_told_beside_the_answer(audit: Document) -> None:
    def blank(content: dict[str, Any]) -> None:
        deciding(*TASK, {FOUND: (0.13, 0.06, 0.20), ALARMED: (0.09, 0.0, 0.19)})(content)
        sheet = next(iter(content["data"]["splits"].values()))["attributes"][0]
        sheet["levels"].append({"group": "missing", "n": 57, "missing": True, "positives": {"melanoma": 3}})
        audit = content["audits"][0]["audit"]
        audit["groups"].append(audit["groups"][0] | {"group": "missing", "n": 57, "positives": 3})
        audit["excluded"] = ["missing"]

    (answer,) = answers(in_words(edited(audit, blank)))
    assert answer.kind == "worst"
    assert (
        plain(answer.paragraphs[-1])
        == 'Beside this, left out of the comparison: "sex missing" (57 rows, 3 cases, AUC 0.82).'  # noqa: E501
    )

    def worse(content: dict[str, Any]) -> None:
        blank(content)
        content["audits"][0]["audit"]["groups"][-1]["auc"] = estimate(0.4, 0.3, 0.5)

    (answer,) = answers(in_words(edited(audit, worse)))
    assert plain(answer.paragraphs[-1]).endswith("(57 rows, 3 cases, AUC 0.40, below every group compared).")


def test_groups_are_named_in_words(audit: Document) -> None:
    def cut(content: dict[str, Any]) -> None:
        text = json.dumps(content).replace('"F"', '"<=40"').replace('"M"', '"(40,60]"').replace("F &", "<=40 &")
        content |= json.loads(
            text.replace("M &", "(40,60] &").replace('"sex"', '"age:40,60"').replace("sex &", "age:40,60 &")
        )
        for sheet in content["data"]["splits"].values():
            sheet["attributes"][0] |= {"kind": "cuts", "columns": ["age"], "cuts": [40.0, 60.0]}
        content["data"]["groups"] = ["age:40,60", "skin"]

    made = in_words(edited(audit, cut))
    assert [view.attribute for view in views(made)] == ["age", "skin", "age & skin"]
    assert [row.group for row in views(made)[0].audit.groups] == ["age up to 40", "age over 40 up to 60"]
    assert {row.group.partition(" & ")[0] for row in views(made)[2].audit.groups} == {
        "age up to 40",
        "age over 40 up to 60",
    }
    assert made.gate is not None
    assert {row.group for row in made.gate.rows} & {"age up to 40"}
    assert "<=40" not in "".join(text for one in answers(made) for text in one.paragraphs)


@pytest.mark.parametrize(("p", "kind"), [(0.05, "beyond"), (0.051, "open"), (None, "unknown")])
def test_ranking_of_one_audit_is_its_test(audit: Document, p: float | None, kind: str) -> None:
    (found,) = answers(edited(audit, by_sex(p=p)))
    assert found.sides["ranked"].kind == kind
    assert (found.kind == "worst") == (kind == "beyond")


def test_level_is_shared_by_all_gaps_of_a_family(audit: Document) -> None:
    def tested(content: dict[str, Any]) -> None:
        sex = only(content, "sex")
        content["audits"] = [content["audits"][0] | {"attribute": name} for name in "abcd"]
        for entry, p in zip(content["audits"], (0.016, 0.03, 0.4, None), strict=True):
            entry["audit"] = sex | {"auc_gap": sex["auc_gap"] | {"p": p}, "thresholds": []}

    found = answers(edited(audit, tested))
    assert [one.sides["ranked"].kind for one in found] == ["beyond", "alone", "open", "unknown"], "level 0.05 / 3"
    assert [one.kind for one in found] == ["worst", "open", "open", "unknown"]
    assert found[1].verdict == f"By ranking alone: No group is clearly served worst, {ALIKE}."
    worst = views(edited(audit, tested))[0].audit.auc_gap.worst
    said = f'Clearly served worst: "{worst}". Groups are clearly served unequally in 1 of 4 comparisons; '
    assert plain(headline(found)) == f"{said}1 cannot be judged."
    table = answer_table(found)
    assert [row[0] for row in table.rows] == [one.view.place for one in found]


def test_intervals_of_rates_are_widened_for_their_number(audit: Document) -> None:
    """Of m gaps one at 95 % is judged at 1 - 0.05 / m: half-width times the ratio of normal quantiles."""
    (alone,) = answers(edited(audit, deciding(*TASK, {FOUND: (0.2, 0.01, 0.39), ALARMED: (0.1, 0.0, 0.2)})))
    wider = 0.19 * norm.ppf(1 - 0.05 / 4) / norm.ppf(1 - 0.05 / 2)
    assert wider > 0.2
    assert alone.sides["missed"].kind == "alone"
    (sure,) = answers(edited(audit, deciding(*TASK, {FOUND: (0.22, 0.03, 0.41), ALARMED: (0.1, 0.0, 0.2)})))
    assert wider < 0.22
    assert sure.sides["missed"].kind == "beyond"


def test_level_of_the_verdict_is_that_of_the_intervals(audit: Document) -> None:
    def wider(content: dict[str, Any]) -> None:
        only(content, "sex")["confidence"] = 0.9
        content["audits"][0]["audit"]["auc_gap"]["p"] = 0.08

    assert answers(edited(audit, by_sex(p=0.08)))[0].sides["ranked"].kind == "open"
    assert answers(edited(audit, wider))[0].sides["ranked"].kind == "beyond"


def test_a_shared_page_says_what_the_own_one_says(audit: Document) -> None:
    own, shared = answers(in_words(audit)), answers(in_words(publish(audit)))
    assert [(one.kind, one.verdict) for one in own] == [(one.kind, one.verdict) for one in shared]
    assert own[0].paragraphs == shared[0].paragraphs


@pytest.mark.parametrize("group", ["F", "M"])
def test_small_groups_are_called_a_hint(audit: Document, group: str) -> None:
    def small(content: dict[str, Any]) -> None:
        only(content, "sex")["auc_gap"]["p"] = 0.001
        for row in content["audits"][0]["audit"]["groups"]:
            if row["group"] == group:
                few = {"kind": "too_few", "group": None, "unit": "positives", "count": 12, "needed": 20}
                row.update(status="weak", reasons=[few])

    assert "a hint" not in said(edited(audit, by_sex(p=0.001)))
    (found,) = answers(edited(audit, small))
    assert found.kind == "open"
    assert f'"{group}" is small (12 positives of 20 needed).' in said(edited(audit, small))


def test_undefined_is_said_and_never_judged(audit: Document) -> None:
    made = edited(audit, undefined)
    assert {one.kind for one in answers(made)} == {"unknown"}
    assert "is unknown (fewer than 10 positives)" in said(made)
    assert headline(answers(made)) == "These rows do not tell whether a group is served worse."
    assert said(audit).count("no clusters with positives") >= 1


def test_a_model_of_one_score_is_named(audit: Document) -> None:
    def equal(content: dict[str, Any]) -> None:
        only(content, "sex")["auc"]["reasons"] = [{"kind": "equal_scores"}]

    assert ALL_EQUAL in said(edited(audit, equal))
    assert ALL_EQUAL not in said(audit)
