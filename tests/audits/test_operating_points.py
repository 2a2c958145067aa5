import json
from dataclasses import asdict
from pathlib import Path

import jsonschema
import numpy as np
import pytest

import hf_fairtune
from hf_fairtune.audits.audit import AuditOptions, evidence_of
from hf_fairtune.audits.evidence import Evidence
from hf_fairtune.audits.operating_points import OperatingPoints, audit_operating_points
from hf_fairtune.errors import FairTuneError
from hf_fairtune.intervals.estimate import plain
from hf_fairtune.metrics.rows import Rows, check_rows
from hf_fairtune.metrics.sensitivity_at_specificity import sensitivity_at_specificity
from hf_fairtune.metrics.specificity_at_sensitivity import specificity_at_sensitivity

from ..metrics.samples import NAMES, rows, split

SCHEMA = json.loads((Path(hf_fairtune.__file__).parent / "audit.schema.json").read_text())


def evidence(checked: Rows, n_boot: int = 200) -> Evidence:
    return evidence_of(checked, AuditOptions(n_boot=n_boot))


def test_every_group_has_its_own_achieved_point() -> None:
    checked = rows()
    found = audit_operating_points(evidence(checked), (0.9, 0.8))
    assert [(item.criterion, item.target) for item in found] == [
        ("sensitivity at specificity", 0.9),
        ("specificity at sensitivity", 0.9),
        ("sensitivity at specificity", 0.8),
        ("specificity at sensitivity", 0.8),
    ]
    for item, metric in zip(found, (sensitivity_at_specificity, specificity_at_sensitivity) * 2, strict=True):
        assert [group.group for group in item.groups] == ["overall", *NAMES]
        for place, group in enumerate(item.groups):
            inside = np.ones(len(checked.labels), bool) if not place else checked.groups == place - 1
            wanted = metric(checked.labels[inside], checked.scores[inside], item.target)
            assert (group.value.value, group.achieved, group.threshold) == tuple(vars(wanted).values())
            assert group.achieved >= item.target
            assert group.value.low <= group.value.value <= group.value.high
            assert "optimistic" in group.value.method


@pytest.mark.parametrize("clustered", [False, True])
def test_the_order_of_rows_changes_nothing_and_the_schema_holds(clustered: bool) -> None:
    labels, scores, groups = split(digits=1)
    ids = np.arange(len(labels)) // 2 if clustered else None
    order = np.random.default_rng(1).permutation(len(labels))
    one = check_rows(labels, scores, groups, NAMES, ids)
    other = check_rows(labels[order], scores[order], groups[order], NAMES, None if ids is None else ids[order])
    found = audit_operating_points(evidence(one))
    assert found == audit_operating_points(evidence(other))
    form = {"$ref": "#/$defs/audit/properties/operating_points", "$defs": SCHEMA["$defs"]}
    jsonschema.validate(plain([asdict(item) for item in found]), form)


def widths(found: list[OperatingPoints]) -> np.ndarray:
    return np.array([[group.value.high - group.value.low for group in item.groups] for item in found])


def test_copied_rows_need_clusters() -> None:
    labels, scores, groups = split((60, 50, 40), (90, 80, 70), digits=6)
    copies = [np.repeat(x, 4) for x in (labels, scores, groups)]
    once = widths(audit_operating_points(evidence(check_rows(labels, scores, groups, NAMES), 600)))
    ids = np.repeat(np.arange(len(labels)), 4)
    clustered = widths(audit_operating_points(evidence(check_rows(*copies, NAMES, ids), 600)))
    naive = widths(audit_operating_points(evidence(check_rows(*copies, NAMES), 600)))
    assert np.mean(clustered / once) == pytest.approx(1, abs=0.15)
    assert np.mean(naive / once) == pytest.approx(0.5, abs=0.15)


def test_too_few_cases_have_no_interval_and_say_why() -> None:
    found = audit_operating_points(evidence(check_rows(*split((30, 7, 0)), NAMES)))
    for item in found:
        overall, solid, thin, hollow = item.groups
        assert np.isfinite([overall.value.low, solid.value.low, thin.value.value]).all()
        assert thin.value.reason == "no interval: 7 positives, fewer than 10"
        assert np.isnan([thin.value.low, hollow.value.value, hollow.achieved, hollow.threshold]).all()
        assert hollow.value.reason == "no positives"
    for item in audit_operating_points(evidence(rows(), 0)):
        assert {group.value.reason for group in item.groups} == {"no interval: n_boot is 0"}


def test_a_share_out_of_range_is_told() -> None:
    with pytest.raises(FairTuneError, match="share above 0 and up to 1"):
        audit_operating_points(evidence(rows(), 0), (90,))
