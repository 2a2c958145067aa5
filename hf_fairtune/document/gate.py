"""What a gate of rules said of a model: every number and comparison that was judged."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from .comparison import Verdict
from .estimate import Estimate, Reason
from .scalar import GroupName

GateVerdict = Literal["pass", "fail", "insufficient evidence"]
Wanted = Literal["fairer", "no level-down"]


@dataclass(frozen=True)
class GateRow:
    """A number judged by rule `rule` of the file, or a comparison where `wanted` says what it must say.

    What the number is about is None where it does not apply; `low` and `high` bound it, None for an open end.
    `reasons` say why a rule is not kept, or what the number lacks.
    """

    rule: int
    metric: str
    target: str
    attribute: str | None
    split: str
    verdict: GateVerdict
    group: GroupName | None = None
    against: GroupName | None = None
    threshold: str | None = None
    low: float | None = None
    high: float | None = None
    wanted: Wanted | None = None
    found: Estimate | None = None
    comparison: Verdict | None = None
    reasons: tuple[Reason, ...] = ()


@dataclass(frozen=True)
class Gate:
    """The rules of a file judged: one failure fails, one doubt leaves doubt."""

    file: str
    verdict: GateVerdict
    rows: list[GateRow]
