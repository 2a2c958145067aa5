import numpy as np
import pytest

from hf_fairtune.audits.audit import Audit, audit

from ..metrics.samples import NAMES, split


def shares(found: Audit) -> list[float]:
    return [row.worst_share for row in found.groups]


def test_worst_share_is_a_count_over_resamples() -> None:
    labels, scores, groups = split()
    found = audit(labels, scores, groups, NAMES, n_boot=200)
    assert sum(shares(found)) == pytest.approx(1)
    assert [row.auc_method for row in found.groups] == ["logit-DeLong"] * 3
    again = audit(labels, np.where(groups == 1, labels, scores), groups, NAMES, n_boot=200)
    assert shares(again)[1] == 0
    assert again.groups[1].auc_method == "Newcombe score"


def test_worst_share_needs_a_bootstrap_and_somebody_to_compare_with() -> None:
    labels, scores, groups = split()
    excluded = audit(labels, scores, groups, NAMES, n_boot=50, exclude=["a"])
    assert np.isnan(shares(excluded)).tolist() == [True, False, False]
    for options in ({"n_boot": 0}, {"n_boot": 50, "exclude": ["a", "b"]}):
        assert np.isnan(shares(audit(labels, scores, groups, NAMES, **options))).all()
