"""No size of 1 to 7 is shown, nor does it follow from sizes that are: other tables would be shown the same."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest

from hf_fairtune.document.data import SplitSheet
from hf_fairtune.document.document import Document
from hf_fairtune.document.estimate import SMALL, Size
from hf_fairtune.publish import publish
from hf_fairtune.sizes import recoverable, rounded

from .document_samples import NAMES, Cells, document, random_cells, sheet

# Attribute, group and class ("n" for rows) -> the lowest and the highest size that a reader can think of.
Ranges = dict[tuple[str | None, str, str], tuple[int, int]]


def test_rounding() -> None:
    shown = [rounded(count) for count in (0, 1, 7, 8, 12, 13, 17, 18, 1000, 1003)]
    assert shown == [0, SMALL, SMALL, 10, 10, 15, 15, 20, 1000, 1005]
    assert rounded(None) is None
    assert rounded(SMALL) == SMALL


def span(size: Size, truth: int, least: int, most: int) -> tuple[int, int]:
    """Give the sizes that are shown so; of a hidden one a few around the true one, which are but some of them."""
    near = range(max(truth - 3, 0), truth + 4) if size is None else range(least, min(most, 3000) + 1)
    fitting = [n for n in near if least <= n <= most and (size is None or rounded(n) == size)]
    return fitting[0], fitting[-1]


def known(exact: Document, shared: Document) -> Ranges:
    """Gather what an audit tells of the size of every group and of all rows: sizes, and which rates are withheld."""
    found: Ranges = {}
    for before, entry in zip(exact.audits, shared.audits, strict=True):
        cut = entry.audit.thresholds[0]
        rows = [("", before.audit, entry.audit, cut.overall)]
        if entry.attribute is not None:
            groups = zip(before.audit.groups, entry.audit.groups, cut.groups, strict=True)
            rows = [(new.group, old, new, decided) for old, new, decided in groups]  # type: ignore[misc]
        for group, old, new, decided in rows:
            for kind, name, rate in (("n", "n", None), ("p", "positives", "tpr"), ("q", "negatives", "fpr")):
                least, most = (0, 10**6) if rate is None else (10, 10**6) if decided.rates[rate].defined else (0, 9)
                found[entry.attribute, group, kind] = span(getattr(new, name), getattr(old, name), least, most)
    return found


def tables(ranges: Ranges, cells: Cells) -> np.ndarray:
    """List the tables of whole numbers that agree with the ranges: positives and negatives by cell, [n, cells, 2]."""
    width = len(next(iter(cells)))
    joint = " & ".join(NAMES[:width]) if width > 1 else NAMES[0]
    found = np.zeros((1, 0, 2), dtype=np.int16)
    for cell in cells:
        (low, high), (first, last), rows = (ranges[joint, " & ".join(cell), kind] for kind in "pqn")
        pairs = np.array(list(product(range(low, high + 1), range(first, last + 1))), dtype=np.int16)
        pairs = pairs[(pairs.sum(axis=1) >= rows[0]) & (pairs.sum(axis=1) <= rows[1])]
        old, new = np.repeat(found, len(pairs), axis=0), np.tile(pairs, (len(found), 1))
        found = np.concatenate([old, new[:, None]], axis=1)
    return found[fits(found, list(cells), ranges)]


def fits(found: np.ndarray, cells: list[tuple[str, ...]], ranges: Ranges) -> np.ndarray:
    """Tell which tables have sums inside the ranges."""
    kept = np.ones(len(found), dtype=bool)
    for (attribute, group, kind), (low, high) in ranges.items():
        if attribute is None or " & " not in attribute:
            inside = [i for i, cell in enumerate(cells) if not attribute or cell[NAMES.index(attribute)] == group]
            sums = found[:, inside][:, :, {"n": [0, 1], "p": [0], "q": [1]}[kind]].sum(axis=(1, 2))
            kept &= (sums <= high) & (sums >= low)
    return kept


def attack(cells: Cells) -> None:
    """Try every table: all sizes of 1 to 7 must be able to be another."""
    exact = document(cells)
    possible = tables(known(exact, publish(exact)), cells)
    truth = np.array(list(cells.values()))
    assert (possible == truth).all(axis=(1, 2)).any()
    width = truth.shape[0]
    masks = {f"cell {i}": [i] for i in range(width)}
    for place, name in enumerate(NAMES[: len(next(iter(cells)))]):
        for group in dict.fromkeys(cell[place] for cell in cells):
            masks[f"{name} {group}"] = [i for i, cell in enumerate(cells) if cell[place] == group]
    masks["all"] = list(range(width))
    for name, inside in masks.items():
        for sides in ([0], [1], [0, 1]):
            size = truth[inside][:, sides].sum()
            if 1 <= size <= 7:
                assert len(np.unique(possible[:, inside][:, :, sides].sum(axis=(1, 2)))) > 1, (name, sides)


PINNED: list[Cells] = [
    {("a",): (8, 100), ("b",): (8, 100), ("c",): (1, 100)},
    {("a",): (12, 100), ("b",): (12, 100), ("c",): (12, 100), ("d",): (7, 100)},
    {("a",): (13, 8), ("b",): (1, 1)},
]


@pytest.mark.parametrize("cells", PINNED)
def test_a_size_that_would_follow_hides_the_sizes_of_its_attribute(cells: Cells) -> None:
    attack(cells)
    shared = publish(document(cells))
    assert {level.positives["y"] for level in shared.data.splits["all"].attributes[0].levels} == {None}
    assert {row.n for row in shared.audits[1].audit.groups} == {None}
    assert shared.data.splits["all"].n is not None


def test_random_tables() -> None:
    rng = np.random.default_rng(0)
    hidden = small = 0
    for _ in range(40):
        width = int(rng.integers(1, 3))
        cells = random_cells(rng, width, most=2 if width > 1 else 3)
        gone = recoverable(document(cells).data.splits["all"])
        attack(cells)
        hidden, small = hidden + bool(gone), small + any(0 < n < 8 for both in cells.values() for n in both)
    assert 0 < hidden < small / 2


def every(part: SplitSheet) -> list[Size]:
    """List all sizes of a split."""
    parts = [size for one in part.attributes for level in one.levels for size in (level.n, level.positives["y"])]
    return [part.n, part.positives["y"], *(one.missing for one in part.attributes), *parts]


def test_no_small_size_is_shown_anywhere() -> None:
    rng = np.random.default_rng(1)
    for _ in range(10):
        shared = publish(document(random_cells(rng, 3)))
        rows = [row for entry in shared.audits for row in (entry.audit, *entry.audit.groups)]
        sizes = every(shared.data.splits["all"]) + [
            size for row in rows for size in (row.n, row.positives, row.negatives)
        ]
        assert {size for size in sizes if isinstance(size, int)} <= {0, *range(10, 3000, 5)}


def test_classes_that_exclude_each_other_add_up() -> None:
    """8 + 8 + 1 rows of three classes: 15 rows, twice 10 positives and "<8"."""
    exact = sheet({"sex": {"a": (8, 9)}}, (8, 9))
    for positives in (exact.positives, exact.attributes[0].levels[0].positives):
        positives |= {"second": 8, "third": 1}
    assert recoverable(exact) == {None, "sex"}


def test_names_with_two_readings_are_no_sums() -> None:
    cells: Cells = {("a & b", "c"): (3, 20), ("a", "b & c"): (4, 9), ("a", "c"): (30, 40)}
    exact = document(cells).data.splits["all"]
    assert recoverable(exact) <= {"sex", "age", "sex & age", None}


def test_many_targets_and_cells_take_little_time() -> None:
    rng = np.random.default_rng(2)
    cells = {
        (f"a{i}", f"b{j}"): (int(rng.integers(1, 60)), int(rng.integers(1, 60))) for i in range(8) for j in range(6)
    }
    exact = document(cells).data.splits["all"]
    assert isinstance(recoverable(exact), set)
