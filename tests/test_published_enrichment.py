"""What a published document tells of columns that go with errors: no count, and no column with a small value."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable
from dataclasses import replace

import numpy as np
import pytest

from hf_fairtune.document.data import Reading
from hf_fairtune.document.document import Document
from hf_fairtune.document.enrichment import ColumnErrors, Enrichment, Mistake, ValueErrors
from hf_fairtune.document.estimate import Estimate, Reason
from hf_fairtune.publish import publish

from .document_samples import SMALL_CELL, document

# Errors and cases of a value: of positives, and of negatives.
Cells = tuple[tuple[int, int], tuple[int, int]]
LARGE: Cells = ((60, 200), (40, 400))


def value(name: str, cells: Cells) -> Iterable[ValueErrors]:
    mistakes: tuple[Mistake, ...] = ("missed", "alarmed")
    for mistake, (errors, cases) in zip(mistakes, cells, strict=True):
        rate = errors / cases if cases else math.nan
        apart = Estimate(rate - 0.123456, rate - 0.234567, rate + 0.012345, "m", (Reason("too_few", count=17),))
        yield ValueErrors(name, mistake, cases, errors, rate, 0.123456, apart, 0.000123456, 0.00345678, True)


def column(name: str, **cells: Cells) -> ColumnErrors:
    return ColumnErrors(name, name, "levels", [one for text, own in cells.items() for one in value(text, own)])


def explained(*columns: ColumnErrors) -> Document:
    made = document(SMALL_CELL)
    whole = made.audits[0]
    audit = replace(whole.audit, enrichment=Enrichment(1, 16, 3, list(columns)))
    readings = [Reading(own.name, "", "missing", 25) for own in columns] + [Reading("y", "1", "positive", 355)]
    return replace(
        made, audits=[replace(whole, audit=audit), *made.audits[1:]], data=replace(made.data, readings=readings)
    )


def enrichment(found: Document) -> Enrichment:
    shown = found.audits[0].audit.enrichment
    assert shown is not None
    return shown


def test_rates_have_two_digits_and_no_count() -> None:
    shared = publish(explained(column("scanner", A=LARGE, B=LARGE)))
    (own,) = enrichment(shared).columns
    assert [one.value for one in own.values] == ["A", "A", "B", "B"]
    one = own.values[0]
    assert (one.cases, one.errors, one.rate, one.others) == (None, None, 0.3, 0.12)
    assert (one.difference.value, one.difference.low, one.difference.high) == (0.18, 0.07, 0.31)
    assert (one.p, one.p_adjusted, one.selected) == (0.00012, 0.0035, True)
    assert one.difference.reasons[0].count is None
    assert (enrichment(shared).tests, enrichment(shared).selected, enrichment(shared).threshold) == (16, 3, 1)
    assert publish(shared).to_json() == shared.to_json()
    assert Document.from_json(shared.to_json()).to_json() == shared.to_json()


@pytest.mark.parametrize(
    "small",
    [
        ((0, 0), (40, 400)),  # no positives
        ((3, 9), (40, 400)),  # few
        ((9, 200), (40, 400)),  # few missed
        ((195, 200), (40, 400)),  # few found
        ((60, 200), (9, 400)),  # few false alarms
        ((60, 200), (400, 409)),  # few cleared
    ],
)
def test_a_column_with_a_small_value_goes_whole(small: Cells) -> None:
    exact = explained(column("scanner", A=LARGE, B=LARGE), column("rare", X=LARGE, hidden=small, Y=LARGE))
    shared = publish(exact)
    kept, gone = enrichment(shared).columns
    assert len(kept.values) == 4
    assert (gone.name, gone.values, gone.reasons) == ("rare", [], (Reason("few_cases", needed=10),))
    assert "hidden" not in shared.to_json()
    assert [one.column for one in shared.data.readings] == ["scanner", "y"]
    assert enrichment(exact).columns[1].values


def test_a_group_keeps_its_readings() -> None:
    shared = publish(explained(column("sex", F=LARGE, M=((1, 200), (40, 400)))))
    assert enrichment(shared).columns[0].values == []
    assert [one.column for one in shared.data.readings] == ["sex", "y"]


def test_aucs_alone_tell_no_column() -> None:
    exact = explained(column("scanner", A=LARGE, B=LARGE))
    for shared in (publish(exact, "auc"), publish(publish(exact), "auc")):
        assert shared.audits[0].audit.enrichment is None


def test_no_count_of_any_document_is_left() -> None:
    rng = np.random.default_rng(0)
    for _ in range(20):
        columns = []
        for name in "abcdefghijklmnopqrst":
            sizes = rng.integers(0, 60, (3, 2, 2)).tolist()
            cells = {f"{name}{i}": tuple((min(own), max(own)) for own in both) for i, both in enumerate(sizes)}
            columns.append(column(name, **cells))
        shown = json.loads(publish(explained(*columns)).to_json())["audits"][0]["audit"]["enrichment"]
        for before, after in zip(columns, shown["columns"], strict=True):
            cells = [(int(one.errors), int(one.cases)) for one in before.values]
            large = all(errors >= 10 and cases - errors >= 10 for errors, cases in cells)
            assert bool(after["values"]) == large
            assert {one[key] for one in after["values"] for key in ("cases", "errors")} <= {None}
