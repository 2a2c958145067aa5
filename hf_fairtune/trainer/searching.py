"""A Trainer that searches mask and learning rate through its own `hyperparameter_search`."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import optuna
from accelerate.utils import broadcast_object_list
from optuna.trial import FixedTrial, TrialState
from transformers.trainer_callback import PrinterCallback, ProgressCallback
from transformers.trainer_utils import BestRun, SaveStrategy

from ..errors import FairTuneError
from ..families.family import counts
from ..methods.method import Method
from ..search.modes import mode_named
from ..search.objective import Objective, UndefinedObjectiveError
from ..search.run import LearningRate, Plan, Search, StudySearch
from ..search.study import Direction
from .fitting import DivergedError
from .staged import StagedTrainer


@contextmanager
def _progress_line_only() -> Iterator[None]:
    """Keep Optuna's own line about each trial off the terminal, where ours tells more."""
    verbosity = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    try:
        yield
    finally:
        optuna.logging.set_verbosity(verbosity)


class _Interrupted(BaseException):
    """Ctrl-C in a trial. Optuna would file a KeyboardInterrupt as a failed trial; this one leaves it to be resumed."""


DIRECTIONS: dict[Any, Direction] = {"maximize": "maximize", "minimize": "minimize"}


class SearchingTrainer(StagedTrainer):
    """A `StagedTrainer` whose `hyperparameter_search` is FairTune's algorithm 1."""

    search: Search | None = None
    n_blocks = 0

    @_progress_line_only()
    def hyperparameter_search(
        self,
        hp_space: Callable[[Any], dict[str, Any]] | None = None,
        compute_objective: str | Callable[..., float] = "min_group_auc",
        n_trials: int = 20,
        direction: str | None = None,
        backend: Any = "optuna",
        hp_name: Any = None,
        *,
        mode: str = "default",
        **kwargs: Any,
    ) -> BestRun:
        """Search the mask and the learning rate, and take the winner's; `train()` then trains it.

        The study is kept in `args.output_dir`: called again after a kill, the search goes on where it was.

        Args:
            hp_space: training arguments of a trial, in place of the log-uniform learning rate.
            compute_objective: a metric of the validation split by name, or a function of the metrics.
            n_trials: trials in all, those of earlier calls included.
            direction: only for a function; a metric knows its own.
            mode: "default", "paper" (FairTune's text) or "published" (its code).
            kwargs: for `optuna.create_study`, e.g. a sampler or pruner in place of the mode's.

        Raises:
            FairTuneError: unknown metric or mode, another search in the folder, or no trial that ended.
        """
        if n_trials < 1:
            raise FairTuneError(f"`n_trials` is {n_trials}; a search takes at least one.")
        plan = self._plan(hp_space, compute_objective, n_trials, direction, mode)
        self.n_blocks = getattr(self.model.config, "num_hidden_layers", 0)
        self.method = self.method.proposing(plan.mode.proposal())
        self.search = self._open(plan) if self.is_world_process_zero() else Search(plan)
        before, start = dict(self.args.__dict__), time.monotonic()
        removed = [self.pop_callback(kind) for kind in (ProgressCallback, PrinterCallback)]
        self.args.save_strategy, self.args.load_best_model_at_end = SaveStrategy.NO, False
        try:
            best = super().hyperparameter_search(
                self._space,
                plan.objective,
                broadcast_object_list([self.search.remaining])[0],
                plan.direction,
                backend,
                hp_name,
                catch=(DivergedError, UndefinedObjectiveError),
                **{**self.search.options(), **kwargs},
            )
        except _Interrupted:
            raise KeyboardInterrupt from None
        except ValueError as error:
            if isinstance(error, FairTuneError) or not self.search.is_barren:
                raise
            raise FairTuneError(
                "no trial came to its end, so there is no winner; `trials` of the study say why, "
                "a lower `learning_rate` range is the usual cure."
            ) from error
        finally:
            self.args.__dict__.update(before)
            for callback in filter(None, removed):
                self.add_callback(callback)
            self.hp_search_backend = None
            self.search.close()
        search, best = self.search, self._adopt(best)
        self.searched(search, time.monotonic() - start)
        return best

    def searched(self, search: Search, seconds: float) -> None:
        """Take note of a search that ended."""

    def method_of(self, trial: Any) -> Method:
        """Return the method that `trial` proposes, or the winner's."""
        return self.method if trial is None or self.search is None else self.method.suggest(trial, self.n_blocks)

    def _plan(self, hp_space: Any, objective: Any, n_trials: int, direction: str | None, mode: str) -> Plan:
        if isinstance(objective, str):
            objective = Objective(objective)
        direction = direction or getattr(objective, "direction", None)
        if direction not in tuple(DIRECTIONS):
            raise FairTuneError(f"`direction` is {direction!r}; a function as objective needs maximize or minimize.")
        chosen = mode_named(mode)(n_trials, self.args.seed, self._warmup_epochs())
        return Plan(objective, DIRECTIONS[direction], chosen, self.args.num_train_epochs, hp_space or LearningRate())

    def _warmup_epochs(self) -> int:
        """Return the epochs in which no trial is judged."""
        steps = self.set_initial_training_values(self.args, self.get_train_dataloader())[-1]
        return math.ceil(self.args.get_warmup_steps(steps) / steps * self.args.num_train_epochs)

    def _open(self, plan: Plan) -> StudySearch:
        """Open the study, refuse one made otherwise, and queue the known recipes."""
        run = {
            "model": self.base_name,
            "data": self.data.sheet()["hash"] if self.data is not None else None,
            "objective": plan.objective_name,
            "mode": plan.mode.name,
            "space": self.args.space,
            "num_train_epochs": self.args.num_train_epochs,
            "train_batch_size": self.args.train_batch_size * self.args.gradient_accumulation_steps,
            "seed": self.args.seed,
            "learning_rates": [getattr(plan.hp_space, name, None) for name in ("low", "high")],
        }
        search = StudySearch(plan, Path(self.args.output_dir), run)
        if self.method.is_open:
            search.enqueue(self.args.space, self.n_blocks)
        return search

    def _space(self, trial: Any) -> dict[str, Any]:
        """Draw a trial whole: on several processes this comes before the model is built, on one after."""
        assert self.search is not None
        self.method_of(trial)
        return self.search.plan.hp_space(trial)

    def _hp_search_setup(self, trial: Any) -> None:
        super()._hp_search_setup(trial)
        if trial is not None and self.search is not None:
            mask = self.method_of(trial).to_dict().get("mask")
            self.search.start(trial, {"mask": mask, "trainable_parameters": counts(self.model)[1]})

    def train(self, resume_from_checkpoint: Any = None, trial: Any = None, **kwargs: Any) -> Any:
        """Train as `Trainer.train`; in a search, tell how the trial ended."""
        if trial is None or self.search is None:
            return super().train(resume_from_checkpoint, trial, **kwargs)
        self.objective = None
        try:
            output = super().train(resume_from_checkpoint, trial, **kwargs)
        except KeyboardInterrupt as stop:
            raise _Interrupted from stop
        except (optuna.TrialPruned, DivergedError, UndefinedObjectiveError) as error:
            pruned = isinstance(error, optuna.TrialPruned)
            state, reason = (TrialState.PRUNED, None) if pruned else (TrialState.FAIL, str(error))
            self.search.end(trial, state, self.objective, reason)
            self.objective = math.nan if self.objective is None else self.objective
            if self.is_world_process_zero():
                raise
            # Only the main process has a study that takes the exception; raised here it would end the process.
            return None
        self.search.end(trial, TrialState.COMPLETE, self.objective)
        return output

    def _report_to_hp_search(self, trial: Any, step: int, metrics: dict[str, float]) -> None:
        """Report epochs, where Trainer reports steps, and let every process stop together."""
        if self.search is None or trial is None or self.hp_search_backend is None:
            return
        self.objective = self.compute_objective(metrics.copy())
        stop = self.search.report(trial, round(self.state.epoch or 0), self.objective)
        if broadcast_object_list([stop])[0]:
            self.callback_handler.on_train_end(self.args, self.state, self.control)
            raise optuna.TrialPruned

    def _adopt(self, best: Any) -> BestRun:
        """Take the winner's mask and arguments, on every process."""
        assert self.search is not None
        best = broadcast_object_list([best])[0]
        winner = FixedTrial(best.hyperparameters, int(best.run_id))
        self.method = self.method_of(winner)
        for name, value in self.search.plan.hp_space(winner).items():
            setattr(self.args, name, value)
        self.search = None
        self.model = self.model_wrapped = self.call_model_init()
        return best
