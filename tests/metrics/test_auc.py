import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from sklearn.metrics import roc_auc_score

from hf_fairtune.metrics.auc import auc, group_aucs

from .samples import slow_auc, split, tied_splits

Split = tuple[np.ndarray, np.ndarray, np.ndarray]


@settings(max_examples=60, deadline=None)
@given(tied_splits())
def test_auc_counts_pairs(drawn: Split) -> None:
    labels, scores, groups = drawn
    assert auc(labels, scores) == pytest.approx(slow_auc(labels, scores), nan_ok=True)
    expected = [slow_auc(labels[groups == g], scores[groups == g]) for g in range(3)]
    np.testing.assert_allclose(group_aucs(labels, scores, groups, 3), expected, rtol=1e-12)


def test_auc_is_sklearns() -> None:
    labels, scores, _ = split()
    assert auc(labels, scores) == pytest.approx(roc_auc_score(labels, scores), abs=1e-14)


@pytest.mark.parametrize("label", [0, 1])
def test_one_class_is_nan_without_a_warning(label: int) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert np.isnan(auc(np.full(4, label), np.arange(4.0)))
        assert np.isnan(group_aucs(np.array([0, 1]), np.array([0.0, 1.0]), np.array([0, 0]), 2)[1])


def test_auc_is_unmoved_by_a_monotone_map_and_mirrored_by_negation() -> None:
    labels, scores, _ = split()
    assert auc(labels, np.exp(3 * scores)) == auc(labels, scores)
    assert auc(labels, -scores) == pytest.approx(1 - auc(labels, scores), abs=1e-14)


def test_batch_means_are_another_number() -> None:
    """The published FairTune code averages over batches; the pooled AUC is not that."""
    labels, scores, _ = split(seed=3)
    batches = [auc(labels[i : i + 16], scores[i : i + 16]) for i in range(0, len(labels), 16)]
    assert abs(np.nanmean(batches) - auc(labels, scores)) > 1e-3
