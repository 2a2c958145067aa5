"""Calibration of every group: the parts' numbers, whatever the order, with clusters, or with a reason."""

import math

import numpy as np
import pytest

from hf_fairtune.audits.audit import audit_calibration
from hf_fairtune.audits.engine.rows import check_rows
from hf_fairtune.audits.metrics.brier import brier
from hf_fairtune.audits.metrics.calibration_slope import calibration_intercept, calibration_slope
from hf_fairtune.audits.metrics.expected_calibration_error import expected_calibration_error
from hf_fairtune.document.audit import CalibrationAudit, CalibrationGroup

from .resampled import resampled
from .samples import NAMES, few, rows, shuffled


def parts(found: CalibrationAudit) -> list[CalibrationGroup]:
    return [found.overall, *found.groups]


def test_calibration_is_each_groups() -> None:
    given = resampled(digits=4)
    found = audit_calibration(given)
    assert found is not None
    assert found.bins == 10
    assert [row.group for row in parts(found)] == ["overall", *NAMES]
    for code, row in enumerate(parts(found), start=-1):
        inside = given.rows.groups == code if code >= 0 else np.full(len(given.rows.labels), True)
        labels, scores = given.rows.labels[inside], given.rows.scores[inside]
        assert row.brier.value == pytest.approx(brier(labels, scores).value)
        assert row.ece == expected_calibration_error(labels, scores)
        assert row.ece_excess == row.ece - row.ece_null
        assert 0 < row.ece_null < row.ece_null_high < 1
        assert 0 < row.p <= 1
        slope = calibration_slope(labels, scores)
        assert (row.slope.low, row.slope.value) == pytest.approx((slope.low, slope.value))
        expected = calibration_intercept(labels, scores)
        bounds = (row.intercept.low, row.intercept.value, row.intercept.high)
        assert bounds == pytest.approx((expected.low, expected.value, expected.high))


@pytest.mark.parametrize("size", [1, 3])
def test_calibration_does_not_depend_on_the_order_of_rows(size: int) -> None:
    given = rows(clusters=np.arange(232) // size)
    first, second = (audit_calibration(resampled(item, n_boot=0), seed=4) for item in (given, shuffled(given)))
    assert first is not None
    assert second is not None
    for one, other in zip(parts(first), parts(second), strict=True):
        assert one.slope.low == pytest.approx(other.slope.low)
        nulls = [(row.ece, row.ece_null, row.ece_null_high, row.p) for row in (one, other)]
        assert nulls[0] == pytest.approx(nulls[1])


def test_clusters_reach_every_number_of_calibration() -> None:
    single = audit_calibration(resampled(n_boot=0))
    clustered = audit_calibration(resampled(n_boot=0, clusters=np.arange(232) // 2))
    assert single is not None
    assert clustered is not None
    for one, other in zip(parts(single), parts(clustered), strict=True):
        assert (one.ece, one.slope.value) == (other.ece, other.slope.value)
        assert one.ece_null != other.ece_null
        for item in (other.brier, other.slope, other.intercept):
            assert item.method.startswith("cluster-robust sandwich")
        assert one.slope.low != other.slope.low
    singletons = audit_calibration(resampled(n_boot=0, clusters=np.arange(232)))
    assert singletons is not None
    assert [row.ece_null for row in parts(singletons)] == [row.ece_null for row in parts(single)]


def test_calibration_of_small_and_one_class_groups_has_reasons() -> None:
    found = audit_calibration(resampled(positives=(30, 9, 0), negatives=(60, 50, 45), n_boot=0))
    assert found is not None
    overall, _, small, none = parts(found)
    assert math.isfinite(overall.slope.low)
    for item in (small.brier, small.slope, small.intercept):
        assert math.isfinite(item.value)
        assert np.isnan([item.low, item.high]).all()
        assert item.reasons == (few("positives", 9),)
    assert none.slope.reasons == none.intercept.reasons == (few("positives", 0, 1),)
    assert np.isnan([none.slope.value, none.intercept.value]).all()
    assert math.isfinite(none.brier.value)
    assert math.isfinite(none.ece)


def test_calibration_of_an_empty_group_is_empty() -> None:
    given = check_rows([0, 1, 0, 1], [0.1, 0.9, 0.3, 0.2], [0, 0, 0, 0], ["a", "b"])
    found = audit_calibration(resampled(given, n_boot=0))
    assert found is not None
    empty = found.groups[1]
    assert np.isnan([empty.ece, empty.ece_null, empty.ece_excess, empty.p, empty.brier.value]).all()
    assert empty.brier.reasons == empty.slope.reasons == empty.intercept.reasons == (few("rows", 0, 1),)


@pytest.mark.parametrize("shift", [-0.01, 0.5])
def test_scores_that_are_no_probabilities_have_no_calibration(shift: float) -> None:
    given = check_rows([0, 1, 0, 1], np.array([0.0, 0.9, 0.3, 1.0]) + shift, [0, 0, 0, 0], ["a"])
    assert audit_calibration(resampled(given, n_boot=0)) is None
