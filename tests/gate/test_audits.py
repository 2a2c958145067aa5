"""Gates on real audits: whatever a rule may name is there, and no rule is kept by a number without an interval."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from hf_fairtune.audits.audit import audit
from hf_fairtune.gate.bound import FAIL, PASS, UNSURE, Bound
from hf_fairtune.gate.judge import judge
from hf_fairtune.gate.metrics import known
from hf_fairtune.gate.numbers import DEGENERATE
from hf_fairtune.gate.rules import Rule, Rules
from hf_fairtune.metrics.thresholds import fixed

from ..metrics.samples import NAMES, split

ORDER = {FAIL: 0, UNSURE: 1, PASS: 2}
CASES = {
    "ordinary": (30, 25, 22),
    "thin": (30, 25, 7),
    "one class": (30, 25, 0),
}


def made(positives: tuple[int, ...], n_boot: int = 100, **options: Any) -> dict[str, Any]:
    """What a gate reads of an audit's document."""
    labels, scores, groups = split(positives)
    options = {"thresholds": [fixed(), fixed(0.4)], "n_boot": n_boot} | options
    by_group = audit(labels, scores, groups, NAMES, **options).to_dict()
    whole = audit(labels, scores, np.zeros_like(groups), ["all rows"], **options).to_dict()
    return {
        "targets": [{"name": "y"}],
        "attributes": [{"name": "sex"}],
        "overall": [{"target": "y", "audit": whole}],
        "audits": [{"target": "y", "attribute": "sex", "audit": by_group}],
        "comparisons": [],
    }


@pytest.fixture(scope="module", params=CASES)
def document(request: pytest.FixtureRequest) -> dict[str, Any]:
    return made(CASES[request.param])


def rows(document: dict[str, Any], metric: str, bound: Bound, **about: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = judge(document, Rules("g", (Rule("rule 1", metric, bound, **about),)))["rules"]
    return found


@pytest.mark.parametrize("metric", known())
def test_every_metric_is_in_an_audit_and_is_kept_by_intervals_alone(document: dict[str, Any], metric: str) -> None:
    low, high = known()[metric]
    for row in rows(document, metric, Bound(low, high)):
        whole = row["low"] is not None and row["high"] is not None and row["value"] is not None
        assert row["verdict"] == (PASS if whole else UNSURE), row
        assert whole or row["reason"]
        assert row["value"] is None or low <= row["value"] <= high


@pytest.mark.parametrize("metric", known())
def test_a_looser_bound_is_never_harder(document: dict[str, Any], metric: str) -> None:
    for ends in (lambda x: (x, np.inf), lambda x: (-np.inf, x)):
        steps = np.linspace(-1.2, 2.2, 12) if ends(0.0)[1] == 0 else np.linspace(2.2, -1.2, 12)
        judged = [[ORDER[row["verdict"]] for row in rows(document, metric, Bound(*ends(step)))] for step in steps]
        assert (np.diff(judged, axis=0) >= 0).all()


@pytest.mark.parametrize("metric", ["min_group_auc", "auc_gap", "equalized_odds_difference", "f1"])
def test_without_a_bootstrap_what_needs_one_is_no_evidence(metric: str) -> None:
    found = rows(made(CASES["ordinary"], n_boot=0), metric, Bound(*known()[metric]))
    assert {row["verdict"] for row in found} == {UNSURE}
    assert all("n_boot is 0" in row["reason"] for row in found)


def test_rates_of_all_rows_are_those_of_the_audit(document: dict[str, Any]) -> None:
    found = rows(document, "ppv", Bound(0), group="overall")
    cuts = document["audits"][0]["audit"]["thresholds"]
    assert [row["value"] for row in found] == [cut["overall"]["rates"]["ppv"]["value"] for cut in cuts]


def test_an_all_negative_classifier_keeps_no_rule_at_its_threshold() -> None:
    """It has no differences and no false positives, and finds nobody."""
    document = made(CASES["ordinary"], thresholds=[fixed(2.0)])
    every = [row for metric in known() for row in rows(document, metric, Bound(*known()[metric]))]
    there = [row for row in every if row["rule"].endswith(" at 2")]
    assert {row["verdict"] for row in there} == {UNSURE}
    assert all(row["reason"].startswith(DEGENERATE) for row in there)
    assert {row["verdict"] for row in every if row not in there} == {PASS}
    (odds,) = rows(document, "equalized_odds_difference", Bound(high=0.5))
    assert odds["value"] == 0
    assert odds["high"] < 0.5
    assert {row["verdict"] for row in rows(document, "tpr", Bound(low=0.7))} == {FAIL}
