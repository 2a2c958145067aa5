"""What a report tells of a protocol: settings by name, without paths."""

from __future__ import annotations

from collections.abc import Mapping

from ..document.scalar import Argument
from ..trainer.run_facts import KEPT_ARGUMENTS
from .entry import Entry
from .protocol import Protocol

SEARCHED = ("selection", "mode", "min_auc", "learning_rate_low", "learning_rate_high")
OWN = ("mode", "objective", "selection")


def facts_of(protocol: Protocol) -> dict[str, Argument]:
    """Return settings of the searches, of trainings, of repairs where there are some, and of single rows."""
    settings = protocol.settings
    found: dict[str, Argument] = {"seeds": [*settings.seeds], "folds": settings.folds, "trials": settings.trials}
    if settings.trials:
        found |= {"searched by": settings.objective, **{name: getattr(settings, name) for name in SEARCHED}}
    found |= {"start": settings.start}
    found |= _named("training", protocol.training.to_dict())
    if any(entry.repairs for entry in protocol.entries):
        found |= {"base of repairs": protocol.base, **_named("repair", protocol.repair.to_dict())}
    for entry in protocol.entries:
        found |= _row(entry)
    return found


def _named(what: str, arguments: Mapping[str, Argument]) -> dict[str, Argument]:
    return {f"{what}: {name}": arguments[name] for name in KEPT_ARGUMENTS if arguments.get(name) not in (None, False)}


def _row(entry: Entry) -> dict[str, Argument]:
    """Return what a row has in place of the shared settings."""
    own = {name: str(value) for name in OWN if (value := getattr(entry, name)) is not None}
    own |= {name: str(entry.training[name]) for name in KEPT_ARGUMENTS if name in entry.training}
    return {f"row {entry.name}": ", ".join(f"{name} {value}" for name, value in own.items())} if own else {}
