"""Rules on what a comparison with a reference model says: fairer, or nobody worse off for nobody's gain."""

from __future__ import annotations

from ..document.comparison import MARGIN, Comparison
from ..document.document import GateVerdict, Wanted
from ..document.estimate import Reason
from .bound import FAIL, PASS, UNSURE


def judged(comparison: Comparison, wanted: Wanted) -> tuple[GateVerdict, tuple[Reason, ...]]:
    """Judge a comparison's verdict (see `audits/verdict.py`), and say who was harmed.

    - "fairer" is kept by "pareto-better", broken by "level-down", by "worse" and where a group's whole interval lies
      more than the margin below 0;
    - "no level-down" is broken by "level-down" and by "worse", which harms without closing the gap; it is kept where
      a group rose, or no group's interval reaches below the margin;
    - anything else, "not shown" above all, is insufficient evidence.
    """
    if comparison.verdict in ("level-down", "worse"):
        return FAIL, ()
    if comparison.verdict == "pareto-better":
        return PASS, ()
    rows = [row for row in comparison.groups if row.group not in comparison.excluded]
    if wanted == "fairer":
        harmed = tuple(Reason("harmed", row.group) for row in rows if row.auc.high < -MARGIN)
        return (FAIL, harmed) if harmed else (UNSURE, ())
    rose = any(row.auc.low > 0 for row in rows)
    spared = bool(rows) and all(row.auc.low >= -MARGIN for row in rows)
    return (PASS if rose or spared else UNSURE), ()
