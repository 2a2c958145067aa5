"""Counts and names of an audit's rows, against a plain data frame counted a group at a time."""

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from hf_fairtune.data.facts import audit_data, split_sheet
from hf_fairtune.data.scored import ScoredSpec, read_scored
from hf_fairtune.data.scored_table import ScoredTable
from hf_fairtune.document.data import Target

N = 300
DRAW = np.random.default_rng(0)
SCORES = DRAW.dirichlet([1, 1, 1], N)
FRAME = pd.DataFrame(
    {
        "dx": DRAW.choice(["mel", "nev", "bcc"], N),
        "edema": DRAW.integers(0, 2, N),
        "sex": DRAW.choice(["F", "M", None], N),
        "age": np.where(DRAW.random(N) < 0.1, np.nan, DRAW.integers(20, 90, N)),
        "patient": DRAW.integers(0, 90, N),
        **{f"p_{name}": SCORES[:, i] for i, name in enumerate(["mel", "nev", "bcc"])},
    }
)


SPEC = ScoredSpec(["dx"], ["p_mel", "p_nev", "p_bcc"], group=["sex", "age:40,60"], cluster="patient")


def scored(**flags: Any) -> ScoredTable:
    return read_scored(FRAME, replace(SPEC, **flags))


def test_every_group_is_counted_for_every_target() -> None:
    sheet = split_sheet(scored(), "h")
    assert (sheet.n, sheet.hash, sheet.clusters) == (N, "h", FRAME.patient.nunique())
    assert sheet.positives == FRAME.dx.value_counts().to_dict()
    sex = FRAME.sex.fillna("missing")
    bins = pd.cut(FRAME.age, [0, 40, 60, 99], labels=["<=40", "(40,60]", ">60"]).astype(object).fillna("missing")
    oracle = {"sex": sex, "age:40,60": bins, "sex & age:40,60": sex + " & " + bins}
    assert [attribute.name for attribute in sheet.attributes] == list(oracle)
    for attribute in sheet.attributes:
        groups = oracle[attribute.name]
        assert sum(level.n for level in attribute.levels) == N  # type: ignore[misc]
        assert attribute.missing == groups.str.contains("missing").sum()
        for level in attribute.levels:
            inside = FRAME[groups == level.group]
            assert level.n == len(inside) > 0
            assert level.missing == ("missing" in level.group)
            assert level.positives == {name: (inside.dx == name).sum() for name in ("mel", "nev", "bcc")}
    assert [attribute.kind for attribute in sheet.attributes] == ["levels", "cuts", "intersection"]
    assert sheet.attributes[1].cuts == [40, 60]
    assert sheet.attributes[2].columns == ["sex", "age"]


@pytest.mark.parametrize("split", [None, "test"])
def test_the_facts_of_an_audit(split: str | None) -> None:
    table = scored()
    data = audit_data(table, "t.csv", SPEC, split=split, findings={"mel": "melanoma"})
    assert (data.name, data.label, data.task, data.probability) == ("t.csv", "dx", "multiclass", True)
    assert data.targets == [Target("mel", None, "melanoma"), Target("nev"), Target("bcc")]
    assert (data.groups, data.cluster, data.hash) == (["sex", "age:40,60"], "patient", table.row_hash)
    assert (list(data.splits), data.split_source) == ([split or "all"], "given" if split else None)
    assert data.splits[split or "all"] == split_sheet(table, table.row_hash)


def test_rows_without_clusters() -> None:
    assert split_sheet(scored(cluster=None), "h").clusters is None
