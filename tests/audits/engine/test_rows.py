import numpy as np
import pytest

from hf_fairtune.audits.engine.rows import check_rows, included_codes
from hf_fairtune.errors import FairTuneError

from ..samples import rows, shuffled

GOOD = {"labels": [0, 1, 1], "scores": [0.1, 0.2, 0.3], "groups": [0, 1, 1], "group_names": ["a", "b"]}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"labels": [0, 1]}, "Lengths differ"),
        ({"labels": [1, 2, 2]}, "map the positive label"),
        ({"labels": ["no", "yes", "no"]}, "map the positive label"),
        ({"labels": [0, 1, float("nan")]}, "map the positive label"),
        ({"labels": [], "scores": [], "groups": []}, "empty"),
        ({"scores": [0.1, float("nan"), float("inf")]}, "2 values"),
        ({"scores": [[0.1], [0.2], [0.3]]}, "shape"),
        ({"scores": ["a", "b", "c"]}, "type"),
        ({"groups": [0, 1, 2]}, "2 names"),
        ({"groups": [0, -1, 1]}, "level of their own"),
        ({"groups": [0.0, 1.0, 1.0]}, "integer codes"),
        ({"group_names": ["a", "a"]}, "each once"),
        ({"clusters": [1, 2]}, "2 entries for 3 rows"),
        ({"clusters": ["x", None, "y"]}, "lacks 1 ids"),
        ({"clusters": [1.0, float("nan"), 2.0]}, "lacks 1 ids"),
        ({"clusters": ["x", float("nan"), "y"]}, "lacks 1 ids"),
        ({"clusters": np.ones((3, 2))}, "one id a row"),
    ],
)
def test_one_clear_line_for_bad_input(change: dict[str, object], message: str) -> None:
    with pytest.raises(FairTuneError, match=message) as caught:
        check_rows(**(GOOD | change))  # type: ignore[arg-type]
    assert "\n" not in str(caught.value)


def test_units_are_rows_or_clusters() -> None:
    labels, groups = [1, 1, 0, 0, 1, 0], [0, 0, 0, 1, 1, 1]
    plain = check_rows(labels, np.zeros(6), groups, "ab")
    assert plain.cases().tolist() == plain.cases(units=False).tolist() == [[2, 1, 3], [1, 2, 3], [3, 3, 6]]
    clustered = check_rows(labels, np.zeros(6), groups, "ab", ["p", "p", "p", "q", "q", "r"])
    assert clustered.cases().tolist() == [[1, 1, 1], [1, 2, 2], [2, 3, 3]]
    assert clustered.cases(units=False).tolist() == plain.cases().tolist()
    assert clustered.count(np.array([0, 1, 1, 1, 0, 0], dtype=bool)).tolist() == [1, 1, 2]


IDS = np.random.default_rng(0).integers(-120, 120, size=300)


@pytest.mark.parametrize(
    "ids", [IDS, IDS % 7 + 250, IDS / 4, np.array([f"é{i}" for i in IDS]), [*map(str, IDS)]], ids=repr
)
def test_clusters_are_coded_by_their_ids_as_text(ids: np.ndarray | list[str]) -> None:
    plain = ids.tolist() if isinstance(ids, np.ndarray) else ids
    names = sorted(set(plain), key=str)
    labels, groups = IDS % 2, IDS // 2 % 5
    for given in (ids, plain, np.array(plain, dtype=object)):
        rows = check_rows(labels, IDS, groups, "abcde", given)
        assert rows.clusters is not None
        assert rows.clusters.tolist() == [names.index(item) for item in plain]
    for g, units in enumerate(rows.cases()[:-1].tolist()):
        inside = [
            [item for i, item in enumerate(plain) if groups[i] == g and labels[i] in kept]
            for kept in ((1,), (0,), (0, 1))
        ]
        assert units == [len(set(items)) for items in inside]


def test_exclude_takes_names_that_exist() -> None:
    assert included_codes(("a", "b"), ["b"]) == (0,)
    assert included_codes(("ab", "b"), "ab") == (1,)
    assert included_codes(("a", "b"), ()) == (0, 1)
    with pytest.raises(FairTuneError, match="groups are"):
        included_codes(("a", "b"), ["z"])


def test_ordered_rows_do_not_depend_on_the_order_of_the_input() -> None:
    given = rows(np.arange(232) // 3)
    for name, column in vars(given.ordered()).items():
        np.testing.assert_array_equal(column, getattr(shuffled(given).ordered(), name))
    assert (np.diff(given.ordered().scores) >= 0).all()
