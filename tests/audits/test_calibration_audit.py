import json
import math
from pathlib import Path

import jsonschema
import numpy as np
import pytest

import hf_fairtune
from hf_fairtune.audits.calibration_audit import audit_calibration
from hf_fairtune.intervals.estimate import plain
from hf_fairtune.intervals.mean import CLUSTERED_MEAN
from hf_fairtune.intervals.recalibration import CLUSTERED, intercept_interval, slope_interval
from hf_fairtune.metrics.brier import brier
from hf_fairtune.metrics.expected_calibration_error import expected_calibration_error
from hf_fairtune.metrics.rows import check_rows

from ..metrics.samples import NAMES, rows
from .evidence_samples import evidence, shuffled


def test_every_number_is_its_groups() -> None:
    given = evidence(digits=4)
    found = audit_calibration(given)
    assert found is not None
    assert found.bins == 10
    assert [row.group for row in found.groups] == ["overall", *NAMES]
    for code, row in enumerate(found.groups, start=-1):
        inside = given.rows.groups == code if code >= 0 else np.full(len(given.rows.labels), True)
        labels, scores = given.rows.labels[inside], given.rows.scores[inside]
        assert row.n == inside.sum()
        assert row.brier.value == pytest.approx(brier(labels, scores))
        assert row.ece == expected_calibration_error(labels, scores)
        assert row.ece_excess == row.ece - row.ece_null
        assert 0 < row.ece_null < row.ece_null_high < 1
        assert 0 < row.p <= 1
        slope = slope_interval(labels, scores)
        assert (row.slope.low, row.slope.value) == pytest.approx((slope.low, slope.value))
        expected = intercept_interval(labels, scores)
        bounds = (row.intercept.low, row.intercept.value, row.intercept.high)
        assert bounds == pytest.approx((expected.low, expected.value, expected.high))


@pytest.mark.parametrize("size", [1, 3])
def test_the_order_of_rows_does_not_matter(size: int) -> None:
    given = rows(clusters=np.arange(232) // size)
    first, second = (audit_calibration(evidence(item, n_boot=0), seed=4) for item in (given, shuffled(given)))
    assert first is not None
    assert second is not None
    for one, other in zip(first.groups, second.groups, strict=True):
        assert plain(one.slope)["low"] == pytest.approx(plain(other.slope)["low"])
        nulls = [(row.ece, row.ece_null, row.ece_null_high, row.p) for row in (one, other)]
        assert nulls[0] == pytest.approx(nulls[1])


def test_clusters_reach_every_number() -> None:
    single = audit_calibration(evidence(n_boot=0))
    clustered = audit_calibration(evidence(n_boot=0, clusters=np.arange(232) // 2))
    assert single is not None
    assert clustered is not None
    for one, other in zip(single.groups, clustered.groups, strict=True):
        assert (one.ece, one.slope.value) == (other.ece, other.slope.value)
        assert one.ece_null != other.ece_null
        assert (other.brier.method, other.slope.method, other.intercept.method) == (
            CLUSTERED_MEAN,
            CLUSTERED,
            CLUSTERED,
        )
        assert one.slope.low != other.slope.low
    singletons = audit_calibration(evidence(n_boot=0, clusters=np.arange(232)))
    assert singletons is not None
    assert [row.ece_null for row in singletons.groups] == [row.ece_null for row in single.groups]


def test_small_and_one_class_groups_are_told_not_guessed() -> None:
    found = audit_calibration(evidence(positives=(30, 9, 0), negatives=(60, 50, 45), n_boot=0))
    assert found is not None
    overall, _, small, none = found.groups
    assert math.isfinite(overall.slope.low)
    for item in (small.brier, small.slope, small.intercept):
        assert math.isfinite(item.value)
        assert np.isnan([item.low, item.high]).all()
        assert item.reason == "no interval: 9 positives, fewer than 10"
    assert (none.slope.reason, none.intercept.reason) == ("no positives", "no positives")
    assert np.isnan([none.slope.value, none.intercept.value]).all()
    assert math.isfinite(none.brier.value)
    assert math.isfinite(none.ece)


def test_an_empty_group_is_empty() -> None:
    given = check_rows([0, 1, 0, 1], [0.1, 0.9, 0.3, 0.2], [0, 0, 0, 0], ["a", "b"])
    found = audit_calibration(evidence(given, n_boot=0))
    assert found is not None
    empty = found.groups[2]
    assert empty.n == 0
    assert np.isnan([empty.ece, empty.ece_null, empty.ece_excess, empty.p, empty.brier.value]).all()
    assert empty.brier.reason == empty.slope.reason == empty.intercept.reason == "no rows"


@pytest.mark.parametrize("shift", [-0.01, 0.5])
def test_scores_that_are_no_probabilities_have_no_calibration(shift: float) -> None:
    given = check_rows([0, 1, 0, 1], np.array([0.0, 0.9, 0.3, 1.0]) + shift, [0, 0, 0, 0], ["a"])
    assert audit_calibration(evidence(given, n_boot=0)) is None


def test_it_is_what_the_schema_asks_for() -> None:
    schema = json.loads((Path(hf_fairtune.__file__).parent / "audit.schema.json").read_text())
    wanted = {"$ref": "#/$defs/calibration_audit", "$defs": schema["$defs"]}
    for kwargs in ({}, {"positives": (30, 9, 0)}, {"clusters": np.zeros(232, dtype=int)}):
        jsonschema.validate(plain(audit_calibration(evidence(n_boot=0, **kwargs))), wanted)
