"""Attributes (values, cuts, missing cells) and their intersection against loops over rows, and what is refused."""

from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hf_fairtune.data.attributes import Attribute, at_quantiles, read_attributes
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


def attributes_of(*arguments: Any, **options: Any) -> list[Attribute]:
    return read_attributes(*arguments, **options)[0]


def names_of(*specs: str) -> list[str]:
    groups = attributes_of(FRAME, specs)[-1]
    return [groups.names[i] for i in groups.values]


def test_values_and_missing() -> None:
    assert names_of("sex") == ["F", "M", "missing", "F", "M", "missing"]
    assert attributes_of(FRAME, ["sex"])[-1].names == ["F", "M", "missing"]


def test_numbers_sort_as_numbers() -> None:
    assert attributes_of(FRAME, ["skin"])[-1].names == ["1", "2", "10", "missing"]


def test_a_cut_belongs_to_the_lower_bin() -> None:
    assert names_of("age:60") == ["<=60", "<=60", ">60", "missing", "<=60", ">60"]


def test_three_bins() -> None:
    assert names_of("age:40,60") == ["<=40", "(40,60]", ">60", "missing", "(40,60]", ">60"]
    assert attributes_of(FRAME, ["age:40,60"])[-1].names == ["<=40", "(40,60]", ">60", "missing"]


def test_a_column_may_have_a_colon() -> None:
    assert names_of("a:b") == ["u", "v", "u", "v", "u", "v"]


def test_intersections_that_occur() -> None:
    assert names_of("sex", "age:60")[:3] == ["F & <=60", "M & <=60", "missing & >60"]
    assert attributes_of(FRAME, ["sex", "age:60"])[-1].names == [
        "F & <=60",
        "F & missing",
        "M & <=60",
        "missing & >60",
    ]


@given(
    ages=st.lists(st.one_of(st.none(), st.integers(0, 100)), min_size=4, max_size=40),
    cuts=st.lists(st.integers(1, 99), min_size=1, max_size=3, unique=True).map(sorted),
)
def test_cuts_agree_with_comparison(ages: list[int | None], cuts: list[int]) -> None:
    """Every row lands in the bin its name states; none is lost."""
    spec, frame = f"age:{','.join(map(str, cuts))}", pd.DataFrame({"age": pd.Series(ages, dtype=float)})
    expected = ["missing" if a is None else str(sum(a > cut for cut in cuts)) for a in ages]
    if len(set(expected)) < 2:
        with pytest.raises(FairTuneError, match="in one group"):
            attributes_of(frame, [spec])
        return
    (age,) = attributes_of(frame, [spec])
    found = [age.names[i] for i in age.values]
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
        attributes_of(FRAME, specs)
    assert "\n" not in str(refusal.value)


def test_refuses_many_names() -> None:
    """Names have no cuts."""
    frame = pd.DataFrame({"site": [f"site {i}" for i in range(21)]})
    with pytest.raises(FairTuneError, match="`site` has 21 values, more than 20 groups; merge its values"):
        attributes_of(frame, ["site"])


def test_refuses_a_number_without_cuts() -> None:
    frame = pd.DataFrame({"age": range(21)})
    with pytest.raises(
        FairTuneError, match="`age` has 21 values, more than 20 groups; give cuts such as --group age:10, or merge"
    ):
        attributes_of(frame, ["age"])


def test_intersection_of_many_attributes() -> None:
    """Each row is in the cell of its levels, and cells come in the order of the cross table."""
    draw = np.random.default_rng(0)
    frame = pd.DataFrame(draw.integers(0, 2, (500, 5)), columns=list("abcde"))
    *single, whole = attributes_of(frame, list("abcde"))
    expected = [" & ".join(map(str, row)) for row in frame.to_numpy()]
    assert [whole.names[i] for i in whole.values] == expected
    assert whole.names == sorted(set(expected))
    assert whole.name == "a & b & c & d & e"
    assert whole.columns == list("abcde")
    assert [part.name for part in single] == list("abcde")


def test_more_cells_than_integers() -> None:
    """The whole cross table of 16 attributes with 20 levels has 6.6e20 cells; the rows are in 20."""
    frame = pd.DataFrame({f"a{k}": np.arange(100) % 20 for k in range(16)})
    assert len(attributes_of(frame, list(frame.columns))[-1].names) == 20


def test_too_many_groups() -> None:
    frame = pd.DataFrame({"a": np.arange(400) % 20, "b": np.arange(400) // 20})
    with pytest.raises(FairTuneError, match="`a & b` has 400 groups, more than 200; .* or pass --no_intersections"):
        attributes_of(frame, ["a", "b"])
    assert [part.name for part in attributes_of(frame, ["a", "b"], intersections=False)] == ["a", "b"]


def test_two_groups_of_one_name() -> None:
    frame = pd.DataFrame({"a": ["x & y", "x", "x"], "b": ["z", "y & z", "z"]})
    with pytest.raises(FairTuneError, match="Two groups of `a & b` have the name 'x & y & z'"):
        attributes_of(frame, ["a", "b"])


def test_cuts_that_differ_by_little_have_names_of_their_own() -> None:
    frame = pd.DataFrame({"age": [60.0, 60.00000015, 61.0, 1234567.5]})
    found = attributes_of(frame, ["age:60.0000001,60.0000002,1234567"])[0]
    assert found.names == ["<=60.0000001", "(60.0000001,60.0000002]", "(60.0000002,1234567]", ">1234567"]
    assert found.values.tolist() == [0, 1, 2, 3]
    assert found.cuts == [60.0000001, 60.0000002, 1234567.0]


def test_a_level_takes_its_intersections_with_it() -> None:
    frame = pd.DataFrame({"sex": list("FMFM"), "skin": ["I", "I", "VI", "VI"]})
    sex, skin, both = attributes_of(frame, ["sex", "skin"])
    assert [part.within(["VI"]) for part in (sex, skin, both)] == [[], ["VI"], ["F & VI", "M & VI"]]
    assert [part.within(["F & VI"]) for part in (sex, skin, both)] == [[], [], ["F & VI"]]
    assert both.take(np.array([2, 3])).within(["F"]) == ["F & VI"]


def test_parts_of_equal_size_have_stated_cuts_near_the_quantiles() -> None:
    """A code for an unknown age is none; cuts are no patient's own value to the last digit."""
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"age": [*rng.integers(18, 95, 400), -1, -1], "lab": [*rng.lognormal(size=401), np.nan]})
    for name, numbers in {"age": frame["age"][:400], "lab": frame["lab"][:401]}.items():
        text = at_quantiles(frame, f"{name}:q4", "explain")
        cuts = [float(cut) for cut in text.removeprefix(f"{name}:").split(",")]
        assert cuts == pytest.approx(np.quantile(numbers, [0.25, 0.5, 0.75]).tolist(), abs=np.ptp(numbers) / 200)
        (found,) = attributes_of(frame, [text])
        sizes = np.bincount(found.values)
        assert sizes[:4].min() > 80
        assert found.names[4:] == (["unknown"] if name == "age" else ["missing"])
    assert at_quantiles(frame, "lab:q2", "explain") != f"lab:{np.median(frame['lab'][:401])!r}"
    for text in ("age", "age:60", "q4", "sex:q4"):
        assert at_quantiles(frame, text, "explain") == text


def test_a_value_that_most_rows_have_makes_fewer_parts() -> None:
    frame = pd.DataFrame({"packs": [0] * 60 + [1, 2, 3, 4] * 10})
    assert at_quantiles(frame, "packs:q4", "explain") == "packs:0,2"


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("id:q1", "--explain id:q1 asks for 1 parts; choose 2 to 20"),
        ("id:q50", "--explain id:q50 asks for 50 parts"),
        ("skin:q4", "--explain skin:q4: the column has 3 numbers; leave out :q4"),
        ("sex:q4", "--explain sex:q4: the column has 0 numbers"),
    ],
)
def test_parts_that_cannot_be_are_refused(text: str, line: str) -> None:
    with pytest.raises(FairTuneError, match=line):
        at_quantiles(FRAME, text, "explain")


def test_errors_name_the_flag() -> None:
    frame = pd.DataFrame({"age": range(40)})
    for spec, line in {"Age": "--explain Age names no column", "age": "cuts such as --explain age:20"}.items():
        with pytest.raises(FairTuneError, match=line):
            read_attributes(frame, [spec], flag="explain")


def test_unknown_groups_are_those_of_a_word_a_code_or_a_blank() -> None:
    frame = pd.DataFrame(
        {
            "sex": ["F", "M", None, "Not specified", "F", "M"],
            "site": [1, 2, 3, -9, 1, 2],
            "age": [20, 70, 30, 80, -1, 40],
        }
    )
    found, _ = read_attributes(frame, ["sex", "site", "age:60"])
    assert [set(part.unknown()) for part in found[:-1]] == [{"missing", "Not specified"}, {"-9"}, {"unknown"}]
    joint = found[-1]
    assert set(joint.unknown()) == {"missing & 3 & <=60", "Not specified & -9 & >60", "F & 1 & unknown"}
    assert joint.left_out([], ["missing"]) == [name for name in joint.unknown() if not name.startswith("missing")]
    assert set(joint.left_out(["M"], ["missing", "M"])) == {name for name in joint.names if name[0] in "MNF"} - {
        "F & 1 & <=60"
    }
