"""Modes: a doomed trial is stopped, but never inside the warm-up; the published code and a control stop none early."""

import numpy as np
import optuna
import pytest
from optuna.trial import TrialState

from hf_fairtune.errors import FairTuneError
from hf_fairtune.masks.mask import Mask
from hf_fairtune.masks.space import regular
from hf_fairtune.search.modes import MODES, mode_named
from hf_fairtune.search.presets import PresetsFirst
from hf_fairtune.search.space import LearningRate

EPOCHS, WARMUP = 12, 4


def epochs_run(mode_name: str) -> list[tuple[TrialState, int]]:
    """Run ten trials of which the later are the worse, reporting every epoch; return states and epochs."""
    mode = mode_named(mode_name, 10, 0, WARMUP)
    study = optuna.create_study(direction="maximize", pruner=mode.pruner)
    done = []
    for number in range(10):
        trial = study.ask()
        state, epoch = TrialState.COMPLETE, 0
        for epoch in range(1, EPOCHS + 1):
            if not mode.reports_every_epoch and epoch < EPOCHS:
                continue
            trial.report(1 - number / 10, epoch)
            if trial.should_prune():
                state = TrialState.PRUNED
                break
        study.tell(trial, 1 - number / 10 if state == TrialState.COMPLETE else None, state)
        done.append((state, epoch))
    return done


@pytest.mark.parametrize("mode", ["default", "paper"])
def test_pruning_stops_trials_but_not_in_the_warmup(mode: str) -> None:
    done = epochs_run(mode)
    stopped = [epoch for state, epoch in done if state == TrialState.PRUNED]
    assert stopped
    assert min(stopped) == WARMUP + 1
    assert max(stopped) < EPOCHS


@pytest.mark.parametrize("mode", ["default", "paper"])
@pytest.mark.parametrize("excess", [-0.1, 0.1])
def test_a_trial_is_judged_among_the_feasible(mode: str, excess: float) -> None:
    """Gaps of 0 stop a trial of a larger one only where they are honest."""
    study = optuna.create_study(direction="minimize", pruner=mode_named(mode, 20, 0, WARMUP).pruner)
    for number in range(24):
        trial = study.ask()
        honest = number % 3 == 0
        trial.report(0.2 if honest else 0.0, WARMUP + 1)
        trial.should_prune()
        trial.set_constraint("min_auc", -0.1 if honest else excess)
        study.tell(trial, 0.2 if honest else 0.0)
    trial = study.ask()
    trial.report(0.1, WARMUP + 1)
    assert trial.should_prune() == (excess < 0)


def test_the_published_code_runs_every_epoch_of_every_trial() -> None:
    done = epochs_run("published")
    assert {epoch for _, epoch in done} == {EPOCHS}
    assert TrialState.PRUNED in {state for state, _ in done}


def test_the_paper_samples_univariate_tpe_without_liar() -> None:
    """Optuna 5's own defaults are another sampler than the one the paper ran."""
    sampler = mode_named("paper", 10, 7, WARMUP).sampler
    assert (sampler._multivariate, sampler._constant_liar, sampler._n_startup_trials) == (False, False, 10)


def drawn(seed: int, n_trials: int, values: list[float]) -> list[tuple[tuple[int, ...], float]]:
    """Return masks and rates of a control whose trials have these values, over and over."""
    mode, space = mode_named("random", n_trials, seed, WARMUP), regular("paper36", 12)
    study = optuna.create_study(direction="maximize", sampler=mode.sampler, pruner=mode.pruner)
    found = []
    for number in range(n_trials):
        trial = study.ask()
        found.append((mode.proposal.draw(trial, space).bits, LearningRate()(trial)["learning_rate"]))
        study.tell(trial, values[number % len(values)])
    return found


def test_a_control_draws_at_random_whatever_trials_score() -> None:
    """Every trial differs and none is stopped; bits are fair, rates log-uniform, neither knows the values."""
    done = epochs_run("random")
    assert {*done} == {(TrialState.COMPLETE, EPOCHS)}
    assert not mode_named("random", 10, 0, WARMUP).presets
    n = 400
    found = drawn(0, n, [0.1, 0.9, 0.5])
    assert found[:100] == drawn(0, 100, [0.7])
    assert found[:20] != drawn(1, 20, [0.7])
    bits, rates = np.array([mask for mask, _ in found]), np.log10([rate for _, rate in found])
    assert len({*map(tuple, bits.tolist())}) == n
    error = 0.5 / np.sqrt(n)
    assert abs(bits.mean(axis=0) - 0.5).max() < 4 * error
    assert abs(np.corrcoef(bits.T, rates)[np.triu_indices(37, 1)]).max() < 5 / np.sqrt(n)
    assert (min(rates), max(rates)) == pytest.approx((-5, -3), abs=0.05)
    assert np.histogram(rates, 4, (-5, -3))[0] == pytest.approx(n / 4, abs=4 * np.sqrt(n * 3 / 16))


def test_unknown_mode_is_one_line() -> None:
    with pytest.raises(FairTuneError, match=f"`mode` is 'fast'; choose from {', '.join(MODES)}"):
        mode_named("fast", 10, 0, WARMUP)


@pytest.mark.parametrize("n_trials", [1, 3, 6, 12])
def test_every_preset_trains_its_preset(n_trials: int) -> None:
    mode, space = mode_named("default", n_trials, 0, WARMUP), regular("paper36", 4)
    proposal = mode.proposal
    sampler = PresetsFirst(mode.sampler, proposal.presets(space), LearningRate())
    study = optuna.create_study(direction="maximize", sampler=sampler)
    for preset in proposal.presets(space):
        trial = study.ask()
        assert proposal.draw(trial, space) == Mask.of(preset.name, space)
        study.tell(trial, 0.5)
