"""How a run's time is divided: every sum again by hand, and the price as one line."""

import math
from dataclasses import replace

import pytest

from hf_fairtune.cli.price import Power, Price, price_line
from hf_fairtune.cli.spending import Spending
from hf_fairtune.search.hours import Clock
from hf_fairtune.trainer.timing import Cost

# A trial takes 11 s, a training 11 + 3 + 1; of the dearer kind 31 and 35; of the baselines 7 and 9, 5 and 6.
CHEAP, DEAR = Cost(1, 10, 3, 1), Cost(1, 30, 3, 1)
BASELINES = {"full": Cost(1, 6, 1, 1), "linear": Cost(1, 4, 0, 1)}


def plan(baseline_trials: int = 8, limit: float = math.inf) -> Spending:
    return Spending(Clock(None), limit, 8, baseline_trials, 3, [CHEAP, DEAR], BASELINES)


def test_a_run_costs_its_trials_and_trainings() -> None:
    run = plan()
    assert (run.n_trials, run.n_trainings) == (8 + 8 + 8, 9)
    # The winner's kinds count half each.
    assert run.seconds == 8 * 21 + 3 * 25 + (8 * 7 + 3 * 9) + (8 * 5 + 3 * 6)
    assert plan(2).seconds == 8 * 21 + 3 * 25 + (2 * 7 + 3 * 9) + (2 * 5 + 3 * 6)


def test_a_combination_takes_its_teachers_forwards_and_the_winner_alone() -> None:
    """Of 2 teachers at most, each a forward of 4 s in a training."""
    kind, other = Cost(1, 10, 3, 1, forwards=4), Cost(1, 6, 1, 1, forwards=2)
    run = Spending(Clock(None), math.inf, 8, 8, 3, [kind], {"full": other}, teachers=2, single=True)
    assert (run.n_trials, run.n_trainings) == (16, 9)
    assert run.seconds == 8 * 11 + 3 * (15 + 8) + 3 * 15 + 8 * 7 + 3 * (9 + 4)
    assert run.ration().after(8) == 3 * (15 + 8) + 3 * 15 + 8 * 7 + 3 * (9 + 4)
    assert run.ration_beside("full", 8).after(1) == 3 * (9 + 4)
    # Of an ensemble the trials are the first training, and each further seed trains its members.
    run = Spending(Clock(None), math.inf, 8, 8, 3, [kind], {"full": other}, retrained=4)
    assert (run.n_trials, run.n_trainings) == (16, 16)
    assert run.seconds == 8 * 11 + 8 * 15 + 8 * 7 + 8 * 9


def test_a_selection_trains_its_finalists_again() -> None:
    """4 at most, each on 3 folds, in 40 s, or in 20 of the baseline, which has 2 trials."""
    kind, dear, other = replace(CHEAP, finalist=40), replace(DEAR, finalist=60), Cost(1, 6, 1, 1, finalist=20)
    run = Spending(Clock(None), math.inf, 8, 2, 3, [kind, dear], {"full": other}, finalists=4, refits=3)
    assert (run.n_trials, run.n_refits, run.n_trainings) == (10, 12 + 6, 6)
    assert run.seconds == 8 * 21 + 4 * 50 + 3 * 25 + 2 * 7 + 2 * 20 + 3 * 9
    # Of no more trials than finished.
    assert run.ration().after(8) == 4 * 60 + 3 * 35 + 2 * 7 + 2 * 20 + 3 * 9
    assert run.ration().after(1) == 60 + 3 * 35 + 7 + 20 + 3 * 9
    assert run.ration_beside("full", 8).after(1) == 20 + 3 * 9
    assert run.ration_beside("full", 8).after(2) == 2 * 20 + 3 * 9
    assert price_line(Price(90, None, 6, 1, 4, Power(None, True), refits=12)).startswith(
        "price: 6 trials + 12 trainings of finalists + 1 training of 4 epochs each: about"
    )


def test_a_trial_on_folds_costs_its_trainings() -> None:
    folded = replace(CHEAP, of_trial=36)
    assert (folded.trial, folded.training) == (36, CHEAP.training)
    assert price_line(Price(90, None, 4, 1, 4, Power(None, True), 3)).startswith(
        "price: 4 trials on 3 folds + 1 training of 4 epochs each: about"
    )


def test_what_must_follow_the_winners_trials() -> None:
    """The dearest training, and of each baseline as many trials as the winner finished."""
    ration = plan().ration()
    assert ration.trial == 31
    assert ration.after(3) == 3 * 35 + (3 * 7 + 3 * 9) + (3 * 5 + 3 * 6)
    assert plan(2).ration().after(3) == 3 * 35 + (2 * 7 + 3 * 9) + (2 * 5 + 3 * 6)


def test_what_must_follow_a_baselines_trials() -> None:
    ration = plan().ration_beside("full", 3)
    assert (ration.trial, ration.after(1)) == (7, 3 * 9 + (3 * 5 + 3 * 6))
    assert plan().ration_beside("linear", 3).after(2) == 3 * 6


@pytest.mark.parametrize(("asked", "finished", "wanted"), [(8, 3, 3), (8, 8, 8), (2, 3, 2), (12, 8, 12), (12, 3, 3)])
def test_a_baseline_has_no_more_trials_than_a_winner_that_had_to_end(asked: int, finished: int, wanted: int) -> None:
    assert plan(asked).trials_beside(finished) == wanted


def test_a_price_on_one_line() -> None:
    line = price_line(Price(6000, 3_100_000_000, 8, 15, 30, Power(65, True)))
    # 6000 s at 65 W are 390,000 J, 0.108 kWh, and at 475 g 51 g.
    assert line == (
        "price: 8 trials + 15 trainings of 30 epochs each: about 1 h 40 min (± 25 %), less where trials stop early; "
        "3.1 GB of GPU memory; 0.11 kWh at 65 W (the GPU's limit), 0.051 kg CO2e at 475 g a kWh"
    )
    line = price_line(Price(90, None, 0, 1, 4, Power(8, False)))
    assert line == (
        "price: 1 training of 4 epochs: about 1 min 30 s (± 25 %); 0.0002 kWh at 8 W (4 W a core), 9.5e-05 kg CO2e "
        "at 475 g a kWh"
    )
    assert price_line(Price(90, None, 0, 3, 4, Power(None, True))) == (
        "price: 3 trainings of 4 epochs: about 1 min 30 s (± 25 %)"
    )
