from __future__ import annotations

import copy
from typing import Any

import jsonschema
import pytest

from hf_fairtune.errors import FairTuneError
from hf_fairtune.gate.bound import FAIL, PASS, UNSURE, Bound
from hf_fairtune.gate.judge import EXIT, judge
from hf_fairtune.gate.metrics import known
from hf_fairtune.gate.numbers import DEGENERATE
from hf_fairtune.gate.rules import Rule, Rules
from hf_fairtune.gate.table import gate_table

from ..page.samples import document
from ..page.test_samples import SCHEMA

ENDS = ("low", "high", "auc_low", "auc_high")
DOCUMENT = document(attributes=2, extras=("reference",))
SMALL = document(attributes=2, small=True, extras=("reference",))
# Metrics the made-up document has; the real ones are those of an audit.
HELD = sorted(
    {*known()} & {*DOCUMENT["audits"][0]["audit"]["thresholds"][0]["measures"], "tpr", "fpr", "selection_rate"}
    | {"auc", "min_group_auc", "auc_gap", "es_auc", "group_auc", "auc_difference", "bpsn", "bnsp", "brier"}
    | {"calibration_slope", "calibration_intercept", "equalized_odds_difference", "tpr_difference"}
)


def judged(made: dict[str, Any], metric: str, bound: Bound, **about: str) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = judge(made, Rules("gate.yaml", (Rule("rule 1", metric, bound, **about),)))["rules"]
    return rows


@pytest.mark.parametrize("made", [DOCUMENT, SMALL, document("multilabel", 1)], ids=["two", "small", "three"])
def test_every_metric_is_judged_for_every_target_attribute_and_group(made: dict[str, Any]) -> None:
    for metric in HELD:
        rows = judged(made, metric, Bound(-9, 9))
        targets, attributes = {row["target"] for row in rows}, {row["attribute"] for row in rows}
        assert targets == {row["name"] for row in made["targets"]}
        assert attributes == ({None} if metric == "auc" else {row["name"] for row in made["attributes"]})
        doubted = [row["low"] is None or DEGENERATE in (row["reason"] or "") for row in rows]
        assert [row["verdict"] == UNSURE for row in rows] == doubted, metric
        assert {row["verdict"] for row in rows} <= {PASS, UNSURE}
        assert all(row["reason"] for row in rows if row["verdict"] != PASS)


@pytest.mark.parametrize("bound", [Bound(-9, 9), Bound(-9), Bound(high=9), Bound(9), Bound(high=-9)])
def test_nothing_is_kept_or_broken_without_an_interval(bound: Bound) -> None:
    def bare(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: None if key in ENDS else bare(item) for key, item in value.items()}
        return [bare(item) for item in value] if isinstance(value, list) else value

    made = bare(copy.deepcopy(DOCUMENT))
    for metric in HELD:
        assert {row["verdict"] for row in judged(made, metric, bound)} == {UNSURE}, metric


def test_the_numbers_are_the_audits() -> None:
    audit = DOCUMENT["audits"][0]["audit"]
    row = judged(DOCUMENT, "tpr", Bound(0), attribute="sex", threshold="0.5", group="F")
    rates = {row["group"]: row["tpr"] for row in audit["thresholds"][0]["groups"]}
    assert [[r["value"], r["low"], r["high"]] for r in row] == [[rates["F"][k] for k in ("value", "low", "high")]]
    (row,) = judged(DOCUMENT, "equalized_odds_difference", Bound(0), attribute="sex", threshold="sensitivity=0.9")
    assert row["value"] == audit["thresholds"][1]["equalized_odds_difference"]["value"]
    (row,) = judged(DOCUMENT, "tpr", Bound(0), threshold="fixed", group="overall")
    assert (row["value"], row["attribute"]) == (audit["thresholds"][0]["overall"]["tpr"]["value"], None)
    (row,) = judged(DOCUMENT, "brier", Bound(0), group="overall")
    assert row["value"] == audit["calibration"]["groups"][0]["brier"]["value"]
    rows = judged(DOCUMENT, "calibration_slope", Bound(0), attribute="sex")
    assert [r["value"] for r in rows] == [g["slope"]["value"] for g in audit["calibration"]["groups"][1:]]
    rows = judged(DOCUMENT, "group_auc", Bound(0), attribute="sex")
    assert [(r["value"], r["low"]) for r in rows] == [(g["auc"], g["auc_low"]) for g in audit["groups"]]
    (row,) = judged(DOCUMENT, "auc_difference", Bound(0), attribute="sex")
    pair = audit["pairs"][0]
    assert row["value"] == pair["auc_difference"]["value"]
    assert f"`{pair['group']}` minus `{pair['reference']}`" in row["rule"]


def test_verdict_of_a_whole_gate_and_its_exit_status() -> None:
    low = DOCUMENT["auc"]["low"]
    kept, open_, broken = (Rule("rule", "auc", Bound(low + shift)) for shift in (0.0, 1e-6, 1.0))
    for rules, verdict, status in (
        ((kept, kept), PASS, 0),
        ((kept, open_), UNSURE, 3),
        ((open_, broken, kept), FAIL, 1),
    ):
        found = judge(DOCUMENT, Rules("gate.yaml", rules))
        assert (found["verdict"], EXIT[found["verdict"]]) == (verdict, status)
        jsonschema.validate(DOCUMENT | {"gate": found}, SCHEMA)
        table = gate_table(found)
        assert len(table.splitlines()) == len(rules) + 3
        assert f"gate gate.yaml: {verdict}" in table


def test_what_the_document_lacks_is_an_error_not_a_pass() -> None:
    for about, message in (
        ({"target": "tumour"}, "target `tumour`; the audit has malignant"),
        ({"attribute": "site"}, "attribute `site`; the audit has sex"),
        ({"group": "X"}, "group `X`; the groups are F, M"),
        ({"threshold": "youden"}, "threshold `youden`; the audit's thresholds: 0.5, sensitivity=0.9"),
        ({"threshold": "0.6"}, "threshold `0.6`"),
        ({"attribute": "sex", "group": "<=60"}, "group `<=60`; the groups are F, M"),
    ):
        with pytest.raises(FairTuneError, match=message):
            judged(DOCUMENT, "tpr", Bound(0), **about)
    for metric, about, message in (
        ("auc", {"attribute": "sex"}, "ask for `group_auc`"),
        ("auc_gap", {"group": "F"}, "has no group"),
        ("auc_gap", {"threshold": "0.5"}, "has no threshold"),
        ("group_auc", {"threshold": "0.5"}, "has no threshold"),
        ("group_auc", {"group": "overall"}, "not told of all rows"),
        ("equalized_odds_difference", {"group": "F"}, "has no group"),
        ("f2", {}, "asks `f2`; the audit has"),
    ):
        with pytest.raises(FairTuneError, match=message):
            judged(DOCUMENT, metric, Bound(0), **about)
    with pytest.raises(FairTuneError, match="the audit has none; pass --reference"):
        judge(document(), Rules("g", (Rule("rule 1", "verdict", verdict="fairer"),)))
    with pytest.raises(FairTuneError, match="compared are sex"):
        judge(DOCUMENT, Rules("g", (Rule("rule 1", "verdict", verdict="fairer", attribute="site"),)))
    bare = copy.deepcopy(DOCUMENT)
    bare["audits"][0]["audit"]["thresholds"] = []
    with pytest.raises(FairTuneError, match="thresholds: none"):
        judged(bare, "tpr", Bound(0), attribute="sex")
    with pytest.raises(FairTuneError, match="pass --group"):
        judged(DOCUMENT | {"attributes": [], "audits": []}, "auc_gap", Bound(0))


def test_nothing_to_judge_is_no_evidence_and_says_why() -> None:
    made = copy.deepcopy(DOCUMENT)
    audit = made["audits"][0]["audit"]
    audit |= {"calibration": None, "excluded": ["F", "M"]}
    (row,) = judged(made, "brier", Bound(0), attribute="sex")
    assert (row["verdict"], row["reason"]) == (UNSURE, "the scores are no probabilities")
    (row,) = judged(made, "group_auc", Bound(0), attribute="sex")
    assert (row["verdict"], row["reason"]) == (UNSURE, "every group is excluded by name")
    (row,) = judged(DOCUMENT, "auc_difference", Bound(-1), attribute="sex", group=audit["pairs"][0]["reference"])
    assert row["verdict"] == UNSURE
    audit["excluded"] = ["F"]
    assert len(judged(made, "group_auc", Bound(0), attribute="sex")) == 1
    assert len(judged(made, "group_auc", Bound(0), attribute="sex", group="F")) == 1


def test_the_verdict_of_a_comparison_is_judged_by_attribute() -> None:
    rule = Rule("rule 1", "verdict", verdict="no level-down")
    rows = judge(DOCUMENT, Rules("g", (rule,)))["rules"]
    assert [row["attribute"] for row in rows] == [row["attribute"] for row in DOCUMENT["comparisons"]]
    down = copy.deepcopy(DOCUMENT)
    for verdict in ("level-down", "worse"):
        down["comparisons"][1]["verdict"] = verdict
        found = judge(down, Rules("g", (rule,)))
        assert found["verdict"] == FAIL
        assert [row["verdict"] for row in found["rules"]].count(FAIL) == 1
    assert "tuned against baseline" in gate_table(found)
