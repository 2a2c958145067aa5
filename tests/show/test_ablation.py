"""Repairs side by side: every number is a run's, over seeds a mean and a spread."""

import math
from statistics import fmean, stdev
from typing import Any

import numpy as np
import pytest

from hf_fairtune.document.document import Document
from hf_fairtune.show.ablation import ablation_rows, ablation_table, spread
from hf_fairtune.show.view import views

from .conftest import edited


def shifted(repair: Document, by: float) -> Document:
    def change(content: dict[str, Any]) -> None:
        for entry in content["audits"]:
            entry["audit"]["auc"]["value"] += by
        content["audits"][-1]["audit"]["thresholds"][0]["degenerate"] = by > 0

    return edited(repair, change)


def test_a_row_a_value_after_those_of_the_models_before(repair: Document) -> None:
    runs = {"soft": [repair, shifted(repair, 0.01)], "hard": [repair, repair]}
    rows = ablation_rows(runs)
    assert [row.value for row in rows] == ["before", "before, calibrated", "soft", "hard"]
    assert {row.split for row in rows} == {"test"}
    (view,) = views(repair)
    soft = rows[2]
    assert soft.numbers["AUC"] == pytest.approx([view.audit.auc.value, view.audit.auc.value + 0.01])
    assert view.comparison is not None
    assert soft.verdicts == [view.comparison.verdict] * 2
    gap = view.audit.thresholds[1].gaps["equalized_odds_difference"]
    assert soft.numbers["EOdds at youden"] == [gap.value] * 2
    assert soft.degenerate["SPD at 0.5"] == 1
    text = ablation_table("mask", rows, 2)
    assert "mean ± standard deviation over 2 seeds, on test" in text
    assert spread(soft.numbers["AUC"]) in text
    assert " !1" in text
    assert "2 worse" in text


def test_spread_is_mean_and_deviation() -> None:
    values = [0.1, 0.2, 0.4]
    assert spread(values) == f"{fmean(values):.3f} ± {stdev(values):.3f}"
    assert spread([0.1]) == "0.100"
    assert spread([0.1, float("nan")]) == spread([]) == "–"


def test_of_classes_small_cells_are_dashes_and_the_likeliest_class_is_named(of_classes: Document) -> None:
    rows = {row.split.rpartition(", ")[2]: row for row in ablation_rows({"full": [of_classes]})}
    by_target = {view.target: view.audit for view in views(of_classes)}
    assert rows["mel"].numbers["gap"] == [by_target["mel"].auc_gap.value]
    assert rows["mel"].numbers["SPD at argmax"] == [
        by_target["mel"].thresholds[0].gaps["demographic_parity_difference"].value
    ]
    assert not math.isnan(by_target["df"].auc.value)
    assert np.isnan([*rows["df"].numbers.values()]).all()
    assert not any(rows["df"].degenerate.values())
    assert rows["bcc"].numbers["AUC"] == [by_target["bcc"].auc.value]
    assert math.isnan(rows["bcc"].numbers["lowest group"][0]), "of women there are 5 cases"
    text = ablation_table("method", [*rows.values()], 1, of_classes=True)
    assert "at argmax, the likeliest class, and at Youden" in text
    assert "nan" not in text
    assert "fewer than 10 cases of the class" in text
    assert "0.5 as the papers" not in text
