"""Two attributes that cut one column, without their intersection: subtraction gives the rows between their cuts."""

import copy
from itertools import combinations
from typing import Any

import pytest

from hf_fairtune.audit_cells.nested import nested, upper
from hf_fairtune.audit_cells.suppress import suppress_audit
from hf_fairtune.page.limits import audit_limits

from ..page.samples import document

LARGE, OTHERS = (100, 400), (90, 310)


def audited(between: tuple[int, int]) -> dict[str, Any]:
    """Audit `age:60` and `age:65` of which so many rows, positive and negative, are older than 60 but not than 65."""
    cells = {("<=60", "<=65"): LARGE, (">60", "<=65"): between, (">60", ">65"): OTHERS}
    made = document(cells=cells, attributes=2)
    names = {"sex": "age:60", "age:60": "age:65"}
    made["attributes"] = [part for part in made["attributes"] if part["kind"] != "intersection"]
    for part in made["attributes"]:
        part |= {"name": names[part["name"]], "columns": ["age"], "kind": "cuts"}
    for kind in ("groups", "pairs", "audits", "rankings", "curves"):
        made[kind] = [entry for entry in made[kind] if entry["attribute"] != "sex & age:60"]
        for entry in made[kind]:
            entry["attribute"] = names.get(entry["attribute"])
    return made


def subtracted(public: dict[str, Any]) -> list[int]:
    """Subtract all that is told of the two attributes' groups, of rows and above and below cuts."""
    found = []
    for name in ("n", "positives", "negatives"):
        rows = {row["group"]: row[name] for row in public["groups"]}
        pairs = ((rows["<=60"], rows["<=65"]), (rows[">60"], rows[">65"]))
        found += [abs(a - b) for a, b in pairs if None not in (a, b)]
    for one, two in combinations([entry["audit"]["thresholds"] for entry in public["audits"]], 2):
        for cuts in zip(one, two, strict=True):
            for side in ("true_positives", "false_positives"):
                first, second = (cut["groups"][0][side] for cut in cuts)
                found += [abs(first - second)] if None not in (first, second) else []
    return found


@pytest.mark.parametrize("between", [(3, 4), (3, 60), (60, 3)])
def test_rows_between_two_cuts_cannot_be_subtracted(between: tuple[int, int]) -> None:
    made = audited(between)
    assert any(count in range(1, 11) for count in subtracted(made))
    public = suppress_audit(copy.deepcopy(made))
    assert not any(count in range(1, 11) for count in subtracted(public))
    told = {row["attribute"] for row in public["groups"] if row["n"] is not None}
    assert told == {"age:60"}
    assert "Withheld: \u2068<=65\u2069 (by age:65)" in " ".join(audit_limits(public))


def test_a_count_at_a_cut_cannot_be_subtracted() -> None:
    made = audited((14, 30))
    assert any(count in range(1, 11) for count in subtracted(made))
    public = suppress_audit(made)
    assert not any(count in range(1, 11) for count in subtracted(public))
    assert {row["attribute"] for row in public["groups"] if row["n"] is not None} == {"age:60", "age:65"}


def test_many_between_leave_both_told() -> None:
    assert nested(audited((40, 80))["attributes"]) == []
    assert nested(document(cells={("<=60", "<=65"): LARGE, (">60", "<=65"): (2, 2)})["attributes"]) == []


def test_upper_ends_are_read_off_names() -> None:
    assert [upper(name) for name in ("<=60", "(60,70]", ">70", "3", "missing")] == [60, 70, float("inf"), 3, None]
