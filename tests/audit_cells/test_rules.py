"""A gate on the published page tells no verdict on a number that is withheld: it would bound the count behind it."""

import math
from typing import Any

import pytest

from hf_fairtune.audit_cells.blank import WITHHELD
from hf_fairtune.audit_cells.suppress import suppress_audit
from hf_fairtune.gate.numbers import DEGENERATE
from hf_fairtune.page.page import page

from ..page.samples import document

CELLS = {("F",): (80, 280), ("M",): (87, 290)}


def gated() -> dict[str, Any]:
    """Make an audit whose first rule is on a hidden sensitivity, its second on a told gap."""
    made = document(cells=CELLS, attributes=1, extras=("gate",))
    (entry,) = made["audits"]
    for row in entry["audit"]["thresholds"][0]["groups"]:
        row["true_positives"] = row["positives"] - 2
        row["tpr"] |= {"value": row["true_positives"] / row["positives"], "low": 0.93812, "high": 0.9991}
    row, gap = entry["audit"]["thresholds"][0]["groups"][0], entry["audit"]["auc_gap"]
    first, second = made["gate"]["rules"]
    first |= {"rule": "1. tpr of `F` at 0.5", "verdict": "pass", "bound": "at least 0.9"}
    first |= {key: row["tpr"][key] for key in ("value", "low", "high")}
    second |= {key: gap[key] for key in ("value", "low", "high")}
    made["gate"]["verdict"] = "pass"
    return made


def bound_of_missed(rule: dict[str, Any], positives: int) -> int:
    """Work out how many at most are missed by what a rule says: it passes if its lower end keeps the bound."""
    least = float(rule["bound"].split()[-1]) if rule["verdict"] == "pass" else 0.0
    return positives - math.ceil(least * positives)


def test_a_verdict_goes_with_its_numbers() -> None:
    made = gated()
    public = suppress_audit(made)
    assert public["audits"][0]["audit"]["thresholds"][0]["groups"][0]["tpr"]["value"] is None
    (exact, _), (hidden, told) = made["gate"]["rules"], public["gate"]["rules"]
    assert bound_of_missed(exact, 80) == 8
    assert bound_of_missed(hidden, 80) == 80
    assert (hidden["value"], hidden["verdict"], hidden["reason"]) == (None, "withheld", WITHHELD)
    assert told["verdict"] == made["gate"]["rules"][1]["verdict"]
    assert told["value"] == pytest.approx(made["gate"]["rules"][1]["value"], abs=1e-6)
    assert public["gate"]["verdict"] == "withheld"
    text = page(public)
    assert "The rules: withheld" in text
    assert "so it is withheld, and with it the verdict on all" in text


def test_a_gate_whose_numbers_are_told_keeps_its_verdict() -> None:
    made = gated()
    made["gate"]["rules"] = made["gate"]["rules"][1:]
    assert suppress_audit(made)["gate"]["verdict"] == "pass"


def test_a_doubt_about_a_threshold_is_not_told() -> None:
    """That a threshold flags less than 1 in 100 bounds the hidden side of its counts."""
    made = gated()
    made["gate"]["rules"][1] |= {"verdict": "insufficient evidence", "reason": DEGENERATE}
    assert {rule["verdict"] for rule in suppress_audit(made)["gate"]["rules"]} == {"withheld"}


@pytest.mark.parametrize(("says", "told"), [("mixed", True), ("pareto-better", False)])
def test_the_verdict_of_a_told_comparison_stays(says: str, told: bool) -> None:
    made = document(cells=CELLS, attributes=1, extras=("gate", "reference"))
    rule = made["gate"]["rules"][0]
    rule |= {**dict.fromkeys(("value", "low", "high")), "reason": f"the comparison says: {says}", "verdict": "pass"}
    assert suppress_audit(made)["gate"]["rules"][0]["verdict"] == ("pass" if told else "withheld")
