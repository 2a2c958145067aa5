import numpy as np
import pytest
from sklearn.metrics import roc_curve

from hf_fairtune.audits.curves import reliability_curves, roc_curves
from hf_fairtune.intervals.proportion import wilson
from hf_fairtune.metrics.expected_calibration_error import expected_calibration_error
from hf_fairtune.metrics.rows import check_rows

from ..metrics.samples import rows


@pytest.mark.parametrize("digits", [1, 2, 6])
def test_the_curve_is_sklearns(digits: int) -> None:
    given = rows(digits=digits)
    for code, curve in enumerate(roc_curves(given)):
        labels, scores = given.labels[given.groups == code], given.scores[given.groups == code]
        fpr, tpr, _ = roc_curve(labels, scores)
        assert (curve["group"], curve["n"]) == ("abc"[code], len(labels))
        assert (curve["positives"], curve["negatives"]) == (labels.sum(), (1 - labels).sum())
        area = np.trapezoid(curve["tpr"], curve["fpr"])
        assert area == pytest.approx(np.trapezoid(tpr, fpr))
        full_fpr, full_tpr, _ = roc_curve(labels, scores, drop_intermediate=False)
        points = set(zip(full_fpr.tolist(), full_tpr.tolist(), strict=True))
        assert set(zip(curve["fpr"], curve["tpr"], strict=True)) <= points


def test_thinned_vertices_stay_on_the_curve_and_close_to_it() -> None:
    rng = np.random.default_rng(0)
    labels = (rng.random(20_000) < 0.2).astype(int)
    given = check_rows(labels, rng.normal(labels), np.zeros(20_000, dtype=int), ["all"])
    (curve,) = roc_curves(given)
    fpr, tpr, _ = roc_curve(given.labels, given.scores, drop_intermediate=False)
    points = set(zip(fpr.tolist(), tpr.tolist(), strict=True))
    drawn = list(zip(curve["fpr"], curve["tpr"], strict=True))
    assert set(drawn) <= points
    assert 150 < len(drawn) <= 200
    assert (drawn[0], drawn[-1]) == ((0.0, 0.0), (1.0, 1.0))
    assert np.abs(np.interp(fpr, curve["fpr"], curve["tpr"]) - tpr).max() < 0.012
    (short,) = roc_curves(given, 20)
    assert 15 <= len(short["fpr"]) <= 20


def test_a_group_without_a_class_has_no_curve_and_a_constant_score_the_diagonal() -> None:
    given = check_rows([0, 1, 0, 0], [0.5] * 4, [0, 0, 1, 1], ["a", "b", "empty"])
    first, second, third = roc_curves(given)
    assert (first["fpr"], first["tpr"]) == ([0.0, 1.0], [0.0, 1.0])
    assert (second["fpr"], second["tpr"], second["negatives"]) == ([], [], 2)
    assert (third["n"], third["fpr"]) == (0, [])


def test_reliability_is_the_calibration_errors_bins() -> None:
    given = rows(digits=4)
    curves = reliability_curves(given, confidence=0.9)
    assert curves is not None
    for code, curve in enumerate(curves):
        labels, scores = given.labels[given.groups == code], given.scores[given.groups == code]
        bins = curve["bins"]
        assert len(bins) == 10
        assert sum(item["n"] for item in bins) == curve["n"] == len(labels)
        error = sum(item["n"] * abs(item["observed"] - item["mean_score"]) for item in bins) / len(labels)
        assert error == pytest.approx(expected_calibration_error(labels, scores))
        for item in bins:
            expected = wilson(round(item["observed"] * item["n"]), item["n"], 0.9)
            assert (item["low"], item["high"]) == pytest.approx((expected.low, expected.high))


def test_bins_of_clusters_count_clusters() -> None:
    single, twice = rows(digits=6), rows(digits=6)
    doubled = check_rows(
        *(np.repeat(column, 2) for column in (twice.labels, twice.scores, twice.groups)),
        twice.group_names,
        np.arange(2 * len(twice.labels)) // 2,
    )
    one, other = reliability_curves(single), reliability_curves(doubled)
    assert one is not None
    assert other is not None
    for first, second in zip(one[0]["bins"], other[0]["bins"], strict=True):
        assert second["n"] == 2 * first["n"]
        assert (second["low"], second["high"]) == pytest.approx((first["low"], first["high"]))


def test_no_probabilities_no_reliability_and_an_empty_group_no_bins() -> None:
    assert reliability_curves(check_rows([0, 1], [0.2, 1.5], [0, 0], ["a"])) is None
    found = reliability_curves(check_rows([0, 1], [0.0, 1.0], [0, 0], ["a", "b"]))
    assert found is not None
    assert [(item["group"], item["n"], len(item["bins"])) for item in found] == [("a", 2, 2), ("b", 0, 0)]
