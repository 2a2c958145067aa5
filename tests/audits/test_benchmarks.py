"""Benchmarks: numbers by slow formulas, what is missing, and how often one recipe is called different from itself."""

from dataclasses import replace

import numpy as np
import pytest
from fairlearn.metrics import demographic_parity_difference, equalized_odds_difference
from sklearn.metrics import balanced_accuracy_score, roc_auc_score

from hf_fairtune.audits.benchmarks import benchmark_of
from hf_fairtune.audits.engine.auc_influence import auc_influence
from hf_fairtune.audits.engine.rows import check_rows
from hf_fairtune.audits.replication import replicate
from hf_fairtune.audits.scored_methods import ScoredMethod, ScoredTask
from hf_fairtune.errors import FairTuneError
from tests.benchmark_samples import task_of


def changed(task: ScoredTask, name: str, **changes: object) -> ScoredTask:
    """Return a task with another method of that name."""
    methods = [replace(one, **changes) if one.name == name else one for one in task.methods]
    return replace(task, methods=methods)


def method(task: ScoredTask, name: str) -> ScoredMethod:
    return next(one for one in task.methods if one.name == name)


def test_means_and_differences_are_those_of_slow_formulas_and_of_replicate() -> None:
    task = task_of(np.random.default_rng(0))
    own, other = method(task, "fairtune").scores, method(task, "full").scores
    found = benchmark_of([task], "full").tasks[0].find("fairtune")
    assert found
    assert found.against
    aucs = np.array(
        [[roc_auc_score(task.labels[task.groups == g], run[task.groups == g]) for g in (0, 1)] for run in own]
    )
    whole = [roc_auc_score(task.labels, run) for run in own]
    assert found.auc.runs == pytest.approx(whole)
    assert found.auc.mean.value == pytest.approx(np.mean(whole))
    assert found.auc.training_error == pytest.approx(np.std(whole, ddof=1) / np.sqrt(3))
    assert found.min_group_auc.runs == pytest.approx(aucs.min(axis=1))
    assert found.auc_gap.mean.value == pytest.approx(np.ptp(aucs, axis=1).mean())
    assert [one.auc.mean.value for one in found.groups] == pytest.approx(aucs.mean(axis=0))
    assert found.against == replicate(task.labels, own, other, task.groups, task.group_names, reference="full")


def test_clusters_and_excluded_groups_are_those_of_replicate() -> None:
    rng = np.random.default_rng(9)
    task = task_of(rng)
    groups = np.where(rng.random(len(task.labels)) < 0.1, 2, task.groups)
    clusters = rng.integers(0, 250, len(groups))
    task = replace(task, groups=groups, clusters=clusters, group_names=["a", "b", "unknown"], excluded=["unknown"])
    found = benchmark_of([task], "full").tasks[0]
    scores = method(task, "levelled").scores, method(task, "full").scores
    expected = replicate(
        task.labels, *scores, groups, task.group_names, reference="full", clusters=clusters, exclude=["unknown"]
    )
    row = found.find("levelled")
    assert row
    assert row.against == expected
    assert (found.clusters, found.excluded) == (len(np.unique(clusters)), ["unknown"])
    predicted = (scores[0][0] >= 0.5).astype(int)
    rates = [predicted[groups == code].mean() for code in (0, 1)]
    assert row.cuts[0].gaps["demographic_parity_difference"].runs[0] == pytest.approx(abs(rates[0] - rates[1]))


def repeated(task: ScoredTask, rng: np.random.Generator, folds: int, noise: float) -> ScoredTask:
    """Let the models of several folds score the rows of a task, each with some noise of its own."""
    n, methods = len(task.labels), []
    for one in task.methods:
        scores = np.tile(one.scores, folds)
        scores = np.clip(scores + noise * rng.standard_normal(scores.shape), 0, 1)
        methods.append(replace(one, scores=scores, cuts=np.tile(one.cuts, folds)))
    rows = {"labels": np.tile(task.labels, folds), "groups": np.tile(task.groups, folds)}
    return replace(task, **rows, folds=np.repeat(np.arange(folds), n), methods=methods, split="other", repeats=True)


def test_models_of_all_folds_on_one_test_set_are_one_training() -> None:
    """A seed's AUC is the mean of its folds' models, and a row moves it by the mean of what it moves theirs."""
    rng = np.random.default_rng(4)
    one = task_of(rng)
    n, task = len(one.labels), repeated(one, rng, 3, 0.2)
    found = benchmark_of([task], "full").tasks[0]
    row, scores = found.find("fairtune"), method(task, "fairtune").scores.reshape(3, 3, n)
    assert row
    aucs = np.array([[roc_auc_score(one.labels, model) for model in seed] for seed in scores])
    assert row.auc.runs == pytest.approx(aucs.mean(axis=1))
    assert row.auc.training_error == pytest.approx(np.std(aucs.mean(axis=1), ddof=1) / np.sqrt(3))
    rows = check_rows(one.labels, scores[0, 0], one.groups, one.group_names)
    moves = [auc_influence(rows, model, rows.groups >= 0)[1] for seed in scores for model in seed]
    assert row.auc.sampling_error == pytest.approx(np.linalg.norm(np.mean(moves, axis=0)))
    assert row.against
    assert (found.n, row.against.n, found.clusters, found.folds) == (n, n, None, 3)
    assert [one.n for one in row.against.groups] == [one.n for one in found.groups] == [n // 2] * 2
    with pytest.raises(FairTuneError, match="`repeats` of .* rows in 3 folds"):
        benchmark_of([replace(task, folds=np.minimum(task.folds, 2), labels=task.labels[:-1])], "full")


def test_folds_whose_models_are_one_show_what_that_shows() -> None:
    """Three copies of a model are no more patients and no more trainings."""
    rng = np.random.default_rng(5)
    one = task_of(rng)
    alone, often = (benchmark_of([task], "full").tasks[0] for task in (one, repeated(one, rng, 3, 0.0)))
    for name in ("full", "fairtune", "levelled"):
        first, second = alone.find(name), often.find(name)
        assert first
        assert second
        for metric in ("auc", "min_group_auc", "auc_gap"):
            a, b = first.number(metric), second.number(metric)
            numbers = [(x.mean.value, x.mean.low, x.mean.high, x.training_error, x.sampling_error) for x in (a, b)]
            assert numbers[1] == pytest.approx(numbers[0], abs=1e-6)


def test_the_reference_has_the_numbers_that_others_are_compared_with() -> None:
    task = benchmark_of([task_of(np.random.default_rng(0))], "full").tasks[0]
    full, other = task.find("full"), task.find("swift-hard")
    assert full
    assert other
    assert other.against
    assert (full.standing, full.against) == ("reference", None)
    assert full.auc == other.against.auc.baseline
    assert full.auc_gap == other.against.auc_gap.baseline


def test_numbers_at_thresholds_by_fairlearn() -> None:
    task = task_of(np.random.default_rng(1))
    own = method(task, "levelled")
    found = benchmark_of([task], "full").tasks[0].find("levelled")
    assert found
    for cut, at in zip(found.cuts, (np.full(own.scores.shape, 0.5), own.cuts), strict=True):
        for run, predicted in enumerate((own.scores >= at).astype(int)):
            odds = equalized_odds_difference(task.labels, predicted, sensitive_features=task.groups)
            parity = demographic_parity_difference(task.labels, predicted, sensitive_features=task.groups)
            assert cut.gaps["equalized_odds_difference"].runs[run] == pytest.approx(odds)
            assert cut.gaps["demographic_parity_difference"].runs[run] == pytest.approx(parity)
            balanced = balanced_accuracy_score(task.labels, predicted)
            assert cut.measures["balanced_accuracy"].runs[run] == pytest.approx(balanced)
    brier = found.measures["brier"]
    expected = ((own.scores - task.labels) ** 2).mean(axis=1)
    assert brier.runs == pytest.approx(expected)
    assert (brier.mean, brier.sd) == pytest.approx((expected.mean(), expected.std(ddof=1)))


def test_a_threshold_that_decides_nothing_is_counted_by_training() -> None:
    task = task_of(np.random.default_rng(2), positives=100)
    cuts = method(task, "fairtune").cuts.copy()
    cuts[1] = 1.1
    found = benchmark_of([changed(task, "fairtune", cuts=cuts)], "full").tasks[0].find("fairtune")
    assert found
    assert found.cuts[1].degenerate == 1
    assert found.cuts[1].gaps["equalized_odds_difference"].runs[1] == 0


def test_missing_trainings_are_counted_have_no_interval_and_no_rank() -> None:
    tasks = [task_of(np.random.default_rng(seed), f"ham-{seed}") for seed in range(3)]
    scores = method(tasks[1], "fairtune").scores.copy()
    scores[2] = np.nan
    tasks[1] = changed(tasks[1], "fairtune", scores=scores)
    found = benchmark_of(tasks, "full")
    row = found.tasks[1].find("fairtune")
    assert row
    assert (row.missing, row.standing, row.against) == (1, "incomplete", None)
    assert np.isnan(row.auc.runs).tolist() == [False, False, True]
    assert row.auc.mean.value == pytest.approx(np.nanmean(row.auc.runs))
    assert not row.auc.mean.bounded
    assert row.auc.mean.reasons[0].kind == "missing_trainings"
    assert "fairtune" not in found.ranks[0].methods
    left = found.ranks[0].left_out
    assert [(one.method, one.task, one.because, one.count) for one in left] == [
        ("fairtune", "ham-1", "missing trainings", 1)
    ]
    assert "fairtune" not in found.tasks[1].fronts[0].methods


def test_a_method_without_scores_and_a_reference_that_lacks_one() -> None:
    task = task_of(np.random.default_rng(3))
    nothing = np.full((3, len(task.labels)), np.nan)
    none = benchmark_of([changed(task, "fairtune", scores=nothing, lacking="no trial is feasible")], "full")
    row = none.tasks[0].find("fairtune")
    assert row
    assert (row.standing, row.missing, row.lacking) == ("no scores", 3, "no trial is feasible")
    assert not row.auc.mean.defined
    gone = benchmark_of([changed(task, "full", scores=nothing)], "full").tasks[0]
    assert {one.standing for one in gone.methods} == {"no scores", "no reference"}
    other = gone.find("levelled")
    assert other
    assert other.auc.mean.bounded


@pytest.mark.parametrize("runs", [1, 2])
def test_one_or_two_trainings_say_nothing_of_a_method(runs: int) -> None:
    found = benchmark_of([task_of(np.random.default_rng(4), runs=runs)], "full").tasks[0]
    assert {one.standing for one in found.methods} == {"few trainings"}
    assert all(one.against is None and one.auc.mean.defined and not one.auc.mean.bounded for one in found.methods)
    assert found.methods[0].auc.sampling_error > 0


def test_two_names_of_one_recipe_are_hardly_ever_called_different() -> None:
    """The A/A test: other seeds alone are called a difference in at most 5 % of pairs."""
    rng = np.random.default_rng(5)
    alike = {"full": (0.0, 0.0), "again": (0.0, 0.0)}
    tasks = [task_of(rng, f"x-{place}", 30, alike, noise=0.15) for place in range(120)]
    pairs = [task.methods[1].against for task in benchmark_of(tasks, "full").tasks]
    judged = np.array([pair is not None and pair.verdict != "not shown" for pair in pairs])
    whole = np.array([pair is not None and abs(pair.auc.change.mean.value) > half(pair) for pair in pairs])
    assert judged.mean() <= 0.05
    assert whole.mean() <= 0.05


def half(pair: object) -> float:
    """Return half the width of the interval of the change of the AUC of all rows."""
    mean = pair.auc.change.mean  # type: ignore[attr-defined]
    return float(mean.high - mean.value)


def test_a_real_gain_and_levelling_down_are_named() -> None:
    found = benchmark_of([task_of(np.random.default_rng(6), positives=200, noise=0.02)], "full").tasks[0]
    verdicts = {one.method: one.against.verdict for one in found.methods if one.against}
    assert verdicts["fairtune"] == "better"
    assert verdicts["levelled"] == "level-down"
    assert verdicts["random-mask"] == "not shown"


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"scores": np.zeros((3, 5))}, "`scores` of `full` has shape"),
        ({"cuts": np.zeros((2, 5))}, "`cuts` of `full` has shape"),
        ({"seeds": [0, 0, 1]}, "has the seeds"),
    ],
)
def test_what_does_not_fit_is_refused(changes: dict[str, object], words: str) -> None:
    with pytest.raises(FairTuneError, match=words):
        benchmark_of([changed(task_of(np.random.default_rng(7)), "full", **changes)], "full")


def test_log_odds_equal_names_and_an_unknown_reference_are_refused() -> None:
    task = task_of(np.random.default_rng(8))
    with pytest.raises(FairTuneError, match="pass probabilities"):
        benchmark_of([changed(task, "full", scores=5 * method(task, "full").scores)], "full")
    with pytest.raises(FairTuneError, match="a name of their own"):
        benchmark_of([task, task], "full")
    with pytest.raises(FairTuneError, match="which no task has"):
        benchmark_of([task], "plain")
    with pytest.raises(FairTuneError, match="each once"):
        benchmark_of([replace(task, methods=[*task.methods, task.methods[0]])], "full")
