import numpy as np
import pytest

from hf_fairtune.audits.guards import guard, overall_guard, shortage, too_few
from hf_fairtune.metrics.rows import Rows


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


def test_one_case_is_singular() -> None:
    assert guard(1, 50).reason == "1 positive, fewer than 10"
    assert guard(50, 1, "clusters with ").reason == "1 cluster with negatives, fewer than 10"
    assert (too_few(0), too_few(1)) == ("0 groups take part, too few", "1 group takes part, too few")


def test_all_rows_together_are_one_group() -> None:
    labels, groups = np.repeat([1, 0, 1, 0], [7, 30, 5, 30]), np.repeat([0, 1], [37, 35])
    rows = Rows(labels, np.zeros(72), groups, ("a", "b"))
    assert overall_guard(rows) == guard(12, 60)
    clustered = Rows(labels, np.zeros(72), groups, ("a", "b"), np.arange(72) // 4)
    assert overall_guard(clustered) == guard(4, 16, "clusters with ")
