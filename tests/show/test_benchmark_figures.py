"""The figures of a benchmark hold its numbers."""

from dataclasses import replace

import numpy as np
import pytest

from hf_fairtune.audits.benchmarks import benchmark_of
from hf_fairtune.document.benchmark import Benchmark
from hf_fairtune.publish_benchmark import publish_benchmark
from hf_fairtune.show.benchmark_figures import forest, looks, pareto
from hf_fairtune.show.benchmark_rank_figure import cliques, rank_diagram
from hf_fairtune.show.benchmark_search_figures import mask_share_figure, trajectories, trajectory
from tests.benchmark_samples import search_of, task_of, tasks_of


@pytest.fixture(scope="module")
def benchmark() -> Benchmark:
    return benchmark_of(tasks_of()[:4], "full")


def test_bars_join_ranks_within_the_critical_difference_by_pairs() -> None:
    rng = np.random.default_rng(0)
    for _ in range(50):
        ranks = np.sort(rng.uniform(1, 6, 6)).tolist()
        slow = []
        for first in range(6):
            for last in range(first + 1, 6):
                wider = [(a, b) for a in range(first + 1) for b in range(last, 6) if (a, b) != (first, last)]
                if ranks[last] - ranks[first] <= 1.5 and all(ranks[b] - ranks[a] > 1.5 for a, b in wider):
                    slow.append((first, last))
        assert cliques(ranks, 1.5) == slow
    assert cliques([1.0, 3.0], 1.0) == []


def test_the_diagram_has_every_method_and_the_length_of_the_difference(benchmark: Benchmark) -> None:
    # A difference beyond the axis, as of few tasks, keeps its length.
    found = replace(benchmark.ranks[1], critical_difference=4.3)
    picture = rank_diagram(benchmark, found)
    assert picture
    lines = {gid: [] for gid in ("rank", "critical-difference")}
    for line in picture.figure.axes[0].lines:
        if line.get_gid() in lines:
            lines[line.get_gid()].append(np.asarray(line.get_xdata(), float))
    assert sorted(float(x[0]) for x in lines["rank"]) == pytest.approx(sorted(found.average))
    assert np.ptp(lines["critical-difference"][0]) == pytest.approx(found.critical_difference)
    assert "prove nothing" in picture.reading


def test_the_forest_has_the_differences_and_no_reference(benchmark: Benchmark) -> None:
    task = benchmark.tasks[0]
    picture = forest(benchmark, task, 1)
    assert picture
    assert len(picture.figure.axes) == 3
    drawn = sorted(
        float(np.asarray(line.get_xdata())[0]) for line in picture.figure.axes[0].lines if line.get_gid() == "estimate"
    )
    assert drawn == pytest.approx(sorted(one.against.auc.change.mean.value for one in task.methods if one.against))
    single = benchmark_of([task_of(np.random.default_rng(0), runs=1)], "full")
    assert forest(single, single.tasks[0], 1) is None


def test_the_front_has_every_method_and_up_is_better(benchmark: Benchmark) -> None:
    picture = pareto(benchmark, "auc_gap")
    assert picture
    axes = picture.figure.axes[0]
    assert axes.yaxis_inverted()
    assert sum(line.get_gid() == "method" for line in axes.lines) == 5


def test_methods_look_alike_in_all_figures_and_no_two_alike() -> None:
    names = {f"m{place}": (0.0, 0.0) for place in range(30)}
    styles = looks(benchmark_of([task_of(np.random.default_rng(0), positives=10, methods=names)], "m7"))
    assert len({*styles.values()}) == len(styles) == 30


def test_the_best_so_far_by_a_loop_over_trials() -> None:
    rng = np.random.default_rng(3)
    searches = [search_of(rng), search_of(rng)]
    slow = []
    for number in range(10):
        bests = []
        for search in searches:
            values = [one.value for one in search.trials[: number + 1] if one.state == "COMPLETE"]
            bests.append(max(values))
        slow.append(sum(bests) / 2)
    assert trajectory(searches) == pytest.approx(slow)
    assert len(trajectory([])) == 0


def test_trajectories_and_masks_have_a_panel_each(benchmark: Benchmark) -> None:
    picture = trajectories(benchmark)
    assert picture
    assert sum(line.get_gid() == "trajectory" for line in picture.figure.axes[0].lines) == 5
    masks = mask_share_figure(benchmark.masks[0], 1)
    assert masks
    bits = [1.0] * len(benchmark.masks[0].chosen)
    assert mask_share_figure(replace(benchmark.masks[0], chosen=bits, best=bits, tried=bits), 1) is None
    shown = masks.figure.axes[0].images[0].get_array()
    assert shown is not None
    assert np.nanmax(shown) == pytest.approx(100 * max(benchmark.masks[0].chosen))


def test_searches_by_another_number_have_a_panel_of_their_own(benchmark: Benchmark) -> None:
    task = benchmark.tasks[0]
    row = task.methods[1]
    other = replace(row, searches=[replace(one, objective="auc_gap") for one in row.searches])
    found = replace(benchmark, tasks=[replace(task, methods=[task.methods[0], other])])
    picture = trajectories(found)
    assert picture
    titles = [axes.get_title(loc="left") for axes in picture.figure.axes if axes.get_visible()]
    assert [title.rpartition(" ")[2] for title in titles] == ["min_auc", "auc_gap"]
    for axes in picture.figure.axes[:2]:
        assert sum(line.get_gid() == "trajectory" for line in axes.lines) == 1
        assert all(float(tick).is_integer() for tick in axes.get_xticks())


def test_a_panel_without_any_number_says_why() -> None:
    found = publish_benchmark(benchmark_of([task_of(np.random.default_rng(0), positives=9)], "full"))
    picture = forest(found, found.tasks[0], 1)
    assert picture
    titles = [axes.get_title(loc="left") for axes in picture.figure.axes]
    assert titles == ["", "withheld: too few cases", "withheld: too few cases"]
