import json
from typing import Any

import numpy as np
import pytest

from hf_fairtune.audits.evidence import Evidence
from hf_fairtune.audits.group_auc import group_auc
from hf_fairtune.audits.ranking import rank_groups
from hf_fairtune.metrics.rows import Rows, check_rows

from ..metrics.samples import rows


def ranking(given: Rows, included: tuple[int, ...] = (0, 1, 2)) -> dict[str, Any] | None:
    """Rank without a bootstrap."""
    evidence = Evidence(given, included, None, 0.95)
    return rank_groups(evidence, [group_auc(evidence, code) for code in range(len(given.group_names))])


def test_rows_are_the_groups() -> None:
    found = ranking(rows()) or {}
    assert [row["group"] for row in found["groups"]] == ["a", "b", "c"]
    assert sorted(row["rank"] for row in found["groups"]) == [1, 2, 3]
    assert sum(row["worst_share"] for row in found["groups"]) == pytest.approx(1)
    worst = min(found["groups"], key=lambda row: row["pooled"])
    assert worst["rank"] == 1
    for row in found["groups"]:
        assert row["low"] < row["pooled"] < row["high"]
        assert abs(row["pooled"] - found["mean"]) < abs(row["auc"] - found["mean"])
    assert not found["left_out"]
    json.dumps(found, allow_nan=False)


def test_groups_without_an_auc_or_excluded_are_left_out_by_name() -> None:
    assert (ranking(rows(positives=(30, 25, 0))) or {})["left_out"] == ["c"]
    assert (ranking(rows(), (0, 2)) or {})["left_out"] == ["b"]
    assert ranking(rows(), (1,)) is None
    assert ranking(rows(positives=(30, 0, 0))) is None


def test_a_lucky_handful_is_drawn_to_the_rest() -> None:
    """Three positives above all negatives: an AUC of 1 that says next to nothing."""
    rng = np.random.default_rng(0)
    labels, groups = np.repeat([1, 0, 1, 0], [60, 200, 3, 20]), np.repeat([0, 1], [260, 23])
    scores = np.where(groups == 1, 9.0 * labels, rng.normal(1.2 * labels))
    found = ranking(check_rows(labels, scores, groups, ["many", "few"]), (0, 1)) or {}
    many, few = found["groups"]
    assert few["auc"] == 1
    assert few["status"] == "not estimable"
    assert few["pooled"] < 0.95
    assert few["high"] - few["low"] > 2 * (many["high"] - many["low"])
    assert many["pooled"] == pytest.approx(many["auc"], abs=0.02)


def test_rows_of_a_patient_do_not_count_twice() -> None:
    plain = rows()
    alone = ranking(plain) or {}
    index = np.repeat(np.arange(len(plain.labels)), 2)
    doubled = Rows(plain.labels[index], plain.scores[index], plain.groups[index], plain.group_names, index)
    found = ranking(doubled) or {}
    for own, other in zip(found["groups"], alone["groups"], strict=True):
        assert own["high"] - own["low"] == pytest.approx(other["high"] - other["low"], rel=0.05)


def test_perfect_groups_have_finite_numbers() -> None:
    given = rows()
    found = ranking(Rows(given.labels, given.labels.astype(float), given.groups, given.group_names)) or {}
    assert all(0.9 < row["low"] < row["pooled"] < row["high"] < 1 for row in found["groups"])
