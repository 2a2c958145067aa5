"""A ladder of repairs as it is shown: which rung was taken and why, and what each of the others gave."""

from math import isnan

from ..document.document import Document
from ..document.estimate import Reason
from ..document.gate import Gate
from ..document.ladder import Ladder, Rung
from ..gate.rules import PASS
from .gate import gate_lines
from .table import Cell, Table
from .view import digits_of, splits
from .words import listed, name, number, reasons

CRITERION = {"better": "clearly better than the model before"}
BEFORE = "before"
CHOSE = "{}: chosen on validation itself, so that the value there is better than that of other patients"
ALREADY = " The model before was enough already."
HIGHER = " The model before had a higher one."


def criterion(ladder: Ladder) -> str:
    """Say what is enough."""
    return CRITERION.get(ladder.criterion, f"the rules of {name(ladder.criterion)}")


def why(rung: Rung, digits: int = 2) -> str:
    """Say what kept a rung from being enough; "" where it is enough."""
    if rung.verdict == PASS:
        return ""
    compared = [row for row in rung.rows if row.wanted and row.verdict != PASS]
    said = [f"{row.comparison} by {row.attribute}{_found(row.reasons)}" for row in compared]
    judged = [row for row in rung.rows if not row.wanted]
    lines = gate_lines(Gate("", rung.verdict, judged), digits)
    return listed([*said, *(text for verdict, text in lines if verdict != PASS)], 2)


def _found(why: tuple[Reason, ...]) -> str:
    return f" ({reasons(why)})" if why else ""


def rung_said(rung: Rung) -> str:
    """Say on one line what a rung gave on validation."""
    verdict = "enough" if rung.verdict == PASS else f"not enough ({why(rung)})"
    return f"{rung.title}: lowest group's AUC on validation {number(rung.value)}; {verdict}"


def ladder_said(ladder: Ladder) -> str:
    """Say which rung was taken, and what was not needed or not enough."""
    taken = next(rung for rung in ladder.rungs if rung.method == ladder.chosen)
    others = [rung.title for rung in ladder.rungs if rung.method != ladder.chosen]
    what = f"of {len(ladder.rungs) + len(ladder.spared)} repairs in the order of cost"
    if not ladder.enough:
        tried = f"None {what} was enough on validation ({criterion(ladder)})"
        higher = HIGHER if ladder.before.value > taken.value.value else ""
        return f"{tried}; {_kept(ladder, taken)}.{higher}"
    failed = f"; not enough: {listed(others)}" if others else ""
    already = ALREADY if ladder.needless else ""
    spared = f"; not needed: {listed(ladder.spared)}" if ladder.spared else ""
    first = f"{taken.title} is the first {what} that was enough on validation"
    return f"{first} ({criterion(ladder)}){failed}{spared}.{already}"


def _kept(ladder: Ladder, taken: Rung) -> str:
    """Say why a rung is kept though none was enough."""
    best = next((rung for rung in ladder.rungs if rung.method == ladder.best), None)
    if best is None:
        return f"no group's lowest AUC is defined there, so that the cheapest, {taken.title}, is kept"
    if best is taken:
        return f"{taken.title}, whose worst group has the highest AUC there, is kept"
    error = "" if isnan(ladder.error) else f" ({number(ladder.error, digits=3)})"
    within = f"within one standard error{error} of the highest, that of {best.title}"
    return f"{taken.title} is kept, the cheapest whose worst group's AUC there is {within}"


def ladder_table(document: Document) -> Table:
    """Build a row a rung: seconds, the lowest AUC of a group on validation and on test, whether it was enough."""
    ladder = document.run.ladder if document.run else None
    if ladder is None:
        return Table("", [], [])
    tests, digits = splits(document), digits_of(document)
    scored = [f"on {split}" for split in tests]
    header = ["rung", "seconds", "on validation", "enough", "why not", *scored]
    rows: list[list[Cell]] = [[BEFORE, None, ladder.before, "", "", *_tested(document, BEFORE, ladder, tests)]]
    for rung in ladder.rungs:
        chosen = rung.method == ladder.chosen
        model = document.model if chosen else rung.method
        title, seconds = f"{rung.title}{' (taken)' if chosen else ''}", number(rung.seconds, digits=1)
        verdict = "yes" if rung.verdict == PASS else "no"
        found = _tested(document, model, ladder, tests)
        rows.append([title, seconds, rung.value, verdict, why(rung), *found])
    rows += [[title, None, None, "not needed", "", *[None] * len(tests)] for title in ladder.spared]
    chose = [rung.title for rung in ladder.rungs if rung.chose]
    said = [CHOSE.format(listed(chose, comma=", "))] if chose else []
    title = f"Lowest AUC of a group by {ladder.attribute}, rung by rung [95 % interval]"
    return Table.of(title, header, rows, said, digits=digits)


def _tested(document: Document, model: str, ladder: Ladder, tests: list[str]) -> list[Cell]:
    """Return a model's lowest AUC of a group on each test split, of several classes the lowest of all."""
    found: list[Cell] = []
    for split in tests:
        own = [
            entry.audit.min_group_auc
            for entry in document.select(model, split)
            if entry.attribute == ladder.attribute and entry.audit.min_group_auc.defined
        ]
        found.append(min(own, key=lambda one: one.value) if own else None)
    return found
