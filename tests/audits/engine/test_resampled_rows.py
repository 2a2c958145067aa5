import numpy as np
import pytest

from hf_fairtune.audits.engine.resampled_rows import ALL, ResampledRows, from_draws
from hf_fairtune.audits.engine.rows import check_rows
from hf_fairtune.document.estimate import Estimate, Reason, Status

from ..resampled import resampled
from ..samples import few, split


def graded(positives: int, negatives: int, rows_each: int = 1) -> ResampledRows:
    """One group, in rows or in patients of several rows."""
    labels = np.repeat([1, 0], [positives * rows_each, negatives * rows_each])
    clusters = None if rows_each == 1 else np.arange(len(labels)) // rows_each
    return ResampledRows(check_rows(labels, labels * 0.5, labels * 0, ["a"], clusters), (0,), None, 0.95)


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
@pytest.mark.parametrize("rows_each", [1, 3])
def test_levels_look_at_the_scarcer_class(positives: int, negatives: int, status: Status, rows_each: int) -> None:
    found = graded(positives, negatives, rows_each)
    assert found.status == [status, status]
    assert (found.grounds(0) == ()) == (status == "ok")
    assert found.grounds(0) == found.grounds(ALL)
    assert found.estimable(0) == (status != "not estimable")


def test_the_reasons_name_the_counts() -> None:
    assert graded(7, 50).grounds(0) == (few("positives", 7),)
    assert graded(50, 12).grounds(0) == (few("negatives", 12, 20),)
    assert graded(0, 3).grounds(0) == (few("positives", 0), few("negatives", 3))
    assert graded(4, 50, 3).grounds(0) == (few("clusters_with_positives", 4),)
    assert graded(4, 50, 3).few(0, ["rows"], 60) == (few("clusters", 54, 60),)


def test_few_clusters_that_hold_most_rows_are_weak() -> None:
    """Fifty patients of a class, with one image each or 46 of one: they tell as much as four."""
    for large, status, count in ((1, "ok", 50), (46, "weak", 4)):
        sizes = [1] * 49 + [large] + [1] * 60
        labels = np.repeat([1] * 50 + [0] * 60, sizes)
        clusters = np.repeat(np.arange(110), sizes)
        clusters[0] = clusters[1]  # so that there are clusters
        found = ResampledRows(check_rows(labels, labels * 0.5, labels * 0, ["a"], clusters), (0,), None, 0.95)
        assert (found.status, found.units[0, 0]) == ([status, status], 49)
        wanted = () if status == "ok" else (few("effective_clusters_with_positives", count, 20),)
        assert found.grounds(0) == found.grounds(ALL) == wanted
        assert found.estimable(0)


def test_shortages_name_every_included_group() -> None:
    found = ResampledRows(check_rows(*split((0, 5, 30), (60, 50, 45)), "abc"), (0, 1, 2), None, 0.95)
    assert found.short(["positives"], 10) == [few("positives", 0, group="a"), few("positives", 5, group="b")]
    assert found.short(["negatives"], 10) == []
    found = ResampledRows(found.rows, (1, 2), None, 0.95)
    assert found.short(["positives"], 1) == []
    assert (found.names, found.excluded) == (["b", "c"], ["a"])


def test_a_group_without_rows_lacks_rows() -> None:
    found = ResampledRows(check_rows([0, 1], [0.1, 0.2], [0, 0], "ab"), (0, 1), None, 0.95)
    assert found.few(1, least=1) == (few("rows", 0, 1),)
    assert found.few(1) == (few("positives", 0), few("negatives", 0))


def test_all_rows_together_are_one_group() -> None:
    labels, groups = np.repeat([1, 0, 1, 0], [7, 30, 5, 30]), np.repeat([0, 1], [37, 35])
    found = ResampledRows(check_rows(labels, labels * 0.5, groups, "ab"), (0, 1), None, 0.95)
    assert found.grounds(ALL) == (few("positives", 12, 20),)
    clustered = ResampledRows(check_rows(labels, labels * 0.5, groups, "ab", np.arange(72) // 4), (0, 1), None, 0.95)
    assert clustered.grounds(ALL) == (few("clusters_with_positives", 4),)
    assert clustered.n_clusters == 18


@pytest.mark.parametrize(
    ("positives", "included", "reference"),
    [((9, 25, 30), (0, 1, 2), 1), ((9, 25, 30), (0, 2), 2), ((9, 5, 3), (0, 1, 2), 0), ((9, 25, 30), (), None)],
)
def test_the_reference_is_the_largest_estimable_group(
    positives: tuple[int, ...], included: tuple[int, ...], reference: int | None
) -> None:
    rows = check_rows(*split(positives, (900, 60, 50)), "abc")
    assert ResampledRows(rows, included, None, 0.95).reference == reference


def quarters(draws: np.ndarray) -> tuple[float, float]:
    return float(np.quantile(draws, 0.25)), float(np.quantile(draws, 0.75))


def test_draws_without_a_value_are_left_out_and_counted() -> None:
    found = from_draws(2.0, np.array([1.0, 2, 3, 4, 5, np.nan]), quarters, "made up")
    assert found == Estimate(2.0, 2.0, 4.0, "made up", (Reason("lost_resamples", count=1, needed=6),))
    pairs = np.array([[1.0, np.nan], [2.0, 3.0], [2.0, 5.0]])
    assert from_draws(2.0, pairs, lambda own: (own.min(), own.max()), "made up").low == 2


@pytest.mark.parametrize(
    ("draws", "reason"),
    [
        (None, Reason("no_bootstrap")),
        (np.full(9, np.nan), Reason("undefined_in_resamples")),
        (np.ones(9), Reason("same_in_resamples")),
        (np.append(np.ones(9), 0.5), Reason("same_in_resamples")),
    ],
)
def test_blindness_is_no_certainty(draws: np.ndarray | None, reason: Reason) -> None:
    found = from_draws(1.0, draws, quarters, "made up", [None])
    assert (found.value, found.reasons) == (1.0, (reason,))
    assert not found.bounded


def test_a_column_that_never_varies_is_named() -> None:
    draws = np.column_stack([np.ones(5), np.arange(5.0), np.zeros(5)])
    found = from_draws(1.0, draws, quarters, "made up", ["a", "b", "c"])
    assert found.reasons == (Reason("same_in_resamples", "a"), Reason("same_in_resamples", "c"))
    assert from_draws(1.0, draws, lambda _: (1.0, 1.0), "made up").reasons == (Reason("same_in_resamples"),)


def test_percentiles_are_those_of_the_draws() -> None:
    given = resampled(n_boot=100)
    assert given.replicates is not None
    draws = given.replicates.auc[:, 0]
    found = given.percentile(0.7, draws)
    assert [found.low, found.high] == np.quantile(draws, [0.025, 0.975]).tolist()
    assert found.method == "percentile bootstrap, stratified by group x label"
    assert given.percentile(0.7, draws, few("positives", 3)).reasons == (few("positives", 3),)
