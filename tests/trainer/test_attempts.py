"""What fails around a trial loses none: it is run again, and a search ends as one in which nothing failed."""

import errno
import itertools
import os
import re
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
from huggingface_hub.errors import HTTPError

from hf_fairtune import FairTrainer, FairTuneError
from hf_fairtune.cli.main import main
from hf_fairtune.methods.groupdro import GroupDro
from hf_fairtune.search.hours import Ration
from hf_fairtune.surroundings import cause_of
from hf_fairtune.trainer.attempts import ATTEMPTS, SurroundingsError, given_up
from tests import processes
from tests.trainer.moments import failing
from tests.trainer.test_fair import trainer
from tests.trainer.test_searching import searcher, trials

FAILURES = {
    "memory": torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB."),
    "memory of the system": MemoryError(),
    "disk": OSError(errno.ENOSPC, "No space left on device"),
    "disk of torch": RuntimeError("[enforce fail at inline_container.cc:672] PytorchStreamWriter failed writing file"),
    "worker": RuntimeError("DataLoader worker (pid 7) is killed by signal: Killed."),
    "connection": ConnectionResetError(errno.ECONNRESET, "Connection reset by peer"),
    "system": OSError(errno.EIO, "Input/output error"),
}


def search(folder: Path, n_trials: int = 2) -> FairTrainer:
    """Three steps a trial."""
    run = searcher(folder, num_train_epochs=1)
    run.hyperparameter_search(n_trials=n_trials)
    return run


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("whole")
    search(folder)
    return folder


@pytest.mark.parametrize("kind", FAILURES)
def test_a_failure_of_the_surroundings_loses_no_trial(tmp_path: Path, whole: Path, kind: str) -> None:
    with failing(FAILURES[kind]):
        run = search(tmp_path)
    assert trials(tmp_path) == trials(whole)
    assert run.search is not None
    assert [trial.retried for trial in run.search.trials] == [[], [kind.split()[0]]]


def test_a_trial_that_memory_never_holds_fails_and_the_search_goes_on(tmp_path: Path) -> None:
    with failing(FAILURES["memory"], ATTEMPTS, first=1):
        run = search(tmp_path)
    assert run.search is not None
    first, second = run.search.trials
    assert (first.state, first.failure, first.retried) == ("FAIL", "memory", ["memory"] * (ATTEMPTS - 1))
    assert str(first.message).startswith("memory ran out 3 times (CUDA out of memory. Tried to allocate 2.00 GiB.); ")
    assert (second.state, second.failure, second.retried) == ("COMPLETE", None, [])


def test_what_fails_each_time_ends_the_search_and_the_trial_is_run_later(tmp_path: Path, whole: Path) -> None:
    line = (
        r"^trial 1 was run 3 times, but the disk is full \(No space left on device\); it is back in the queue, and "
        r"the same command goes on from here\.$"
    )
    with failing(FAILURES["disk"], ATTEMPTS), pytest.raises(SurroundingsError, match=line):
        search(tmp_path)
    assert [state for _, state, *_ in trials(tmp_path)][:2] == ["COMPLETE", "WAITING"]
    search(tmp_path)
    assert trials(tmp_path) == trials(whole)


@pytest.mark.parametrize("error", [AttributeError("a mistake"), FairTuneError("bad input"), KeyboardInterrupt("^C")])
def test_any_other_error_leaves_the_trial_in_the_queue(tmp_path: Path, whole: Path, error: BaseException) -> None:
    with failing(error), pytest.raises(type(error), match=re.escape(str(error))):
        search(tmp_path)
    assert [state for _, state, *_ in trials(tmp_path)][:2] == ["COMPLETE", "WAITING"]
    search(tmp_path)
    assert trials(tmp_path) == trials(whole)


def test_hours_that_cannot_be_written_at_its_end_lose_no_trial(
    tmp_path: Path, whole: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise FairTuneError("`hours.json` could not be written")

    monkeypatch.setattr(Ration, "note", full)
    search(tmp_path)
    assert trials(tmp_path) == trials(whole)


def test_of_two_processes_that_lack_memory_each_start_is_an_attempt(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The second alone fails in the first trial, which ends both; the third start gives it up and goes on."""
    monkeypatch.setattr("hf_fairtune.trainer.attempts.ATTEMPTS", 2)

    def work(fails: bool) -> list[object]:
        with failing(FAILURES["memory"], first=1 if fails and os.environ["RANK"] == "1" else 0):
            found = search(tmp_path / "run").search
        assert found is not None
        return [(trial.state, trial.failure, trial.retried, trial.message) for trial in found.trials]

    said = "memory ran out (CUDA out of memory. Tried to allocate 2.00 GiB.); it is back in the queue; it fails"
    for _ in range(2):
        assert processes.wait(processes.start(partial(work, True), tmp_path)) == [1, 1]
        assert [said in (tmp_path / f"rank{rank}.log").read_text() for rank in (0, 1)] == [False, True]
    line = f"memory ran out 2 times ({FAILURES['memory']}); lower per_device_train_batch_size."
    trials = [["FAIL", "memory", ["memory"], line], ["COMPLETE", None, [], None]]
    assert processes.together(partial(work, False), tmp_path) == [trials, trials]


def test_a_space_that_fails_on_one_of_two_processes_ends_both(tmp_path: Path) -> None:
    """On the second, on the main one as the search opens, or as it draws; the trial is run later."""

    def space(trial: Any, calls: Iterator[int], fails: bool, first: int) -> dict[str, float]:
        if fails and next(calls) >= first:
            raise RuntimeError("no space")
        return {"learning_rate": trial.suggest_float("learning_rate", 1e-5, 1e-3, log=True)}

    def work() -> list[object]:
        said = list[object]()
        for wrong, first in ((1, 0), (0, 0), (0, 1), (2, 0)):
            run, fails = searcher(tmp_path / "run", num_train_epochs=1), os.environ["RANK"] == str(wrong)
            drawn = partial(space, calls=itertools.count(), fails=fails, first=first)
            try:
                run.hyperparameter_search(drawn, n_trials=1)
            except (RuntimeError, FairTuneError) as error:
                said.append(f"{type(error).__name__}: {error}")
        assert run.search is not None
        return [*said, [(trial.state, trial.number) for trial in run.search.trials]]

    own, other, whole = "RuntimeError: no space", "FairTuneError: no space", [["COMPLETE", 0]]
    assert processes.together(work, tmp_path) == [[other, own, own, whole], [own, other, other, whole]]


@pytest.mark.parametrize("alone", [True, False])
def test_whichever_of_several_processes_failed_alone_says_why(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], alone: bool
) -> None:
    error = given_up(1, "disk", MemoryError("x")) if alone else FairTuneError("bad input")

    def fail(*_: object) -> None:
        raise error

    monkeypatch.setenv("RANK", "1")
    monkeypatch.setattr("hf_fairtune.cli.flags.parse", fail)
    assert main(["train"]) == 2
    assert capsys.readouterr().err == (f"fairtune: {error}\n" if alone else "")


def test_errors_of_input_and_of_code_are_no_surroundings() -> None:
    bad = FairTuneError("`x` cannot be read")
    bad.__cause__ = OSError(errno.EIO, "Input/output error")
    assert [cause_of(one) for one in (bad, ValueError("x"), RuntimeError("x"), ZeroDivisionError())] == [None] * 4


def test_a_client_of_the_hub_is_a_connection() -> None:
    error = RuntimeError("cannot load")
    error.__cause__ = ConnectionError()
    assert cause_of(error) == "connection"
    assert HTTPError.__name__ == "HTTPError"


def test_a_batch_that_does_not_fit_is_made_smaller(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As stock does, in every trial from the batch asked for; the record names what fitted."""
    step = FairTrainer.training_step

    def fits(
        self: FairTrainer, model: torch.nn.Module, inputs: dict[str, torch.Tensor], *rest: object
    ) -> torch.Tensor:
        if len(inputs["labels"]) > 10:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.")
        return step(self, model, inputs, *rest)

    monkeypatch.setattr(FairTrainer, "training_step", fits)
    run = searcher(tmp_path, num_train_epochs=1, auto_find_batch_size=True)
    run.hyperparameter_search(n_trials=2)
    assert run.search is not None
    assert [(trial.batch_size, trial.retried) for trial in run.search.trials] == [(10, [])] * 2
    run.train()
    assert run.training_log.training(run).arguments["per_device_train_batch_size"] == 10


def test_a_smaller_batch_begins_at_the_start(tmp_path: Path) -> None:
    """As a training of that batch does, also where memory ran out in a later step."""

    def train(name: str, **options: Any) -> FairTrainer:
        run = trainer(tmp_path / name, num_train_epochs=1, method=GroupDro(eta=0.5), learning_rate=1e-2, **options)
        run.train()
        return run

    with failing(FAILURES["memory"], first=2):
        found = train("found", auto_find_batch_size=True)
    wanted = train("wanted", per_device_train_batch_size=14)
    assert found.method.state() == wanted.method.state()
    assert all(map(torch.equal, found.model.parameters(), wanted.model.parameters()))
