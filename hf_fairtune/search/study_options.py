"""What Optuna is given for a search, under its own names: honoured, or refused in one line."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import PurePath
from typing import TypedDict

from optuna.pruners import BasePruner
from optuna.samplers import BaseSampler
from optuna.storages import BaseStorage, RDBStorage
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError
from transformers.trainer_utils import HPSearchBackend

from ..errors import FairTuneError
from ..masks.proposals import FreeBits
from .modes import Mode
from .placement import Placement, RayOptions

STUDY_NAME = "fairtune"
# Seconds: a heartbeat each half minute, three of which may be missed.
GRACE = 120


class OptunaOptions(TypedDict, total=False):
    """Options of Optuna's `create_study`, `Study.optimize` and `RDBStorage`, as they go through the stock Trainer."""

    storage: str | BaseStorage | None
    study_name: str | None
    load_if_exists: bool
    sampler: BaseSampler | None
    pruner: BasePruner | None
    n_jobs: int
    timeout: float | None
    gc_after_trial: bool
    catch: type[Exception] | Iterable[type[Exception]]
    grace_period: int


class SearchOptions(OptunaOptions, RayOptions, total=False):
    """Options of either backend."""


@dataclass(frozen=True)
class StudyOptions:
    """Where a study lies, and how it is run.

    Args:
        storage: of the study; None for `search.db` in the run's folder. Workers of several folders share one only
            where they choose by the trials' values, as the scores and weights of a trial stay in its own output_dir.
        study_name: of the study in its storage.
        load_if_exists: whether a study that is there is taken up.
        sampler: in place of the mode's; it draws every bit of a mask.
        pruner: in place of the mode's; its steps are whole epochs, from 1, or folds.
        timeout: seconds of a call, on Ray of each worker from its start, after which no trial begins.
        gc_after_trial: whether garbage is collected after each trial.
        catch: errors that make a trial fail, and the search go on, where it is one process.
        grace_period: seconds without a heartbeat after which the trial of a worker on another machine, or of another
            folder, goes back into the queue.
        placement: of the workers on Ray; None for this process alone.
    """

    storage: str | BaseStorage | None = None
    study_name: str = STUDY_NAME
    load_if_exists: bool = True
    sampler: BaseSampler | None = None
    pruner: BasePruner | None = None
    timeout: float | None = None
    gc_after_trial: bool = False
    catch: tuple[type[Exception], ...] = ()
    grace_period: int = GRACE
    placement: Placement | None = None

    @classmethod
    def of(cls, backend: str | HPSearchBackend | None, given: SearchOptions) -> StudyOptions:
        """Read what is given.

        Raises:
            FairTuneError: another backend, several trials at once, or an option that the backend does not have.
        """
        name = getattr(backend, "value", backend)
        if name not in (None, HPSearchBackend.OPTUNA.value, HPSearchBackend.RAY.value):
            raise FairTuneError(
                f'`backend` is {backend!r}, but a search needs Optuna\'s studies; use "optuna", or "ray" to have Ray '
                "place its workers."
            )
        on_ray = name == HPSearchBackend.RAY.value
        own = {*RayOptions.__annotations__}
        if unknown := sorted({*given} - {*OptunaOptions.__annotations__} - (own if on_ray else set())):
            what = "Ray only places the workers" if on_ray else "Optuna is given no such option"
            what = "one objective has one `direction`" if "directions" in unknown else what
            raise FairTuneError(f"`{unknown[0]}` is given, but {what}; leave it out.")
        storage = given.get("storage")
        if on_ray and isinstance(storage, BaseStorage) and not isinstance(storage, RDBStorage):
            raise FairTuneError(
                f"`storage` is a {type(storage).__name__}, which workers on Ray cannot share; give the URL of a "
                "database, or leave it out."
            )
        if given.get("n_jobs", 1) != 1:
            raise FairTuneError(
                f"`n_jobs` is {given['n_jobs']}, but its threads would share one trainer; start the same command "
                "several times, on one machine or, with a `storage`, on many: each is a worker."
            )
        if (timeout := given.get("timeout")) is not None and timeout <= 0:
            raise FairTuneError(f"`timeout` is {timeout:g} seconds; give a number above 0, or None for no limit.")
        if (grace := given.get("grace_period")) is not None and grace < 1:
            raise FairTuneError(f"`grace_period` is {grace} seconds; give 1 or more.")
        catch = given.get("catch", ())
        apart = {"n_jobs", "catch", *own}
        known = {name: value for name, value in given.items() if name not in apart and value is not None}
        placement = Placement.of(given) if on_ray else None
        kinds = (catch,) if isinstance(catch, type) else tuple(catch)
        return cls(**known, catch=kinds, placement=placement)  # type: ignore[arg-type]

    def over(self, mode: Mode) -> Mode:
        """Return a mode with the sampler and the pruner that are given; its name says so."""
        if self.sampler is not None:
            name = f"{mode.name}, {type(self.sampler).__name__}"
            mode = replace(mode, name=name, sampler=self.sampler, proposal=FreeBits(), presets=False)
        if self.pruner is not None:
            mode = replace(mode, name=f"{mode.name}, {type(self.pruner).__name__}", pruner=self.pruner)
        return mode

    @property
    def beats(self) -> int | None:
        """Return the grace of heartbeats; None for the folder's own study, where locks of the system's tell more."""
        return None if self.storage is None else self.grace_period

    @property
    def place(self) -> str | None:
        """Name study and storage where it is the user's own, without passwords, hosts and folders; else None."""
        if self.storage is None:
            return None
        url = getattr(self.storage, "url", self.storage)
        kind = type(self.storage).__name__
        if isinstance(url, str):
            try:
                parts = make_url(url)
                kind = f"{parts.get_backend_name()} {PurePath(parts.database or '').name}".strip()
            except (ArgumentError, ValueError):
                kind = "a storage"
        return f"{self.study_name} in {kind}"
