"""Workers in processes of their own, forked with everything imported."""

import multiprocessing
import os
import signal
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import redirect_stdout
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

import optuna
from optuna.storages import RDBStorage

from hf_fairtune import FairTrainer
from hf_fairtune.trainer import trial
from tests.trainer.test_searching import searcher

Row = tuple[int, str, dict[str, Any], float | None, dict[int, float]]


def search(folder: Path, n_trials: int, storage: str | None = None, **options: Any) -> FairTrainer:
    """Search at random, so that a trial depends on nothing but its number."""
    run = searcher(folder, num_train_epochs=2)
    run.hyperparameter_search(n_trials=n_trials, mode="random", storage=storage, **options)
    return run


def start(work: Callable[[], Any], log: Path) -> BaseProcess:
    """Work in a forked process, whose output goes to a file."""

    def run() -> None:
        with log.open("w") as sys.stderr, redirect_stdout(sys.stderr):
            work()

    process = multiprocessing.get_context("fork").Process(target=run)
    process.start()
    return process


def stuck(work: Callable[[], Any], sign: Path) -> Callable[[], Any]:
    """Return work that stops for ever within its first trial, after an epoch was reported, and leaves a sign."""

    def run() -> None:
        train = trial.train_once

        def stop(trainer: Any, *rest: Any) -> Any:
            report = trainer._report_to_hp_search

            def once(*given: Any) -> None:
                report(*given)
                sign.touch()
                time.sleep(1000)

            trainer._report_to_hp_search = once
            return train(trainer, *rest)

        trial.train_once = stop
        work()

    return run


def kill(victims: Sequence[BaseProcess], signs: Sequence[Path]) -> None:
    """Kill processes once they are where they leave their signs."""
    until = time.monotonic() + 45
    while not all(sign.exists() for sign in signs):
        assert time.monotonic() < until, "the workers did not come so far"
        time.sleep(0.05)
    for victim in victims:
        assert victim.pid is not None
        os.kill(victim.pid, signal.SIGKILL)
        victim.join()


def rows(storage: str) -> list[Row]:
    """Return number, state, parameters, value and values by epoch of a study's trials that began."""
    database = RDBStorage(storage)
    trials = optuna.load_study(study_name="fairtune", storage=database).trials
    database.remove_session()
    database.engine.dispose()
    known = [t for t in trials if t.state.name != "WAITING"]
    return [(t.number, t.state.name, t.params, t.value, t.intermediate_values) for t in known]
