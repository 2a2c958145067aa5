import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from hf_fairtune.metrics.auc import group_aucs
from hf_fairtune.metrics.auc_gap import auc_gap
from hf_fairtune.metrics.min_group_auc import min_group_auc

from .samples import split


def test_lowest_and_gap_are_those_of_scikit_learn() -> None:
    labels, scores, groups = split()
    found = [roc_auc_score(labels[groups == g], scores[groups == g]) for g in np.unique(groups)]
    values = group_aucs(labels, scores, groups, len(found))
    assert min_group_auc(values) == pytest.approx(min(found), abs=1e-12)
    assert auc_gap(values) == pytest.approx(max(found) - min(found), abs=1e-12)


def test_a_group_that_lacks_a_class_makes_both_undefined() -> None:
    values = np.array([0.8, np.nan])
    assert np.isnan(min_group_auc(values))
    assert np.isnan(auc_gap(values))
