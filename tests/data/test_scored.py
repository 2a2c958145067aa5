"""Columns of a table to labels, scores, targets, attributes and clusters, and what is refused."""

from typing import Any

import numpy as np
import pandas as pd
import pytest

from hf_fairtune.data.facts import split_sheet
from hf_fairtune.data.scored import ScoredSpec, read_scored
from hf_fairtune.data.scored_table import ScoredTable
from hf_fairtune.errors import FairTuneError

N = 12
FRAME = pd.DataFrame(
    {
        "y": np.arange(N) % 2,
        "p": np.linspace(0.1, 0.9, N),
        "q": np.linspace(0.9, 0.2, N),
        "dx": np.array(["mel", "nev", "bcc"])[np.arange(N) % 3],
        "p_mel": np.linspace(0, 0.5, N),
        "p_nev": np.linspace(0.5, 0.2, N),
        "p_bcc": np.linspace(0.5, 0.3, N),
        "mel": (np.arange(N) % 3 == 0).astype(int),
        "edema": np.arange(N) // 2 % 2 == 0,
        "sex": ["F", "M", None, "F"] * 3,
        "age": [20.0, 60.0, 61.0, 80.0] * 3,
        "patient": [f"p{i // 2}" for i in range(N)],
    }
)
THREE = ["p_mel", "p_nev", "p_bcc"]


def scored(frame: pd.DataFrame = FRAME, **flags: Any) -> ScoredTable:
    return read_scored(frame, ScoredSpec(**({"group": ["sex"], "score": ["p"]} | flags)))


def test_binary() -> None:
    found = scored(label=["y"], group=["sex", "age:60"], cluster="patient", reference=["q"])
    assert (found.task, found.targets, found.label_name, found.probability) == ("binary", ["y"], "y", True)
    np.testing.assert_array_equal(found.labels[:, 0], FRAME["y"])
    np.testing.assert_array_equal(found.scores[:, 0], FRAME["p"])
    assert found.reference_scores is not None
    np.testing.assert_array_equal(found.reference_scores[:, 0], FRAME["q"])
    assert found.clusters is not None
    assert found.clusters.tolist() == FRAME["patient"].tolist()
    assert [part.name for part in found.attributes] == ["sex", "age:60", "sex & age:60"]
    assert [part.kind for part in found.attributes] == ["levels", "cuts", "intersection"]
    sheets = split_sheet(found, "h").attributes
    assert [part.missing for part in sheets] == [3, 0, 3]
    assert found.attributes[2].names == ["F & <=60", "F & >60", "M & <=60", "missing & >60"]
    assert [level.missing for level in sheets[2].levels] == [False, False, False, True]


def test_one_class_against_the_rest() -> None:
    """Several positives add up; a single score is that of the positives already."""
    found = scored(label=["dx"], score=THREE, positive=["mel", "bcc"])
    assert (found.task, found.targets) == ("binary", ["mel or bcc"])
    np.testing.assert_array_equal(found.labels[:, 0], FRAME["dx"] != "nev")
    np.testing.assert_allclose(found.scores[:, 0], FRAME["p_mel"] + FRAME["p_bcc"])
    np.testing.assert_array_equal(scored(label=["dx"], positive=["mel"]).scores[:, 0], FRAME["p"])


@pytest.mark.parametrize(
    ("columns", "score"),
    [
        ("p_mel p_nev p_bcc", ["p_mel", "p_nev", "p_bcc"]),
        ("mel nev bcc", ["nev", "bcc", "mel"]),
        ("a b c", ["b=nev", "c=bcc", "a=mel"]),
        ("mel_p nev x=y", ["mel_p=mel", "nev", "x=y=bcc"]),
        ("p_mel p_amel p_bcc", ["p_bcc", "p_mel", "p_amel=p_nev"]),
    ],
)
def test_each_class_finds_its_column(columns: str, score: list[str]) -> None:
    """By its own name, after a common start, or as written; the targets come in the order of --score."""
    made = dict(zip(columns.split(), (FRAME[name] for name in THREE), strict=True))
    found = scored(FRAME[["dx", "sex"]].assign(**made), label=["dx"], score=score)
    assert found.task == "multiclass"
    assert sorted(found.targets) == ["bcc", "mel", "nev"]
    for k, target in enumerate(found.targets):
        np.testing.assert_array_equal(found.labels[:, k], FRAME["dx"] == target)
        np.testing.assert_array_equal(found.scores[:, k], FRAME[f"p_{target}"])


def test_two_columns_are_the_positives() -> None:
    frame = FRAME.assign(p_0=FRAME["q"], p_1=FRAME["p"])
    for score in (["p_0", "p_1"], ["p_1", "p_0"]):
        np.testing.assert_array_equal(scored(frame, label=["y"], score=score).scores[:, 0], FRAME["p"])


def test_several_findings() -> None:
    found = scored(label=["mel", "edema"], score=["p", "q"])
    assert (found.task, found.targets, found.label_name) == ("multilabel", ["mel", "edema"], "mel, edema")
    np.testing.assert_array_equal(found.labels, FRAME[["mel", "edema"]].to_numpy(dtype=int))
    np.testing.assert_array_equal(found.scores, FRAME[["p", "q"]])


def test_scores_that_are_no_probabilities() -> None:
    frame = FRAME.assign(p=FRAME["p"] * 100, text=FRAME["p"].map(str), flat=0.5)
    assert not scored(frame, label=["y"]).probability
    np.testing.assert_array_equal(scored(frame, label=["y"], score=["text"]).scores[:, 0], FRAME["p"])
    assert set(scored(frame, label=["y"], score=["flat"]).scores[:, 0]) == {0.5}


@pytest.mark.parametrize("kind", ["category", "string", "object", "Int64", "Float32", "bool"])
def test_types_of_columns(kind: str) -> None:
    """Whatever type a column has, its cells are what they say."""
    frame = FRAME.copy()
    frame["y"] = frame["y"].astype(kind)
    frame["p"] = frame["p"] if kind in ("bool", "Int64") else frame["p"].astype(kind)
    found = scored(frame.set_axis([0] * N, axis="index"), label=["y"])
    np.testing.assert_array_equal(found.labels[:, 0], FRAME["y"])
    np.testing.assert_allclose(found.scores[:, 0], FRAME["p"], rtol=1e-7)


def test_hash_knows_the_rows_but_not_their_order() -> None:
    first = scored(label=["y"], cluster="patient")
    assert scored(FRAME.sample(frac=1, random_state=0), label=["y"], cluster="patient").row_hash == first.row_hash
    assert len(first.row_hash) == 16
    others = [FRAME.assign(**{name: FRAME[name].to_numpy()[::-1]}) for name in ("y", "p", "sex", "patient")]
    others.append(FRAME.replace({"patient": {"p0": "p9"}}))
    hashes = {scored(frame, label=["y"], cluster="patient").row_hash for frame in others}
    assert len(hashes | {first.row_hash}) == 6


def test_some_rows() -> None:
    table = scored(FRAME.assign(split=["Train", "val", "test"] * 4), label=["y"], group=["sex", "age:60"])
    assert table.splits is not None
    part = table.take(table.splits == "test")
    np.testing.assert_array_equal(part.scores[:, 0], FRAME["p"][2::3])
    assert [part.attributes[0].names[i] for i in part.attributes[0].values] == ["missing", "M", "F", "F"]
    assert part.attributes[2].names == ["F & <=60", "F & >60", "M & <=60", "missing & >60"]
    assert table.take(np.array([0, 1])).attributes[0].names == ["F", "M"]
    with pytest.raises(FairTuneError, match="`split` does not say the split of 12 of 12 rows"):
        scored(FRAME.assign(split=range(N)), label=["y"])


def test_columns_that_may_go_with_errors_are_read_as_groups_are() -> None:
    """A group may be one, in other cuts too; what it was read as is told once, and none is audited."""
    found = scored(label=["y"], group=["sex", "age:60"], explain=["sex", "age:q2", "dx", "patient"], cluster="patient")
    assert [part.name for part in found.attributes] == ["sex", "age:60", "sex & age:60"]
    assert [part.name for part in found.explain] == ["sex", "age:60.5", "dx", "patient"]
    assert found.explain[0].names == ["F", "M", "missing"]
    missing = [one for one in found.readings if (one.column, one.role) == ("sex", "missing")]
    assert [one.n for one in missing] == [3]
