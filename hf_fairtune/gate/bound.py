"""What a rule asks of a number: its whole confidence interval inside a range."""

from __future__ import annotations

import math
from dataclasses import dataclass

from ..document.document import GateVerdict

PASS: GateVerdict = "pass"
FAIL: GateVerdict = "fail"
UNSURE: GateVerdict = "insufficient evidence"


@dataclass(frozen=True)
class Bound:
    """A closed range; an open end is infinite."""

    low: float = -math.inf
    high: float = math.inf

    def judge(self, low: float, high: float) -> GateVerdict:
        """Judge an interval: "pass" if all of it lies inside, "fail" if all of it lies outside on one side.

        Anything else is "insufficient evidence", and so is an interval that lacks an end: a rule is never kept by a
        point without inference.
        """
        if not (math.isfinite(low) and math.isfinite(high)):
            return UNSURE
        if self.low <= low and high <= self.high:
            return PASS
        return FAIL if high < self.low or low > self.high else UNSURE


def overall(verdicts: list[GateVerdict]) -> GateVerdict:
    """Put verdicts together: one failure fails, one doubt leaves doubt; of none there is doubt."""
    if FAIL in verdicts:
        return FAIL
    return UNSURE if UNSURE in verdicts or not verdicts else PASS
