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


@pytest.mark.parametrize(("positives", "withheld"), [(4, True), (9, True), (10, False)])
@pytest.mark.parametrize("rows_each", [1, 3])
def test_the_auc_of_all_rows_has_the_guard_of_a_group(positives: int, withheld: bool, rows_each: int) -> None:
    """Counted in rows, or in patients of three rows each."""
    labels, scores, groups = split((positives, 0), (20, 20))
    clusters = None if rows_each == 1 else np.repeat(np.arange(len(labels)), rows_each)
    labels, scores, groups = (np.repeat(column, rows_each) for column in (labels, scores, groups))
    found = audit(labels, scores, groups, "ab", clusters=clusters, n_boot=50).auc
    assert np.isfinite(found.value)
    assert np.isnan([found.low, found.high]).tolist() == [withheld] * 2
    unit = "" if clusters is None else "clusters with "
    assert found.reason == (f"{positives} {unit}positives, fewer than 10" if withheld else None)
