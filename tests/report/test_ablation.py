"""Rows and table of repairs side by side, against numbers read from the records by hand."""

import copy
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from hf_fairtune.record import Record
from hf_fairtune.report.ablation import ablation_rows, ablation_table, spread

Runs = dict[str, list[Record]]


@pytest.fixture
def runs(make_repaired: Callable[..., Record]) -> Runs:
    """Two values of a flag, three seeds each; seeds differ in their numbers before and after."""

    def run(seed: int) -> Record:
        return make_repaired(2, ("clinic-b",), seed)

    return {"none": [run(0), run(1), run(2)], "soft": [run(3), run(4), run(5)]}


def row_of(rows: list[dict[str, Any]], split: str, value: str) -> dict[str, Any]:
    (row,) = [row for row in rows if (row["split"], row["value"]) == (split, value)]
    return row


def test_numbers_are_those_of_the_records(runs: Runs) -> None:
    rows = ablation_rows(runs)
    assert [(row["split"], row["value"]) for row in rows] == [
        (split, value) for split in ("test", "clinic-b") for value in ("before", "none", "soft")
    ]
    for value, model, records in (
        ("before", "baseline", runs["none"]),
        ("none", "swift", runs["none"]),
        ("soft", "swift", runs["soft"]),
    ):
        row, audits = row_of(rows, "clinic-b", value), [r.evaluation(model, "clinic-b") for r in records]
        fixed, youden = ([a["thresholds"][i] for a in audits if a is not None] for i in (0, 1))
        assert row["numbers"] == {
            "AUC": [a["auc"]["value"] for a in audits if a is not None],
            "lowest group": [a["min_group_auc"]["value"] for a in audits if a is not None],
            "gap": [a["auc_gap"]["value"] for a in audits if a is not None],
            "SPD at 0.5": [t["demographic_parity_difference"]["value"] for t in fixed],
            "EOdds at 0.5": [t["equalized_odds_difference"]["value"] for t in fixed],
            "SPD at youden": [t["demographic_parity_difference"]["value"] for t in youden],
            "EOdds at youden": [t["equalized_odds_difference"]["value"] for t in youden],
        }


def test_the_table_has_mean_and_standard_deviation(runs: Runs) -> None:
    rows = ablation_rows(runs)
    text = ablation_table("mask", rows, 3)
    assert "mean ± standard deviation over 3 seeds, on clinic-b" in text
    assert "smaller is more equal" in text
    assert "fairer" not in text
    for row in rows:
        for values in row["numbers"].values():
            assert f"{np.mean(values):.3f} ± {np.std(values, ddof=1):.3f}" in text
    header = next(line for line in text.splitlines() if line.startswith("mask"))
    assert header.split("  ")[-1].strip() == "against before"


def test_verdicts_are_counted(runs: Runs) -> None:
    for record, verdict in zip(runs["soft"], ("mixed", "level-down", "mixed"), strict=True):
        record.comparison("swift", "baseline")["verdict"] = verdict  # type: ignore[index]
    runs["none"][0].comparisons = []
    rows = ablation_rows(runs)
    assert row_of(rows, "test", "soft")["verdicts"] == ["mixed", "level-down", "mixed"]
    assert row_of(rows, "test", "none")["verdicts"][0] == "not compared"
    assert row_of(rows, "test", "before")["verdicts"] == []
    line = next(line for line in ablation_table("mask", rows, 3).splitlines() if line.startswith("soft"))
    assert line.endswith("2 mixed, 1 level-down")


def test_mixed_without_a_gain_is_called_worse(runs: Runs) -> None:
    found = runs["soft"][0].comparison("swift", "baseline")
    assert found is not None
    found["verdict"] = "mixed"
    for i, row in enumerate(found["groups"]):
        row["auc"] |= {"value": -0.1, "low": -0.2, "high": -0.05} if i == 0 else {"value": 0, "low": -0.1, "high": 0.1}
    assert row_of(ablation_rows(runs), "test", "soft")["verdicts"][0] == "worse"
    found["groups"][1]["auc"] |= {"value": 0.1, "low": 0.05, "high": 0.2}
    assert row_of(ablation_rows(runs), "test", "soft")["verdicts"][0] == "mixed"


def test_a_threshold_that_decides_nothing_is_marked(runs: Runs) -> None:
    for i, record in enumerate(runs["soft"]):
        audit = record.evaluation("swift")
        assert audit is not None
        audit["thresholds"][0]["degenerate"] = i < 2
    row = row_of(ablation_rows(runs), "test", "soft")
    known = {name: n for name, n in row["degenerate"].items() if name.endswith("0.5")}
    assert known == {"SPD at 0.5": 2, "EOdds at 0.5": 2}
    text = ablation_table("mask", ablation_rows(runs), 3)
    assert text.count(" !2") >= 2


def test_one_seed_has_no_spread(make_repaired: Callable[..., Record]) -> None:
    text = ablation_table("mask", ablation_rows({"soft": [make_repaired()]}), 1)
    assert "±" not in text
    assert "over" not in text.splitlines()[0]


def test_a_number_without_a_value_in_one_seed_is_a_dash(runs: Runs) -> None:
    assert spread([0.5, None]) == spread([]) == "–"
    assert spread([0.25]) == "0.250"
    runs["soft"][1] = copy.deepcopy(runs["soft"][1])
    runs["soft"][1].evaluation("swift")["auc"]["value"] = None  # type: ignore[index]
    rows = ablation_rows(runs)
    assert row_of(rows, "test", "soft")["numbers"]["AUC"][1] is None
    line = next(line for line in ablation_table("mask", rows, 3).splitlines() if line.startswith("soft"))
    assert line.split()[1] == "–"
