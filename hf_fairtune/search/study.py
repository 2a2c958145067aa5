"""The study of a search on disk: opened, resumed after a kill, and told as rows of the record."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Literal, Protocol

import optuna
from filelock import FileLock, Timeout
from optuna.storages import RDBStorage
from optuna.trial import FrozenTrial, TrialState

from ..errors import FairTuneError
from ..masks.spaces import PRESETS, space_named

Direction = Literal["maximize", "minimize"]

FILE_NAME = "search.db"
STUDY_NAME = "fairtune"
FINISHED = (TrialState.COMPLETE, TrialState.PRUNED, TrialState.FAIL)

# Preset, and where its learning rate lies between the logarithms of the lowest and the highest: recipes known before
# any search. Full fine-tuning is there twice, as it is the one to beat.
RECIPES = (("all", 0.5), ("all", 0.75), ("attention", 0.5), ("layernorm", 1.0), ("linear", 1.0))


def lock(folder: Path) -> FileLock:
    """Hold `folder` for one search; the system frees it when the process dies, however it dies.

    Raises:
        FairTuneError: another live process searches there.
    """
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

    Raises:
        FairTuneError: the study there was made with another model, data, schedule or seed.
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


def _connect(folder: Path) -> sqlite3.Connection:
    """Connect so that a commit needs no wait for the disk; a killed process loses nothing, nor does the file break."""
    connection = sqlite3.connect(folder / FILE_NAME, timeout=30, check_same_thread=False)
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=NORMAL")
    return connection


class Range(Protocol):
    """The lowest and the highest learning rate of a search."""

    @property
    def low(self) -> float: ...

    @property
    def high(self) -> float: ...


def enqueue_recipes(
    study: optuna.Study, parameters: Callable[[str], dict[str, Any]], space: str, rates: Range
) -> None:
    """Queue the known recipes that the space can express, each once.

    Args:
        parameters: the trial parameters of a preset's mask.
    """
    reachable = {kind for group in space_named(space).bits for kind in group}
    for preset, place in RECIPES:
        if PRESETS[preset] <= reachable:
            rate = min(rates.high, rates.low * (rates.high / rates.low) ** place)
            params = {**parameters(preset), "learning_rate": rate}
            study.enqueue_trial(params, user_attrs={"recipe": preset}, skip_if_exists=True)


def n_finished(study: optuna.Study) -> int:
    """Count the trials that need no more work: complete, pruned or failed."""
    return len(study.get_trials(deepcopy=False, states=FINISHED))


def rows(study: optuna.Study) -> list[dict[str, Any]]:
    """List the trials that began as `trials` of the record."""
    return [_row(trial) for trial in study.get_trials(deepcopy=False) if trial.state != TrialState.WAITING]


def _row(trial: FrozenTrial) -> dict[str, Any]:
    attrs = trial.user_attrs
    return {
        "number": trial.number,
        "state": trial.state.name,
        "recipe": attrs.get("recipe"),
        "params": dict(trial.params),
        "mask": attrs.get("mask", []),
        "learning_rate": trial.params.get("learning_rate"),
        "trainable_parameters": attrs.get("trainable_parameters"),
        "value": trial.value if trial.state == TrialState.COMPLETE else None,
        "values": {str(epoch): value for epoch, value in sorted(trial.intermediate_values.items())},
        "seconds": trial.duration.total_seconds() if trial.duration else None,
        "reason": attrs.get("reason"),
    }
