"""Which columns go with errors, as it is shown: one sentence, the few that stand out, every value."""

import math
from collections.abc import Iterator
from dataclasses import replace
from operator import attrgetter

from ..data.attributes import MISSING
from ..document.document import Audited, Document
from ..document.enrichment import ColumnErrors, ValueErrors
from ..document.estimate import Reason
from .group_names import group_words
from .table import Cell, Table
from .view import digits_of, splits
from .words import MISTAKES, listed, name, number, p_value, percent, threshold

TESTS = (
    "cases that are missed against all other cases, and other rows that are flagged against all other such rows; p "
    "adjusted for all {} comparisons (Benjamini-Hochberg)"
)
SELECTED = (
    "the {} with a p adjusted of at most {:.2g} stand out, of which up to that share may be false; their intervals "
    "are at {}, as they were selected (Benjamini-Yekutieli)"
)
SINGLE = "intervals of {} are at {}, not adjusted for their number"
CAUSE = "a value that goes with errors need not cause them: it may stand for other differences between the rows"
# What a row is about: its column, one mistake of one of its values, and the entry that it is from.
Row = tuple[ColumnErrors, ValueErrors, Audited]


def enriched(document: Document) -> list[Audited]:
    """Return the audits of the document's model that say which columns go with errors, one a split and target."""
    found = []
    for split in splits(document):
        found += [entry for entry in document.select(document.model, split) if entry.audit.enrichment]
    return found


def enrichment_sentence(document: Document) -> str:
    """Say how many comparisons stand out; nothing where no column was named."""
    withheld, tests, more, fewer = dict[str, None](), 0, 0, 0
    for entry in enriched(document):
        for column in entry.audit.enrichment.columns if entry.audit.enrichment else ():
            withheld |= {name(column.name): None} if column.reasons else {}
        for _, one, _ in _sorted(entry):
            more += one.selected and one.difference.value > 0
            fewer += one.selected and one.difference.value < 0
        tests = entry.audit.enrichment.tests if entry.audit.enrichment else 0
    if not enriched(document):
        return ""
    found = f"more errors than elsewhere in {more} of {number(tests)} comparisons, fewer in {fewer}"
    found = found if more + fewer else f"none of {number(tests)} comparisons stands out"
    said = f"Which columns go with errors: {found}"
    return said + (f"; withheld for few cases: {listed([*withheld], comma=', ')}" if withheld else "")


def enrichment_tables(document: Document) -> Iterator[Table]:
    """Build a table for every split and target: a row each value and mistake, what stands out first."""
    for entry in enriched(document):
        found, digits = entry.audit.enrichment, digits_of(document)
        assert found
        at, rows, why = entry.audit.thresholds[found.threshold], list[list[Cell]](), list[Reason]()
        for column in found.columns:
            why += [replace(reason, group=column.name) for reason in column.reasons]
        for row in _sorted(entry):
            one = row[1]
            numbers: list[Cell] = [one.cases, one.errors, one.rate, one.others, one.difference]
            rows.append([_value(row), MISTAKES[one.mistake], *numbers, p_value(one.p), p_value(one.p_adjusted)])
        words = next(one.words for one in document.data.targets if one.name == entry.target)
        where = f" of {words}" if len(document.data.targets) > 1 else ""
        where += f" on {entry.split}" if len(document.data.splits) > 1 else ""
        confidence = entry.audit.confidence
        said = [TESTS.format(number(found.tests))]
        if found.selected:
            level = f"{100 * found.level(confidence):.4g} %"
            said.append(SELECTED.format(number(found.selected), 1 - confidence, level))
        said += [SINGLE.format("the others" if found.selected else "all", percent(confidence)), CAUSE]
        header = ["value", "error", "of rows", "in error", "share", "share elsewhere", "difference", "p", "p adjusted"]
        title = f"Errors by column{where} at {threshold(at, digits)} [interval]"
        yield Table.of(title, header, rows, said, why=why, signed=["difference"], digits=digits)


def enrichment_summary(document: Document, most: int) -> Table | None:
    """Build a table of the few values with more errors that stand out most, for a screen; None without columns."""
    found, rows, several = list[Row](), list[list[Cell]](), len(document.data.targets) > 1
    words = dict(map(attrgetter("name", "words"), document.data.targets))
    for entry in enriched(document):
        found += [row for row in _sorted(entry) if row[1].selected and row[1].difference.value > 0]
    for row in sorted(found, key=lambda row: row[1].p_adjusted)[:most]:
        one, named, apart = row[1], _value(row, 16 if several else 22), row[1].difference
        named = f"{named}, {_short(words[row[2].target], 10)}" if several else named
        first, low, high = (f"{100 * round(end, 2):.0f}" for end in (apart.value, apart.low, apart.high))
        shares = [percent(round(share, 2)) for share in (one.rate, one.others)]
        points = f"{first}, {low} to {high}"
        rows.append([named, MISTAKES[one.mistake], *shares, points, p_value(one.p_adjusted)])
    header = ["rows with", "error", "share", "elsewhere", "of 100 apart", "p adjusted"]
    return Table.of(enrichment_sentence(document), header, rows) if enriched(document) else None


def _sorted(entry: Audited) -> list[Row]:
    """List every value and mistake: more errors that stand out, fewer that do, others by p, and those without a p."""
    found = list[Row]()
    for column in entry.audit.enrichment.columns if entry.audit.enrichment else ():
        found += [(column, one, entry) for one in column.values]

    def place(row: Row) -> tuple[bool, bool, float]:
        one = row[1]
        fewer = one.selected and one.difference.value < 0
        return not one.selected, fewer, math.inf if math.isnan(one.p) else one.p

    return sorted(found, key=place)


def _value(row: Row, most: int = 120) -> str:
    """Name a column and its value: "scanner B", "age over 60"; of long names the first letters."""
    column, one, _ = row
    title = _short(column.column.replace("_", " "), most)
    words = group_words(_short(one.value, most), title, column.kind == "cuts", one.value == MISSING)
    return words if words.startswith(f"{title} ") else f"{title} {words}"


def _short(text: str, most: int) -> str:
    return text if len(text) <= most else f"{text[: most - 1]}…"
