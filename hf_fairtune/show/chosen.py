"""What a search chose and made of it, and how much better it was on validation than on test."""

import math
from collections.abc import Sequence

from ..document.document import Document
from ..document.estimate import Estimate
from ..document.search import Search
from .classes import on_test, several
from .view import View, views
from .words import BY_VALUE, SEARCHED_ON, listed, number

MOST = 8
# The rule whose values are of models that it trains itself.
REFITTED = "folds"
CHOSEN = "The model was chosen among {n} trials by {rule}; its {key} was {value} {where}{best}{joined}{tested}."
JOINED = " ({} with the trials it joined)"
TESTED = " and is {} on test, {}"
UNKNOWN = ". On test it is unknown, as a group there has too few cases"
MOVED = {1: "{} better than there", 0: "as there", -1: "{} worse than there"}
HELD = {
    True: "The interval on test holds the value {of}, so that the difference may be chance.",
    False: "The interval on test does not hold the value {of}.",
}
OF = {False: "of validation", True: "out of fold"}
LUCK = "The best of many is partly luck{}."
BELIEVE = ": believe the test value"


def choice(search: Search) -> dict[str, str]:
    """List which trial was chosen and by what, which had the best value if that is another, and what it joined."""
    facts = {"chosen trial": "none" if search.best_trial is None else str(search.best_trial)}
    facts |= {"chosen by": chosen_by(search)} if search.selection else {}
    if search.better:
        facts |= {"best value": f"{number(search.better.value)}, of trial {search.better.number}"}
    return facts | ({"combined": combined(search)} if search.combination else {})


def chosen_by(search: Search) -> str:
    """Name the rule of a search, with the value that decided where that is not the trial's own."""
    found = search.selection
    if found is None:
        return BY_VALUE
    decided = next((one.value for one in found.candidates if one.trial == search.best_trial), math.nan)
    if found.rule != REFITTED or math.isnan(decided):
        return found.title
    return f"{found.title}: {number(decided)} out of fold"


def combined(search: Search, digits: int = 2) -> str:
    """Say which trials make what, and the objective where it was searched after each of them joined."""
    found, where = search.combination, SEARCHED_ON[search.folds > 0]
    assert found is not None
    trials = [str(member.trial) for member in found.members]
    if len(trials) == 1:
        return f"{found.title}, of trial {trials[0]} alone, as no other joins without harm {where}"
    values = ", ".join(number(member.value, digits) for member in found.members)
    return f"{found.title}, of trials {listed(trials, MOST, ', ')}; together {where} {values} as each joined"


def optimism(document: Document) -> str:
    """Set the validation value of a search's chosen trial beside the same measure on test; "" without a search."""
    if document.run is None or document.run.search is None:
        return ""
    search, best = document.run.search, document.run.search.better
    own = search.chosen.value if search.chosen else math.nan
    joined = search.combination is not None and len(search.combination.members) > 1
    value = search.combination.members[-1].value if search.combination and joined else own
    found = None if math.isnan(value) else _tested(search, views(document), several(document))
    unknown = found is not None and not found.defined
    said = CHOSEN.format(
        n=len(search.trials),
        rule=chosen_by(search),
        key=key_of(search),
        value=number(own),
        where=SEARCHED_ON[search.folds > 0],
        best=f" (the best of all {number(best.value)})" if best else "",
        joined=JOINED.format(number(value)) if joined else "",
        tested="" if found is None else UNKNOWN if unknown else TESTED.format(*_moved(search, value, found)),
    )
    if found is not None and found.bounded:
        said += f" {HELD[found.low <= value <= found.high].format(of=OF[search.folds > 0])}"
    return f"{said} {LUCK.format('' if unknown else BELIEVE)}"


def key_of(search: Search) -> str:
    """Return the objective's name as audits have it."""
    return search.objective.removeprefix("eval_")


def _tested(search: Search, every: Sequence[View], classes: bool) -> Estimate | None:
    """Return the objective on the test split by the last attribute, which is what was searched by."""
    if classes:
        return on_test(every, key_of(search))
    found = [getattr(view.audit, key_of(search), None) for view in every if view.split == "test"]
    return found[-1] if found and isinstance(found[-1], Estimate) else None


def _moved(search: Search, value: float, found: Estimate) -> tuple[str, str]:
    """Word the test value, and that minus the one of validation, as both are rounded here."""
    step = round(float(number(found.value)) - float(number(value)), 2)
    better = 0 if not step else 1 if (step > 0) == (search.direction == "maximize") else -1
    return number(found), MOVED[better].format(number(abs(step)))
