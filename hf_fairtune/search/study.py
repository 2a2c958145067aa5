"""The study of a search on disk: opened, resumed after a kill, and its trials typed."""

import sqlite3
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, cast

import optuna
from filelock import FileLock, Timeout
from optuna.storages import RDBStorage
from optuna.trial import FrozenTrial, TrialState

from ..document.estimate import NAN
from ..document.search import Direction, Trial
from ..document.search import TrialState as State
from ..errors import FairTuneError
from ..masks.proposals import PRESET, Preset, infeasible
from .space import LearningRate

FILE_NAME = "search.db"
STUDY_NAME = "fairtune"
FINISHED = (TrialState.COMPLETE, TrialState.PRUNED, TrialState.FAIL)
# User attributes: of a trial, what stopped it; of the study, the limit in seconds that ended it.
STOPPED_BY, OUT_OF_HOURS = "stopped_by", "out_of_hours"


def lock(folder: Path) -> FileLock:
    """Hold `folder` for one search; the system frees it when the process dies, however it dies."""
    held = FileLock(folder / "search.lock")
    try:
        held.acquire(timeout=0)
    except Timeout:
        raise FairTuneError(
            f"another process is searching in `{folder}`; wait, or choose another output_dir."
        ) from None
    return held


def open_study(folder: Path, direction: Direction, fingerprint: Mapping[str, Any]) -> optuna.Study:
    """Create the study of `folder` or take up the one that is there, its killed trials queued again.

    A trial found running has no process any more (`lock` is held): it goes back to the queue under its own number
    and with its own parameters, so that none is lost and none doubled.
    """
    storage = RDBStorage(f"sqlite:///{folder / FILE_NAME}", engine_kwargs={"creator": lambda: _connect(folder)})
    study = optuna.create_study(
        storage=storage,
        study_name=STUDY_NAME,
        direction=direction,
        load_if_exists=True,
        pruner=optuna.pruners.NopPruner(),
    )
    known = study.user_attrs.get("fingerprint")
    if known is None:
        study.set_user_attr("fingerprint", dict(fingerprint))
    elif known != dict(fingerprint):
        changed = sorted(k for k in {*known, *fingerprint} if known.get(k) != fingerprint.get(k))
        raise FairTuneError(
            f"`{folder}` holds a search with another {', '.join(changed)}; choose another output_dir or delete it."
        )
    for trial in study.get_trials(deepcopy=False, states=(TrialState.RUNNING,)):
        storage.set_trial_state_values(trial._trial_id, TrialState.WAITING)
    return study


def close(study: optuna.Study) -> None:
    """Close the connections of a study of `open_study`; SQLite then moves what it logged into the file."""
    storage: Any = study._storage
    storage.remove_session()
    storage._backend.engine.dispose()


def _connect(folder: Path) -> sqlite3.Connection:
    """Connect so that a commit needs no wait for the disk; a killed process loses nothing, nor does the file break."""
    connection = sqlite3.connect(folder / FILE_NAME, timeout=30, check_same_thread=False)
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=NORMAL")
    return connection


def enqueue(study: optuna.Study, presets: Sequence[Preset], rates: LearningRate) -> None:
    """Queue trials to run first, each once."""
    for preset in presets:
        params = {**preset.params, "learning_rate": rates.at(preset.rate)}
        study.enqueue_trial(params, user_attrs={PRESET: preset.name}, skip_if_exists=True)


def n_finished(study: optuna.Study) -> int:
    """Count the trials that need no more work: complete, pruned by what they scored, or failed."""
    ended = study.get_trials(deepcopy=False, states=FINISHED)
    return sum(trial.state != TrialState.PRUNED or trial.user_attrs.get(STOPPED_BY) != "hours" for trial in ended)


def winner(study: optuna.Study) -> FrozenTrial | None:
    """Return the best trial of those that are complete and feasible; None without any."""
    try:
        return study.best_trial
    except ValueError:
        return None


def numbers_of_complete(study: optuna.Study) -> list[int]:
    """List the trials that came to their end."""
    return [trial.number for trial in study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))]


def numbers_of_feasible(study: optuna.Study) -> list[int]:
    """List the trials that came to their end and broke no constraint."""
    ended = study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))
    return [trial.number for trial in ended if not infeasible(trial)]


def trials(study: optuna.Study) -> list[Trial]:
    """List the trials that began."""
    return [_trial(trial) for trial in study.get_trials(deepcopy=False) if trial.state != TrialState.WAITING]


def _trial(trial: FrozenTrial) -> Trial:
    attributes = trial.user_attrs
    return Trial(
        number=trial.number,
        state=cast(State, trial.state.name),
        preset=attributes.get(PRESET),
        params=dict(trial.params),
        mask=attributes.get("mask") or [],
        learning_rate=trial.params.get("learning_rate", NAN),
        trainable_parameters=attributes.get("trainable_parameters"),
        value=NAN if trial.value is None or trial.state != TrialState.COMPLETE else trial.value,
        values={str(epoch): value for epoch, value in sorted(trial.intermediate_values.items())},
        seconds=trial.duration.total_seconds() if trial.duration else NAN,
        message=attributes.get("message"),
        infeasible=infeasible(trial),
        stopped_by=attributes.get(STOPPED_BY),
    )
