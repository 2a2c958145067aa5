"""Attributes and their intersection, against the loop over rows that they stand for."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hf_fairtune.data.attributes import read_attributes
from hf_fairtune.data.groups import assign_groups
from hf_fairtune.data.levels import as_levels
from hf_fairtune.errors import FairTuneError

CELLS = st.one_of(
    st.none(), st.booleans(), st.integers(-3, 3), st.floats(width=32), st.sampled_from(["", " a", "1", "1.0"])
)


def level(value: object) -> str | None:
    """What a cell says, one at a time."""
    if value is None or value != value:
        return None
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value).strip() or None


@given(st.lists(CELLS, min_size=1, max_size=30), st.sampled_from([None, "float64", "float32", "category", "string"]))
def test_levels_are_those_of_every_cell(cells: list[object], kind: str | None) -> None:
    column = pd.Series(cells, dtype=object)
    if kind in ("float64", "float32"):
        column = column[[isinstance(cell, float) for cell in cells]].astype(kind)
    elif kind == "category":
        column = column[[isinstance(cell, str) for cell in cells]].astype(kind)
    elif kind == "string":
        column = column.map(lambda cell: cell if cell is None else str(cell)).astype(kind)
    assert as_levels(column).tolist() == [level(None if pd.isna(cell) else cell) for cell in column]


def test_intersection_of_many_attributes() -> None:
    """Each row is in the cell of its levels, and cells come in the order of the cross table."""
    draw = np.random.default_rng(0)
    frame = pd.DataFrame(draw.integers(0, 2, (500, 5)), columns=list("abcde"))
    *single, whole = read_attributes(frame, list("abcde"))
    told = [" & ".join(map(str, row)) for row in frame.to_numpy()]
    assert [whole.names[i] for i in whole.values] == told
    assert whole.names == sorted(set(told))
    assert whole.name == "a & b & c & d & e"
    assert whole.columns == list("abcde")
    groups = assign_groups(frame, list("abcde"))
    assert groups.names == whole.names
    np.testing.assert_array_equal(groups.values, whole.values)
    assert [part.name for part in single] == list("abcde")


def test_more_cells_than_integers() -> None:
    """The whole cross table of 16 attributes with 20 levels has 6.6e20 cells; the rows are in 20."""
    frame = pd.DataFrame({f"a{k}": np.arange(100) % 20 for k in range(16)})
    assert len(read_attributes(frame, list(frame.columns))[-1].names) == 20


def test_too_many_groups() -> None:
    frame = pd.DataFrame({"a": np.arange(400) % 20, "b": np.arange(400) // 20})
    with pytest.raises(FairTuneError, match="`a & b` has 400 groups, more than 200; .* or pass --no_intersections"):
        read_attributes(frame, ["a", "b"])
    assert [part.name for part in read_attributes(frame, ["a", "b"], intersections=False)] == ["a", "b"]


def test_groups_that_would_be_called_the_same() -> None:
    frame = pd.DataFrame({"a": ["x & y", "x", "x"], "b": ["z", "y & z", "z"]})
    with pytest.raises(FairTuneError, match="Two groups of `a & b` are called 'x & y & z'"):
        read_attributes(frame, ["a", "b"])


def test_cuts_that_differ_by_little_have_names_of_their_own() -> None:
    frame = pd.DataFrame({"age": [60.0, 60.00000015, 61.0, 1234567.5]})
    found = read_attributes(frame, ["age:60.0000001,60.0000002,1234567"])[0]
    assert found.names == ["<=60.0000001", "(60.0000001,60.0000002]", "(60.0000002,1234567]", ">1234567"]
    assert found.values.tolist() == [0, 1, 2, 3]
    assert found.cuts == [60.0000001, 60.0000002, 1234567.0]


def test_a_level_takes_its_intersections_with_it() -> None:
    frame = pd.DataFrame({"sex": list("FMFM"), "skin": ["I", "I", "VI", "VI"]})
    sex, skin, both = read_attributes(frame, ["sex", "skin"])
    assert [part.within(["VI"]) for part in (sex, skin, both)] == [[], ["VI"], ["F & VI", "M & VI"]]
    assert [part.within(["F & VI"]) for part in (sex, skin, both)] == [[], [], ["F & VI"]]
    assert both.take(np.array([2, 3])).within(["F"]) == ["F & VI"]
