"""Splits: a partition, clusters whole, strata even, the same next time, and files of other data refused."""

import json
from collections import Counter
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hf_fairtune.data.splits import SplitPlan, divide, stratified
from hf_fairtune.errors import FairTuneError

SHARES = [0.6, 0.2, 0.2]


class Rows(NamedTuple):
    """What `divide` takes of the rows."""

    keys: list[str]
    units: np.ndarray
    strata: np.ndarray
    given: list[str] | None = None


def rows_of(n: int, strata: int = 4, units: int | None = None, seed: int = 0) -> Rows:
    draw = np.random.default_rng(seed)
    names = [f"u{k}" for k in (draw.integers(0, units, n) if units else range(n))]
    return Rows([f"k{i}" for i in range(n)], np.array(names), draw.integers(0, strata, n))


@given(n=st.integers(1, 120), units=st.integers(1, 40), strata=st.integers(1, 6), seed=st.integers(0, 9))
def test_a_partition_with_whole_units(n: int, units: int, strata: int, seed: int) -> None:
    rows = rows_of(n, strata, units, seed)
    names = rows.units
    part = stratified(names, rows.strata, SHARES, seed)
    assert part.shape == (n,)
    assert set(part) <= {0, 1, 2}
    assert all(len(set(part[names == unit])) == 1 for unit in set(names))
    assert (part == stratified(names, rows.strata, SHARES, seed)).all()


@given(counts=st.lists(st.integers(3, 60), min_size=1, max_size=6), seed=st.integers(0, 9))
def test_single_rows_are_divided_to_the_row(counts: list[int], seed: int) -> None:
    """Each stratum is shared within one row (train: two), and one of three rows reaches every part."""
    strata = np.repeat(np.arange(len(counts)), counts)
    part = stratified(np.arange(len(strata)).astype(str), strata, SHARES, seed)
    for stratum, count in enumerate(counts):
        for index, share in enumerate(SHARES):
            got = np.sum((strata == stratum) & (part == index))
            assert got >= 1
            assert abs(got - share * count) <= (2 if index == 0 else 1)


def test_clusters_keep_the_mix() -> None:
    draw = np.random.default_rng(0)
    units = draw.integers(0, 800, 4000)
    strata = (units % 3 + 3 * (draw.random(4000) < 0.2)).astype(int)
    part = stratified(units.astype(str), strata, SHARES, 0)
    for stratum in range(6):
        for index, share in enumerate(SHARES):
            assert np.mean(part[strata == stratum] == index) == pytest.approx(share, abs=0.02)


def test_seeds_differ() -> None:
    rows = rows_of(60)
    first, second = (divide(*rows, SplitPlan(seed=seed))[0] for seed in (0, 1))
    assert (first != second).any()


def test_given_splits_stay() -> None:
    rows = rows_of(10)
    given_splits = ["train"] * 6 + ["validation"] * 2 + ["test"] * 2
    split, origin = divide(*rows._replace(given=given_splits), SplitPlan())
    assert (split.tolist(), origin) == (given_splits, "given")


def test_a_missing_split_is_made_out_of_train() -> None:
    rows = rows_of(100)
    given_splits = ["train"] * 80 + ["test"] * 20
    split, origin = divide(*rows._replace(given=given_splits), SplitPlan(validation=0.25))
    assert origin == "made"
    assert set(split[80:]) == {"test"}
    counts = Counter(split[:80])
    assert set(counts) == {"train", "validation"}
    assert counts["validation"] == pytest.approx(20, abs=4)


def test_the_file_is_read_back_whatever_the_seed_and_order(tmp_path: Path) -> None:
    rows, file = rows_of(60), tmp_path / "run" / "splits.json"
    first, _ = divide(*rows, SplitPlan(file=file))
    second, origin = divide(*rows, SplitPlan(seed=7, file=file))
    assert (first == second).all()
    assert origin == "made"
    turned = Rows(rows.keys[::-1], rows.units[::-1], rows.strata[::-1])
    assert (divide(*turned, SplitPlan(file=file))[0] == first[::-1]).all()


def test_a_file_of_other_data_is_refused(tmp_path: Path) -> None:
    rows, file = rows_of(60), tmp_path / "splits.json"
    divide(*rows, SplitPlan(file=file))
    with pytest.raises(FairTuneError, match="divides other data: 1 of 61 rows are new, 0 are gone"):
        divide(*rows_of(61), SplitPlan(file=file))
    with pytest.raises(FairTuneError, match="0 of 59 rows are new, 1 are gone"):
        divide(*rows_of(59), SplitPlan(file=file))
    with pytest.raises(FairTuneError, match="divides by 0.2 validation and 0.2 test, not 0.1 and 0.2"):
        divide(*rows, SplitPlan(validation=0.1, file=file))


def test_a_file_that_disagrees_with_given_splits_is_refused(tmp_path: Path) -> None:
    rows, file = rows_of(60), tmp_path / "splits.json"
    split, _ = divide(*rows, SplitPlan(file=file))
    given_splits = ["test" if name == "train" else "train" for name in split]
    with pytest.raises(FairTuneError, match="changed their given split"):
        divide(*rows._replace(given=given_splits), SplitPlan(file=file))


def test_a_damaged_file_is_refused(tmp_path: Path) -> None:
    rows, file = rows_of(60), tmp_path / "splits.json"
    divide(*rows, SplitPlan(file=file))
    content = json.loads(file.read_text())
    content["splits"]["train"].append(content["splits"]["test"].pop())
    file.write_text(json.dumps(content))
    with pytest.raises(FairTuneError, match="changed by hand"):
        divide(*rows, SplitPlan(file=file))
    for text in ("{", "[]", "{}"):
        file.write_text(text)
        with pytest.raises(FairTuneError, match="is no split file"):
            divide(*rows, SplitPlan(file=file))


@pytest.mark.parametrize(("validation", "test"), [(0, 0.2), (0.2, 0), (0.5, 0.5), (-0.1, 0.2), (0.2, float("nan"))])
def test_fractions_that_leave_nothing_are_refused(validation: float, test: float) -> None:
    with pytest.raises(FairTuneError, match="leave no rows for one split"):
        SplitPlan(validation, test)
