"""A ladder of repairs: the methods that were tried in the order of cost, and which was the first to be enough."""

from __future__ import annotations

from dataclasses import dataclass, field

from .estimate import NAN, Estimate, Real
from .gate import GateRow, GateVerdict


@dataclass(frozen=True)
class Rung:
    """One repair that was tried, as validation saw it, before any calibration.

    Args:
        method: name of the method.
        title: of the method, for people.
        seconds: of its training; NaN where a part of it was resumed.
        value: lowest AUC of a group on validation, by the ladder's attribute.
        verdict: of the rules that say what is enough; only "pass" is.
        rows: every number and comparison that was judged.
        chose: whether the method itself chose on validation, so that its numbers there are too good.
    """

    method: str
    title: str
    seconds: Real
    value: Estimate
    verdict: GateVerdict
    rows: list[GateRow] = field(default_factory=list)
    chose: bool = False


@dataclass(frozen=True)
class Ladder:
    """Rungs in the order of cost, and the `chosen` method: the first that was `enough`.

    Where none was, it is the first whose value is within one standard error of the highest, that of `best`, and
    `error` is that of the difference of the two, NaN where nothing tells it. `best` is "" where a rung was enough, and
    where no value is defined: then the first is chosen.

    `criterion` names what is enough: "better" than the model before, or the file of rules. `before` is the lowest AUC
    of a group of the model before, by `attribute`, on validation; `needless` tells that this model was enough already.
    `spared` are the titles of methods that were not needed. The models of rungs that were not chosen are the
    document's, under the names of their methods.
    """

    criterion: str
    attribute: str
    before: Estimate
    rungs: list[Rung]
    spared: list[str]
    chosen: str
    enough: bool
    needless: bool = False
    best: str = ""
    error: Real = NAN
