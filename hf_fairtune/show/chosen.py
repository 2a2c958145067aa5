"""What a search chose and made of it, and how far its value on validation is to be believed."""

import math
from collections.abc import Sequence

from ..document.search import Combined, Search
from .view import View
from .words import BY_VALUE, listed, number

MOST = 8


def choice(search: Search) -> dict[str, str]:
    """List which trial was chosen and by what, which had the best value if that is another, and what it joined."""
    facts = {"chosen trial": "none" if search.best_trial is None else str(search.best_trial)}
    facts |= {"chosen by": search.selection.title} if search.selection else {}
    if search.better:
        facts |= {"best value": f"{number(search.better.value)}, of trial {search.better.number}"}
    return facts | ({"combined": combined(search.combination)} if search.combination else {})


def combined(found: Combined) -> str:
    """Say which trials make what, and the objective on validation after each of them joined."""
    trials = [str(member.trial) for member in found.members]
    if len(trials) == 1:
        return f"{found.title}, of trial {trials[0]} alone, as no other would make its worst case on validation better"
    values = ", ".join(number(member.value, digits=3) for member in found.members)
    return f"{found.title}, of trials {listed(trials, MOST, ', ')}; together on validation {values} as each joined"


def optimism(search: Search, every: Sequence[View]) -> str:
    """Set the validation value of what a search chose beside the same measure on the test split."""
    key, rule = search.objective.removeprefix("eval_"), search.selection.title if search.selection else BY_VALUE
    said = f"The model was chosen among {len(search.trials)} trials by {rule}; its {key} was "
    said += number(search.chosen.value if search.chosen else math.nan)
    said += " on validation"
    said += f" (the best of all {number(search.better.value)})" if search.better else ""
    if search.combination and len(search.combination.members) > 1:
        said += f", that of the trials it joined {number(search.combination.members[-1].value)}"
    tested = [getattr(view.audit, key) for view in every if view.split == "test" and hasattr(view.audit, key)]
    said += f" and is {number(tested[-1].value)} on test" if tested else ""
    return f"{said}. The best of many is partly luck: believe the test value."
