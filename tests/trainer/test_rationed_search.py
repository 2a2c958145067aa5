"""A search with a limit of hours, where an epoch takes 10 s: what it still runs, stops, keeps and refuses."""

import math
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import optuna
import pytest
from optuna.pruners import NopPruner

from hf_fairtune import FairTrainer, FairTuneError
from hf_fairtune.search import modes
from hf_fairtune.search.hours import Clock, Ration
from hf_fairtune.search.modes import mode_named
from tests.conftest import KilledError
from tests.trainer.test_searching import searcher, trials


class Epochs:
    """A clock on which epoch `n` of the process takes `seconds(n)`."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now, self.n = 0.0, 0
        self.seconds: Callable[[int], float] = lambda n: 10.0
        report = FairTrainer._report_to_hp_search

        def slow(trainer: FairTrainer, trial: Any, step: int, metrics: dict[str, float]) -> None:
            self.n += 1
            self.now += self.seconds(self.n)
            report(trainer, trial, step, metrics)

        monkeypatch.setattr(FairTrainer, "_report_to_hp_search", slow)
        monkeypatch.setattr(time, "monotonic", lambda: self.now)


@pytest.fixture
def epochs(monkeypatch: pytest.MonkeyPatch) -> Epochs:
    # The hours alone end a trial.
    monkeypatch.setattr(modes, "MedianPruner", lambda **_: NopPruner())
    return Epochs(monkeypatch)


def rationed(
    folder: Path, limit: float, after: Callable[[int], float] = lambda n: 100.0, **options: Any
) -> FairTrainer:
    """A search whose trials have two epochs."""
    run = searcher(folder, num_train_epochs=2, **options)
    run.ration = Ration(Clock(folder), limit, 20, after)
    return run


def states(folder: Path) -> list[tuple[str, str | None]]:
    study = optuna.load_study(study_name="fairtune", storage=f"sqlite:///{folder / 'search.db'}")
    return [
        (trial.state.name, trial.user_attrs.get("stopped_by")) for trial in study.trials if trial.state.is_finished()
    ]


def test_a_search_ends_when_what_is_left_is_needed(tmp_path: Path, epochs: Epochs) -> None:
    run = rationed(tmp_path, 165)
    best = run.hyperparameter_search(n_trials=7)
    # 20 s a trial: after three 60 s are gone, and 60 + 20 + 100 > 165.
    assert states(tmp_path) == [("COMPLETE", None)] * 3
    assert run.search is not None
    assert (run.search.n_trials, run.search.n_finished, run.search.out_of_hours) == (7, 3, True)
    assert run.search.max_hours == pytest.approx(165 / 3600)
    assert best.objective == max(trial.value for trial in run.search.trials)
    # The winner is taken, and trains.
    run.train()
    assert run.evaluate()["eval_min_group_auc"] == best.objective


def test_the_trials_are_those_of_a_search_without_a_limit(tmp_path: Path, epochs: Epochs) -> None:
    rationed(tmp_path / "short", 165).hyperparameter_search(n_trials=7)
    rationed(tmp_path / "whole", math.inf).hyperparameter_search(n_trials=7)
    known = trials(tmp_path / "whole")
    assert len(known) == 7
    assert trials(tmp_path / "short")[:3] == known[:3]


def test_a_running_trial_stops_at_the_end_of_an_epoch(tmp_path: Path, epochs: Epochs, capfd: Any) -> None:
    """The third epoch of all, the first of the second trial, takes far too long; with more hours it goes on."""
    epochs.seconds = lambda n: 100.0 if n == 3 else 10.0
    run = rationed(tmp_path, 200)
    run.hyperparameter_search(n_trials=7)
    assert states(tmp_path) == [("COMPLETE", None)]
    assert [path.parent.name for path in tmp_path.glob("run-*/checkpoint-*")] == ["run-1"]
    assert run.search is not None
    assert [(trial.state, trial.stopped_by) for trial in run.search.trials] == [
        ("COMPLETE", None),
        ("PRUNED", "hours"),
    ]
    assert (run.search.n_finished, run.search.out_of_hours) == (1, True)
    assert "pruned · out of hours · " in capfd.readouterr().err
    before = epochs.n
    more = rationed(tmp_path, math.inf)
    more.hyperparameter_search(n_trials=3)
    # Of the second trial one epoch was left.
    assert epochs.n - before == 1 + 2
    rationed(tmp_path / "whole", math.inf).hyperparameter_search(n_trials=3)
    assert trials(tmp_path) == trials(tmp_path / "whole")
    assert more.search is not None
    assert [trial.stopped_by for trial in more.search.trials] == [None] * 3
    assert not list(tmp_path.glob("run-*"))


def test_the_first_trial_is_never_stopped_as_there_would_be_no_winner(tmp_path: Path, epochs: Epochs) -> None:
    epochs.seconds = lambda n: 1000.0
    rationed(tmp_path, 200).hyperparameter_search(n_trials=7)
    assert states(tmp_path) == [("COMPLETE", None)]


def test_hours_that_hold_no_trial_are_refused_before_training(tmp_path: Path, epochs: Epochs) -> None:
    with pytest.raises(FairTuneError, match="but one trial and what must follow take up to 2 min 30 s; give 0.05,"):
        rationed(tmp_path, 100).hyperparameter_search(n_trials=7)
    assert epochs.n == 0
    assert states(tmp_path) == []
    # With enough of them the same folder goes on.
    rationed(tmp_path, 150).hyperparameter_search(n_trials=7)
    assert states(tmp_path) == [("COMPLETE", None)] * 2


def test_a_trial_that_scores_badly_is_not_the_hours_fault(tmp_path: Path, epochs: Epochs) -> None:
    class Second(optuna.pruners.BasePruner):
        def prune(self, study: optuna.Study, trial: optuna.trial.FrozenTrial) -> bool:
            return trial.number == 1

    run = rationed(tmp_path, math.inf)
    run.hyperparameter_search(mode=replace(mode_named("default", 3, 0, 0), pruner=Second()))
    assert states(tmp_path) == [("COMPLETE", None), ("PRUNED", "score"), ("COMPLETE", None)]
    assert run.search is not None
    assert (run.search.n_finished, run.search.out_of_hours, run.search.max_hours) == (3, False, None)


def test_hours_before_a_kill_count(tmp_path: Path, epochs: Epochs, monkeypatch: pytest.MonkeyPatch) -> None:
    """Killed in the second trial's second epoch: 30 s are known, and the rest of the search has that much less."""
    start = FairTrainer._report_to_hp_search

    def die(trainer: FairTrainer, trial: Any, step: int, metrics: dict[str, float]) -> None:
        if epochs.n == 3:
            raise KilledError
        start(trainer, trial, step, metrics)

    with monkeypatch.context() as patch:
        patch.setattr(FairTrainer, "_report_to_hp_search", die)
        with pytest.raises(KilledError):
            rationed(tmp_path, 185).hyperparameter_search(n_trials=7)
    assert Clock(tmp_path).before == pytest.approx(30)
    epochs.now += 1e6
    run = rationed(tmp_path, 185)
    run.hyperparameter_search(n_trials=7)
    # The second trial begins again: 30 + 1.25 (20 + 100) <= 185. With the third 70 s are gone: 70 + 20 + 100 > 185.
    assert states(tmp_path) == [("COMPLETE", None)] * 3
    assert run.ration is not None
    assert run.ration.clock.spent == pytest.approx(70)


def test_a_search_that_ended_for_its_hours_goes_on_with_more(tmp_path: Path, epochs: Epochs) -> None:
    """With as many or fewer hours it stays ended, with more it goes on, and ends again where they do."""
    best = rationed(tmp_path, 165).hyperparameter_search(n_trials=7)
    before = trials(tmp_path)
    assert states(tmp_path) == [("COMPLETE", None)] * 3
    for limit in (165, 100):
        again = rationed(tmp_path, limit)
        assert again.hyperparameter_search(n_trials=7) == best
        assert trials(tmp_path) == before
        assert again.search is not None
        assert again.search.out_of_hours
    # 60 s are gone: 60 + 1.25 (20 + 100) <= 215, then 80 + 20 + 100 <= 215 < 100 + 20 + 100.
    more = rationed(tmp_path, 215)
    more.hyperparameter_search(n_trials=7)
    assert more.search is not None
    assert (more.search.n_finished, more.search.out_of_hours) == (5, True)
    whole = rationed(tmp_path, math.inf)
    whole.hyperparameter_search(n_trials=7)
    assert whole.search is not None
    assert (whole.search.n_finished, whole.search.out_of_hours) == (7, False)
    rationed(tmp_path / "whole", math.inf).hyperparameter_search(n_trials=7)
    assert trials(tmp_path) == trials(tmp_path / "whole")
