from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from hf_fairtune.audits.levelling import MARGIN, classify
from hf_fairtune.gate import comparison
from hf_fairtune.gate.bound import FAIL, PASS, UNSURE
from hf_fairtune.intervals.estimate import NAN, Estimate, plain

Interval = tuple[float, float]


def entry(groups: list[Interval], gap: Interval, gap_value: float | None = None) -> dict[str, Any]:
    """A comparison with these intervals, its verdict that of the package."""
    shrunk = sum(gap) / 2 if gap_value is None else gap_value
    estimates = [Estimate((low + high) / 2, low, high, "made up") for low, high in groups]
    change = Estimate(shrunk, *gap, "made up")
    rows = [{"group": str(i), "auc": plain(item)} for i, item in enumerate(estimates)]
    return {"verdict": classify(estimates, change), "groups": rows, "auc_gap": plain(change), "excluded": []}


@pytest.mark.parametrize(
    ("groups", "gap", "fairer", "spared"),
    [
        ([(0.01, 0.05), (-0.004, 0.03)], (-0.05, 0.01), PASS, PASS),
        ([(-0.05, -0.01), (-0.02, 0.02)], (-0.05, -0.01), FAIL, FAIL),
        ([(0.01, 0.05), (-0.05, -0.01)], (-0.05, -0.01), FAIL, PASS),
        ([(-0.05, -0.001), (-0.02, 0.02)], (0.01, 0.05), FAIL, FAIL),
        ([(-0.05, -0.01), (-0.05, -0.01)], (-0.02, 0.02), FAIL, FAIL),
        ([(-0.02, 0.02), (-0.02, 0.02)], (0.01, 0.05), UNSURE, UNSURE),
        ([(-0.02, 0.02), (-0.02, 0.02)], (-0.02, 0.02), UNSURE, UNSURE),
        ([(-0.004, 0.004), (-0.004, 0.004)], (-0.02, 0.02), UNSURE, PASS),
        ([(NAN, NAN), (-0.004, 0.004)], (NAN, NAN), UNSURE, UNSURE),
        ([(NAN, NAN), (0.01, 0.04)], (NAN, NAN), UNSURE, PASS),
    ],
)
def test_verdicts(groups: list[Interval], gap: Interval, fairer: str, spared: str) -> None:
    found = entry(groups, gap)
    assert comparison.judged(found, "fairer")[0] == fairer
    assert comparison.judged(found, "no level-down")[0] == spared
    assert found["verdict"] in comparison.judged(found, "fairer")[1]


def test_an_excluded_group_has_no_say() -> None:
    found = entry([(-0.02, 0.02)], (-0.02, 0.02))
    found["groups"].append({"group": "left", "auc": {"value": 0.1, "low": 0.08, "high": 0.12}})
    assert comparison.judged(found, "no level-down")[0] == PASS
    assert comparison.judged(found | {"excluded": ["left"]}, "no level-down")[0] == UNSURE


def test_any_comparison_is_judged_as_it_was_classified() -> None:
    rng = np.random.default_rng(0)
    seen = set()
    for _ in range(500):
        ends = np.sort(rng.normal(scale=0.01, size=(3, 2)), axis=1)
        found = entry([tuple(pair) for pair in ends[:2].tolist()], tuple(ends[2].tolist()))
        fairer, spared = (comparison.judged(found, wanted)[0] for wanted in ("fairer", "no level-down"))
        assert (fairer == PASS) == (found["verdict"] == "pareto-better")
        assert (spared == FAIL) == (found["verdict"] in ("level-down", "worse"))
        seen |= {(fairer, spared)}
    assert seen == {(PASS, PASS), (FAIL, FAIL), (FAIL, PASS), (UNSURE, PASS), (UNSURE, UNSURE)}


def test_the_margin_is_the_audits() -> None:
    assert comparison.MARGIN == MARGIN
