import numpy as np

from hf_fairtune.intervals.relabelling import relabelling

LABELS = np.array([0, 1, 1, 0, 0, 1, 1, 0, 1, 1, 0, 0])
CLUSTERS = np.array([0, 0, 0, 1, 2, 1, 1, 3, 2, 2, 4, 5])
GROUPS = np.array([0, 0, 0, 1, 2, 1, 1, 0, 2, 3, 1, 2])


def dealt(clusters: np.ndarray | None, times: int = 2000) -> np.ndarray:
    """Groups by dealing and row, [times, n]."""
    low, high = relabelling(LABELS, GROUPS, clusters).draw(np.random.default_rng(0), times)
    found = np.empty((times, len(LABELS)), dtype=int)
    found[:, LABELS == 0], found[:, LABELS == 1] = low, high
    return found


def test_rows_trade_within_their_label() -> None:
    for row in dealt(None, 50):
        for label in (0, 1):
            assert sorted(row[label == LABELS]) == sorted(GROUPS[label == LABELS])
    assert len(np.unique(dealt(None), axis=0)) > 500


def test_clusters_trade_with_those_of_the_same_composition() -> None:
    """Clusters 0 to 2 have one negative and two positives, 3 to 5 one negative: 3! ways each, and 2 within one."""
    found = dealt(CLUSTERS)
    ways = {(0, 0, 0), (1, 1, 1), (2, 2, 3), (2, 3, 2)}
    for row in found[:100]:
        assert {tuple(row[c == CLUSTERS]) for c in (0, 1, 2)} <= ways
        assert sorted(row[CLUSTERS >= 3]) == [0, 1, 2]
    seen, counts = np.unique(found, axis=0, return_counts=True)
    assert len(seen) == 6 * 6 * 2
    assert counts.min() > 2000 / 72 / 3


def test_a_cluster_of_its_own_kind_keeps_its_groups() -> None:
    joined = np.where(CLUSTERS == 5, 4, CLUSTERS)
    assert relabelling(LABELS, GROUPS, joined).movable == 11
    assert relabelling(LABELS, np.where(joined == 4, 1, GROUPS), joined).movable == 9
    assert relabelling(LABELS, np.zeros_like(GROUPS), CLUSTERS).movable == 0
