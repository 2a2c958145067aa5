"""How a set of trials grows, against loops that are slow and obviously right."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest

from hf_fairtune.audits.engine.delong import auc
from hf_fairtune.audits.engine.rows import check_rows
from hf_fairtune.combinations.combination import combination_named
from hf_fairtune.combinations.library import CONFIDENCE, N_BOOT, Library
from hf_fairtune.selections.objective import Objective, Scored
from tests.selections.samples import Given, rows, scores

OBJECTIVE = Objective("min_group_auc", True)


def library(k: int = 6, first: int = 0, objective: Objective = OBJECTIVE, seed: int = 1) -> Library:
    """Some models of alike quality, whose mean is better."""
    table = rows(240)
    given = np.random.default_rng(seed).normal(size=(k, 240)) + 0.8 * table.labels
    return Library(objective, Scored(table, (0, 1), 1 / (1 + np.exp(-given))), first, 0, lambda places: given[0])


def of_groups(of: Library, given: np.ndarray) -> list[float]:
    table = of.scored.rows
    return [auc(table.labels[table.groups == g], given[table.groups == g]) for g in (0, 1)]


def draws(of: Library, given: Sequence[np.ndarray], objective: Objective) -> np.ndarray:
    """An objective of some models on the same resamples, [n_boot, k]."""
    return objective.gains(objective.draws(Scored(of.scored.rows, (0, 1), np.stack(given)), N_BOOT, of.seed))


def grown_slowly(of: Library, most: int) -> list[int]:
    """Try every other trial in turn, the best first."""
    values = [of.objective.gains(np.array(of.objective.value(of.scored.by(place), (0, 1)))) for place in range(6)]
    members = [of.first]
    for place in sorted(range(6), key=lambda place: -values[place]):
        if place == of.first or len(members) == most:
            continue
        now, mixed = (sum(of.scored.scores[p] for p in own) / len(own) for own in (members, [*members, place]))
        harmed = False
        for objective in (of.objective, Objective("auc_a", True), Objective("auc_b", True)):
            before, after = draws(of, [now, mixed], objective).T
            harmed = harmed or np.quantile(after - before, CONFIDENCE) < 0
        if not harmed:
            members.append(place)
    return members


@pytest.mark.parametrize(
    ("objective", "seed"), [(OBJECTIVE, 1), (Objective("auc", True), 2), (Objective("auc_gap", False), 3)]
)
def test_members_are_those_of_a_slow_search(objective: Objective, seed: int) -> None:
    of = library(first=seed, objective=objective, seed=seed)
    steps = of.best_mean(5)
    assert [step.place for step in steps] == grown_slowly(of, 5)
    for count, step in enumerate(steps, start=1):
        mean = of.mean([one.place for one in steps[:count]])
        low, high = sorted(of_groups(of, mean))
        values = {"min_group_auc": low, "auc_gap": high - low, "auc": auc(of.scored.rows.labels, mean)}
        assert step.value == pytest.approx(values[objective.name], abs=1e-12)
        bound = np.quantile(draws(of, [mean], objective), 1 - CONFIDENCE)
        assert step.bound == pytest.approx(bound, abs=1e-12)


def test_trials_alike_are_all_taken_up_to_the_most() -> None:
    """By value; none of them alone is shown to gain or to harm."""
    of = library()
    places = [of.first, *of.ranked()]
    assert [step.place for step in of.best_mean(6)] == places
    assert [step.place for step in of.best_mean(3)] == places[:3]
    assert [step.place for step in of.best_mean(1)] == [of.first]


def test_a_trial_without_worth_is_passed_over() -> None:
    of = library()
    useless = np.random.default_rng(5).normal(scale=3.0, size=240)
    given = np.stack([of.scored.scores[0], useless, *of.scored.scores[1:3]])
    steps = Library(OBJECTIVE, Scored(of.scored.rows, (0, 1), given), 0, 0, of.scores_of).best_mean(4)
    assert sorted(step.place for step in steps) == [0, 2, 3]


def test_what_serves_one_group_at_the_cost_of_another_is_no_member() -> None:
    """A trial that is perfect for the worst group and reversed for the other would lift the objective."""
    table = rows(240)
    good = np.where(table.groups == 0, 1.0, 0.3) * (2 * table.labels - 1)
    swap = np.where(table.groups == 0, -0.2, 3.0) * (2 * table.labels - 1)
    given = np.stack([good, swap]) + np.random.default_rng(0).normal(size=(2, 240))
    of = Library(OBJECTIVE, Scored(table, (0, 1), given), 0, 0, lambda places: given[0])
    alone, together = np.quantile(draws(of, [given[0], of.mean([0, 1])], OBJECTIVE), 1 - CONFIDENCE, axis=0)
    assert together > alone + 0.05
    assert [step.place for step in of.best_mean(2)] == [0]


def test_small_harms_do_not_add_up() -> None:
    """Each makes the set a little worse; together they may not make it worse than the chosen trial alone."""
    found = 0
    for seed in range(12):
        table, rng = rows(240), np.random.default_rng(seed)
        strength = np.array([3.0, *[1.6] * 9])[:, None]
        given = rng.normal(size=(10, 240)) + rng.normal(size=240) + strength * table.labels
        of = Library(OBJECTIVE, Scored(table, (0, 1), given), 0, 0, lambda places, given=given: given[0])
        places = [step.place for step in of.best_mean(10)]
        assert not of.is_worse(of.mean(places), given[0])
        grown = [0]
        for place in of.ranked():
            if not of.is_worse(of.mean([*grown, place]), of.mean(grown)):
                grown.append(place)
        found += of.is_worse(of.mean(grown), given[0])
    assert found


def test_what_breaks_a_floor_is_no_member() -> None:
    """A mean that flags nobody has no gap at all."""
    table = rows(240)
    flagging = np.where(table.labels == 1, 0.7, 0.2) + np.random.default_rng(0).uniform(-0.1, 0.1, 240)
    shy = np.where(table.labels == 1, 0.15, 0.1) + np.random.default_rng(1).uniform(-0.1, 0.1, 240)
    given, objective = np.stack([flagging, shy]), Objective("equalized_odds_difference", False)
    free = Library(objective, Scored(table, (0, 1), given), 0, 0, lambda places: given[0])
    assert (free.mean([0, 1]) < 0.5).mean() > 0.99
    assert [step.place for step in free.best_mean(2)] == [0, 1]
    kept = replace(free, is_feasible=lambda scores: (scores > 0.5).mean() > 0.01)
    assert [step.place for step in kept.best_mean(2)] == [0]


def test_a_group_without_an_auc_does_not_end_it() -> None:
    of, table = library(objective=Objective("auc", True)), rows(240)
    groups = np.where(table.labels * (np.arange(240) > 200) == 1, 2, table.groups)
    three = check_rows(table.labels, np.zeros(240), groups, ("a", "b", "c"))
    found = replace(of, scored=Scored(three, (0, 1, 2), of.scored.scores)).best_mean(4)
    assert len(found) == 4


def test_what_no_resample_defines_is_no_member() -> None:
    table = rows(240)
    given = scores(table, 2)
    never = Given("never", True, given=np.full((N_BOOT, 2), np.nan))
    of = Library(never, Scored(table, (0, 1), given), 0, 0, lambda places: given[0])
    assert of.is_worse(given[1], given[0])


def test_a_soup_takes_in_what_does_not_harm_its_model() -> None:
    table = rows(240)
    given = scores(table, 4)
    mixed = {(1,): 1, (1, 3): 4, (1, 2): 3, (1, 2, 0): 3}
    asked: list[tuple[int, ...]] = []

    def model(places: Sequence[int]) -> np.ndarray:
        asked.append(tuple(places))
        found: np.ndarray = [*given, -given[3]][mixed[tuple(places)]]
        return found

    steps = Library(OBJECTIVE, Scored(table, (0, 1), given), 1, 0, model).best_soup(4)
    # By value on validation: 3, which makes it worse, 2, which makes it better, and 0, which leaves it as it is.
    assert asked == list(mixed)
    assert [step.place for step in steps] == [1, 2, 0]
    assert min(steps[1].bound, steps[2].bound) > steps[0].bound


def test_of_folds_pairs_within_a_fold_count() -> None:
    """A model of one fold on another scale changes no member's value."""
    of = library()
    folds = np.arange(240) // 4 % 3
    steps = Library(OBJECTIVE, Scored(of.scored.rows, (0, 1), of.scored.scores, folds), 0, 0, of.scores_of).best_mean(
        1
    )
    moved = of.scored.scores + 5.0 * folds
    again = Library(OBJECTIVE, Scored(of.scored.rows, (0, 1), moved, folds), 0, 0, of.scores_of).best_mean(1)
    assert steps[0].value == again[0].value


def test_none_takes_the_chosen_trial() -> None:
    assert [step.place for step in combination_named("none").members(library(first=2))] == [2]
