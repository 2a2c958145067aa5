"""How the trials of a search ended: why they failed, or were run again, is worded here alone."""

from collections import Counter
from collections.abc import Mapping
from types import MappingProxyType

from ..document.search import Failure, Search
from ..surroundings import WORDS
from .methods import hours_said
from .search_history import STATES, ending

FAILURES: Mapping[Failure, str] = MappingProxyType(
    {
        "diverged": "the training loss was NaN or infinite",
        "undefined": "the objective had no value",
        "memory": WORDS["memory"],
        "caught": "an error that the caller lets pass",
    }
)


def trials_said(search: Search) -> str:
    """Say how many trials were asked for, how they ended and why, and what the hours of the run held."""
    states = Counter(STATES[end][2] for end in map(ending, search.trials) if end in STATES)
    ended = ", ".join(f"{count} {state}" for state, count in states.items())
    failed = Counter(FAILURES[trial.failure] for trial in search.trials if trial.failure)
    again = Counter(WORDS[cause] for trial in search.trials for cause in trial.retried)
    parts = [f"; {what}: {_counted(found)}" for what, found in (("failed", failed), ("run again", again)) if found]
    return f"{search.n_trials} asked for; {ended or 'none ended'}{''.join(parts)}{hours_said(search)}"


def _counted(reasons: Counter[str]) -> str:
    return ", ".join(f"{reason} ({count})" for reason, count in sorted(reasons.items()))
