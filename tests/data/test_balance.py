"""The external set: equal groups within each label, nested by fraction, one seed one set."""

from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hf_fairtune.data.balance import balanced_rows, stratified_rows
from hf_fairtune.errors import FairTuneError

CELLS = st.lists(st.tuples(st.integers(1, 12), st.integers(1, 12)), min_size=2, max_size=4)


def rows_of(cells: list[tuple[int, int]], seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Build shuffled labels and groups with these numbers of negatives and positives by group."""
    pairs = [(y, g) for g, counts in enumerate(cells) for y, n in enumerate(counts) for _ in range(n)]
    labels, groups = np.array(pairs)[np.random.default_rng(seed).permutation(len(pairs))].T
    return labels, groups


def counted(rows: np.ndarray, labels: np.ndarray, groups: np.ndarray) -> Counter[tuple[int, int]]:
    return Counter((int(groups[row]), int(labels[row])) for row in rows)


@given(CELLS, st.integers(0, 5), st.floats(0.01, 1))
def test_every_group_gives_what_the_rarest_has(cells: list[tuple[int, int]], seed: int, fraction: float) -> None:
    labels, groups = rows_of(cells)
    rows = balanced_rows(labels, groups, seed=seed, fraction=fraction)
    assert len(set(rows)) == len(rows)
    assert rows.tolist() == sorted(rows)
    expected = {}
    for label in (0, 1):
        rarest = min(counts[label] for counts in cells)
        for group in range(len(cells)):
            expected[group, label] = max(1, round(fraction * rarest))
    assert counted(rows, labels, groups) == expected


@given(CELLS, st.integers(0, 5))
def test_published_rule_keeps_the_smallest_group_whole(cells: list[tuple[int, int]], seed: int) -> None:
    labels, groups = rows_of(cells)
    rows = balanced_rows(labels, groups, seed=seed, replacement=True)
    sizes = [sum(counts) for counts in cells]
    smallest = sizes.index(min(sizes))
    assert rows[groups[rows] == smallest].tolist() == np.flatnonzero(groups == smallest).tolist()
    assert counted(rows, labels, groups) == {(g, y): cells[smallest][y] for g in range(len(cells)) for y in (0, 1)}


@given(CELLS, st.booleans(), st.floats(0.01, 1), st.floats(0.01, 1))
def test_a_smaller_fraction_is_nested(cells: list[tuple[int, int]], replacement: bool, one: float, two: float) -> None:
    labels, groups = rows_of(cells)
    small, large = (
        Counter(balanced_rows(labels, groups, seed=3, fraction=fraction, replacement=replacement).tolist())
        for fraction in sorted((one, two))
    )
    assert small <= large


def test_replacement_draws_some_rows_again() -> None:
    labels, groups = rows_of([(20, 20), (30, 30)])
    rows = balanced_rows(labels, groups, replacement=True)
    drawn = rows[groups[rows] == 1]
    assert len(set(drawn)) < len(drawn) == 40


def test_every_row_of_a_cell_is_drawn_alike() -> None:
    """Over many seeds each of ten rows is chosen as often as the five draws say."""
    labels, groups = rows_of([(5, 5), (10, 5)])
    for replacement, expected in ((False, 0.5), (True, 1 - 0.9**5)):
        times: Counter[int] = Counter()
        for seed in range(400):
            times.update(set(balanced_rows(labels, groups, seed=seed, replacement=replacement).tolist()))
        shares = [times[row] / 400 for row in np.flatnonzero((groups == 1) & (labels == 0))]
        assert shares == pytest.approx([expected] * 10, abs=0.12)


def test_one_seed_one_set() -> None:
    labels, groups = rows_of([(20, 10), (40, 30)])
    first = balanced_rows(labels, groups, seed=1)
    assert (balanced_rows(labels, groups, seed=1) == first).all()
    assert (balanced_rows(labels, groups, seed=2) != first).any()


@pytest.mark.parametrize(
    ("fraction", "line"),
    [
        (0.0, "fraction of the external set is 0; give a share above 0, at most 1"),
        (1.5, "fraction of the external set is 1.5"),
        (float("nan"), "fraction of the external set is nan"),
    ],
)
def test_refuses(fraction: float, line: str) -> None:
    labels, groups = rows_of([(3, 4), (2, 1)])
    with pytest.raises(FairTuneError, match=line) as refusal:
        balanced_rows(labels, groups, fraction=fraction)
    assert "\n" not in str(refusal.value)


@given(CELLS, st.integers(0, 5), st.floats(0.01, 1))
def test_a_share_of_every_cell(cells: list[tuple[int, int]], seed: int, fraction: float) -> None:
    labels, groups = rows_of(cells)
    rows = stratified_rows(labels, groups, seed=seed, fraction=fraction)
    due = {(g, y): max(1, round(fraction * n)) for g, counts in enumerate(cells) for y, n in enumerate(counts)}
    assert counted(rows, labels, groups) == due
    assert rows.tolist() == sorted(set(rows.tolist()))
    # Those of a smaller share are among them; of all rows each is there once.
    assert {*stratified_rows(labels, groups, seed=seed, fraction=fraction / 2)} <= {*rows}
    assert stratified_rows(labels, groups, seed=seed, fraction=1).tolist() == list(range(len(labels)))


def test_a_share_is_drawn_by_the_seed_and_refused_outside_of_its_range() -> None:
    labels, groups = rows_of([(50, 50), (50, 50)])
    some = [stratified_rows(labels, groups, seed=seed, fraction=0.2).tolist() for seed in (0, 0, 1)]
    assert some[0] == some[1] != some[2]
    # A group of one class has one cell.
    assert len(stratified_rows(np.zeros(10, int), np.zeros(10, int), fraction=0.2)) == 2
    for fraction in (0, 1.1, float("nan")):
        with pytest.raises(FairTuneError, match="give a share above 0, at most 1"):
            stratified_rows(labels, groups, fraction=fraction)
