"""The workers that share a study: each takes trials of its own, and those of the dead go back into the queue."""

from __future__ import annotations

import hashlib
import socket
import sys
from pathlib import Path

import optuna
from optuna.storages import RDBStorage
from optuna.trial import BaseTrial, FrozenTrial, TrialState

from .claims import WORKER, Claims
from .sharing import run_of
from .study_options import StudyOptions
from .worker import Watch, Worker

# Seconds in which a worker signs a trial that it set running.
SIGNING = 10.0
# Seconds between two looks at the trials of others.
POLL = 1.0


class DroppedTrial(BaseException):
    """The trial is another worker's. Optuna would file an Exception as a failed trial; this leaves it to its owner."""


class Crew:
    """The workers of a study, as one of them sees them.

    A worker of the same folder on the same machine lives while it holds its lock: a fact, known at once after a kill,
    and true of one that is stopped. Of other machines, or folders, heartbeats tell, which takes `grace_period` seconds
    to see. A trial that was given away by mistake, as its worker slept, is noticed by its first worker, who drops it.

    Args:
        study: opened, its storage perhaps a database; in others a trial is this process's alone.
        folder: of the run.
        options: of the study.
    """

    def __init__(self, study: optuna.Study, folder: Path, options: StudyOptions) -> None:
        storage = getattr(study._storage, "_backend", study._storage)
        self.study, self.worker, self.own = study, Worker(folder), options.storage is None
        self.claims = Claims(storage) if isinstance(storage, RDBStorage) else None
        self.beats = isinstance(storage, RDBStorage) and storage.get_heartbeat_interval() is not None
        machine = hashlib.sha256(socket.gethostname().encode()).hexdigest()[:8]
        # One machine has the folder's own study; the name of another's would be nobody's business.
        self.place = ["", ""] if self.own else [run_of(folder), machine]
        self.owner = [*self.place, self.worker.name]
        self.watch = Watch(SIGNING if self.own else float(options.grace_period))
        self.current: int | None = None
        self._said = False

    @property
    def poll(self) -> float:
        """Return the seconds between two looks at the trials of others."""
        return min(POLL, self.watch.grace / 10)

    def waits(self, trials: int) -> float:
        """Return the seconds to wait for trials that others run; the first time say so."""
        if not self._said:
            what = "trial, which another worker runs" if trials == 1 else f"{trials} trials, which other workers run"
            print(f"waiting for the last {what}", file=sys.stderr, flush=True)
        self._said = True
        return self.poll

    def begin(self, trial: BaseTrial, n_trials: int) -> bool:
        """Sign a trial; False where it is another's, or one more than `n_trials`, which goes back into the queue."""
        if not isinstance(trial, optuna.Trial):
            return True
        # One that this worker lost, and that came back to it, is to be signed again.
        if trial._trial_id == self.current and (self.claims is None or self.claims.holds(self.current, self.owner)):
            return True
        if self.claims is None:
            trial.set_user_attr(WORKER, self.owner)
        elif not self.claims.take(trial._trial_id, self.owner):
            return False
        elif self._before(trial.number) >= n_trials:
            self.claims.give_back(trial._trial_id, self.owner)
            return False
        self.current = trial._trial_id
        return True

    def holds(self, trial: BaseTrial) -> bool:
        """Tell whether a trial is still this worker's."""
        if self.claims is None or not isinstance(trial, optuna.Trial):
            return True
        held = self.claims.holds(trial._trial_id, self.owner)
        if not held:
            line = f"trial {trial.number} went to another worker while this one slept; it is dropped here"
            print(line, file=sys.stderr, flush=True)
        return held

    def put_back(self, trial: optuna.Trial) -> None:
        """Put the trial at hand back into the queue, with its number, its parameters and the values it reported."""
        self.current = None
        if self.claims is None:
            self.study._storage.set_trial_state_values(trial._trial_id, TrialState.WAITING)
        else:
            self.claims.give_back(trial._trial_id, self.owner)

    def has_lost(self) -> bool:
        """Tell whether the trial at hand is not this worker's any more; one that it ended itself stays its own."""
        if self.current is None or self.claims is None:
            return False
        return bool(self.study._storage.get_trial(self.current).user_attrs.get(WORKER) != self.owner)

    def take_back(self) -> int:
        """Queue the trials of dead workers again, under their own numbers; count those that living ones run."""
        running = [trial for trial in self._running() if trial.user_attrs.get(WORKER) != self.owner]
        dead = {*self._without_lock(running)}
        signs = {one._trial_id: self._sign(one) for one in running if one._trial_id not in dead and self._is_seen(one)}
        dead |= {*self.watch.unchanged(signs)} if signs else set()
        for trial in running:
            if trial._trial_id in dead and self._give_back(trial):
                print(f"trial {trial.number} is queued again: its worker is gone", file=sys.stderr, flush=True)
        return sum(self._is_judged(trial) and trial._trial_id not in dead for trial in running)

    def leave(self) -> None:
        """Give back what this worker did not end, and free its lock."""
        for trial in self._running():
            if trial.user_attrs.get(WORKER) == self.owner:
                self._give_back(trial)
        self.worker.leave()

    def _before(self, number: int) -> int:
        """Count the trials of lower numbers that are done, or that a worker runs or will run."""
        return number - sum(trial.number < number for trial in self._running() if not self._is_judged(trial))

    def _running(self) -> list[FrozenTrial]:
        return self.study.get_trials(deepcopy=False, states=(TrialState.RUNNING,))

    def _without_lock(self, running: list[FrozenTrial]) -> list[int]:
        """List the trials of this folder, on this machine, whose worker has no lock."""
        found, alone = [], self.own and self.worker.is_alone()
        for trial in running:
            owner = trial.user_attrs.get(WORKER)
            if alone if owner is None else self._is_near(trial) and not self.worker.is_alive(owner[-1]):
                found.append(trial._trial_id)
        return found

    def _is_near(self, trial: FrozenTrial) -> bool:
        owner = trial.user_attrs.get(WORKER)
        return owner is not None and owner[:-1] == self.place

    def _is_seen(self, trial: FrozenTrial) -> bool:
        """Tell whether a trial that no lock tells of is one to watch."""
        return not self._is_near(trial) and (self.beats or self.own)

    def _is_judged(self, trial: FrozenTrial) -> bool:
        return trial.user_attrs.get(WORKER) == self.owner or self._is_near(trial) or self._is_seen(trial)

    def _sign(self, trial: FrozenTrial) -> object:
        beats = self.claims.beats(self.study._study_id) if self.claims is not None and self.beats else {}
        return trial.user_attrs.get(WORKER), beats.get(trial._trial_id)

    def _give_back(self, trial: FrozenTrial) -> bool:
        owner = trial.user_attrs.get(WORKER)
        if self.claims is None:
            return bool(self.study._storage.set_trial_state_values(trial._trial_id, TrialState.WAITING))
        if owner is None:
            owner = self.owner
            if not self.claims.take(trial._trial_id, owner):
                return False
        elif self._is_near(trial) and owner != self.owner:
            self.worker.forget(owner[-1])
        return self.claims.give_back(trial._trial_id, owner)
