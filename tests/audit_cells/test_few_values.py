"""With scores of two values an AUC gives the counts at the cut away: an attacker tries them all."""

from typing import Any

import pytest

from hf_fairtune.audit_cells.few_values import REASON
from hf_fairtune.audit_cells.suppress import suppress_audit
from hf_fairtune.page.csv_tables import groups_csv
from hf_fairtune.page.page import page

from ..page.samples import document

CELLS = {("F",): (80, 280), ("M",): (87, 290)}


def decided(values: int, missed: int) -> dict[str, Any]:
    """Audit scores of so few values that miss so many and flag 30 in each group."""
    made = document(cells=CELLS, attributes=1, extras=("reference", "gate"))
    for entry in [*made["overall"], *made["audits"]]:
        audit = entry["audit"]
        audit["thresholds"] = audit["thresholds"][:1]
        for row in [*audit["thresholds"][0]["groups"], audit["thresholds"][0]["overall"]]:
            row |= {"true_positives": row["positives"] - missed, "false_positives": 30}
        for row in audit["groups"]:
            row["auc"] = 1 - (30 / row["negatives"] + missed / row["positives"]) / 2
    rows = {row["group"]: row for row in made["audits"][0]["audit"]["groups"]}
    for row in made["groups"]:
        row["auc"] = rows[row["group"]]["auc"]
    (whole,) = [curve for entry in made["curves"] if entry["attribute"] is None for curve in entry["roc"]]
    whole |= {key: [place / values for place in range(values + 1)] for key in ("fpr", "tpr")}
    return made


def solutions(made: dict[str, Any]) -> set[int]:
    """Try every number of missed that, with the 30 flagged, makes the told AUC of a group."""
    told = [(row["positives"], row["negatives"], row["auc"]) for row in made["groups"] if row["auc"] is not None]
    return {m for p, n, value in told for m in range(p + 1) if abs(1 - (30 / n + m / p) / 2 - value) < 6e-7}


def test_an_auc_of_two_values_is_withheld() -> None:
    made = decided(values=2, missed=5)
    public = suppress_audit(made)
    assert public["audits"][0]["audit"]["thresholds"][0]["groups"][0]["true_positives"] is None
    assert solutions(made) == {5}
    assert solutions(public) == set()
    audit = public["audits"][0]["audit"]
    told = [audit[key] for key in ("auc", "min_group_auc", "auc_gap", "es_auc")]
    told += [pair["auc_difference"] for pair in audit["pairs"]] + [row["bpsn"] for row in audit["cross_group"]]
    told += [public["auc"], public["comparisons"][0]["auc"], public["comparisons"][0]["groups"][0]["auc"]]
    assert {(item["value"], item["low"], item["reason"]) for item in told} == {(None, None, REASON)}
    assert audit["calibration"] is None
    assert not [row for entry in public["curves"] for row in entry["reliability"]]
    assert {rule["verdict"] for rule in public["gate"]["rules"]} == {"withheld"}
    assert REASON in page(public)
    assert ",80,280," in groups_csv(public)


@pytest.mark.parametrize(("values", "missed"), [(6, 5), (2, 20)])
def test_many_values_or_nothing_withheld_leave_it(values: int, missed: int) -> None:
    """Counts at the cut are told where none is small, and many values leave them open."""
    public = suppress_audit(decided(values, missed))
    assert all(row["auc"] is not None for row in public["groups"])
