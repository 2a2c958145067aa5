"""Tables: every number comes from the record, in text as in Markdown."""

import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hf_fairtune.record import Record
from hf_fairtune.report.layout import Table, as_markdown, as_text, columns, escape, number
from hf_fairtune.report.models import compared, reported_splits
from hf_fairtune.report.paired import change, signed
from hf_fairtune.report.repair import steps_table
from hf_fairtune.report.table import comparison, comparison_table, count_table, markdown_table, split_rates

from .repair_samples import repaired
from .samples import sample

Make = Callable[..., Record]


def numbers(node: Any) -> Iterator[float]:
    """Yield every number of a record."""
    if isinstance(node, (int, float)) and not isinstance(node, bool):
        yield node
    elif isinstance(node, (dict, list)):
        for item in node.values() if isinstance(node, dict) else node:
            yield from numbers(item)


@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    st.integers(2, 12),
    st.sampled_from([("full", "fairtune"), ("full",), ("erm",), ("full", "erm")]),
    st.sampled_from([(), ("fixed",), ("fixed", "youden")]),
    st.integers(0, 10_000),
)
def test_every_number_occurs_in_the_record(
    n_groups: int, models: tuple[str, ...], policies: tuple[str, ...], seed: int
) -> None:
    check_numbers(sample(n_groups, models, 0, policies, seed))


@settings(max_examples=10, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.integers(2, 12), st.sampled_from([(), ("clinic-b",), ("b", "c")]), st.integers(0, 10_000))
def test_every_number_of_a_repair_occurs_in_the_record(n_groups: int, places: tuple[str, ...], seed: int) -> None:
    record = repaired(n_groups, places, seed)
    check_numbers(record)
    assert [row[5] for row in steps_table(record).rows] == [str(step["batches"]) for step in record.repair["steps"]]


def check_numbers(record: Record) -> None:
    known = {number(value) for value in numbers(vars(record))} | {str(v) for v in numbers(vars(record))}
    rates = [table for split in reported_splits(record) for table in split_rates(record, split)]
    for table in [*comparison(record), *rates, count_table(record)]:
        for row in table.rows:
            for cell in row[1:]:
                assert set(re.findall(r"-?\d+(?:\.\d+)?", cell)) <= known


def test_both_dresses_hold_the_same_cells(record: Record) -> None:
    text, markdown = comparison_table(record), markdown_table(record)
    for table in comparison(record):
        for row in table.rows:
            for cell in row:
                assert cell.strip() in text
                assert escape(cell) in markdown


def test_models_stand_side_by_side(record: Record) -> None:
    table = comparison(record)[0]
    assert table.header == ["group", "n", "positives", "prevalence", "full fine-tuning", "FairTune", "status"]
    assert [row[0] for row in table.rows[-3:]] == ["overall", "lowest group", "gap, best - worst"]
    for row, full, best in zip(table.rows, *(a["groups"] for a in compared(record).values()), strict=False):
        assert row[4].startswith(f"{full['auc']:.3f} [")
        assert row[5].startswith(f"{best['auc']:.3f} [")


def test_changes_stand_beside_before_and_after(make_repaired: Make) -> None:
    record = make_repaired(3)
    held = record.comparison("swift", "baseline", "clinic-b")
    tables = [table for table in comparison(record) if "on clinic-b" in table.title]
    assert len(tables) == 4
    groups, _, fixed, youden = tables
    assert groups.header[4:] == ["before", "SWiFT", "change", "status"]
    items = [*(row["auc"] for row in held["groups"]), held["auc"], held["min_group_auc"], held["auc_gap"]]
    assert [row[6] for row in groups.rows] == [change(item) for item in items]
    assert youden.header == ["measure", "before", "SWiFT", "change"]
    cells = {row[0].strip(): row[3] for row in youden.rows}
    cut = held["thresholds"][1]
    assert cells["equalized odds difference, max(TPR, FPR)"] == change(cut["equalized_odds_difference"])
    for row in cut["groups"]:
        assert cells[f"TPR (sensitivity), {row['group']}"] == change(row["tpr"])
        assert cells[f"FPR (1 - specificity), {row['group']}"] == change(row["fpr"])
    assert not any("women" in row[0] for row in fixed.rows), "rates at a degenerate threshold tell nothing"


def test_a_change_without_interval_gives_its_reason(make_repaired: Make) -> None:
    record = make_repaired(3, ())
    record.comparisons[0]["min_group_auc"] |= {"low": None, "high": None, "reason": "groups too small"}
    table = comparison(record)[0]
    assert table.rows[-2][6] == signed(record.comparisons[0]["min_group_auc"]["value"])
    assert "change, lowest group: groups too small" in table.notes


def test_signs_of_changes() -> None:
    assert (signed(0.01), signed(-0.01), signed(0.0001), signed(None)) == ("+0.010", "-0.010", "0.000", "–")
    item = {"value": 0.02, "low": -0.01, "high": 0.05}
    assert change(item) == "+0.020 [-0.010, +0.050]"
    assert change(None) == ""


def test_a_comparison_of_other_models_is_not_shown(make_repaired: Make) -> None:
    record = make_repaired(3, ())
    record.comparisons[0]["reference"] = "full"
    assert "change" not in comparison(record)[0].header


def test_undefined_numbers_carry_their_reason(make: Make) -> None:
    table = comparison(make(8))[0]
    assert table.rows[6][4:] == ["–", "–", "not estimable"]
    assert any("no positives" in note for note in table.notes)
    assert table.rows[-1][4:6] == ["–", "–"]


def test_groups_without_interval_keep_their_value(make: Make) -> None:
    record = make(3)
    row = record.evaluations[1]["audit"]["groups"][2]
    row |= {"status": "not estimable", "auc_low": None, "auc_high": None, "reason": "8 positives, fewer than 10"}
    shown = comparison(record)[0]
    assert shown.rows[2][5:] == [number(row["auc"]), "not estimable"]


def test_excluded_groups_are_named(record: Record) -> None:
    record.evaluations[1]["audit"]["excluded"] = ["men, 18–40"]
    assert any("left out" in note and "men, 18–40" in note for note in comparison(record)[0].notes)


def test_no_evaluation_is_said(make: Make) -> None:
    assert "no evaluation" in comparison_table(make(2, ()))


def test_no_thresholds_no_threshold_table(make: Make) -> None:
    assert len(comparison(make(3, policies=()))) == 2


@pytest.mark.parametrize("text", ["a|b", "*a*", "a_b_c", "<script>", "[x](http://y)", "a\nb", "`x`"])
def test_names_cannot_break_markdown(text: str) -> None:
    line = as_markdown(Table("t", ["group"], [[text]])).splitlines()[-1]
    assert line.startswith("| ")
    assert len(re.findall(r"(?<!\\)\|", line)) == 2
    assert not re.search(r"(?<!\\)[*_<`]|(?<!\\)\]\(", line)


def test_text_aligns_wide_characters() -> None:
    lines = as_text(Table("t", ["group", "n"], [["皮膚", "1"], ["skin", "2"]])).splitlines()
    assert len({columns(line) for line in lines[1:]}) == 1


def test_no_negative_zero() -> None:
    assert number(-0.0001) == "0.000"
    assert number(-0.01) == "-0.010"
    assert number(None) == "–"
