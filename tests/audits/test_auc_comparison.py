import numpy as np
import pytest

from hf_fairtune.audits.comparison import compare

from ..metrics.samples import NAMES
from .test_comparison import QUICK, two_models


@pytest.mark.parametrize("clustered", [False, True])
def test_the_change_of_all_rows_has_the_guard_of_a_group(clustered: bool) -> None:
    """Three patients of thirty positives are three cases."""
    labels, scores, reference, groups = two_models(positives=(4, 5, 0))
    clusters = None
    if clustered:
        labels, scores, reference, groups = two_models(positives=(30, 0, 0))
        clusters = np.where(labels == 1, np.arange(len(labels)) % 3, np.arange(len(labels)))
    found = compare(labels, scores, reference, groups, NAMES, clusters=clusters, **QUICK)
    few = "3 clusters with positives" if clustered else "9 positives"
    assert np.isfinite(found.auc.value)
    assert np.isnan([found.auc.low, found.auc.high, found.p]).all()
    assert found.auc.reason == f"no interval: {few}, fewer than 10"
