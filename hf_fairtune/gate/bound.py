"""What a rule asks of a number: its whole confidence interval inside a range."""

from __future__ import annotations

import math
from dataclasses import dataclass

PASS, FAIL, UNSURE = "pass", "fail", "insufficient evidence"


@dataclass(frozen=True)
class Bound:
    """A closed range; an open end is infinite."""

    low: float = -math.inf
    high: float = math.inf

    def __str__(self) -> str:
        """Say it as a rule does, such as "at least 0.8"."""
        if self.high == math.inf:
            return f"at least {self.low:g}"
        return f"at most {self.high:g}" if self.low == -math.inf else f"within {self.low:g} to {self.high:g}"

    def judge(self, low: float | None, high: float | None) -> str:
        """Judge an interval: "pass" if all of it lies inside, "fail" if all of it lies outside on one side.

        Anything else is "insufficient evidence", and so is an interval that lacks an end: a rule is never kept by a
        point without inference.
        """
        if low is None or high is None or not (math.isfinite(low) and math.isfinite(high)):
            return UNSURE
        if self.low <= low and high <= self.high:
            return PASS
        return FAIL if high < self.low or low > self.high else UNSURE


def overall(verdicts: list[str]) -> str:
    """Put verdicts together: one failure fails, one doubt leaves doubt; of none there is doubt."""
    if FAIL in verdicts:
        return FAIL
    return UNSURE if UNSURE in verdicts or not verdicts else PASS
