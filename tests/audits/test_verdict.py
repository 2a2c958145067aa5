import pytest

from hf_fairtune.audits.verdict import classify
from hf_fairtune.document.estimate import NAN, Estimate

UP, DOWN, FLAT, VAGUE = (0.01, 0.05), (-0.05, -0.01), (-0.004, 0.02), (-0.03, 0.03)
WITHHELD = (NAN, NAN)
SLIGHTLY_DOWN = (-0.004, -0.001)


def verdict(gap: float, *groups: tuple[float, float]) -> str:
    changes = [Estimate((low + high) / 2, low, high, "made up") for low, high in groups]
    return classify(changes, Estimate(gap, NAN, NAN, "made up"))


@pytest.mark.parametrize(
    ("gap", "groups", "expected"),
    [
        (-0.03, (UP, FLAT), "pareto-better"),
        (+0.03, (UP, FLAT), "pareto-better"),
        (-0.03, (UP, SLIGHTLY_DOWN), "pareto-better"),
        (-0.03, (UP, VAGUE), "mixed"),
        (-0.03, (UP, WITHHELD), "mixed"),
        (-0.03, (UP, DOWN), "mixed"),
        (-0.03, (DOWN, FLAT), "level-down"),
        (-0.03, (DOWN, DOWN), "level-down"),
        (-0.03, (DOWN, WITHHELD), "level-down"),
        (+0.03, (DOWN, FLAT), "worse"),
        (NAN, (DOWN, FLAT), "worse"),
        (0.0, (DOWN, DOWN), "worse"),
        (+0.03, (SLIGHTLY_DOWN, FLAT), "worse"),
        (+0.03, (DOWN, WITHHELD), "worse"),
        (+0.03, (DOWN, UP), "mixed"),
        (-0.03, (FLAT, FLAT), "not shown"),
        (-0.03, (VAGUE, WITHHELD), "not shown"),
        (-0.03, (), "not shown"),
    ],
)
def test_verdicts(gap: float, groups: tuple[tuple[float, float], ...], expected: str) -> None:
    assert verdict(gap, *groups) == expected


def test_the_margin_is_where_harm_begins() -> None:
    assert verdict(0.0, UP, (-0.005, 0.01)) == "pareto-better"
    assert verdict(0.0, UP, (-0.0051, 0.01)) == "mixed"
