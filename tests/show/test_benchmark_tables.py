"""The tables of a benchmark: their order, their marks, and what they say of the missing."""

from dataclasses import replace

import numpy as np
import pytest

from hf_fairtune.audits.benchmarks import benchmark_of
from hf_fairtune.document.benchmark import Benchmark, Protocol, PublishedNumber
from hf_fairtune.document.benchmark_task import OverSeeds, Ranked
from hf_fairtune.show.benchmark_detail_tables import cut_table, pair_rank_table, rank_table
from hf_fairtune.show.benchmark_tables import difference_table, published_table, summary_table, task_table
from hf_fairtune.show.benchmark_words import mean_and_sd
from hf_fairtune.show.table import Table, as_text
from tests.benchmark_samples import task_of, tasks_of


@pytest.fixture(scope="module")
def benchmark() -> Benchmark:
    return benchmark_of(tasks_of(), "full")


def column(table: Table, head: str) -> dict[str, str]:
    """Return a column's cells by the name of their row."""
    place = table.header.index(head)
    return {row[0]: row[place] for row in table.rows}


@pytest.mark.parametrize(("objective", "sign"), [("auc", -1), ("min_group_auc", -1), ("auc_gap", 1)])
def test_methods_stand_in_the_order_of_the_objective(objective: Ranked, sign: int) -> None:
    found = benchmark_of(tasks_of()[:2], "full", protocol=Protocol("", objective=objective))
    task = found.tasks[0]
    order = sorted(task.methods, key=lambda one: sign * one.number(objective).mean.value)
    names = [one.method if one.method != "full" else "full (reference)" for one in order]
    assert [row[0] for row in task_table(found, task).rows] == names


def test_a_mark_is_an_interval_without_0_and_nothing_else(benchmark: Benchmark) -> None:
    marks = 0
    for task in benchmark.tasks:
        table = task_table(benchmark, task)
        for row in task.methods:
            for key, head, good in (
                ("auc", "AUC of all rows", 1),
                ("min_group_auc", "lowest group's AUC", 1),
                ("auc_gap", "gap of AUC", -1),
            ):
                name = row.method if row.against else f"{row.method} (reference)"
                cell = column(table, head)[name]
                side = 0
                if row.against:
                    mean = getattr(row.against, key).change.mean
                    side = good * (int(mean.low > 0) - int(mean.high < 0))
                assert cell[-2:] == {0: cell[-2:], 1: " +", -1: " -"}[side]
                assert (side != 0) == (not cell.endswith("]"))
                marks += side != 0
    assert marks > 5


def test_needs_are_columns_and_verdicts_are_counted(benchmark: Benchmark) -> None:
    table = summary_table(benchmark)
    assert column(table, "attribute to train")["swift-hard"] == "yes"
    assert column(table, "to choose")["full (reference)"] == "no"
    assert column(table, "levelled down")["levelled"] == "6"
    found = [row.against.verdict for task in benchmark.tasks for row in task.methods if row.against]
    assert sum(int(cell) for cell in column(table, "not shown").values() if cell) == found.count("not shown")
    assert any("prove nothing" in note and "6 tasks on 4 data sets" in note for note in table.notes)
    assert any("share their images" in note for note in table.notes)


def test_few_and_missing_trainings_are_said() -> None:
    task = task_of(np.random.default_rng(0))
    one = task.methods[1]
    scores = one.scores.copy()
    scores[0] = np.nan
    gone = replace(task.methods[2], scores=np.full_like(scores, np.nan), lacking="no trial is feasible")
    task = replace(task, methods=[task.methods[0], replace(one, scores=scores, lacking="loss is NaN"), gone])
    found = benchmark_of([task], "full")
    table = task_table(found, found.tasks[0])
    verdicts = column(table, "against full")
    assert verdicts["fairtune"] == "not judged: trainings are missing: loss is NaN"
    assert verdicts["swift-hard"] == "no scores: no trial is feasible"
    assert column(table, "trainings")["fairtune"] == "2 of 3"
    assert column(table, "AUC of all rows")["swift-hard"] == "–"
    assert "[" not in column(table, "AUC of all rows")["fairtune"]
    assert any("lucky" in note for note in table.notes)
    assert any("lacks 1 trainings" in note for note in summary_table(found).notes)
    single = benchmark_of([task_of(np.random.default_rng(0), runs=1)], "full")
    words = "not judged: fewer than 3 trainings say nothing of a method"
    assert column(task_table(single, single.tasks[0]), "against full")["fairtune"] == words
    assert difference_table(single, single.tasks[0]).rows == []


def test_folds_are_said_to_share_training_rows() -> None:
    found = benchmark_of([task_of(np.random.default_rng(0), folds=5)], "full")
    assert any("5 test folds" in note and "share training rows" in note for note in summary_table(found).notes)


def test_a_test_set_that_all_folds_score_is_said_to_be() -> None:
    one = task_of(np.random.default_rng(0), positives=20)
    twice = [
        replace(m, scores=np.tile(m.scores, 2), cuts=np.tile(m.cuts, 2), searches=[], budget=None) for m in one.methods
    ]
    rows = {"labels": np.tile(one.labels, 2), "groups": np.tile(one.groups, 2)}
    folds = np.repeat([0, 1], len(one.labels))
    task = replace(one, **rows, folds=folds, methods=twice, split="clinic", dataset="clinic", repeats=True)
    found = benchmark_of([task], "full")
    assert any("every fold's model scored all rows" in note for note in summary_table(found).notes)
    title = task_table(found, found.tasks[0]).title
    assert "clinic by age, vit-tiny, models of 2 folds [" in title
    assert f"{len(one.labels)} rows" in task_table(found, found.tasks[0]).notes[0]


def test_searches_by_groups_are_said_to_need_the_attribute(benchmark: Benchmark) -> None:
    said = "choose by lowest group's AUC, which needs it on validation for every method"
    assert any(said in note for note in summary_table(benchmark).notes)
    plain = replace(benchmark, protocol=replace(benchmark.protocol, arguments={"searched by": "auc"}))
    assert not any("choose by" in note for note in summary_table(plain).notes)
    gap = replace(benchmark, protocol=replace(benchmark.protocol, arguments={"searched by": "equalized_odds_mean"}))
    assert any("choose by equalized_odds_mean" in note for note in summary_table(gap).notes)


def test_published_numbers_stand_beside_ours_with_the_differences() -> None:
    published = [
        PublishedNumber("ham-age", "fairtune", "auc", 0.9, 0.01, "a paper"),
        PublishedNumber("ham-age", "unknown", "auc_gap", 0.1, float("nan"), "another"),
        PublishedNumber("ham-age", "full", "equalized_odds_difference", 0.2, float("nan"), "a paper"),
        PublishedNumber("average", "full", "auc", 0.2, float("nan"), "a paper"),
    ]
    protocol = Protocol("", differences=["Their split is another."])
    found = benchmark_of([task_of(np.random.default_rng(0))], "full", protocol=protocol, published=published)
    table = task_table(found, found.tasks[0])
    assert column(table, "published")["fairtune"] == "AUC 0.900 ± 0.010"
    assert "Their split is another." in table.notes
    table = published_table(found)
    rows = table.rows
    assert [row[3] for row in rows] == ["0.900 ± 0.010", "0.100", "0.200"]
    assert rows[0][4].startswith(f"{found.tasks[0].methods[1].auc.mean.value:.3f} [")
    half = found.tasks[0].methods[0].cuts[0].gaps["equalized_odds_difference"]
    assert rows[2][4] == f"{half.mean:.3f} ± {half.sd:.3f}"
    assert table.notes[-1].startswith("1 published numbers are of tasks")


def test_degenerate_thresholds_are_marked() -> None:
    task = task_of(np.random.default_rng(2), positives=100)
    cuts = task.methods[1].cuts.copy()
    cuts[:2] = 1.1
    task = replace(task, methods=[task.methods[0], replace(task.methods[1], cuts=cuts)])
    found = benchmark_of([task], "full")
    cells = column(cut_table(found, found.tasks[0], 1), "EOddsD[max]")
    assert cells["fairtune"].endswith(" !2")
    assert "!" not in cells["full (reference)"]


def test_mean_and_sd() -> None:
    assert mean_and_sd(OverSeeds([0.1, 0.2], 0.15, 0.0707), 3) == "0.150 ± 0.071"
    assert mean_and_sd(OverSeeds([0.1], 0.1, float("nan")), 3) == "0.100"
    assert mean_and_sd(OverSeeds([], float("nan"), float("nan")), 3) == "–"


def test_pairs_of_ranks_are_shown_only_where_ranks_prove_something(benchmark: Benchmark) -> None:
    few = benchmark.ranks[0]
    assert pair_rank_table(few).rows == []
    assert len(pair_rank_table(replace(few, state="tested")).rows) == 5
    text = as_text(rank_table(benchmark, few))
    assert "fitz-tone" in text
    assert "full (reference)" in text
