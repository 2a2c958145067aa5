import numpy as np
import pytest
from hypothesis import given, settings
from sklearn.metrics import roc_curve

from hf_fairtune.errors import FairTuneError
from hf_fairtune.metrics.thresholds import Threshold, fingerprint, fixed, is_degenerate, youden

from .samples import split, tied_splits


@settings(max_examples=60, deadline=None)
@given(tied_splits(least=1))
def test_youden_is_the_best_achieved_point(drawn: tuple[np.ndarray, np.ndarray, np.ndarray]) -> None:
    labels, scores, _ = drawn
    found = youden(labels, scores)

    def index(cut: float) -> float:
        return float((scores[labels == 1] >= cut).mean() - (scores[labels == 0] >= cut).mean())

    assert found.value in scores
    assert index(found.value) == pytest.approx(max(index(cut) for cut in scores))


def test_youden_agrees_with_roc_curve_where_that_is_finite() -> None:
    labels, scores, _ = split()
    fpr, tpr, cuts = roc_curve(labels, scores, drop_intermediate=False)
    assert youden(labels, scores).value == cuts[1 + (tpr - fpr)[1:].argmax()]


def test_youden_of_a_useless_model_is_finite() -> None:
    found = youden([0, 0, 1, 1], [4.0, 3.0, 2.0, 1.0])
    assert found.value == 1.0


def test_it_refuses_the_rows_it_was_fitted_on_in_any_order() -> None:
    labels, scores, _ = split()
    threshold = youden(labels, scores, "validation")
    order = np.random.default_rng(1).permutation(len(labels))
    for rows in ((labels, scores), (labels[order], scores[order])):
        with pytest.raises(FairTuneError, match="same rows"):
            threshold.apply(*rows)
    other = split(seed=1)
    assert set(threshold.apply(other[0], other[1])) == {0, 1}
    assert threshold.fitted_on == "validation"


def test_fixed_belongs_to_no_rows_and_includes_its_value() -> None:
    threshold = fixed()
    assert threshold == Threshold("fixed", 0.5)
    assert threshold.apply([0, 1, 1], [0.49, 0.5, 0.51]).tolist() == [0, 1, 1]
    with pytest.raises(FairTuneError, match="finite"):
        fixed(float("inf"))


def test_fitting_needs_both_classes() -> None:
    with pytest.raises(FairTuneError, match="both classes"):
        youden([0, 0], [0.1, 0.2])


def test_fingerprint_sees_labels_and_scores() -> None:
    assert fingerprint([0, 1], [0.1, 0.2]) == fingerprint([1, 0], [0.2, 0.1])
    assert fingerprint([0, 1], [0.1, 0.2]) != fingerprint([1, 0], [0.1, 0.2])
    assert fingerprint([0, 1], [0.0, 0.2]) == fingerprint([0, 1], [-0.0, 0.2])


@pytest.mark.parametrize(
    ("rates", "flag"), [([0.5, 0.009], True), ([0.995, 0.5], True), ([0.01, 0.99], False), ([0.5, np.nan], False)]
)
def test_degenerate_when_a_group_is_hardly_decided(rates: list[float], flag: bool) -> None:
    assert is_degenerate(np.array(rates)) is flag
