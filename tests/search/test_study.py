"""The study on disk: taken up after a kill with the same trials, refused for another run."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import optuna
import pytest
from optuna.trial import TrialState

from hf_fairtune.document.search import Trial
from hf_fairtune.errors import FairTuneError
from hf_fairtune.masks.proposals import FreeBits
from hf_fairtune.masks.space import regular
from hf_fairtune.search.crew import Crew
from hf_fairtune.search.modes import MODES, SeededByTrial, mode_named
from hf_fairtune.search.presets import PresetsFirst
from hf_fairtune.search.space import LearningRate
from hf_fairtune.search.study import OWN, lock, n_finished, open_study, release, trials
from tests.conftest import KilledError

RUN = {"model": "m", "seed": 0}


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    yield
    optuna.logging.set_verbosity(optuna.logging.INFO)


def search(folder: Path, mode_name: str, n_trials: int = 9, die_in: int | None = None) -> list[Trial]:
    """Run a study of a toy objective, as the Trainer does; die inside trial `die_in`."""
    mode = mode_named(mode_name, n_trials, seed=3, warmup_epochs=1)
    proposal = mode.proposal
    study = open_study(folder, "maximize", RUN)
    presets = proposal.presets(regular("paper36", 4))
    crew = Crew(study, folder, OWN)
    crew.take_back()
    study.sampler, study.pruner = PresetsFirst(mode.sampler, presets, LearningRate()), mode.pruner

    def objective(trial: optuna.Trial) -> float:
        assert crew.begin(trial, n_trials)
        mask = proposal.draw(trial, regular("paper36", 4))
        rate = LearningRate()(trial)["learning_rate"]
        trial.set_user_attr("mask", list(mask.bits))
        for epoch in range(1, 5):
            if trial.number == die_in and epoch == 2:
                raise KilledError
            silent = not mode.reports_every_epoch and epoch < 4
            if not silent and epoch not in trial.study.get_trials(deepcopy=False)[trial.number].intermediate_values:
                trial.report(epoch * sum(mask.bits[:5]) + rate, epoch)
            if not silent and trial.should_prune():
                raise optuna.TrialPruned
        return 4 * sum(mask.bits[:5]) + rate

    try:
        study.optimize(objective, n_trials=n_trials - n_finished(study))
    finally:
        crew.worker.leave()  # as a kill does
    return [replace(trial, seconds=0.0) for trial in trials(study)]


@pytest.mark.parametrize("mode", list(MODES))
@pytest.mark.parametrize("die_in", [0, 5, 8])
def test_a_killed_search_ends_as_if_it_had_not_been(tmp_path: Path, mode: str, die_in: int) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    with pytest.raises(KilledError):
        search(tmp_path / "a", mode, die_in=die_in)
    assert repr(search(tmp_path / "a", mode)) == repr(search(tmp_path / "b", mode))


def test_a_killed_trial_keeps_its_number_and_parameters(tmp_path: Path) -> None:
    study = open_study(tmp_path, "maximize", RUN)
    trial = study.ask()
    rate = trial.suggest_float("learning_rate", 1e-5, 1e-3, log=True)
    again = open_study(tmp_path, "maximize", RUN)
    Crew(again, tmp_path, OWN).take_back()
    assert [t.state for t in again.trials] == [TrialState.WAITING]
    resumed = again.ask()
    assert (resumed.number, resumed.suggest_float("learning_rate", 1e-5, 1e-3, log=True)) == (0, rate)


def test_another_run_is_refused_and_named(tmp_path: Path) -> None:
    open_study(tmp_path, "maximize", RUN)
    with pytest.raises(FairTuneError, match="holds a search with another seed; choose another output_dir"):
        open_study(tmp_path, "maximize", {**RUN, "seed": 1})


def test_one_search_a_folder(tmp_path: Path) -> None:
    held = lock(tmp_path)
    with pytest.raises(FairTuneError, match="another process is searching"):
        lock(tmp_path)
    held.release()
    lock(tmp_path).release()


def test_presets_are_tried_once_at_their_rates(tmp_path: Path) -> None:
    study = open_study(tmp_path, "maximize", RUN)
    for _ in range(2):  # of several workers each has such a sampler
        study.sampler = PresetsFirst(SeededByTrial(0), FreeBits().presets(regular("paper36", 12)), LearningRate())
        for _ in range(3):
            LearningRate()(study.ask())
    assert [t.user_attrs.get("preset") for t in study.trials] == [
        "all", "all", "attention", "layernorm", "linear", None,
    ]  # fmt: skip
    rates = [t.params["learning_rate"] for t in study.trials[:5]]
    assert rates == pytest.approx([1e-4, 10**-3.5, 1e-4, 1e-3, 1e-3])
    assert max(rates) <= 1e-3


def test_a_range_of_rates_has_a_low_and_a_high_end() -> None:
    with pytest.raises(FairTuneError, match="learning rates from 0.01 to 0.001 are no range"):
        LearningRate(1e-2, 1e-3)


def test_a_study_in_which_nothing_began_is_left_to_another_search(tmp_path: Path) -> None:
    release(open_study(tmp_path, "maximize", RUN))
    other = {**RUN, "seed": 1}
    study = open_study(tmp_path, "maximize", other)
    study.ask()
    release(study)
    open_study(tmp_path, "maximize", other)
    with pytest.raises(FairTuneError, match="another seed"):
        open_study(tmp_path, "maximize", RUN)
