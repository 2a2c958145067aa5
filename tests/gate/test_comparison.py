from __future__ import annotations

import pytest

from hf_fairtune.document.comparison import MARGIN, Comparison, GroupChange, Verdict
from hf_fairtune.document.document import GateVerdict
from hf_fairtune.document.estimate import NAN, Estimate, Reason, undefined
from hf_fairtune.gate.bound import FAIL, PASS, UNSURE
from hf_fairtune.gate.comparison import judged

Interval = tuple[float, float]
NARROW, WIDE = (-MARGIN + 0.001, MARGIN - 0.001), (-0.02, 0.02)
NONE = (NAN, NAN)


def comparison(verdict: Verdict, groups: list[Interval], excluded: list[str] | None = None) -> Comparison:
    """A comparison of which the verdict and the groups' intervals matter."""
    rows = [
        GroupChange(str(i), 40, 20, 20, "ok", (), Estimate((low + high) / 2, low, high, "made up"), NAN)
        for i, (low, high) in enumerate(groups)
    ]
    none = undefined("none")
    return Comparison(0.95, 0, 0, None, 80, 40, 40, excluded or [], none, NAN, none, none, rows, [], verdict)


@pytest.mark.parametrize(
    ("verdict", "groups", "fairer", "spared"),
    [
        ("pareto-better", [(0.01, 0.05), NARROW], PASS, PASS),
        ("level-down", [(-0.05, -0.01), WIDE], FAIL, FAIL),
        ("worse", [(-0.05, -0.01), WIDE], FAIL, FAIL),
        ("mixed", [(0.01, 0.05), (-0.05, -0.01)], FAIL, PASS),
        ("mixed", [(0.01, 0.05), WIDE], UNSURE, PASS),
        ("not shown", [WIDE, WIDE], UNSURE, UNSURE),
        ("not shown", [NARROW, NARROW], UNSURE, PASS),
        ("not shown", [NONE, NARROW], UNSURE, UNSURE),
        ("mixed", [NONE, (0.01, 0.04)], UNSURE, PASS),
        ("not shown", [], UNSURE, UNSURE),
    ],
)
def test_verdicts(verdict: Verdict, groups: list[Interval], fairer: GateVerdict, spared: GateVerdict) -> None:
    found = comparison(verdict, groups)
    assert judged(found, "fairer")[0] == fairer
    assert judged(found, "no level-down") == (spared, ())


def test_who_was_harmed_is_said() -> None:
    found = comparison("mixed", [(0.01, 0.05), (-0.05, -MARGIN - 0.001), (-0.05, -MARGIN + 0.001)])
    assert judged(found, "fairer") == (FAIL, (Reason("harmed", "1"),))


def test_an_excluded_group_has_no_say() -> None:
    assert judged(comparison("not shown", [WIDE, (0.08, 0.12)]), "no level-down")[0] == PASS
    assert judged(comparison("not shown", [WIDE, (0.08, 0.12)], ["1"]), "no level-down")[0] == UNSURE
    assert judged(comparison("mixed", [WIDE, (-0.12, -0.08)], ["1"]), "fairer")[0] == UNSURE
