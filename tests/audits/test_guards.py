import numpy as np
import pytest

from hf_fairtune.audits.guards import guard, shortage


@pytest.mark.parametrize(
    ("positives", "negatives", "status"),
    [
        (0, 50, "not estimable"),
        (9, 50, "not estimable"),
        (10, 50, "weak"),
        (19, 50, "weak"),
        (20, 50, "ok"),
        (50, 9, "not estimable"),
        (50, 19, "weak"),
        (19, 9, "not estimable"),
    ],
)
def test_levels_look_at_the_scarcer_class(positives: int, negatives: int, status: str) -> None:
    found = guard(positives, negatives)
    assert found.status == status
    assert (found.reason is None) == (status == "ok")


def test_the_reason_names_the_count() -> None:
    assert guard(7, 50).reason == "7 positives, fewer than 10"
    assert guard(50, 12).reason == "12 negatives, fewer than 20"
    assert guard(0, 3).reason == "no positives; 3 negatives, fewer than 10"
    assert guard(4, 50, "clusters with ").reason == "4 clusters with positives, fewer than 10"


def test_shortage_names_every_group_that_takes_part() -> None:
    counts = {"positives": np.array([0, 5, 30])}
    assert shortage("abc", counts, (0, 1, 2), 10) == "`a`: no positives / `b`: 5 positives, fewer than 10"
    assert shortage("abc", counts, (1, 2), 1) is None
