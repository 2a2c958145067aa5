"""A group of many rows and few patients: how few, and of which class, is not told."""

import json
from typing import Any

import pytest

from hf_fairtune.audit_cells.few import FEW, REASON
from hf_fairtune.audit_cells.suppress import suppress_audit
from hf_fairtune.page.page import page

from ..page.samples import document

CELLS = {("F",): (100, 200), ("M",): (110, 210), ("X",): (60, 60)}


def audited(patients: int, cells: dict[tuple[str, ...], tuple[int, int]] = CELLS) -> dict[str, Any]:
    """Audit a group X of 120 rows of which so few patients have the finding."""
    made = document(cells=cells, attributes=1, extras=("clusters", "reference"))
    status, least = ("not estimable", 10) if patients < 10 else ("weak", 20)
    reason = f"{patients} clusters with positives, fewer than {least}"
    (entry,), gone = made["audits"], {"low": None, "high": None, "reason": f"no interval: `X`: {reason}"}
    audit, (change,) = entry["audit"], made["comparisons"]
    for row in [r for rows in (made["groups"], audit["groups"], change["groups"]) for r in rows if r["group"] == "X"]:
        row |= {"status": status, "reason": reason}
        row |= {"auc_low": None, "auc_high": None} if patients < 10 and "auc_low" in row else {}
    if patients < 10:
        touched = [audit["min_group_auc"], audit["auc_gap"], audit["es_auc"], change["auc_gap"]]
        touched += [pair["auc_difference"] for pair in (*made["pairs"], *audit["pairs"]) if pair["group"] == "X"]
        touched += [row["tpr"] for cut in audit["thresholds"] for row in cut["groups"] if row["group"] == "X"]
        touched += [cut["tpr_difference"] for cut in audit["thresholds"]]
        for item in touched:
            item |= gone
        for pair in (*made["pairs"], *audit["pairs"]):
            pair |= {"p": None, "p_adjusted": None, "p_method": None} if pair["group"] == "X" else {}
    return made


def test_few_patients_are_alike_whether_3_or_14() -> None:
    one, two = suppress_audit(audited(3)), suppress_audit(audited(14))
    assert json.dumps(one) == json.dumps(two)
    row = next(row for row in one["groups"] if row["group"] == "X")
    assert (row["n"], row["status"], row["reason"], row["auc_low"]) == (120, FEW, REASON, None)
    assert row["auc"] is not None
    text = page(one)
    assert "Few patients: \u2068X\u2069 (by sex)" in text
    assert "clusters with positives" not in text
    assert "not estimable" not in json.dumps(one)


def test_the_others_keep_their_intervals() -> None:
    (entry,) = suppress_audit(audited(3))["audits"]
    audit = entry["audit"]
    assert all(row["auc_low"] is not None for row in audit["groups"] if row["group"] != "X")
    assert audit["auc_gap"]["value"] is not None
    assert audit["auc_gap"]["low"] is None
    assert {pair["p"] is None for pair in audit["pairs"] if pair["group"] == "X"} == {True}
    assert {pair["p"] is None for pair in audit["pairs"] if pair["group"] != "X"} == {False}


@pytest.mark.parametrize("patients", [3, 14])
def test_a_largest_group_that_may_be_the_reference_leaves_none(patients: int) -> None:
    """Were X, the largest, the reference, it would have 10 patients or more; were it not, fewer."""
    public = suppress_audit(audited(patients, CELLS | {("X",): (200, 200)}))
    assert public["pairs"] == public["audits"][0]["audit"]["pairs"] == []


def test_where_each_row_is_a_patient_nothing_is_withheld() -> None:
    made = document(cells={("F",): (100, 200), ("X",): (14, 60)}, attributes=1)
    made["audits"][0]["audit"]["clusters"] = 374
    made["overall"][0]["audit"]["clusters"] = 374
    (row,) = [row for row in suppress_audit(made)["groups"] if row["group"] == "X"]
    assert row["status"] == "weak"
    assert row["auc_low"] is not None
