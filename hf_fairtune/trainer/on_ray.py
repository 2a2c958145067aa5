"""A search whose workers Ray places: each joins the study as another start of the command would; the caller waits."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any

import optuna
from optuna.storages import RDBStorage
from transformers import Trainer
from transformers.trainer_utils import TrainerMemoryTracker

from ..combinations.combination import Combination
from ..errors import FairTuneError, first_line
from ..progress import Progress
from ..search.database import file_of
from ..search.placement import Machine, Placement
from ..search.plan import Plan
from ..search.searcher import Searcher
from ..search.study import n_finished, release
from ..search.study_options import StudyOptions
from ..selections.selection import Selection
from ..signals import KINDS, stopping_safely, watch
from .searching import run_trials, take_part
from .stopping import stop_if_asked

if TYPE_CHECKING:
    from .fair import FairTrainer

# What a worker makes itself: the model and what belongs to it, as in stock, and what belongs to a process or a search.
MODEL = (
    "model", "model_wrapped", "optimizer", "lr_scheduler", "accelerator", "gather_function", "cross_fit", "hp_space",
)  # fmt: skip
SHOWN = ("model", "optimizer", "lr_scheduler", "train_dataloader", "eval_dataloader")
# Of Ray, unless the user sets them: nothing is reported about a run, and no trial's line is left out as alike.
SETTINGS = {"RAY_USAGE_STATS_ENABLED": "0", "RAY_DEDUP_LOGS": "0"}
DEVICES = ("_setup_devices", "distributed_state")


def placed(trainer: FairTrainer, study: StudyOptions) -> StudyOptions:
    """Return the options with what each worker takes, by default one CPU and, where the trainer has one, one GPU.

    As in stock the trainer keeps to so many GPUs.

    Raises:
        FairTuneError: Ray is not installed, or this is one of several processes.
    """
    for name, value in SETTINGS.items():
        os.environ.setdefault(name, value)  # Ray reads them as it is imported
    try:
        import ray  # noqa: F401
    except ImportError:
        raise FairTuneError(
            '`backend` is "ray", but Ray is not installed; `pip install "hf-fairtune[ray]"`.'
        ) from None
    if trainer.args.world_size > 1:
        raise FairTuneError(
            f'`backend` is "ray", but this is one of {trainer.args.world_size} processes; start one, and give each '
            "worker its devices by `resources_per_trial`."
        )
    placement = study.placement or Placement()
    if placement.needs is None:
        placement = replace(placement, needs={"cpu": 1} | ({"gpu": 1} if trainer.args.n_gpu else {}))
    trainer.args._n_gpu = placement.gpus
    return replace(study, placement=placement)


def packed(trainer: FairTrainer, plan: Plan, selection: Selection, combination: Combination) -> bytes:
    """Pickle the trainer, without its model, and the search.

    Raises:
        FairTuneError: something of them cannot be pickled.
    """
    from ray import cloudpickle

    state, handler, args = trainer.__dict__, trainer.callback_handler.__dict__, trainer.args.__dict__
    own, shown, asked = dict(state), dict(handler), dict(args)
    try:
        state.update(dict.fromkeys(MODEL), _memory_tracker=TrainerMemoryTracker(skip_memory_metrics=True))
        handler.update(dict.fromkeys(SHOWN))
        # A worker may start in another folder, and pushes nothing.
        args.update(output_dir=os.path.abspath(trainer.args.output_dir), hub_token=None)
        made: bytes = cloudpickle.dumps((trainer, plan, selection, combination))
        return made
    except Exception as error:  # each kind of object has its own
        raise FairTuneError(
            f"the trainer cannot be pickled, as its workers on Ray need it ({first_line(error)}); let `model_init`, "
            "callbacks and functions hold no files, locks or connections."
        ) from error
    finally:
        state.update(own)
        handler.update(shown)
        args.update(asked)


def work(pickled: bytes, folder: str) -> None:
    """Be a worker, in a process of Ray's, until no trial is left; relative paths are of the caller's `folder`."""
    from ray import cloudpickle

    with suppress(FileNotFoundError):  # another machine has perhaps none by this name
        os.chdir(folder)
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    trainer, plan, selection, combination = cloudpickle.loads(pickled)
    for name in DEVICES:
        trainer.args.__dict__.pop(name, None)
    if trainer.args.device.type == "cuda" and not plan.study.placement.gpus:
        # Ray hides no GPU from a task that takes none.
        trainer.args.use_cpu = True
        trainer.args.__dict__.pop("_setup_devices")
    trainer.create_accelerator_and_postprocess()
    # One of the user's own would draw the same in each worker.
    plan.mode.sampler.reseed_rng()
    run = partial(run_trials, partial(Trainer.hyperparameter_search, trainer))
    with stopping_safely():
        take_part(trainer, plan, selection, combination, run)


@dataclass(frozen=True)
class OnRay:
    """Runs the trials of a search by workers on Ray.

    Args:
        placement: of the workers.
        pickled: what each of them needs.
    """

    placement: Placement
    pickled: bytes

    def __call__(self, trainer: FairTrainer, searcher: Searcher) -> None:
        """Start the workers, and wait until none is left.

        Raises:
            FairTuneError: there is no room for one, or they ended before the trials.
            Stopped: a signal asked for it, and every worker stopped where it was safe.
        """
        if searcher.study is None or searcher.pause() is None:
            return
        with cluster() as ray:
            try:
                room = self.placement.room(machines(ray), is_local(searcher.plan.study))
                workers = self.started(ray, min(room, max(1, searcher.remaining)))
            except FairTuneError:
                release(searcher.study)  # a call with other GPUs searches otherwise
                raise
            failures = wait(ray, searcher, workers)
        stop_if_asked(trainer.args, "with every worker on Ray")
        if searcher.pause() is not None:
            raise (
                failures[0] if failures else FairTuneError("the workers on Ray left trials; give the same call again.")
            )
        for failure in failures:
            print(f"note: a worker on Ray ended early: {first_line(failure)}", file=sys.stderr, flush=True)

    def started(self, ray: Any, count: int) -> list[Any]:
        """Start so many workers.

        Raises:
            FairTuneError: Ray refuses what a worker is to take.
        """
        try:
            task = ray.remote(max_calls=1, **self.placement.options())(work)
            pickled = ray.put(self.pickled)
            return [task.remote(pickled, os.getcwd()) for _ in range(count)]
        except ValueError as error:
            raise FairTuneError(
                f"`resources_per_trial` is {dict(self.placement.needs or {})}, which Ray refuses "
                f"({first_line(error)}); give `cpu`, `gpu`, of which more than one are whole, `memory` in bytes, or a "
                "resource of the cluster's own."
            ) from error


def wait(ray: Any, searcher: Searcher, workers: Sequence[Any]) -> list[Exception]:
    """Wait for workers, pass on a signal that asks to stop, and list what ended some early."""
    assert searcher.study is not None
    assert searcher.crew is not None
    left, failures, asked = list(workers), list[Exception](), False
    done = n_finished(searcher.study)
    try:
        with Progress("Searching on Ray", searcher.plan.mode.n_trials, "trial", done) as progress:
            while left:
                ended, left = ray.wait(left, timeout=searcher.crew.poll)
                failures += [error for worker in ended if (error := failure_of(ray, worker)) is not None]
                if watch.asked is not None and not asked:
                    asked = True
                    for worker in left:
                        ray.cancel(worker)
                searcher.crew.take_back()
                progress.update(n_finished(searcher.study) - progress.done)
    finally:
        for worker in () if asked else left:
            ray.cancel(worker)
    return failures


def failure_of(ray: Any, worker: Any) -> Exception | None:
    """Return what ended a worker early; of an error of its own, that error."""
    try:
        ray.get(worker)
    except ray.exceptions.RayError as error:
        cause = getattr(error, "cause", None)
        if isinstance(cause, Exception):
            cause.__cause__ = error  # which says where
            return cause
        return FairTuneError(f"workers on Ray ended early ({first_line(error)}); give the same call again to go on.")
    return None


@contextmanager
def cluster() -> Iterator[Any]:
    """Use the Ray cluster of this process, else that of `RAY_ADDRESS` or of this machine, or start one here."""
    import ray

    if ray.is_initialized():
        yield ray
        return
    handlers = {kind: signal.getsignal(kind) for kind in KINDS}
    ray.init()
    try:
        if watch.owner == os.getpid():
            for kind, handler in handlers.items():  # Ray puts its own in their place
                signal.signal(kind, handler)
        yield ray
    finally:
        ray.shutdown()


def machines(ray: Any) -> list[Machine]:
    """List the machines of the cluster."""
    return [Machine(node["NodeManagerHostname"], node["Resources"]) for node in ray.nodes() if node["Alive"]]


def is_local(study: StudyOptions) -> bool:
    """Tell whether a study lies in a file."""
    url = study.storage.url if isinstance(study.storage, RDBStorage) else study.storage
    return not isinstance(url, str) or file_of(url) is not None
