"""Group specs: values, cuts, missing cells, intersections, and what they refuse."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hf_fairtune.data.groups import GroupSpec, assign_groups
from hf_fairtune.errors import FairTuneError

FRAME = pd.DataFrame(
    {
        "sex": ["F", "M", None, "F", "M", ""],
        "age": [40, 60, 61, np.nan, 41, 90],
        "skin": [1.0, 2.0, np.nan, 10.0, 2.0, 1.0],
        "site": ["x"] * 6,
        "a:b": ["u", "v", "u", "v", "u", "v"],
        "text": ["30", "90+", "40", "50", "60", "70"],
        "id": range(6),
    }
)


def names_of(*specs: str) -> list[str]:
    groups = assign_groups(FRAME, specs)
    return [groups.names[i] for i in groups.values]


def test_values_and_missing() -> None:
    assert names_of("sex") == ["F", "M", "missing", "F", "M", "missing"]
    assert assign_groups(FRAME, ["sex"]).names == ["F", "M", "missing"]


def test_numbers_sort_as_numbers() -> None:
    assert assign_groups(FRAME, ["skin"]).names == ["1", "2", "10", "missing"]


def test_a_cut_belongs_to_the_lower_bin() -> None:
    assert names_of("age:60") == ["<=60", "<=60", ">60", "missing", "<=60", ">60"]


def test_three_bins() -> None:
    assert names_of("age:40,60") == ["<=40", "(40,60]", ">60", "missing", "(40,60]", ">60"]
    assert assign_groups(FRAME, ["age:40,60"]).names == ["<=40", "(40,60]", ">60", "missing"]


def test_a_column_may_have_a_colon() -> None:
    assert names_of("a:b") == ["u", "v", "u", "v", "u", "v"]


def test_intersections_that_occur() -> None:
    assert names_of("sex", "age:60")[:3] == ["F & <=60", "M & <=60", "missing & >60"]
    assert assign_groups(FRAME, ["sex", "age:60"]).names == ["F & <=60", "F & missing", "M & <=60", "missing & >60"]


@given(
    ages=st.lists(st.one_of(st.none(), st.integers(0, 100)), min_size=4, max_size=40),
    cuts=st.lists(st.integers(1, 99), min_size=1, max_size=3, unique=True).map(sorted),
)
def test_cuts_agree_with_comparison(ages: list[int | None], cuts: list[int]) -> None:
    """Every row lands in the bin its name states; none is lost."""
    spec = GroupSpec("age", tuple(map(float, cuts)))
    column = pd.Series(ages, name="age", dtype=float)
    expected = ["missing" if a is None else str(sum(a > cut for cut in cuts)) for a in ages]
    if len(set(expected)) < 2:
        with pytest.raises(FairTuneError, match="in one group"):
            spec.assign(column)
        return
    found = list(spec.assign(column))
    assert len(found) == len(ages)
    for name in set(found):
        assert len({e for f, e in zip(found, expected, strict=True) if f == name}) == 1
    assert len(set(found)) == len(set(expected))


@pytest.mark.parametrize(
    ("specs", "line"),
    [
        ([], "No --group is given; name an attribute among the columns sex, age"),
        (["race"], "--group race names no column of the data; the columns are sex, age, skin"),
        (["race:60"], "--group race:60 names no column"),
        (["age:young"], "--group age:young has no rising numbers after the colon"),
        (["age:60,40"], "no rising numbers"),
        (["age:"], "no rising numbers"),
        (["age:nan"], "no rising numbers"),
        (["site"], "`site` puts all 6 rows in one group .x."),
        (["id:100"], "`id` puts all 6 rows in one group .<=100."),
        (["text:60"], "1 cells are no numbers .90\\+."),
    ],
)
def test_refuses(specs: list[str], line: str) -> None:
    with pytest.raises(FairTuneError, match=line) as refusal:
        assign_groups(FRAME, specs)
    assert "\n" not in str(refusal.value)


def test_refuses_many_names() -> None:
    """Names have no cuts."""
    frame = pd.DataFrame({"site": [f"site {i}" for i in range(21)]})
    with pytest.raises(FairTuneError, match="`site` has 21 values, more than 20 groups; merge its values"):
        assign_groups(frame, ["site"])


def test_refuses_a_number_without_cuts() -> None:
    frame = pd.DataFrame({"age": range(21)})
    with pytest.raises(
        FairTuneError, match="`age` has 21 values, more than 20 groups; give cuts such as --group age:10, or merge"
    ):
        assign_groups(frame, ["age"])
