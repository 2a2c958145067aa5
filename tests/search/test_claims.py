"""A trial has one owner: whoever slept, died, or raced; and clocks do not count."""

import threading
import time
from pathlib import Path

import optuna
import pytest
from optuna.trial import TrialState

from hf_fairtune.search.crew import Crew
from hf_fairtune.search.study import open_study
from hf_fairtune.search.study_options import StudyOptions
from hf_fairtune.search.worker import Watch

RUN = {"model": "m"}
# Asked outside of `Study.optimize`, where Optuna's thread beats, a trial has the beats of its test.
pytestmark = pytest.mark.filterwarnings("ignore:Heartbeat of storage is supposed to be used with")


def crew_of(folder: Path, storage: Path | None = None, grace: int = 1) -> Crew:
    """A worker's own connection and crew."""
    folder.mkdir(exist_ok=True)
    options = StudyOptions(storage=None if storage is None else f"sqlite:///{storage}", grace_period=grace)
    return Crew(open_study(folder, "maximize", RUN, options), folder, options)


def begun(crew: Crew) -> optuna.Trial:
    trial = crew.study.ask()
    assert crew.begin(trial, 9)
    return trial


def test_of_many_that_reach_for_a_trial_one_has_it(tmp_path: Path) -> None:
    crews = [crew_of(tmp_path) for _ in range(8)]
    number = crews[0].study.ask()._trial_id
    gate, won = threading.Barrier(8), []

    def reach(crew: Crew) -> None:
        assert crew.claims is not None
        gate.wait()
        if crew.claims.take(number, crew.owner):
            won.append(crew.owner)

    threads = [threading.Thread(target=reach, args=(crew,)) for crew in crews]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(won) == 1


def test_a_dead_worker_of_this_folder_is_known_at_once_and_one_that_sleeps_keeps_its_trial(tmp_path: Path) -> None:
    asleep, other = crew_of(tmp_path), crew_of(tmp_path)
    trial = begun(asleep)
    time.sleep(0.2)
    assert other.take_back() == 1
    assert asleep.holds(trial)
    asleep.worker.leave()  # as its death does
    assert other.take_back() == 0
    again = begun(other)
    assert again.number == trial.number
    assert not asleep.holds(trial)
    assert asleep.has_lost()
    other.put_back(again)
    assert asleep.begin(asleep.study.ask(), 9)  # signed again
    assert asleep.holds(trial)
    assert not asleep.has_lost()
    asleep.study.tell(trial, state=TrialState.FAIL)
    assert not asleep.has_lost()


def test_a_trial_given_away_while_its_worker_slept_is_dropped_by_it(tmp_path: Path) -> None:
    """No heartbeat for a second, seen by a worker of another folder."""
    asleep, other = crew_of(tmp_path / "a", tmp_path / "own.db"), crew_of(tmp_path / "b", tmp_path / "own.db")
    trial = begun(asleep)
    other.study._storage.record_heartbeat(trial._trial_id)
    while other.take_back():
        time.sleep(other.poll)
    again = begun(other)
    assert (again.number, asleep.holds(trial), other.holds(again)) == (0, False, True)
    assert asleep.take_back() == 1  # and does not take it from the one that has it now
    assert other.holds(again)
    other.study.tell(again, 0.5)
    assert [t.state for t in other.study.trials] == [TrialState.COMPLETE]


def test_a_worker_that_died_before_it_signed_leaves_its_trial_too(tmp_path: Path) -> None:
    dead, other = crew_of(tmp_path / "a", tmp_path / "own.db"), crew_of(tmp_path / "b", tmp_path / "own.db")
    number = dead.study.ask().number
    while other.take_back():
        time.sleep(other.poll)
    assert begun(other).number == number


def test_trials_are_as_many_as_asked_for(tmp_path: Path) -> None:
    """One too many, which two workers began at once, waits for a search of more."""
    crews = [crew_of(tmp_path) for _ in range(2)]
    first, second = (crew.study.ask() for crew in crews)
    assert [crews[0].begin(first, 1), crews[1].begin(second, 1)] == [True, False]
    assert [t.state for t in crews[0].study.trials] == [TrialState.RUNNING, TrialState.WAITING]
    assert crews[1].study.ask().number == 1


def test_a_watch_sees_only_what_it_looks_at(monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither a suspended machine nor a clock that jumps makes a worker look dead."""
    now = [0.0]
    monkeypatch.setattr("hf_fairtune.search.worker.time.monotonic", lambda: now[0])
    watch = Watch(10.0)
    assert not list(watch.unchanged({1: "12:00", 2: "12:00"}))
    for second in (4, 8, 12):
        now[0] = second
        assert list(watch.unchanged({1: "12:00", 2: f"01:{second}"})) == ([1] if second > 10 else [])
    now[0] = 1000  # it was away: what it knew is old
    assert not list(watch.unchanged({1: "12:00"}))
