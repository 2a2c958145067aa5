"""How a set of trials grows, against loops that are slow and obviously right."""

from collections.abc import Sequence

import numpy as np
import pytest

from hf_fairtune.audits.engine.delong import auc
from hf_fairtune.combinations.combination import combination_named
from hf_fairtune.combinations.library import CONFIDENCE, N_BOOT, Library
from hf_fairtune.selections.objective import Objective, Scored
from tests.selections.samples import rows, scores

OBJECTIVE = Objective("min_group_auc", True)


def library(k: int = 6, first: int = 0, objective: Objective = OBJECTIVE, seed: int = 1) -> Library:
    """Some models of alike quality, whose mean is better."""
    table = rows(240)
    given = np.random.default_rng(seed).normal(size=(k, 240)) + 0.8 * table.labels
    return Library(objective, Scored(table, (0, 1), 1 / (1 + np.exp(-given))), first, 0, lambda places: given[0])


def of_groups(of: Library, given: np.ndarray) -> list[float]:
    table = of.scored.rows
    return [auc(table.labels[table.groups == g], given[table.groups == g]) for g in (0, 1)]


def bounds(of: Library, given: Sequence[np.ndarray]) -> list[float]:
    """The bounds of some models, each from its own column of the same resamples."""
    drawn = of.objective.draws(Scored(of.scored.rows, (0, 1), np.stack(given)), N_BOOT, of.seed)
    return [float(np.quantile(of.objective.gains(column), 1 - CONFIDENCE)) for column in drawn.T]


def grown_slowly(of: Library, most: int) -> list[tuple[int, float]]:
    """Try every other trial in turn."""
    members = [(of.first, bounds(of, [of.scored.scores[of.first]])[0])]
    while len(members) < most:
        places = [place for place, _ in members]
        others = [place for place in range(len(of.scored.scores)) if place not in places]
        sets = [places, *([*places, place] for place in others)]
        means = [sum(of.scored.scores[place] for place in one) / len(one) for one in sets]
        now, *found = bounds(of, means)
        best = None
        for place, mean, value in zip(others, means[1:], found, strict=True):
            pairs = zip(of_groups(of, mean), of_groups(of, means[0]), strict=True)
            if value > now and all(new >= old for new, old in pairs):
                best, now = place, value
        if best is None:
            break
        members.append((best, now))
    return members


@pytest.mark.parametrize(
    ("objective", "seed"), [(OBJECTIVE, 1), (Objective("auc", True), 2), (Objective("auc_gap", False), 3)]
)
def test_members_are_those_of_a_slow_search(objective: Objective, seed: int) -> None:
    of = library(first=seed, objective=objective, seed=seed)
    steps = of.best_mean(4)
    slow = grown_slowly(of, 4)
    assert [step.place for step in steps] == [place for place, _ in slow]
    assert [step.bound for step in steps] == pytest.approx([value for _, value in slow], abs=1e-12)
    for count, step in enumerate(steps, start=1):
        mean = of.mean([one.place for one in steps[:count]])
        low, high = sorted(of_groups(of, mean))
        values = {"min_group_auc": low, "auc_gap": high - low, "auc": auc(of.scored.rows.labels, mean)}
        assert step.value == pytest.approx(values[objective.name], abs=1e-12)


def test_members_lift_the_bound_and_lower_no_group() -> None:
    of = library()
    steps = of.best_mean(6)
    assert len(steps) > 2
    places = [step.place for step in steps]
    rising = bounds(of, [of.mean(places[:count]) for count in range(1, len(places) + 1)])
    assert rising == sorted({*rising})
    aucs = np.array([of_groups(of, of.mean(places[:count])) for count in range(1, len(places) + 1)])
    assert (np.diff(aucs, axis=0) >= 0).all()
    assert len(of.best_mean(2)) == 2


def test_what_serves_one_group_at_the_cost_of_another_is_no_member() -> None:
    """A trial that is perfect for the worst group and reversed for the other would lift the objective."""
    table = rows(240)
    good = np.where(table.groups == 0, 1.0, 0.3) * (2 * table.labels - 1)
    swap = np.where(table.groups == 0, -0.2, 3.0) * (2 * table.labels - 1)
    given = np.stack([good, swap]) + np.random.default_rng(0).normal(size=(2, 240))
    of = Library(OBJECTIVE, Scored(table, (0, 1), given), 0, 0, lambda places: given[0])
    alone, together = bounds(of, [given[0], of.mean([0, 1])])
    assert together > alone + 0.05
    assert [step.place for step in of.best_mean(2)] == [0]


def test_a_copy_is_no_member() -> None:
    table = rows(240)
    given = np.repeat(scores(table, 1), 3, axis=0)
    of = Library(OBJECTIVE, Scored(table, (0, 1), given), 1, 0, lambda places: given[0])
    assert [step.place for step in of.best_mean(3)] == [1]


def test_a_soup_takes_in_what_makes_its_model_no_worse() -> None:
    table = rows(240)
    given = scores(table, 4)
    mixed = {(1,): 1, (1, 3): 0, (1, 2): 3, (1, 2, 0): 3}
    asked: list[tuple[int, ...]] = []

    def model(places: Sequence[int]) -> np.ndarray:
        asked.append(tuple(places))
        found: np.ndarray = given[mixed[tuple(places)]]
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
