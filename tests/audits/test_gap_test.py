import numpy as np
import pytest

from hf_fairtune.audits.evidence import Evidence
from hf_fairtune.audits.gap_test import audit_gap_test
from hf_fairtune.intervals.gap_null import gap_null

from ..metrics.samples import rows, split


def evidence(included: tuple[int, ...] = (0, 1, 2), clusters: np.ndarray | None = None, **kwargs: object) -> Evidence:
    """The parts of an audit without a bootstrap."""
    return Evidence(rows(clusters, **kwargs), included, None, 0.95)


def test_the_test_is_made_on_the_included_groups() -> None:
    labels, scores, groups = split()
    assert audit_gap_test(evidence(), 300, 5) == gap_null(labels, scores, groups, permutations=300, seed=5)
    kept = groups != 1
    found = audit_gap_test(evidence((0, 2)), 300, 5)
    assert found == gap_null(labels[kept], scores[kept], groups[kept], permutations=300, seed=5)


def test_clusters_move_whole() -> None:
    given = evidence(clusters=np.arange(232) // 2)
    own = given.rows
    assert audit_gap_test(given, 200) == gap_null(own.labels, own.scores, own.groups, own.clusters, 200)
    assert audit_gap_test(given, 200) != audit_gap_test(evidence(), 200)


@pytest.mark.parametrize(
    ("given", "permutations", "reason"),
    [
        (evidence((1,)), 100, "no permutation: 1 group takes part, too few"),
        (evidence(positives=(30, 25, 0)), 100, "no permutation: a group lacks a class"),
        (evidence(), 0, "no permutation: 0 asked for"),
    ],
)
def test_without_a_gap_there_is_no_null_but_a_reason(given: Evidence, permutations: int, reason: str) -> None:
    found = audit_gap_test(given, permutations)
    assert np.isnan([found.mean, found.high, found.p]).all()
    assert (found.permutations, found.reason) == (0, reason)
