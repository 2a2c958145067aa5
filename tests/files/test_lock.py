"""A folder is written to by one process at a time, and no death of one leaves it locked."""

import errno
import fcntl
import os
import shutil
import signal
from collections.abc import Callable
from pathlib import Path

import pytest
from filelock import FileLock

from hf_fairtune.errors import FairTuneError
from hf_fairtune.files import lock
from hf_fairtune.files.atomic import write_atomically
from hf_fairtune.files.folder import FILE_NAME as RUN
from hf_fairtune.files.folder import check, claim
from hf_fairtune.files.kept_json import read_json
from hf_fairtune.files.lock import FILE_NAME, SETUP, check_free, hold
from tests.other_process import Forked


def test_a_second_process_is_refused_until_the_first_is_dead(tmp_path: Path) -> None:
    with Forked(lambda: hold(tmp_path / "run")) as other:
        for attempt in (lambda: hold(tmp_path / "run").__enter__(), lambda: check_free(tmp_path / "run")):
            with pytest.raises(FairTuneError, match=r"another process is at work in `.*run`; wait until it ends, or"):
                attempt()
        other.kill(signal.SIGKILL)
        check_free(tmp_path / "run")
        with hold(tmp_path / "run"):
            pass


def test_a_hand_over_in_a_folder_below_that_is_held_is_left(tmp_path: Path) -> None:
    making = tmp_path / "run" / ".handover-x"
    with Forked(lambda: hold(tmp_path / "run")) as other:
        making.mkdir()
        with hold(tmp_path):
            assert making.is_dir()
        other.kill(signal.SIGKILL)
    with hold(tmp_path):
        assert not making.exists()


def test_one_that_waits_comes_after(tmp_path: Path) -> None:
    def first() -> None:
        with hold(tmp_path, setup=True):
            claim(tmp_path, {"seed": 1})
            other.ready()
            other.pause(0.3)
            write_atomically(tmp_path / "done", "")

    other = Forked(first)
    with other, hold(tmp_path, setup=True):
        assert (tmp_path / "done").is_file()
    assert (tmp_path / SETUP).is_file()


def test_of_many_starts_at_one_moment_one_wins(tmp_path: Path) -> None:
    """The others change nothing, neither whose the folder is nor its splits."""

    def start(seed: int) -> Callable[[], None]:
        def run() -> None:
            with hold(tmp_path / "run"):
                check(tmp_path / "run", {"seed": seed})
                other.pause(0.02)
                write_atomically(tmp_path / "run" / "splits.json", str(seed))
                claim(tmp_path / "run", {"seed": seed})
                other.pause(0.3)

        return run

    others = []
    for seed in range(6):
        other = Forked(start(seed), ready=False)
        others.append(other.__enter__())
    ends = [one.end() for one in others]
    assert sorted(ends) == [0, 1, 1, 1, 1, 1]
    winner = ends.index(0)
    assert read_json(tmp_path / "run" / RUN) == {"seed": winner}
    assert (tmp_path / "run" / "splits.json").read_text() == str(winner)


@pytest.mark.parametrize("is_new", [True, False])
@pytest.mark.parametrize("setup", [True, False])
@pytest.mark.parametrize("moment", ["made", "open", "unlinked"])
def test_a_start_while_another_ends_holds_the_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, moment: str, setup: bool, is_new: bool
) -> None:
    """The other, which claims nothing, ends while this one has made the folder, or has the lock's file open.

    Or this one starts while the other has removed the file, and has not released it.
    """
    folder = tmp_path / "all" / "run"
    if not is_new:
        folder.mkdir(parents=True)
    make, flock, release = lock.make, fcntl.flock, FileLock.release

    def pause() -> None:
        other.ready()
        signal.sigwait([signal.SIGUSR1])

    def released(held: FileLock, *given: bool) -> None:
        pause()
        release(held, *given)

    def first() -> None:
        signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGUSR1])
        if moment == "unlinked":
            monkeypatch.setattr(FileLock, "release", released)
        with hold(folder, setup=setup):
            if moment != "unlinked":
                pause()

    def ends() -> None:
        other.kill(signal.SIGUSR1)
        assert other.end() == 0

    other = Forked(first)
    with other:
        if moment == "made":
            monkeypatch.setattr(lock, "make", lambda place: (make(place), ends()))
        elif moment == "open":
            monkeypatch.setattr(fcntl, "flock", lambda *given: (ends(), flock(*given)))
        if moment == "open" and not setup:  # it does not wait: the file that it opened was held
            with pytest.raises(FairTuneError, match="another process is at work"):
                hold(folder).__enter__()
        else:
            with hold(folder, setup=setup):
                ends()
                with (folder / (SETUP if setup else FILE_NAME)).open() as file, pytest.raises(BlockingIOError):
                    flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]


def test_a_body_inside_holds_it_too(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tmp_path)
    with hold(tmp_path):
        with hold(tmp_path / "link"):
            check_free(tmp_path)
        with pytest.raises(FairTuneError, match="another process"), Forked(lambda: hold(tmp_path)):
            pass


def test_what_no_run_claimed_is_left_as_it_was(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("x")
    for folder in (tmp_path, tmp_path / "all" / "runs" / "one"):
        with pytest.raises(FairTuneError, match="no"), hold(folder):
            raise FairTuneError("no")
    assert [path.name for path in tmp_path.iterdir()] == ["notes.txt"]
    with hold(tmp_path / "run"):
        claim(tmp_path / "run", {})
    assert {path.name for path in (tmp_path / "run").iterdir()} == {RUN, FILE_NAME}


def test_what_killed_processes_left_is_removed(tmp_path: Path) -> None:
    for name in (".handover-a1", "baselines/full/.handover-b2", ".writing-c3", "checkpoint-3"):
        (tmp_path / name).mkdir(parents=True)
        (tmp_path / name / "model.safetensors").write_text("half")
        os.utime(tmp_path / name, (0, 0))
    with hold(tmp_path):
        assert {path.name for path in tmp_path.rglob("*") if path.is_dir()} == {"baselines", "full", "checkpoint-3"}


def test_a_folder_that_is_deleted_meanwhile_is_one_line(tmp_path: Path) -> None:
    folder = tmp_path / "run"

    def deleted() -> None:
        with hold(folder):
            shutil.rmtree(folder)
            raise RuntimeError("Parent directory does not exist")

    with pytest.raises(FairTuneError, match=r"run` was deleted while it was written to; the same command begins"):
        deleted()
    with pytest.raises(RuntimeError, match="any other"), hold(folder):
        raise RuntimeError("any other")


def test_a_folder_that_cannot_be_written_to_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise OSError(errno.EROFS, "Read-only file system")

    monkeypatch.setattr(FileLock, "acquire", refuse)
    with pytest.raises(FairTuneError, match=r"cannot be written to \(Read-only file system\); choose another"):
        hold(tmp_path).__enter__()
    # Who only reads it waits for nobody.
    (tmp_path / FILE_NAME).touch()
    check_free(tmp_path)
    assert os.listdir(tmp_path) == [FILE_NAME]
