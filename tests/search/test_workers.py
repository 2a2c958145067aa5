"""Workers of one study: four of which two are killed end as one does, and a trial has one owner at a time."""

from pathlib import Path

import optuna
import pytest

from hf_fairtune.search.database import driven
from tests.search.crews import kill, rows, search, stuck
from tests.search.crews import start as begin
from tests.search.postgres import PASSWORD, SPELT, server


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> list:
    """The trials of one worker that nothing stops."""
    folder = tmp_path_factory.mktemp("alone")
    search(folder, 8)
    return rows(f"sqlite:///{folder / 'search.db'}")


def test_four_workers_of_which_two_are_killed_on_sqlite(tmp_path: Path, alone: list) -> None:
    """Their locks are free at once, so that nobody waits for a heartbeat."""
    run = tmp_path / "run"
    workers = [begin(stuck(lambda: search(run, 8), tmp_path / f"{i}"), tmp_path / f"{i}.log") for i in range(2)]
    workers += [begin(lambda: search(run, 8), tmp_path / f"{i}.log") for i in (2, 3)]
    kill(workers[:2], [tmp_path / "0", tmp_path / "1"])
    for worker in workers[2:]:
        worker.join()
    logs = "".join((tmp_path / f"{i}.log").read_text() for i in (2, 3))
    assert [worker.exitcode for worker in workers] == [-9, -9, 0, 0], logs
    assert rows(f"sqlite:///{run / 'search.db'}") == alone
    assert logs.count("is queued again: its worker is gone") == 2


def test_four_workers_of_which_two_are_killed_on_postgresql(tmp_path: Path, alone: list) -> None:
    """Each in a folder of its own, as on machines that share no disk: heartbeats tell who is gone."""
    with server() as url:

        def work(name: str) -> None:
            search(tmp_path / name, 8, url, grace_period=2)

        workers = [begin(stuck(lambda i=i: work(i), tmp_path / f"{i} is in"), tmp_path / f"{i}.log") for i in "01"]
        workers += [begin(lambda i=i: work(i), tmp_path / f"{i}.log") for i in "23"]
        kill(workers[:2], [tmp_path / "0 is in", tmp_path / "1 is in"])
        for worker in workers[2:]:
            worker.join()
        logs = "".join((tmp_path / f"{i}.log").read_text() for i in "23")
        assert [worker.exitcode for worker in workers] == [-9, -9, 0, 0], logs
        place = driven(url)
        assert place is not None
        assert rows(place.render_as_string(hide_password=False)) == alone
        assert logs.count("is queued again: its worker is gone") == 2
    for path in (path for path in tmp_path.rglob("*") if path.is_file()):
        content = path.read_bytes()
        assert PASSWORD.encode() not in content, path
        assert SPELT.encode() not in content, path


@pytest.fixture(autouse=True)
def quiet() -> None:
    optuna.logging.set_verbosity(optuna.logging.WARNING)
