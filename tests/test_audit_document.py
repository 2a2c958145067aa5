"""The document of an audit: whole or not at all, by its schema, refused when it is another thing."""

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest

import hf_fairtune.audit_document
from hf_fairtune.audit_document import AuditDocument
from hf_fairtune.errors import FairTuneError

from .page.samples import document

FOLDER = Path(hf_fairtune.audit_document.__file__).parent
AUDIT, RECORD = (json.loads((FOLDER / name).read_text()) for name in ("audit.schema.json", "record.schema.json"))
ADDED = {  # what records of before lack
    "audit": {"es_auc", "cross_group", "operating_points", "calibration"},
    "audit_group": {"auc_method", "worst_share"},
    "pair": {"p", "p_adjusted", "p_method", "detectable", "positives_wanted", "negatives_wanted"},
    "threshold": {"measures", "by_group"},
    "rate_group": {"rates"},
}


def test_round_trip(tmp_path: Path) -> None:
    made = document(extras=("gate", "reference"))
    held = AuditDocument(**made)
    held.auc["low"] = float("nan")
    path = held.save(tmp_path)
    content = json.loads(path.read_text(encoding="utf-8"))
    assert (path.name, content["auc"]["low"]) == ("audit.json", None)
    jsonschema.validate(content, AUDIT)
    assert AuditDocument.load(tmp_path) == AuditDocument.load(path) == AuditDocument(**content)
    assert held.audit("malignant", "sex") == made["audits"][0]["audit"]
    assert held.audit("malignant") == made["overall"][0]["audit"]
    assert held.audit("malignant", "ward") is None


def test_defaults_tell_where_it_was_made() -> None:
    given = {key: value for key, value in document().items() if key not in ("versions", "git", "created", "gate")}
    made = AuditDocument(**given)
    jsonschema.validate(made.to_dict(), AUDIT)
    assert made.versions["numpy"]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("{", "not a fairtune audit"),
        ("[]", "no schema version"),
        ('{"schema_version": 99}', "schema version 99"),
        ('{"schema_version": 1, "x": 0}', "missing or unknown: .*x"),
        ("\xff", "not a fairtune audit"),
    ],
)
def test_what_is_no_audit_is_one_line(tmp_path: Path, text: str, told: str) -> None:
    (tmp_path / "audit.json").write_bytes(text.encode("latin-1"))
    with pytest.raises(FairTuneError, match=told) as caught:
        AuditDocument.load(tmp_path)
    assert "\n" not in str(caught.value)
    with pytest.raises(FairTuneError, match="does not exist"):
        AuditDocument.load(tmp_path / "nowhere")


def relaxed(node: Any) -> Any:
    """Drop what is required."""
    if isinstance(node, dict):
        return {key: relaxed(value) for key, value in node.items() if key != "required"}
    return [relaxed(value) for value in node] if isinstance(node, list) else node


def test_both_schemas_agree_on_an_audit_but_for_what_is_required() -> None:
    shared = set(AUDIT["$defs"]) & set(RECORD["$defs"]) - {"comparison"}
    assert shared >= {*ADDED, "estimate", "cross_group", "operating_point", "calibration_audit", "comparison_group"}
    for name in shared:
        assert relaxed(AUDIT["$defs"][name]) == relaxed(RECORD["$defs"][name]), name
        missing = set(AUDIT["$defs"][name]["required"]) - set(RECORD["$defs"][name]["required"])
        assert missing == ADDED.get(name, set()), name
    gap = {"excess", "p", "permutations"}
    (ours, theirs) = (set(schema["$defs"]["audit"]["properties"]["auc_gap"]["required"]) for schema in (AUDIT, RECORD))
    assert ours - theirs == gap


def test_a_record_may_hold_an_audit_with_and_without_what_was_added() -> None:
    schema = {"$ref": "#/$defs/audit", "$defs": RECORD["$defs"]}
    audit = document()["audits"][0]["audit"]
    jsonschema.validate(audit, schema)
    for key in ADDED["audit"]:
        del audit[key]
    jsonschema.validate(audit, schema)
