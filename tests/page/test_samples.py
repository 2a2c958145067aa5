"""Sample documents keep to the schema, and their linked counts agree."""

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest

import hf_fairtune.audit_document

from .samples import document

FOLDER = Path(hf_fairtune.audit_document.__file__).parent
SCHEMA = json.loads((FOLDER / "audit.schema.json").read_text(encoding="utf-8"))
EVERY = {"extras": ("clusters", "reference", "gate", "by group"), "small": True}


@pytest.mark.parametrize(
    "options",
    [{}, {"attributes": 1}, EVERY, {"task": "multiclass", "attributes": 3}, {"task": "multilabel", **EVERY}],
    ids=["plain", "one", "every", "multiclass", "multilabel"],
)
def test_samples_keep_to_the_schema(options: dict[str, Any]) -> None:
    made = document(**options)
    jsonschema.validate(made, SCHEMA)
    for part in made["attributes"]:
        assert sum(level["n"] for level in part["levels"]) == made["n"]
        for target in made["targets"]:
            assert sum(level["positives"][target["name"]] for level in part["levels"]) == target["positives"]


def test_given_cells_are_counted() -> None:
    cells = {("F", "<=60"): (40, 100), ("F", ">60"): (7, 30), ("M", "<=60"): (50, 90), ("M", ">60"): (31, 61)}
    made = document(cells=cells)
    found = {row["group"]: (row["positives"], row["negatives"]) for row in made["groups"]}
    assert found["F & >60"] == (7, 30)
    assert found["M"] == (81, 151)
    assert [row["status"] for row in made["groups"] if row["group"] == "F & >60"] == ["not estimable"]
