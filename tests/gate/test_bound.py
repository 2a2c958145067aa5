from __future__ import annotations

import math

from hypothesis import given
from hypothesis import strategies as st

from hf_fairtune.gate.bound import FAIL, PASS, UNSURE, Bound, overall

ENDS = st.floats(-1, 1)
ORDER = {FAIL: 0, UNSURE: 1, PASS: 2}
INTERVALS = st.tuples(ENDS, ENDS).map(sorted)
BOUNDS = st.one_of(
    ENDS.map(lambda end: Bound(low=end)),
    ENDS.map(lambda end: Bound(high=end)),
    INTERVALS.map(lambda ends: Bound(*ends)),
)


@given(BOUNDS, INTERVALS)
def test_the_verdict_is_that_of_every_point_inside(bound: Bound, interval: list[float]) -> None:
    low, high = interval
    points = [low + (high - low) * i / 8 for i in range(8)] + [high]
    kept = [bound.low <= point <= bound.high for point in points]
    found = bound.judge(low, high)
    assert found != PASS or all(kept)
    assert found != FAIL or not any(kept)
    assert (found == PASS) == (kept[0] and kept[-1])


@given(BOUNDS, INTERVALS, st.floats(0, 1))
def test_a_looser_bound_and_a_narrower_interval_never_judge_harder(
    bound: Bound, interval: list[float], slack: float
) -> None:
    looser = Bound(bound.low - slack, bound.high + slack)
    assert ORDER[looser.judge(*interval)] >= ORDER[bound.judge(*interval)]
    low, high = interval
    inside = (low + slack * (high - low) / 2, high - slack * (high - low) / 4)
    if bound.judge(low, high) == PASS and inside[0] <= inside[1]:
        assert bound.judge(*inside) == PASS


@given(BOUNDS, ENDS, st.sampled_from([math.nan, math.inf, -math.inf]))
def test_without_both_ends_there_is_no_evidence(bound: Bound, end: float, missing: float) -> None:
    assert {bound.judge(end, missing), bound.judge(missing, end), bound.judge(missing, missing)} == {UNSURE}


def test_verdicts_are_put_together_by_the_worst() -> None:
    assert overall([PASS, PASS]) == PASS
    assert overall([PASS, UNSURE]) == UNSURE
    assert overall([UNSURE, FAIL, PASS]) == FAIL
    assert overall([]) == UNSURE
