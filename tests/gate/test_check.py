from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from hf_fairtune.document.estimate import Reason
from hf_fairtune.errors import FairTuneError
from hf_fairtune.gate.check import check_rules
from hf_fairtune.gate.judge import judge
from hf_fairtune.gate.numbers import known
from hf_fairtune.gate.rules import Bound, Rule, Rules

from ..document_samples import document

CELLS = {("F",): (40, 60), ("M",): (50, 70)}
DOCUMENT = document(CELLS)
FIXED = "0.123456"
ASKED: dict[str, Any] = {
    "targets": ["y"],
    "attributes": {"sex": ["F", "M"]},
    "policies": [FIXED, "youden"],
    "compared": False,
}
ABOUT: list[dict[str, str]] = [
    {},
    {"target": "y"},
    {"target": "z"},
    {"attribute": "sex"},
    {"attribute": "age"},
    {"group": "F"},
    {"group": "z"},
    {"group": "overall"},
    {"attribute": "sex", "group": "overall"},
    {"threshold": FIXED},
    {"threshold": f"{FIXED}0"},
    {"threshold": "fixed"},
    {"threshold": "Youden"},
    {"threshold": "f1"},
    {"attribute": "sex", "group": "M", "threshold": FIXED},
]


def refusal(rule: Rule, **changes: Any) -> str | None:
    """Return the error of a rule, None where it fits."""
    try:
        check_rules(Rules("g", (rule,)), **ASKED | changes)
    except FairTuneError as error:
        return str(error)
    return None


@pytest.mark.parametrize("metric", [*known(), "verdict"])
def test_what_fits_is_judged_and_what_does_not_is_refused_before_and_after(metric: str) -> None:
    for about in ABOUT:
        wanted: dict[str, Any] = {"wanted": "fairer"} if metric == "verdict" else {"bound": Bound(0)}
        rule = Rule("rule 1", metric, **wanted, **about)
        refused = refusal(rule)
        if refused is None:
            rows = judge(DOCUMENT, Rules("g", (rule,))).rows
            assert rows
            assert all(row.found or row.reasons == (Reason("is_reference", "F"),) for row in rows), about
        else:
            with pytest.raises(FairTuneError) as raised:
                judge(DOCUMENT, Rules("g", (rule,)))
            assert str(raised.value) == refused, about


@pytest.mark.parametrize(
    ("metric", "about", "message"),
    [
        ("tpr", {"target": "tumour"}, "target `tumour`; the audit has y"),
        ("tpr", {"attribute": "site"}, "attribute `site`; the audit has sex"),
        ("tpr", {"group": "X"}, "group `X`; the audit has F, M"),
        ("tpr", {"threshold": "f1"}, "threshold `f1`; the audit's thresholds"),
        ("auc", {"attribute": "sex"}, "ask for `group_auc`"),
        ("auc_gap", {"group": "F"}, "has no group"),
        ("auc_gap", {"threshold": "0.5"}, "has no threshold"),
        ("group_auc", {"threshold": "0.5"}, "has no threshold"),
        ("group_auc", {"group": "overall"}, "all rows have no `group_auc`"),
        ("equalized_odds_difference", {"group": "F"}, "has no group"),
    ],
)
def test_a_refusal_says_what_there_is(metric: str, about: dict[str, str], message: str) -> None:
    assert message in str(refusal(Rule("rule 1", metric, Bound(0), **about)))


def test_what_an_audit_lacks_altogether() -> None:
    assert "thresholds: none" in str(refusal(Rule("rule 1", "tpr", Bound(0)), policies=[]))
    assert "pass --group" in str(refusal(Rule("rule 1", "auc_gap", Bound(0)), attributes={}))
    assert refusal(Rule("rule 1", "auc", Bound(0)), attributes={}) is None
    assert refusal(Rule("rule 1", "tpr", Bound(0), group="overall"), attributes={}) is None


def test_policies_are_known_however_they_are_spelled() -> None:
    policies = ["youden per group", "sensitivity=0.90", "argmax", "0.50"]
    for asked in ("youden  per group", "Sensitivity=.9", "sensitivity=0.9", "argmax", "0.5", ".5", "fixed"):
        assert refusal(Rule("rule 1", "tpr", Bound(0), threshold=asked), policies=policies) is None
    message = str(refusal(Rule("rule 1", "tpr", Bound(0), threshold="youden"), policies=policies))
    assert "thresholds: youden per group, sensitivity=0.9, argmax, 0.5" in message


def test_all_rows_have_no_cut_for_each_group_but_those_of_an_attribute() -> None:
    policies = ["0.5", "Youden  per group"]
    rule = Rule("rule 1", "tpr", Bound(0), attribute="sex", threshold="youden per group", group="overall")
    assert refusal(rule, policies=policies) is None
    assert "thresholds: 0.5" in str(refusal(replace(rule, attribute=None), policies=policies))


def test_a_comparison_needs_a_reference_and_an_attribute() -> None:
    rule = Rule("rule 1", "verdict", wanted="fairer", attribute="sex")
    assert refusal(rule, compared=True) is None
    assert "pass --reference" in str(refusal(rule))
    assert "attribute `site`; the audit has sex" in str(refusal(replace(rule, attribute="site"), compared=True))
