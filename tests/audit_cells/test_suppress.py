"""An attacker with linear programming pins no count of 1 to 10 of a published audit."""

import copy
import json
from pathlib import Path
from typing import Any

import jsonschema
import numpy as np
import pytest

import hf_fairtune.audit_document
from hf_fairtune.audit_cells import protect
from hf_fairtune.audit_cells.blank import COUNTS_WITHHELD, WITHHELD
from hf_fairtune.audit_cells.suppress import suppress_audit

from ..page.samples import document
from .attack import ranges, told
from .rungs import leaks

SCHEMA = json.loads((Path(hf_fairtune.audit_document.__file__).parent / "audit.schema.json").read_text())
EXTRAS = ("clusters", "reference", "gate", "by group")
CELLS = {("F", "<=60"): (40, 100), ("F", ">60"): (7, 30), ("M", "<=60"): (50, 90), ("M", ">60"): (31, 61)}


def safe(made: dict[str, Any]) -> dict[str, Any]:
    """Suppress, attack and return what is published."""
    before = copy.deepcopy(made)
    public = suppress_audit(made)
    assert made == before
    assert not [key for key, count in told(public).items() if key[2] is None and count in range(1, 11)]
    assert not leaks(public)
    narrow = {key: found for key, found in ranges(made, public).items() if found[1] - found[0] < 11 - 1e-6}
    assert not narrow
    return public


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"attributes": 1, "n": 400},
        {"task": "multiclass", "n": 500},
        {"task": "multilabel", "n": 400},
        {"attributes": 3, "n": 700},
        {"n": 90},
    ],
    ids=["two", "one", "multiclass", "multilabel", "three", "few"],
)
def test_no_small_count_is_told_or_worked_out(options: dict[str, Any]) -> None:
    made = document(small=True, extras=EXTRAS, **options)
    assert any(count in range(1, 11) for key, count in told(made).items() if key[2] is None)
    safe(made)


def test_random_tables() -> None:
    draw = np.random.default_rng(0)
    for _ in range(12):
        width = draw.integers(2, 5, size=2)
        sizes = draw.choice([0, 3, 12, 25, 60], size=(*width, 2), p=[0.1, 0.25, 0.2, 0.2, 0.25])
        cells = {(f"a{i}", f"b{j}"): tuple(sizes[i, j].tolist()) for i, j in np.ndindex(*width) if sizes[i, j].sum()}
        if len({a for a, _ in cells}) > 1 and len({b for _, b in cells}) > 1 and sum(map(sum, cells.values())) > 100:
            safe(document(cells=cells))


@pytest.mark.parametrize(("most", "cells_told"), [(40, True), (0, False)])
def test_too_many_counts_are_checked_by_target_or_withheld(
    monkeypatch: pytest.MonkeyPatch, most: int, cells_told: bool
) -> None:
    monkeypatch.setattr(protect, "UNKNOWNS", most)
    made = document("multilabel", n=700)
    public = suppress_audit(made)
    cells = [row["n"] for row in public["groups"] if row["attribute"] == "sex & age:60"]
    assert any(cells) == cells_told
    narrow = {key for key, found in ranges(made, public).items() if found[1] - found[0] < 11 - 1e-6}
    assert not {key for key in narrow if cells_told or key[3] != "sex & age:60"}


def test_nothing_but_digits_changes_without_a_small_count() -> None:
    made = document(cells={cell: (positives + 20, n) for cell, (positives, n) in CELLS.items()}, extras=EXTRAS)
    public = suppress_audit(made)
    for key in ("n", "positives", "targets", "attributes", "source", "options"):
        assert public[key] == made[key]
    for before, after in zip(made["groups"], public["groups"], strict=True):
        assert after == {
            k: round(v, 6) if k != "prevalence" and isinstance(v, float) else v for k, v in before.items()
        }


def test_one_small_cell_takes_few_others_along() -> None:
    public = safe(document(cells=CELLS))
    rows = {row["group"]: row["positives"] for row in public["groups"]}
    assert (rows["F"], rows["M"], rows["<=60"], rows[">60"]) == (47, 81, 90, 38)
    assert [rows[f"{sex} & {age}"] for sex in "FM" for age in ("<=60", ">60")] == [None] * 4
    assert [row["n"] for row in public["groups"] if "&" in row["group"]] == [140, 37, 140, 92]


def test_what_gives_a_count_back_goes_too() -> None:
    made = document(cells=CELLS | {("F", ">60"): (7, 130), ("M", "missing"): (30, 50)}, extras=EXTRAS)
    public = safe(made)
    (audit,) = [entry["audit"] for entry in public["audits"] if entry["attribute"] == "sex & age:60"]
    row = next(row for row in audit["groups"] if row["group"] == "F & >60")
    assert "not estimable" in {row["status"] for entry in made["audits"] for row in entry["audit"]["groups"]}
    assert {key: row[key] for key in ("auc", "auc_low", "prevalence", "worst_share")} == dict.fromkeys(
        ("auc", "auc_low", "prevalence", "worst_share")
    )
    assert (row["n"], row["status"], row["reason"]) == (137, "withheld", WITHHELD)
    assert {row["auc_method"] for row in audit["groups"] if row["reason"] == WITHHELD} == {""}
    for cut in audit["thresholds"]:
        rates = next(row for row in cut["groups"] if row["group"] == "F & >60")
        assert {rates[key] for key in ("true_positives", "false_positives", "predicted_positives")} == {None}
        assert rates["tpr"]["value"] is rates["rates"]["ppv"]["high"] is rates["selection_rate"]["low"] is None
        assert cut["measures"]["equalized_odds_mean"]["value"] is None
    assert all(pair["auc_difference"]["value"] is None for pair in audit["pairs"] if pair["group"] == "F & >60")
    assert "7 positives" not in json.dumps(public)
    curves = next(entry for entry in public["curves"] if entry["attribute"] == "sex & age:60")
    assert "F & >60" not in {row["group"] for kind in ("roc", "reliability") for row in curves[kind]}
    assert "F & >60" in next(e for e in public["rankings"] if e["attribute"] == "sex & age:60")["left_out"]


def test_reasons_do_not_speak_of_withheld_groups() -> None:
    made = document(cells=CELLS | {("M", "missing"): (0, 9)}, extras=("gate",))
    reason = "`M & missing`: no positives"
    gaps = [entry["audit"]["auc_gap"] for entry in made["audits"]]
    for told_of in (gaps[2], made["gate"]["rules"][0]):
        told_of["reason"] = reason
    assert reason not in json.dumps(safe(made))
    assert reason in json.dumps(made)


def test_a_large_group_keeps_its_auc_to_three_digits() -> None:
    """The group that is withheld for a small one's sake is the one everybody asks for."""
    cells = {("F", "<=60"): (140, 300), ("M", "<=60"): (150, 320), ("M", "missing"): (6, 9), ("F", ">60"): (40, 90)}
    made = document(cells=cells | {("M", ">60"): (58, 80)}, attributes=2, extras=("reference",))
    public = safe(made)
    exact, told_ = ({(r["attribute"], r["group"]): r for r in some["groups"]} for some in (made, public))
    large = [key for key, row in told_.items() if row["positives"] is None and row["auc"] is not None]
    assert large == [("age:60", ">60"), ("sex & age:60", "M & >60")]
    for key in large:
        assert told_[key]["auc"] == round(exact[key]["auc"], 3) != exact[key]["auc"]
        assert (told_[key]["status"], told_[key]["reason"]) == ("ok", COUNTS_WITHHELD)
        assert told_[key]["prevalence"] is None
    text = json.dumps(public)
    assert not [key for key in large if str(exact[key]["auc"]) in text]
    (entry,) = [entry for entry in public["audits"] if entry["attribute"] == "age:60"]
    rates = {row["group"]: row["tpr"]["value"] for row in entry["audit"]["thresholds"][0]["groups"]}
    assert rates[">60"] is rates["missing"] is None
    assert rates["<=60"] is not None
    (pair,) = [pair for pair in entry["audit"]["pairs"] if pair["group"] == ">60"]
    assert pair["auc_difference"]["value"] == round(exact["age:60", ">60"]["auc"] - exact["age:60", "<=60"]["auc"], 3)
    assert pair["detectable"] is pair["positives_wanted"] is None


def test_a_large_group_is_no_larger_than_the_reference() -> None:
    """With its AUC it is told that a group is estimable: had it more rows, it would be the reference."""
    cells = {("F", "<=60"): (90, 90), ("F", ">60"): (0, 30), ("F", "missing"): (0, 3), ("M", "<=60"): (14, 160)}
    safe(document(cells=cells | {("M", ">60"): (90, 90), ("M", "missing"): (14, 0)}))


def test_a_small_total_hides_the_target() -> None:
    public = safe(document(cells={("F", "<=60"): (4, 100), ("M", ">60"): (5, 90)}))
    assert public["positives"] is public["auc"]["value"] is public["targets"][0]["negatives"] is None
    assert public["n"] == 199
    assert {row["positives"] for row in public["groups"]} == {None}
    assert public["overall"][0]["audit"]["thresholds"][0]["overall"]["tpr"]["value"] is None
    assert not any(entry["roc"] for entry in public["curves"])


def test_names_do_not_mislead() -> None:
    """A level may be called `overall`, or hold the sign that joins levels, so that a cell has two readings."""
    cells = {("overall", "B"): (40, 90), ("A", "B & C"): (5, 60), ("A & B", "C"): (50, 90), ("A & B", "B"): (30, 60)}
    public = suppress_audit(document(cells=cells))
    assert {row["n"] for row in public["groups"] if row["attribute"] == "sex & age:60"} == {None}
    cut = public["audits"][0]["audit"]["thresholds"][0]
    assert cut["overall"]["true_positives"] is not None


def test_a_published_document_keeps_to_the_schema_but_for_nulls() -> None:
    public = suppress_audit(document(small=True, extras=EXTRAS))
    text = json.dumps(SCHEMA).replace('"type": "integer"', '"type": ["integer", "null"]')
    text = text.replace('"type": "boolean"', '"type": ["boolean", "null"]')
    for last in ("not estimable", "insufficient evidence", "not shown"):
        text = text.replace(f'"{last}"]', f'"{last}", "withheld"]')
    loose = json.loads(text.replace('{"type": "number"}', '{"type": ["number", "null"]}'))
    jsonschema.validate(public, loose)
