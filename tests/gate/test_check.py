from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from hf_fairtune.errors import FairTuneError
from hf_fairtune.gate.bound import Bound
from hf_fairtune.gate.check import check_rules
from hf_fairtune.gate.judge import judge
from hf_fairtune.gate.metrics import known
from hf_fairtune.gate.rules import Rule, Rules

from .test_audits import CASES, made

ASKED: dict[str, Any] = {
    "targets": ["y"],
    "attributes": {"sex": ["a", "b", "c"]},
    "policies": ["0.5", "0.4"],
    "compared": False,
}
ABOUT: list[dict[str, str]] = [
    {},
    {"target": "y"},
    {"target": "z"},
    {"attribute": "sex"},
    {"attribute": "age"},
    {"group": "b"},
    {"group": "z"},
    {"group": "overall"},
    {"attribute": "sex", "group": "overall"},
    {"threshold": "0.5"},
    {"threshold": "0.50"},
    {"threshold": "fixed"},
    {"threshold": "youden"},
    {"attribute": "sex", "group": "c", "threshold": "0.4"},
]


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    return made(CASES["ordinary"], n_boot=0)


@pytest.mark.parametrize("metric", [*known(), "verdict"])
def test_what_is_refused_before_is_what_would_be_refused_after(document: dict[str, Any], metric: str) -> None:
    def refusal(rule: Rule, before: bool) -> str | None:
        rules = Rules("g", (rule,))
        try:
            check_rules(rules, **ASKED) if before else judge(document, rules)
        except FairTuneError as error:
            return str(error)
        return None

    for about in ABOUT:
        wanted = {"verdict": "fairer"} if metric == "verdict" else {"bound": Bound(0)}
        rule = Rule("rule 1", metric, **wanted, **about)
        assert refusal(rule, before=True) == refusal(rule, before=False), about


def test_policies_are_known_however_they_are_spelled() -> None:
    policies = ["youden per group", "sensitivity=0.90", "argmax"]
    for asked in ("youden per group", "Sensitivity=.9", "sensitivity=0.9", "argmax"):
        rules = Rules("g", (Rule("rule 1", "tpr", Bound(0), threshold=asked),))
        check_rules(rules, **ASKED | {"policies": policies})
    with pytest.raises(FairTuneError, match="thresholds: youden per group, sensitivity=0.9, argmax"):
        check_rules(Rules("g", (Rule("r", "tpr", Bound(0), threshold="youden"),)), **ASKED | {"policies": policies})


def test_all_rows_have_no_cut_for_each_group_but_those_of_an_attribute() -> None:
    asked = ASKED | {"policies": ["0.5", "Youden  per group"]}
    rule = Rule("rule 1", "tpr", Bound(0), attribute="sex", threshold="youden per group", group="overall")
    check_rules(Rules("g", (rule,)), **asked)
    with pytest.raises(FairTuneError, match="thresholds: 0.5"):
        check_rules(Rules("g", (replace(rule, attribute=None),)), **asked)


def test_a_comparison_needs_a_reference() -> None:
    rules = Rules("g", (Rule("rule 1", "verdict", verdict="fairer", attribute="sex"),))
    check_rules(rules, **ASKED | {"compared": True})
    with pytest.raises(FairTuneError, match="pass --reference"):
        check_rules(rules, **ASKED)
