"""Rules of the groups' AUCs, against loops over trials and pairs that are slow and obviously right."""

import math

import numpy as np
import pytest

from hf_fairtune import FairTuneError
from hf_fairtune.audits.engine.rows import ScoredRows, check_rows
from hf_fairtune.selections.dto import Dto
from hf_fairtune.selections.group_aucs import OfGroupAucs, group_aucs
from hf_fairtune.selections.objective import Objective, Scored
from hf_fairtune.selections.pareto import Pareto

from .samples import pool, rows, scores, trial
from .test_class_objective import scored as scored_classes
from .test_objective import pairs_won

UP = Objective("min_group_auc", True)
RULES = [Pareto(), Dto()]


def three_groups(seed: int, k: int = 6, n: int = 48) -> Scored:
    """Coarse scores of some trials on rows of three groups, so that AUCs tie."""
    draw = np.random.default_rng(seed)
    table = check_rows(np.arange(n) % 2, np.zeros(n), np.arange(n) // 2 % 3, ("a", "b", "c"))
    return Scored(table, (0, 2), np.round(draw.normal(size=(k, n)) + 0.7 * table.labels))


def slow_aucs(given: Scored) -> list[list[float]]:
    """Count pairs by trial and group."""
    table, folds = given.rows, given.folds
    assert isinstance(table, ScoredRows)
    folds = np.zeros(len(table.labels), int) if folds is None else folds
    return [[pairs_won(table, own, table.groups == g, folds) for g in given.included] for own in given.scores]


def slow_pareto(aucs: list[list[float]], values: list[float]) -> int:
    """Compare every trial with every other, then walk over those that are left."""
    groups = range(len(aucs[0]))
    left = []
    for i, own in enumerate(aucs):
        beaten = False
        for other in aucs:
            beaten |= all(other[g] >= own[g] for g in groups) and any(other[g] > own[g] for g in groups)
        if not beaten:
            left.append(i)
    worst = min(groups, key=lambda g: sum(own[g] for own in aucs))
    return min(left, key=lambda i: (-aucs[i][worst], -values[i], i))


def slow_dto(aucs: list[list[float]], values: list[float]) -> int:
    """Add up the squares group by group."""
    distances = []
    for own in aucs:
        total = 0.0
        for g in range(len(own)):
            top = max(other[g] for other in aucs)
            total += (1 - own[g] / top) ** 2
        distances.append(round(math.sqrt(total), 12))
    return min(range(len(aucs)), key=lambda i: (distances[i], -values[i], i))


@pytest.mark.parametrize("seed", range(20))
@pytest.mark.parametrize("folds", [False, True])
def test_the_winner_is_that_of_slow_loops(seed: int, folds: bool) -> None:
    given = three_groups(seed)
    if folds:
        given = Scored(given.rows, given.included, given.scores, np.arange(48) // 6 % 2)
    aucs, values = slow_aucs(given), np.random.default_rng(seed).choice([0.6, 0.7], 6).tolist()
    assert group_aucs(given, "dto") == pytest.approx(np.array(aucs))
    trials = [trial(10 + place, value) for place, value in enumerate(values)]
    for rule, slow in ((Pareto(), slow_pareto), (Dto(), slow_dto)):
        assert rule.choose(pool(UP, trials, given))[0].number == 10 + slow(aucs, values)


def test_the_three_rules_differ() -> None:
    """By eye: b is worst on average, the last is best there; the middle is nearest to the best of both."""
    aucs = np.array([[0.95, 0.60], [0.90, 0.72], [0.70, 0.75], [0.69, 0.74]])
    assert Pareto().gains(aucs) == pytest.approx([0.60, 0.72, 0.75, np.nan], nan_ok=True)
    distances = [0.2, math.hypot(0.05 / 0.95, 0.03 / 0.75), 0.25 / 0.95, math.hypot(0.26 / 0.95, 0.01 / 0.75)]
    assert Dto().gains(aucs) == pytest.approx([-one for one in distances])
    # The lowest AUC is highest in the second, which `best` would take.
    assert aucs.min(axis=1).argmax() == 1


def test_equal_trials_are_all_on_the_front_and_the_better_value_wins() -> None:
    table = rows()
    same = np.repeat(scores(table, 1), 3, axis=0)
    trials = [trial(0, 0.7), trial(1, 0.8), trial(2, 0.8)]
    for rule in RULES:
        chosen, candidates = rule.choose(pool(UP, trials, Scored(table, (0, 1), same)))
        assert chosen.number == 1
        assert [(one.trial, one.value) for one in candidates] == [(0, 0.7), (1, 0.8), (2, 0.8)]


def test_those_off_the_front_are_no_candidates() -> None:
    table = rows()
    given = np.stack([table.labels - 0.5, np.zeros(120), table.labels * 2.0])
    _, candidates = Pareto().choose(pool(UP, [trial(n, 0.5) for n in range(3)], Scored(table, (0, 1), given)))
    assert [one.trial for one in candidates] == [0, 2]


@pytest.mark.parametrize("rule", RULES)
def test_a_trial_without_scores_cannot_win(rule: OfGroupAucs) -> None:
    table = rows()
    broken = scores(table, 2)
    broken[1] = np.nan
    chosen, candidates = rule.choose(pool(UP, [trial(0, 0.5), trial(1, 0.9)], Scored(table, (0, 1), broken)))
    assert (chosen.number, [one.trial for one in candidates]) == (0, [0])
    with pytest.raises(FairTuneError, match="no trial has a defined objective"):
        rule.choose(pool(UP, [trial(1, 0.9)], Scored(table, (0, 1), broken[1:])))


@pytest.mark.parametrize("rule", RULES)
def test_all_wrong_is_as_far_for_all(rule: OfGroupAucs) -> None:
    table = rows()
    wrong = np.repeat(-table.labels[None].astype(float), 2, axis=0)
    assert rule.choose(pool(UP, [trial(0, 0.0), trial(1, 0.0)], Scored(table, (0, 1), wrong)))[0].number == 0


@pytest.mark.parametrize("rule", RULES)
def test_what_does_not_fit_is_refused_in_one_line(rule: OfGroupAucs) -> None:
    for name in ("auc", "min_group_auc", "max_group_auc", "auc_gap", "auc_b"):
        rule.check(Objective(name, True), ())
    for objective in (Objective("accuracy", True), Objective("auc_mean", True, lambda found: found["eval_auc"])):
        with pytest.raises(FairTuneError, match=f"`{rule.name}` weighs the groups' AUCs, but .* `{objective.name}`;"):
            rule.check(objective, ())
    with pytest.raises(FairTuneError, match="of several classes each has its own"):
        rule.check(UP, ("mel", "nv", "bcc"))
    with pytest.raises(FairTuneError, match="of several classes each has its own"):
        rule.choose(pool(UP, [trial(0, 0.5), trial(1, 0.5)], scored_classes()))
    table = rows()
    with pytest.raises(FairTuneError, match="no group takes part"):
        rule.choose(pool(UP, [trial(0, 0.5)], Scored(table, (), scores(table, 1))))
    alone = check_rows([0, 1, 1, 1], np.zeros(4), [0, 0, 1, 1], ("a", "b"))
    with pytest.raises(FairTuneError, match="but b has none, as it lacks a class; leave it out by `exclude`"):
        rule.choose(pool(UP, [trial(0, 0.5)], Scored(alone, (0, 1), np.arange(4.0)[None])))
