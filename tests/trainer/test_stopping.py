"""A signal loses nothing: the trial or training that it stops goes on, and ends as one that was never stopped."""

import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from hf_fairtune import FairTrainer
from hf_fairtune.methods.method import method_named
from hf_fairtune.search.searcher import Searcher
from hf_fairtune.signals import Stopped, watch
from hf_fairtune.trainer import selecting
from tests.trainer.moments import before_steps, signal_in_step
from tests.trainer.test_methods import trainer as of_method
from tests.trainer.test_methods import weights
from tests.trainer.test_searching import searcher, trials
from tests.trainer.test_trial import trainer as staged

TRIALS = {"n_trials": 2}


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a search that nothing stopped."""
    folder = tmp_path_factory.mktemp("whole")
    searcher(folder).hyperparameter_search(**TRIALS)
    return folder


def kept(folder: Path) -> dict[str, bytes]:
    """What trials left beside the study."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*.npy")}


def goes_on(folder: Path, whole: Path) -> int:
    """Search on, and compare with a search that nothing stopped; return the steps that were left."""
    assert not {state for _, state, *_ in trials(folder)} & {"RUNNING", "FAIL"}
    taken: list[int] = []
    with before_steps(taken.append):
        searcher(folder).hyperparameter_search(**TRIALS)
    assert trials(folder) == trials(whole)
    assert kept(folder) == kept(whole)
    assert not list(folder.glob("run-*"))
    return len(taken)


# Six steps a trial, three an epoch.
@pytest.mark.parametrize(("step", "saved", "left"), [(8, "run-1/checkpoint-2", 4), (9, "run-1/checkpoint-3", 3)])
def test_a_trial_goes_on_from_its_own_checkpoint(
    tmp_path: Path, whole: Path, step: int, saved: str, left: int, capsys: pytest.CaptureFixture[str]
) -> None:
    """In the middle of an epoch, and after the evaluation where it ends."""
    before = signal.getsignal(signal.SIGTERM)
    with pytest.raises(Stopped) as stop, signal_in_step(step):
        searcher(tmp_path).hyperparameter_search(**TRIALS)
    assert stop.value.code == 128 + signal.SIGTERM
    line = f"stopped by SIGTERM at step {saved[-1]} of 6, `{tmp_path / saved}` is written; the same command goes on"
    assert line in capsys.readouterr().err
    assert [str(path.relative_to(tmp_path)) for path in tmp_path.glob("run-*/checkpoint-*")] == [saved]
    assert (signal.getsignal(signal.SIGTERM), watch.asked) == (before, None)
    assert goes_on(tmp_path, whole) == left


def after_complete(patch: pytest.MonkeyPatch) -> None:
    end = Searcher.end

    def stop(self: Searcher, trial: Any, *args: Any) -> None:
        end(self, trial, *args)
        if trial.number == 1:
            signal.raise_signal(signal.SIGINT)

    patch.setattr(Searcher, "end", stop)


def in_keep_scores(patch: pytest.MonkeyPatch) -> None:
    keep = selecting.keep_scores

    def stop(trainer: FairTrainer, number: int) -> None:
        if number == 1:
            signal.raise_signal(signal.SIGINT)
        keep(trainer, number)

    patch.setattr(selecting, "keep_scores", stop)


def in_evaluation(patch: pytest.MonkeyPatch) -> None:
    step = FairTrainer.prediction_step

    def stop(self: FairTrainer, *args: Any, **options: Any) -> Any:
        if self.state.global_step == 3 and self.searcher is not None:
            signal.raise_signal(signal.SIGINT)
            patch.undo()
        return step(self, *args, **options)

    patch.setattr(FairTrainer, "prediction_step", stop)


def in_a_destructor(patch: pytest.MonkeyPatch) -> None:
    class Fragile:
        def __del__(self) -> None:
            signal.raise_signal(signal.SIGINT)

    end = Searcher.start

    def stop(self: Searcher, trial: Any, *args: Any) -> None:
        if trial.number == 1:
            Fragile()
        end(self, trial, *args)

    patch.setattr(Searcher, "start", stop)


@pytest.mark.parametrize("point", [after_complete, in_keep_scores, in_evaluation, in_a_destructor])
def test_ctrl_c_at_any_point_loses_no_trial(
    tmp_path: Path, whole: Path, point: Callable[[pytest.MonkeyPatch], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        point(patch)
        with pytest.raises(KeyboardInterrupt, match="stopped by Ctrl-C"):
            searcher(tmp_path).hyperparameter_search(**TRIALS)
    goes_on(tmp_path, whole)


def test_a_second_ctrl_c_ends_the_process_at_once(tmp_path: Path, whole: Path) -> None:
    child = os.fork()
    if not child:
        os.close(2)
        with signal_in_step(8, signal.SIGINT), signal_in_step(8, signal.SIGINT):
            searcher(tmp_path).hyperparameter_search(**TRIALS)
        os._exit(0)
    _, status = os.waitpid(child, 0)
    assert os.waitstatus_to_exitcode(status) == -signal.SIGINT
    assert [state for _, state, *_ in trials(tmp_path)][:2] == ["COMPLETE", "RUNNING"]
    searcher(tmp_path).hyperparameter_search(**TRIALS)
    assert trials(tmp_path) == trials(whole)


def test_a_trial_of_several_stages_goes_on(tmp_path: Path) -> None:
    """In the middle of an epoch of its second stage."""

    def search(name: str) -> None:
        staged(tmp_path / name, method_named("swift")).hyperparameter_search(n_trials=1)

    search("whole")
    with pytest.raises(Stopped), signal_in_step(8):
        search("stopped")
    assert (tmp_path / "stopped" / "staged" / "0" / "head" / "checkpoint-2").is_dir()
    search("stopped")
    assert trials(tmp_path / "stopped") == trials(tmp_path / "whole")
    assert not list((tmp_path / "stopped").glob("staged/*"))


@pytest.mark.parametrize(("name", "step"), [("groupdro", 4), ("swad", 5), ("self", 2), ("jtt", 11)])
def test_a_training_goes_on_in_the_middle_of_an_epoch(tmp_path: Path, name: str, step: int) -> None:
    """Whatever a method keeps from step to step."""
    whole, run = of_method(tmp_path / "whole", name), of_method(tmp_path / "stopped", name)
    whole.train()
    with pytest.raises(Stopped), signal_in_step(step):
        run.train()
    again = of_method(tmp_path / "stopped", name)
    again.train(resume_from_checkpoint=True)
    for key, wanted in weights(whole).items():
        assert torch.equal(again.model.get_parameter(key), wanted), key
    losses = [[line["loss"] for line in one.state.log_history if "loss" in line] for one in (whole, again)]
    assert losses[0] == losses[1]
