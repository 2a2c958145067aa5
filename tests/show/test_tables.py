"""Tables: every number comes from the document, for one model and for two."""

import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from hf_fairtune.document.document import Document
from hf_fairtune.document.estimate import Estimate, exact
from hf_fairtune.publish import publish
from hf_fairtune.show import tables
from hf_fairtune.show.table import Table
from hf_fairtune.show.view import View, views
from hf_fairtune.show.words import metric, number, percent

from .conftest import Edit, edited, held
from .strange import undefined

NAMES = ("audit", "search", "repair")


def every(view: View) -> list[Table]:
    made = [tables.auc_table(view), tables.pair_table(view), *tables.further_tables(view)]
    return [table for table in made if table.rows]


def numbers(node: Any) -> Iterator[Any]:
    if isinstance(node, (int, float)) and not isinstance(node, bool):
        yield node
    elif isinstance(node, (dict, list)):
        for item in node.values() if isinstance(node, dict) else node:
            yield from numbers(item)


@pytest.mark.parametrize("name", NAMES)
def test_every_number_occurs_in_the_document(name: str) -> None:
    contents: list[Any] = []
    made = held(name, contents.append)
    known = {written.lstrip("+-") for value in numbers(contents) for written in (number(value, 3), number(value))}
    known |= {percent(value).removesuffix(" %") for value in numbers(contents) if isinstance(value, float)}
    known |= {f"{value:#.2g}" for value in numbers(contents) if isinstance(value, float)} | {"1.0", "<0.001"}
    for view in views(made):
        for table in every(view):
            for row in table.rows:
                for cell in row[1:]:
                    found = set(re.findall(r"(?<![\w.<])\d[\d,]*(?:\.\d+)?(?!\w)", cell.partition("(")[0]))
                    assert found <= known, (table.title, row)


@pytest.mark.parametrize("name", NAMES)
def test_tables_are_rectangular_and_titled_once(name: str) -> None:
    for view in views(held(name)):
        made = every(view)
        assert len({table.title for table in made}) == len(made)
        for table in made:
            assert {len(row) for row in table.rows} == {len(table.header)}
            assert not any("nan" in cell or "None" in cell for row in table.rows for cell in row)


def test_one_model_has_a_column_and_its_change(audit: Document) -> None:
    view = views(audit)[0]
    found = view.comparison
    assert found is not None
    table = tables.auc_table(view)
    assert table.header == [
        *("group", "rows", "with the finding", "prevalence", "AUC", "change", "lowest in resamples", "status")
    ]
    row = view.audit.groups[0]
    change = number(found.groups[0].auc, 3, sign=True)
    assert table.rows[0] == [
        *(row.group, number(row.n), number(row.positives), number(row.prevalence, 3), number(row.auc, 3)),
        *(change, percent(row.worst_share), row.status),
    ]
    assert [row[0] for row in table.rows[-4:]] == list(tables.SUMMARIES)
    assert table.rows[-3][4] == number(view.audit.min_group_auc, 3)


@pytest.mark.parametrize("name", ["search", "repair"])
def test_two_models_stand_side_by_side_with_the_change(name: str) -> None:
    (view,) = views(held(name))
    before, after = view.audits.values()
    assert view.comparison is not None
    table = tables.auc_table(view)
    assert table.header[4:7] == [*(f"AUC, {title}" for title in view.audits), "change"]
    for row, first, last, changed in zip(
        table.rows, before.groups, after.groups, view.comparison.groups, strict=False
    ):
        assert row[4:7] == [number(first.auc, 3), number(last.auc, 3), number(changed.auc, 3, sign=True)]
    fixed, fitted = (tables.gap_table(view, place) for place in range(2))
    change = view.change(after.thresholds[1])
    assert change is not None
    cells = {row[0]: row[1:] for row in fitted.rows}
    key = "equalized_odds_difference"
    items = [before.thresholds[1].gaps[key], after.thresholds[1].gaps[key]]
    assert cells[metric(key)] == [*(number(item, 3) for item in items), number(change.gaps[key], 3, sign=True)]
    for moved in change.groups:
        assert cells[f"{metric('tpr')}, {moved.group}"][2] == number(moved.rates["tpr"], 3, sign=True)
    if name == "repair":
        assert "change" not in fixed.header, "only one model is calibrated"
        assert tables.UNLIKE in fixed.notes


def test_models_of_one_title_are_told_apart_by_their_id() -> None:
    def same(content: dict[str, Any]) -> None:
        for model in content["models"]:
            model["title"] = "Full fine-tuning"

    (view,) = views(held("search", same))
    assert list(view.audits) == ["Full fine-tuning (full_baseline)", "Full fine-tuning (fairtune)"]


def test_degenerate_thresholds_show_no_rates_and_say_why(search: Document) -> None:
    def blind(content: dict[str, Any]) -> None:
        for entry in content["audits"]:
            entry["audit"]["thresholds"][1]["degenerate"] = True

    (view,) = views(edited(search, blind))
    table = tables.gap_table(view, 1)
    assert not any("dark" in row[0] for row in table.rows)
    assert any("decides nothing" in note for note in table.notes)


def test_a_measure_is_a_column_and_counts_stand_beside_rates(audit: Document) -> None:
    view = views(audit)[0]
    measures = tables.measure_table(view)
    assert measures.header == ["group", metric("average_precision"), "by chance (prevalence)"]
    assert [row[2] for row in measures.rows[:-3]] == [number(row.prevalence, 3) for row in view.audit.groups]
    assert measures.rows[-3][2] == number(exact(view.audit.positives) / exact(view.audit.n), 3)
    assert measures.rows[-1] == ["gap", number(view.audit.across["average_precision_gap"], 3), ""]
    at = view.audit.thresholds[0]
    table = tables.rate_table(view, at)
    row = at.groups[0]
    assert table.rows[0][:5] == [
        row.group,
        *map(number, (row.n, row.positives, row.true_positives, row.false_positives)),
    ]
    assert table.header[5:] == [metric(key) for key in at.overall.rates]
    assert table.rows[-1][5:] == [number(item, 3) for item in at.overall.rates.values()]


def per_group(content: dict[str, Any]) -> None:
    for entry in content["audits"]:
        at = entry["audit"]["thresholds"][1]
        at |= {"value": None, "by_group": {row["group"]: 0.2 for row in at["groups"]}}


def test_own_cuts_of_groups_are_a_column(audit: Document) -> None:
    view = views(edited(audit, per_group))[0]
    table = tables.rate_table(view, view.audit.thresholds[1])
    assert table.header[1] == "cut"
    assert [row[1] for row in table.rows] == ["0.200", "0.200", ""]


def test_undefined_numbers_are_dashes_with_their_reason(audit: Document) -> None:
    table = tables.auc_table(views(audit)[1])
    row = dict(zip(table.header, next(row for row in table.rows if row[0] == "not stated"), strict=True))
    assert (row["AUC"], row["status"]) == ("–", "not estimable")
    assert any("not stated" in note and "no positives" in note for note in table.notes)
    for view in views(edited(audit, undefined)):
        assert tables.auc_table(view).header == ["group", "rows", "with the finding", "status"]


def only_aucs(content: dict[str, Any]) -> None:
    content["shared"] = "auc"
    for entry in content["audits"]:
        entry["audit"] |= {"thresholds": [], "operating_points": [], "roc": [], "measures": {}, "across": {}}
        entry["audit"] |= {"calibration": None, "reliability": None, "n": None, "positives": None, "clusters": None}
        for row in entry["audit"]["groups"]:
            row |= {"n": None, "positives": None, "negatives": None, "prevalence": None, "measures": {}}


def test_what_is_not_shared_has_no_table_and_no_column(audit: Document) -> None:
    view = views(edited(audit, only_aucs))[0]
    assert tables.auc_table(view).header == ["group", "AUC", "change", "lowest in resamples", "status"]
    assert {table.title.split(" by ")[0] for table in every(view)} == {
        *("AUC", "Differences between groups", "Ranking across groups"),
        *("Groups ranked, small ones drawn towards the mean,",) * bool(view.audit.ranking),
    }


def test_shared_documents_have_two_digits(audit: Document) -> None:
    (view, *_) = views(replace(audit, shared="rates"))
    assert re.fullmatch(r"0\.\d\d \[0\.\d\d, 0\.\d\d\]", tables.auc_table(view).rows[0][4])


def test_sheets_count_every_split(audit: Document, search: Document) -> None:
    sex = next(iter(tables.sheet_tables(audit)))
    assert sex.header == ["group", "rows", "melanoma found"]
    (sheet,) = audit.data.splits.values()
    assert sex.rows[-1][0] == "all rows"
    assert sex.rows[-1][1] == number(sheet.n)
    assert sex.rows[0][1].startswith(f"{sheet.attributes[0].levels[0].n} (")
    (skin,) = tables.sheet_tables(search)
    assert skin.header[1:3] == ["train: rows", "train: malignant"]
    assert len(skin.header) == 1 + 2 * len(search.data.splits)


def lacking(content: dict[str, Any]) -> None:
    content["data"]["splits"]["train"]["attributes"][0]["levels"].pop(0)
    content["data"]["splits"]["validation"]["attributes"] = []


def test_a_group_or_attribute_that_a_split_lacks_leaves_its_cells_empty(search: Document) -> None:
    (table,) = tables.sheet_tables(edited(search, lacking))
    rows = {row[0]: row[1:] for row in table.rows}
    assert rows["dark"][:2] == ["", ""]
    assert rows["dark"][2:] != ["", ""]
    assert not any("validation" in head for head in table.header)


def test_tested_pairs_alone_may_be_asked_for(audit: Document) -> None:
    view = views(audit)[1]
    assert len(tables.pair_table(view).rows) == len(view.audit.pairs)
    assert len(tables.pair_table(view, tested_only=True).rows) == sum(p.p == p.p for p in view.audit.pairs)


@pytest.mark.parametrize("edit", [per_group, only_aucs, undefined])
def test_no_table_breaks(edit: Edit, audit: Document) -> None:
    for view in views(edited(audit, edit)):
        assert every(view)


def test_what_a_cut_stands_for_stands_beside_flagging_all(audit: Document) -> None:
    """By the shown sizes, so that it gives none away, and by the group's own cut."""
    for document in (audit, publish(audit)):
        view = views(document)[0]
        at, gained = view.audit.thresholds[0], {"net_benefit": Estimate(0.1, 0.05, 0.2, "m")}
        rows = [replace(row, rates=row.rates | gained) for row in (at.overall, *at.groups)]
        own = dict.fromkeys([row.group for row in at.groups], 0.2)
        table = tables.rate_table(view, replace(at, by_group=own, overall=rows[0], groups=rows[1:]))
        assert table.header[-2:] == ["Net benefit", "Net benefit of flagging all"]
        assert {row[-2] for row in table.rows} == {number(gained["net_benefit"], view.digits)}
        shares = [row.prevalence for row in view.audit.groups]
        wanted = [number(share - (1 - share) / 4, view.digits) for share in shares]
        assert [row[-1] for row in table.rows[:-1]] == wanted
        assert any(found != "–" for found in wanted)
