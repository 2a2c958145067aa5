"""The study of a search on disk: opened, resumed after a kill, and its trials typed."""

from collections.abc import Mapping
from contextlib import nullcontext
from pathlib import Path
from typing import Any, cast

import optuna
from filelock import FileLock, Timeout
from optuna.storages import RDBStorage
from optuna.trial import FrozenTrial, TrialState

from ..document.estimate import NAN
from ..document.search import Direction, Trial
from ..document.search import TrialState as State
from ..errors import FairTuneError, first_line
from ..masks.proposals import PRESET, infeasible
from .database import alone_with, failure, open_database, without_secrets
from .fate import BATCH_SIZE, FAILURE, RETRIED
from .study_options import StudyOptions

FILE_NAME = "search.db"
OWN = StudyOptions()
FINISHED = (TrialState.COMPLETE, TrialState.PRUNED, TrialState.FAIL)
# User attributes: of a trial, what stopped it; of the study, the limit in seconds that ended it.
STOPPED_BY, OUT_OF_HOURS = "stopped_by", "out_of_hours"


def lock(folder: Path) -> FileLock:
    """Hold `folder` for one search, whose storage no other process can share; the system frees it with the process.

    Raises:
        FairTuneError: another process holds it.
    """
    held = FileLock(folder / "search.lock")
    try:
        held.acquire(timeout=0)
    except Timeout:
        raise FairTuneError(
            f"another process is searching in `{folder}`; wait, or choose another output_dir."
        ) from None
    return held


def open_study(
    folder: Path, direction: Direction, fingerprint: Mapping[str, Any], options: StudyOptions = OWN
) -> optuna.Study:
    """Create the study of `folder`, or in a given storage, or take it up; several workers may do so at once.

    Raises:
        FairTuneError: the storage cannot be opened, or holds a study of other trials.
    """
    where = place_of(folder, options)
    url = f"sqlite:///{folder / FILE_NAME}" if options.storage is None else options.storage
    try:
        with alone_with(url) if isinstance(url, str) else nullcontext():
            study = optuna.create_study(
                storage=open_database(url, options.beats) if isinstance(url, str) else url,
                study_name=options.study_name,
                direction=direction,
                load_if_exists=options.load_if_exists,
                pruner=optuna.pruners.NopPruner(),
            )
    except optuna.exceptions.DuplicatedStudyError:
        raise FairTuneError(
            f"{where} is there already and `load_if_exists` is False; give another `study_name`, or leave it out."
        ) from None
    except FairTuneError:
        raise
    except Exception as error:  # every storage raises its own kinds
        reason = without_secrets(first_line(failure(error) or error), options.storage)
        raise FairTuneError(f"{where} cannot be opened: {reason}") from None
    known = study.user_attrs.get("fingerprint")
    if known is None:
        if study.get_trials(deepcopy=False) or study.direction.name.lower() != direction:
            raise FairTuneError(f"{where} was not made by such a search; give another `study_name`.")
        study.set_user_attr("fingerprint", dict(fingerprint))
    elif known != dict(fingerprint):
        changed = sorted(k for k in {*known, *fingerprint} if known.get(k) != fingerprint.get(k))
        other = "choose another output_dir or delete it" if options.place is None else "give another `study_name`"
        raise FairTuneError(f"{where} holds a search with another {', '.join(changed)}; {other}.")
    return study


def release(study: optuna.Study) -> None:
    """Leave a study in which no trial began to the next call, whatever that searches."""
    if not study.get_trials(deepcopy=False):
        study.set_user_attr("fingerprint", None)


def place_of(folder: Path, options: StudyOptions) -> str:
    """Name a study's folder, or its storage, for people."""
    return f"`{folder}`" if options.place is None else f"the study {options.place}"


def close(study: optuna.Study) -> None:
    """Close the connections of a study of `open_study`; SQLite then moves what it logged into the file."""
    storage: Any = study._storage
    storage.remove_session()
    if isinstance(getattr(storage, "_backend", None), RDBStorage):
        storage._backend.engine.dispose()


def n_finished(study: optuna.Study) -> int:
    """Count the trials that need no more work: complete, pruned by what they scored, or failed."""
    return len(study.get_trials(deepcopy=False, states=FINISHED))


def numbers_of_complete(study: optuna.Study) -> list[int]:
    """List the trials that came to their end."""
    return [trial.number for trial in study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))]


def numbers_of_feasible(study: optuna.Study) -> list[int]:
    """List the trials that came to their end and broke no constraint."""
    ended = study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))
    return [trial.number for trial in ended if not infeasible(trial)]


def trials(study: optuna.Study) -> list[Trial]:
    """List the trials that began, but for those that wait to go on; one that waits for more hours counts as pruned."""
    known = study.get_trials(deepcopy=False)
    return [_trial(trial) for trial in known if trial.state != TrialState.WAITING or _waits_for_hours(trial)]


def _waits_for_hours(trial: FrozenTrial) -> bool:
    return trial.state == TrialState.WAITING and trial.user_attrs.get(STOPPED_BY) == "hours"


def _trial(trial: FrozenTrial) -> Trial:
    attributes = trial.user_attrs
    state = cast(State, "PRUNED" if _waits_for_hours(trial) else trial.state.name)
    return Trial(
        number=trial.number,
        state=state,
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
        stopped_by=attributes.get(STOPPED_BY) if state == "PRUNED" else None,
        failure=attributes.get(FAILURE),
        retried=attributes.get(RETRIED, []),
        batch_size=attributes.get(BATCH_SIZE),
    )
