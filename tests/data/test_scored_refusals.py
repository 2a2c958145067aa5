"""What a table of predictions is refused for, each time in one line."""

from typing import Any

import numpy as np
import pandas as pd
import pytest

from hf_fairtune.errors import FairTuneError
from tests.data.test_scored import FRAME, THREE, N, scored

CASES: list[tuple[dict[str, Any], str]] = [
    ({"label": []}, "No --label is given"),
    ({"label": ["z"]}, "--label z names no column of the data; the columns are y, p, q"),
    ({"label": ["Y"]}, "--label Y names no column of the data .did you mean `y`\\?.; the columns are y, p, q"),
    ({"label": ["y"], "group": ["Age:60"]}, "--group Age:60 names no column of the data .did you mean `age`.."),
    ({"label": ["y"], "score": ["y"]}, "`y` is --label and --score; a column can be one of them"),
    ({"label": ["y"], "group": ["y"]}, "`y` is --label and --group"),
    ({"label": ["y"], "group": ["p:0.5"]}, "`p` is --score and --group"),
    ({"label": ["y"], "reference": ["p"]}, "`p` is --score and --reference"),
    ({"label": ["y"], "cluster": "y"}, "`y` is --label and --cluster"),
    ({"label": ["y", "y"], "score": ["p", "q"]}, "`y` is --label and --label"),
    ({"label": ["y"], "explain": ["y"]}, "`y` is --label and --explain"),
    ({"label": ["y"], "explain": ["p:q4"]}, "`p` is --score and --explain"),
    ({"label": ["y"], "explain": ["age", "age"]}, "--explain age is given twice"),
    ({"label": ["y"], "explain": ["Sex"]}, "--explain Sex names no column of the data .did you mean `sex`"),
    ({"label": ["y"], "group": []}, "No --group is given"),
    ({"label": ["y"], "group": ["sex", "sex"]}, "--group sex is given twice"),
    ({"label": ["dx"]}, "nothing says which mean disease; pass --positive VALUE"),
    ({"label": ["dx"], "score": ["p", "q", "age"], "group": ["sex"]}, "do not identify bcc, mel, nev"),
    ({"label": ["dx"], "score": ["p_mel", "p_nev", "q"]}, "do not identify"),
    ({"label": ["dx"], "score": ["p=nev"], "positive": ["mel"]}, "--score is that of 'nev', but the positive"),
    ({"label": ["mel", "edema"]}, "1 scores .p. for 2 findings .mel, edema.; give one --score for each"),
    ({"label": ["mel", "dx"], "score": ["p", "q"]}, "`dx` has the values bcc, mel, nev and nothing says which"),
    ({"label": ["mel", "y"], "score": ["p", "q"], "positive": ["7"]}, "--positive 7 is not a value of mel, y"),
    ({"label": ["y"], "cluster": "sex", "group": ["age:60"]}, "`sex` is empty in 3 of 12 rows"),
    ({"label": ["y"], "score": []}, "No --score is given; name the column of the scores: y, p"),
    (
        {"label": ["y"], "score": ["sex"], "group": ["age:60"]},
        "`sex` is no finite number in 12 of 12 rows .F, M., the first in row 1",
    ),
    (
        {"label": ["dx"], "score": ["p_mel", "p_nev"]},
        "`dx` has the values bcc, mel, nev and nothing says which mean disease; pass --positive",
    ),
]


@pytest.mark.parametrize(("flags", "line"), CASES, ids=range(len(CASES)))
def test_refuses(flags: dict[str, Any], line: str) -> None:
    with pytest.raises(FairTuneError, match=line) as refusal:
        scored(**flags)
    assert "\n" not in str(refusal.value)


TABLES: list[tuple[pd.DataFrame, str]] = [
    (FRAME.assign(y=[None, *[0, 1] * 5, 0]), "`y` is empty in 1 of 12 rows"),
    (FRAME.assign(y=1), "`y` has one value .1."),
    (FRAME.assign(p=FRAME["p"].map(str).str.replace(".", ",")), "`p` has decimal commas .0,1.; write them as points"),
    (FRAME.assign(p=[np.inf] * N), "`p` is no finite number in 12 of 12 rows .inf."),
    (FRAME.assign(p=[None] * N), "`p` is no finite number in 12 of 12 rows, the first in row 1; correct"),
    (FRAME.assign(p=pd.Timestamp("2020-01-01")), "`p` has type datetime64.* give --score a column of numbers"),
    (FRAME.assign(p=[[0.1]] * N), "`p` has lists as cells"),
    (FRAME.assign(sex=[["F"]] * N), "`sex` has lists as cells"),
    (FRAME.assign(sex="F"), "`sex` puts all 12 rows in one group"),
    (FRAME.iloc[:0], "The table has no rows"),
    (FRAME.set_axis(["y", "p", "p", *FRAME.columns[3:]], axis="columns"), "--score p names 2 columns of the table"),
    (FRAME.set_axis([*FRAME.columns[:-1], "sex"], axis="columns"), "--group sex names 2 columns"),
]


@pytest.mark.parametrize(("frame", "line"), TABLES, ids=range(len(TABLES)))
def test_refuses_tables(frame: pd.DataFrame, line: str) -> None:
    with pytest.raises(FairTuneError, match=line):
        scored(frame, label=["y"])


def test_logits_of_several_classes_are_refused() -> None:
    """The logit of one class alone does not rank the rows as its probability does."""
    with pytest.raises(FairTuneError, match="has values below 0, as logits have"):
        scored(FRAME.assign(p_mel=FRAME["p_mel"] - 1), label=["dx"], score=THREE)


def test_a_text_is_no_list() -> None:
    with pytest.raises(FairTuneError, match=r"^`group` is 'sex'; give a list: \['sex'\]\.$"):
        scored(label=["y"], group="sex")
