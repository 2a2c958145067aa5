"""What a reader recovers of small sizes: an attacker with an integer program, and one who tries every table."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product

import numpy as np
import pytest
from scipy.optimize import Bounds, LinearConstraint, milp

from hf_fairtune.data.attributes import AND
from hf_fairtune.disclosure import rounded
from hf_fairtune.document.data import AttributeSheet, Level, SplitSheet
from hf_fairtune.publish import EDGES, publish
from hf_fairtune.recovery import Sizes, withheld

from .document_samples import Cells, document, partitions, random_cells, sheet

# Rows, positives and negatives as sums of positives and negatives.
KINDS = {"rows": (1, 1), "positives": (1, 0), "negatives": (0, 1)}
Known = tuple[str, str, str, int]


def cells_of(seed: int) -> Cells:
    """Draw two crossed attributes with small cells, or only few positives, or one attribute."""
    rng = np.random.default_rng(seed)
    if seed % 4 == 1:
        return {(a, b): (int(p), max(int(n), 1)) for a, b in product("FM", "xyz") for p, n in [rng.integers(0, 9, 2)]}
    if seed % 4 == 2:
        return {(a, b): (int(rng.integers(0, 9)), int(rng.integers(20, 300))) for a, b in product("FM", "xy")}
    return random_cells(rng, 2, 3) if seed % 4 == 0 else random_cells(rng, 1, 4)


def span(shown: int | str | None, size: int, is_case: bool) -> tuple[float, float]:
    """Return the least and largest size that is shown so; of cases a status tells 10 and 20, a curve 50, too."""
    low, high = (0.0, np.inf) if shown is None else (1, 7) if shown == "<8" else (0, 0)
    if isinstance(shown, int) and shown > 0:
        alike = [n for n in range(shown - 9, shown + 9) if rounded(n) == shown]
        low, high = alike[0], alike[-1]
    for edge in (10, 20, 50) if is_case else ():
        low, high = (max(low, edge), high) if size >= edge else (low, min(high, edge - 1))
    return low, high


def levels(exact: SplitSheet, shown: SplitSheet) -> Iterator[tuple[str, str, Level | SplitSheet, Level | SplitSheet]]:
    """Yield attribute, group, and what is exact and shown of it."""
    yield "", "all", exact, shown
    for old, new in zip(exact.attributes, shown.attributes, strict=True):
        yield from ((old.name, one.group, one, two) for one, two in zip(old.levels, new.levels, strict=True))


def recovered(cells: Cells, exact: SplitSheet, shown: SplitSheet) -> list[Known]:
    """Find the least and largest value of every small size, given all that is shown at once; list those with one."""
    keys, matrix, low, high, small = list(cells), [], [], [], []
    names = [part.name for part in exact.attributes if part.kind != "intersection"]
    for attribute, group, old, new in levels(exact, shown):
        where = names.index(attribute) if attribute in names else None
        inside = [group in ("all", AND.join(key)) if where is None else key[where] == group for key in keys]
        positives, seen = int(old.positives["y"]), new.positives["y"]
        counts = {"rows": (old.n, new.n), "positives": (positives, seen), "negatives": (int(old.n) - positives, None)}
        if new.n is not None:
            counts["negatives"] = (int(old.n) - positives, rounded(int(old.n) - positives))
        for kind, (size, text) in counts.items():
            matrix.append(np.kron(inside, KINDS[kind]))
            bounds = span(text, int(size), kind != "rows")
            low, high = [*low, bounds[0]], [*high, bounds[1]]
            small += [(len(low) - 1, (attribute, group, kind, int(size)))] if 1 <= int(size) <= 7 else []
    within, found = LinearConstraint(np.array(matrix), low, high), []
    for place, known in small:
        ends = []
        for sign in (1, -1):
            aim = sign * matrix[place]
            solved = milp(aim, constraints=within, integrality=np.ones_like(aim), bounds=Bounds(0, 2000))
            assert solved.status == 0, solved.message
            ends.append(round(sign * solved.fun))
        assert ends[0] <= known[3] <= ends[1]
        found += [known] if ends[0] == ends[1] else []
    return found


@pytest.mark.parametrize("seed", [8, 26, 29, 78, 86, 142, 154, 189, 247, 272, 295, 312, 325, 344])
def test_no_small_size_follows_from_all_sums_together(seed: int) -> None:
    """Each of these splits gives one away if nothing more is withheld than by rounding."""
    cells = cells_of(seed)
    exact, groups = document(cells), partitions(cells)
    before = exact.data.splits["all"]
    plain = sheet(groups, (int(before.positives["y"]), int(before.n) - int(before.positives["y"])))
    for level in (plain, *(level for part in plain.attributes for level in part.levels)):
        object.__setattr__(level, "positives", {"y": rounded(level.positives["y"])})
        object.__setattr__(level, "n", rounded(level.n))
    assert recovered(cells, before, plain)
    assert not recovered(cells, before, publish(exact).data.splits["all"])


def enumerated(counts: list[tuple[int, int]], hidden: bool) -> bool:
    """Try every table of two groups, and tell whether a small size is the same in all that would be shown alike."""
    truth = np.array(counts)
    sizes = np.stack(np.meshgrid(*[np.arange(max(0, n - 16), n + 17) for n in truth.ravel()], indexing="ij"), axis=-1)
    tables = sizes.reshape(-1, 2, 2)

    def listed(tables: np.ndarray) -> np.ndarray:
        """List rows, positives and negatives of both groups and of all, [..., 9]."""
        whole = np.concatenate([tables, tables.sum(axis=-2, keepdims=True)], axis=-2)
        return np.concatenate([whole.sum(axis=-1, keepdims=True), whole], axis=-1).reshape(*tables.shape[:-2], 9)

    own, others = listed(truth), listed(tables)
    alike = np.ones(len(others), dtype=bool)
    for place, size in enumerate(own):
        low, high = span(None if hidden and place < 6 else rounded(int(size)), int(size), place % 3 > 0)
        alike &= (others[:, place] >= low) & (others[:, place] <= high)
    small = (own >= 1) & (own <= 7)
    return bool((others[alike][:, small] == own[small]).all(axis=0).any())


@pytest.mark.parametrize("seed", [29, 30, 36, 47, *range(6)])
@pytest.mark.parametrize("hidden", [False, True])
def test_recovered_is_what_all_tables_agree_on(seed: int, hidden: bool) -> None:
    rng = np.random.default_rng(seed)
    drawn = rng.choice([1, 2, 6, 7, 8, 9, 10, 12, 13], size=(2, 2)).tolist()
    counts = [(first, second) for first, second in drawn]
    sizes = Sizes.of(
        sheet(
            {"sex": dict(zip("FM", counts, strict=True))}, (counts[0][0] + counts[1][0], counts[0][1] + counts[1][1])
        ),
        "binary",
        EDGES,
    )
    assert sizes.recovered({"sex"} if hidden else set()) == enumerated(counts, hidden) == (seed > 6 and not hidden)


def test_classes_that_exclude_each_other_add_up_to_the_rows() -> None:
    """Of 28 rows, shown as 30 and so 28 or more, four classes below 8 have 7 each."""
    few, many = dict.fromkeys("abcd", 7), dict.fromkeys("abcd", 100)
    part = AttributeSheet("sex", ["sex"], "levels", [], 0, [Level("F", 28, False, few), Level("M", 400, False, many)])
    whole = SplitSheet(428, "0", None, dict.fromkeys("abcd", 107), [part])
    assert withheld(whole, "multilabel", EDGES) == set()
    assert withheld(whole, "multiclass", EDGES) == {"sex"}


def test_one_attribute_goes_where_one_is_enough() -> None:
    """M has 3 and 3 positives of 17 in all: without the sizes of M and F nothing follows from the others."""
    sizes = Sizes.of(document(cells_of(26)).data.splits["all"], "binary", EDGES)
    alone = {name: not sizes.recovered({name}) for name in ("sex", "age", "sex & age")}
    assert alone == {"sex": True, "age": False, "sex & age": False}
    assert withheld(document(cells_of(26)).data.splits["all"], "binary", EDGES) == {"sex"}


def test_rows_without_a_value_are_shown_as_a_sum_too() -> None:
    """Four groups that lack one value or another have 7 rows each, shown as 30 together."""
    joint = {
        "F & missing": (3, 4),
        "M & missing": (3, 4),
        "missing & x": (3, 4),
        "missing & y": (3, 4),
        "F & x": (90, 90),
    }
    whole = sheet({"sex & age": joint}, (102, 106))
    assert whole.attributes[0].missing == 28
    assert Sizes.of(whole, "binary", EDGES).recovered(set())
    object.__setattr__(whole.attributes[0], "missing", 0)
    for level in whole.attributes[0].levels:
        object.__setattr__(level, "missing", False)
    assert not Sizes.of(whole, "binary", EDGES).recovered(set())
