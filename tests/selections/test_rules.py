"""Each rule chooses what its arithmetic says, on numbers that can be followed by eye."""

import numpy as np
import pytest

from hf_fairtune import FairTuneError, catalog
from hf_fairtune.document.search import Trial
from hf_fairtune.selections.best import Best
from hf_fairtune.selections.folds import Folds
from hf_fairtune.selections.lower_bound import LowerBound
from hf_fairtune.selections.objective import Objective, Scored
from hf_fairtune.selections.one_se import OneSe
from hf_fairtune.selections.selection import selection_named

from .samples import Given, pool, rows, scores, trial

UP, DOWN = Objective("min_group_auc", True), Objective("auc_gap", False)


@pytest.mark.parametrize("name", catalog.names("selections"))
def test_a_rule_is_found_by_its_file(name: str) -> None:
    assert selection_named(name).name == name
    assert selection_named(name).title


def test_an_unknown_rule_lists_the_known() -> None:
    with pytest.raises(FairTuneError, match="`luck` is not one of the selections; choose from best, dto, folds"):
        selection_named("luck")


def test_best_takes_the_best_value_and_of_equal_ones_the_earlier() -> None:
    trials = [trial(0, 0.7), trial(3, 0.8), trial(4, 0.8)]
    assert Best().choose(pool(UP, trials))[0].number == 3
    assert Best().choose(pool(DOWN, trials))[0].number == 0
    assert [(one.trial, one.value) for one in Best().choose(pool(UP, trials))[1]] == [(0, 0.7), (3, 0.8), (4, 0.8)]


def test_lower_bound_prefers_the_steady() -> None:
    """Two trials: 0.80 give or take much, 0.79 give or take nothing."""
    wild, steady = np.linspace(0.6, 1.0, 101), np.full(101, 0.79)
    trials = [trial(0, 0.80), trial(1, 0.79)]
    chosen, candidates = LowerBound(0.95).choose(pool(Given("auc", True, given=np.stack([wild, steady], 1)), trials))
    assert chosen.number == 1
    assert [one.bound for one in candidates] == pytest.approx([0.62, 0.79])
    # At the middle the wild one is ahead.
    chosen, _ = LowerBound(0.5).choose(pool(Given("auc", True, given=np.stack([wild, steady], 1)), trials))
    assert chosen.number == 0


def test_of_what_is_to_be_small_the_bound_is_an_upper_one() -> None:
    wild, steady = np.linspace(0.0, 0.2, 101), np.full(101, 0.11)
    trials = [trial(0, 0.10), trial(1, 0.11)]
    chosen, candidates = LowerBound(0.95).choose(
        pool(Given("auc_gap", False, given=np.stack([wild, steady], 1)), trials)
    )
    assert chosen.number == 1
    assert [one.bound for one in candidates] == pytest.approx([0.19, 0.11])


def test_resamples_without_a_value_are_left_out() -> None:
    draws = np.array([[0.7, 0.6], [np.nan, np.nan], [0.7, 0.6]])
    _, candidates = LowerBound().choose(pool(Given("auc", True, given=draws), [trial(0, 0.7), trial(1, 0.6)]))
    assert [one.bound for one in candidates] == pytest.approx([0.7, 0.6])
    with pytest.raises(FairTuneError, match="no trial has a defined objective"):
        LowerBound().choose(pool(Given("auc", True, given=draws[1:2]), [trial(0, 0.7), trial(1, 0.6)]))


def within(weights: list[int | None], values: list[float], draws: np.ndarray, maximize: bool = True) -> int:
    """Return what `one_se` chooses."""
    trials = [trial(number, value, weights[number]) for number, value in enumerate(values)]
    return OneSe().choose(pool(Given("auc", maximize, given=draws), trials))[0].number


def test_one_se_takes_the_smallest_of_those_that_are_not_worse() -> None:
    """Differences to the best vary by 0.02, so that 0.79 is within one error of 0.80 and 0.77 is not."""
    best = np.array([0.8, 0.8, 0.8])
    draws = np.stack([best, best + np.array([-0.02, 0.0, 0.02]), best + np.array([0.02, 0.0, -0.02])], 1)
    assert within([1000, 100, 10], [0.80, 0.79, 0.77], draws) == 1
    assert within([1000, 100, 10], [0.80, 0.79, 0.785], draws) == 2
    assert within([10, 100, 1000], [0.80, 0.79, 0.785], draws) == 0
    # Of equally small ones the better, and one of unknown size last.
    assert within([1000, 10, 10], [0.80, 0.785, 0.79], draws) == 2
    assert within([1000, None, None], [0.80, 0.785, 0.79], draws) == 0
    # What is to be small is better below.
    assert within([1000, 100, 10], [0.10, 0.11, 0.13], draws, maximize=False) == 1


def test_the_error_is_that_of_the_difference() -> None:
    """Two trials that rise and fall together differ surely, however much each varies."""
    common = np.array([-0.1, 0.0, 0.1])
    draws = np.stack([0.8 + common, 0.79 + common], 1)
    assert within([1000, 10], [0.80, 0.79], draws) == 0
    apart = np.stack([0.8 + common, 0.79 - common], 1)
    assert within([1000, 10], [0.80, 0.79], apart) == 1
    _, candidates = OneSe().choose(pool(Given("auc", True, given=apart), [trial(0, 0.80), trial(1, 0.79)]))
    assert [one.error for one in candidates] == pytest.approx([0.0, 0.2])


def test_without_resamples_one_se_keeps_the_best() -> None:
    assert within([1000, 10], [0.80, 0.799], np.full((5, 2), np.nan)) == 0


def test_folds_train_the_finalists_alone_and_take_the_best_of_all_rows() -> None:
    asked = []
    table = rows()
    out_of_fold = scores(table, 2)

    def refit(trials: list[Trial]) -> Scored:
        asked.append([one.number for one in trials])
        return Scored(table, (0, 1), out_of_fold, np.arange(120) // 4 % 3)

    trials = [trial(0, 0.6), trial(1, 0.7), trial(2, 0.9)]
    chosen, candidates = Folds(finalists=2, folds=3).choose(pool(UP, trials, refit=refit))
    assert asked == [[2, 1]]
    assert (Folds(folds=4).refits, selection_named("best").refits) == (4, 0)
    assert (Folds(finalists=2).finalists, selection_named("best").finalists) == (2, 0)
    # The scores of the second finalist are the better ones.
    assert chosen.number == 1
    assert [one.trial for one in candidates] == [2, 1]
    assert candidates[0].value < candidates[1].value


def test_a_finalist_that_diverged_is_not_chosen() -> None:
    table = rows()
    broken = scores(table, 2)
    broken[1, 7] = np.nan
    found = Scored(table, (0, 1), broken, np.zeros(120, dtype=int))
    chosen, candidates = Folds().choose(pool(UP, [trial(0, 0.6), trial(1, 0.5)], refit=lambda *_: found))
    assert chosen.number == 0
    assert np.isnan(candidates[1].value)
