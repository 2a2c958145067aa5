"""One search in one process: what is searched, its study, and what each trial reports to it."""

from __future__ import annotations

import math
import time
import warnings
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import optuna
from filelock import BaseFileLock
from optuna.exceptions import StorageInternalError
from optuna.storages import BaseStorage, RDBStorage
from optuna.trial import BaseTrial, TrialState

from ..document.search import Search, Stop
from ..errors import FairTuneError
from ..masks.proposals import Preset, infeasible
from .crew import Crew
from .hours import Clock, Ration
from .outcome import NoWinnerError, no_winner, said, search_of
from .plan import Plan
from .presets import PresetsFirst
from .sharing import Shared, run_of
from .space import winner
from .study import OUT_OF_HOURS, STOPPED_BY, close, lock, n_finished, open_study
from .trial_line import TrialLine


class Searcher:
    """A plan at work; the study and the crew of workers are the main process's, which the others follow without."""

    def __init__(
        self,
        plan: Plan,
        study: optuna.Study | None = None,
        crew: Crew | None = None,
        ration: Ration | None = None,
        shared: Shared | None = None,
    ) -> None:
        self.plan, self.study, self.crew, self.ration = plan, study, crew, ration or Ration(Clock(None))
        self.shared = shared
        self._held: BaseFileLock | None = None
        self._presets: Sequence[Preset] = ()
        # Trials that other workers run, as of the last look.
        self._elsewhere = 0
        # Whether a combination may want the weights of its trials.
        self.keeps_weights = False
        self._until = math.inf if plan.study.timeout is None else time.monotonic() + plan.study.timeout
        self.excess: dict[str, float] = {}  # of each constraint, by the trial at hand after its last epoch so far
        if study is not None:
            best = winner(study)
            self.progress = TrialLine(
                plan.objective_name,
                plan.mode.n_trials,
                round(plan.n_steps),
                done=n_finished(study),
                maximize=plan.direction == "maximize",
                step="fold" if plan.folds else "epoch",
                best=None if best is None or best.value is None else (best.value, best.number),
            )

    @classmethod
    def open(
        cls,
        plan: Plan,
        folder: Path,
        fingerprint: Mapping[str, Any],
        presets: Sequence[Preset],
        ration: Ration | None = None,
    ) -> Searcher:
        """Open the study of `folder`, if it was made with `fingerprint`; presets come first where the mode has some.

        Several processes open it, each a worker, where its storage is a database.
        """
        folder.mkdir(parents=True, exist_ok=True)
        options, held = plan.study, None
        if isinstance(options.storage, BaseStorage) and not isinstance(options.storage, RDBStorage):
            held = lock(folder)
        try:
            study = open_study(folder, plan.direction, fingerprint, options)
        except FairTuneError:
            if held is not None:
                held.release()
            raise
        place = options.place
        shared = None if place is None else Shared(study, run_of(folder), place)
        found = cls(plan, study, Crew(study, folder, options), ration, shared)
        found._held, found._presets = held, presets if plan.mode.presets else ()
        return found

    @property
    def remaining(self) -> int:
        """Return the number of trials still to run, but for those that others run."""
        if self.study is None:
            return 0
        return max(0, self.plan.mode.n_trials - n_finished(self.study) - self._elsewhere)

    def pause(self) -> float | None:
        """Return the seconds to wait before another look: 0 to run a trial, None where none is left to run."""
        if self.crew is None:
            return None
        self._elsewhere = self.crew.take_back()
        if self.goes_on():
            return 0.0
        if not self._elsewhere or self.remaining or time.monotonic() > self._until:
            return None
        return self.crew.waits(self._elsewhere)

    def begins(self, trial: BaseTrial) -> bool:
        """Take a trial; False where it is another worker's, or one too many."""
        return self.crew is None or self.crew.begin(trial, self.plan.mode.n_trials)

    def holds(self, trial: BaseTrial) -> bool:
        """Tell whether a trial is still this worker's: one that slept for long may have lost it."""
        return self.crew is None or self.crew.holds(trial)

    def put_back(self, trial: BaseTrial) -> None:
        """Put a trial that did not end back into the queue."""
        if self.crew is not None and isinstance(trial, optuna.Trial):
            self.crew.put_back(trial)

    def has_lost(self) -> bool:
        """Tell whether the trial at hand went to another worker."""
        return self.crew is not None and self.crew.has_lost()

    def goes_on(self) -> bool:
        """Tell whether to run another trial; a search that ended for its hours goes on where it is given more.

        Raises:
            FairTuneError: the hours hold not one trial.
        """
        late = self.ration.limit <= self._ended_at or time.monotonic() > self._until
        if self.study is None or not self.remaining or late:
            return False
        done = n_finished(self.study)
        if not self.ration.holds(done):
            if not done:
                raise self.ration.refusal()
            if not self.is_barren:
                self.study.set_user_attr(OUT_OF_HOURS, self.ration.limit)
            return False
        return True

    @property
    def _ended_at(self) -> float:
        """Return the limit in seconds that ended the search; 0 where none did."""
        return 0.0 if self.study is None else float(self.study.user_attrs.get(OUT_OF_HOURS, 0))

    @property
    def is_barren(self) -> bool:
        """Tell whether no trial is complete and feasible."""
        return self.study is not None and winner(self.study) is None

    def no_winner(self) -> NoWinnerError:
        """Say why no trial wins."""
        return no_winner(self.plan, self.study)

    def options(self) -> dict[str, Any]:
        """Return what `Trainer.hyperparameter_search` gives to Optuna."""
        if self.study is None:
            return {}
        return {
            "storage": self.study._storage,
            "study_name": self.study.study_name,
            "load_if_exists": True,
            "sampler": PresetsFirst(self.plan.mode.sampler, self._presets, self.plan.rates),
            "pruner": self.plan.mode.pruner,
            "gc_after_trial": self.plan.study.gc_after_trial,
        }

    def start(self, trial: BaseTrial, mask: list[int], trainable_parameters: int) -> None:
        """Keep with a trial what it trains."""
        self.excess = {}
        if isinstance(trial, optuna.Trial):
            if STOPPED_BY in trial.user_attrs:  # it goes on
                trial.set_user_attr(STOPPED_BY, None)
            trial.set_user_attr("mask", mask)
            trial.set_user_attr("trainable_parameters", trainable_parameters)

    def report(
        self, trial: BaseTrial, step: int, value: float, metrics: Mapping[str, float], last: bool
    ) -> Stop | None:
        """Give the study a trial's value after an epoch, or a fold; return whether, and for what, to stop it.

        `last` says that none follows. After its last fold a trial is not stopped: its value is paid for, and of as
        many rows as any.
        """
        self.excess = self.plan.floors.excess(metrics)
        if not isinstance(trial, optuna.Trial):
            return None
        self.progress.reached(trial.number, step, value)
        hours: Stop | None = "hours" if not last and self.stops_for_hours(trial) else None
        if not step or (not self.plan.mode.reports_every_epoch and not last):
            return hours
        with warnings.catch_warnings():
            # A trial taken up again reports its first values a second time, and one that is scored within epochs
            # more values at one step: the first counts.
            warnings.filterwarnings("ignore", "The reported value is ignored", UserWarning)
            trial.report(value, step)
        if hours is None and not (last and self.plan.folds) and trial.should_prune():
            trial.set_user_attr(STOPPED_BY, "score")
            return "score"
        return hours

    def stops_for_hours(self, trial: BaseTrial) -> bool:
        """Tell whether a running trial is to stop for the hours of the run, and note it."""
        if isinstance(trial, optuna.Trial) and self._is_out_of_hours():
            trial.set_user_attr(STOPPED_BY, "hours")
            return True
        return False

    def _is_out_of_hours(self) -> bool:
        """Tell whether a running trial is to stop; without a complete one there would be nothing to train."""
        if self.study is None or self.ration.hours is None or self.is_barren:
            return False
        return self.ration.is_used_up(n_finished(self.study))

    def end(self, trial: BaseTrial, state: TrialState, value: float | None, message: str | None = None) -> None:
        """Print how a trial ended, and keep the message of a failure, or the constraints of one that is complete."""
        if isinstance(trial, optuna.Trial):
            if message is not None:
                trial.set_user_attr("message", message)
            with warnings.catch_warnings():
                # A trial taken up again after a kill may have them already, with the same values.
                warnings.filterwarnings("ignore", "The constraint value is ignored", UserWarning)
                for name, excess in self.excess.items() if state == TrialState.COMPLETE else ():
                    trial.set_constraint(name, excess)
            broken = infeasible(trial) if state == TrialState.COMPLETE else []
            self.progress.trial(trial.number, state, value, said(trial) if message is None else message, broken)

    def close(self) -> None:
        """Leave the crew, close the study's file, so that nothing writes to it later, and free the folder."""
        if self.crew is not None:
            with suppress(StorageInternalError):
                self.crew.leave()
        if self.study is not None and not isinstance(self.plan.study.storage, BaseStorage):
            close(self.study)
        if self._held is not None:
            self._held.release()

    def facts(self, seconds: float) -> Search | None:
        """Return the search and its trials; None on the processes without the study."""
        if self.study is None:
            return None
        ended = bool(self.remaining and self._ended_at)
        return search_of(self.plan, self.study, seconds, self.ration.hours, ended)
