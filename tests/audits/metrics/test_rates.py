"""Each rate against scikit-learn, group by group."""

import warnings
from collections.abc import Callable

import numpy as np
import pytest
import sklearn.metrics
from hypothesis import given, settings

from hf_fairtune.audits.engine.proportions import confusion
from hf_fairtune.audits.metrics.metric import rates

from ..samples import split, tied_splits

Oracle = Callable[[np.ndarray, np.ndarray], float]
NAN = float("nan")


def swapped(oracle: Oracle) -> Oracle:
    return lambda y, p: oracle(1 - y, 1 - p)


def recall(y: np.ndarray, p: np.ndarray) -> float:
    return sklearn.metrics.recall_score(y, p, zero_division=NAN)


def precision(y: np.ndarray, p: np.ndarray) -> float:
    return sklearn.metrics.precision_score(y, p, zero_division=NAN)


ORACLES: dict[str, Oracle] = {
    "tpr": recall,
    "tnr": swapped(recall),
    "fpr": lambda y, p: 1 - swapped(recall)(y, p),
    "ppv": precision,
    "npv": swapped(precision),
    "selection_rate": lambda y, p: float(p.mean()),
    "accuracy": sklearn.metrics.accuracy_score,
    "f1": lambda y, p: sklearn.metrics.f1_score(y, p, zero_division=NAN),
}


@settings(max_examples=20)
@given(tied_splits())
def test_rates_are_sklearns(drawn: tuple[np.ndarray, np.ndarray, np.ndarray]) -> None:
    labels, scores, groups = drawn
    predictions = (scores >= 0.5).astype(int)
    counts = confusion(labels, predictions, groups, 3)
    for name, oracle in ORACLES.items():
        found = rates()[name](counts)
        for g in range(4):
            inside = (groups == g) | (g == 3)
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # scikit-learn's, of a single class
                wanted = oracle(labels[inside], predictions[inside]) if inside.any() else NAN
            assert found[g] == pytest.approx(wanted, nan_ok=True), name


def test_the_positive_class_decides_what_tpr_means() -> None:
    labels, scores, groups = split()
    predictions = (scores >= 0.5).astype(int)
    tpr = rates()["tpr"](confusion(1 - labels, 1 - predictions, groups, 3))
    np.testing.assert_allclose(tpr, 1 - rates()["fpr"](confusion(labels, predictions, groups, 3)))
