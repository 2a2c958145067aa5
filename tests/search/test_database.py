"""A database that is damaged, half made, locked or gone: one line, and nothing is overwritten."""

import hashlib
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from optuna.exceptions import StorageInternalError
from optuna.storages import RDBStorage
from sqlalchemy.exc import OperationalError

from hf_fairtune.errors import FairTuneError
from hf_fairtune.search.database import UnreachableStudy, driven, reachable, ready, unfailing, without_secrets
from hf_fairtune.search.study import close, open_study
from hf_fairtune.search.study_options import StudyOptions
from tests.search.crews import search

RUN = {"model": "m"}


def made(folder: Path) -> Path:
    """The file of a study with a trial."""
    study = open_study(folder, "maximize", RUN)
    study.tell(study.ask(), 0.5)
    close(study)
    return folder / "search.db"


def half(content: bytes) -> bytes:
    return content[: len(content) // 2]


def zeroed(content: bytes) -> bytes:
    return bytes(len(content))


def emptied(content: bytes) -> bytes:
    return b""


def other(content: bytes) -> bytes:
    return b"trial,value\n0,0.5\n"


def holed(content: bytes) -> bytes:
    """A page of zeros in the middle."""
    middle = len(content) // 8192 * 4096
    return content[:middle] + bytes(4096) + content[middle + 4096 :]


@pytest.mark.parametrize("spoil", [half, zeroed, emptied, other, holed])
def test_a_damaged_file_is_one_line_and_stays(tmp_path: Path, spoil: Callable[[bytes], bytes]) -> None:
    path = made(tmp_path)
    path.write_bytes(spoil(path.read_bytes()))
    before = hashlib.sha256(path.read_bytes()).digest()
    for _ in range(2):
        with pytest.raises(FairTuneError, match=r"search.db` is damaged \(.+\); nothing was changed. Put a copy"):
            open_study(tmp_path, "maximize", RUN)
    assert hashlib.sha256(path.read_bytes()).digest() == before


def test_a_file_of_something_else_stays(tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "search.db")) as file:
        file.execute("CREATE TABLE patients (id)")
    with pytest.raises(FairTuneError, match="is no study's, it has the table `patients`; choose another file"):
        open_study(tmp_path, "maximize", RUN)
    assert not list(tmp_path.glob(".search.db.*"))


def schema(path: Path) -> list[str]:
    """The statements that make a database's tables and indices, in their order."""
    with closing(sqlite3.connect(path)) as file:
        known = file.execute("SELECT sql FROM sqlite_master WHERE sql IS NOT NULL ORDER BY rootpage")
        return [sql for (sql,) in known if "sqlite_sequence" not in sql]


def test_a_creation_that_was_killed_is_completed(tmp_path: Path) -> None:
    """Wherever it was: also between a table and its index."""
    statements = schema(made(tmp_path))
    for count in (1, 2, len(statements) // 2, len(statements)):
        path = tmp_path / f"{count}.db"
        with closing(sqlite3.connect(path)) as file:
            for statement in statements[:count]:
                file.execute(statement)
        ready(path)
        assert sorted(schema(path)) == sorted(statements)
    assert not list(tmp_path.glob(".*"))


def test_a_database_that_fails_in_a_trial_leaves_the_trial(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No failed trial: one line, and the same command goes on with it."""

    def report(*_: Any) -> None:
        raise StorageInternalError("commit") from OperationalError(
            "x", {}, sqlite3.OperationalError("database is locked")
        )

    with monkeypatch.context() as patch:
        patch.setattr(RDBStorage, "set_trial_intermediate_value", report)
        with pytest.raises(FairTuneError, match=r"cannot be reached \(database is locked\); nothing is lost"):
            search(tmp_path, 2)
    assert search(tmp_path, 2).search is not None


def test_the_line_holds_no_password() -> None:
    url = "postgresql://me:p%40ss@clinic/trials"
    place = driven(url)
    assert place is not None
    said = without_secrets(f"no {url}, no {place.render_as_string(hide_password=False)}, no p@ss", url)
    assert said == "no ***, no ***, no ***"
    with pytest.raises(FairTuneError, match=r"the study x cannot be reached \(for \*\*\*\)"):  # noqa: SIM117
        with reachable("the study x", url), unfailing():
            raise StorageInternalError("for p@ss")
    with pytest.raises(UnreachableStudy), unfailing():
        raise StorageInternalError


def test_a_server_that_is_not_there_is_one_line(tmp_path: Path) -> None:
    pytest.importorskip("psycopg")
    options = StudyOptions(storage=f"postgresql://me:geheim@/trials?host={tmp_path}")
    with pytest.raises(FairTuneError, match="the study fairtune in postgresql trials cannot be opened: ") as refused:
        open_study(tmp_path, "maximize", RUN, options)
    assert "geheim" not in str(refused.value)
    assert "\n" not in str(refused.value)
