"""The database of a study: its file is made whole or not at all, checked before it is used, and waited for."""

from __future__ import annotations

import sqlite3
import time
import warnings
from collections.abc import Iterator
from contextlib import closing, contextmanager, nullcontext, suppress
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from uuid import uuid4

from filelock import FileLock
from optuna.exceptions import ExperimentalWarning, StorageInternalError
from optuna.storages import RDBStorage
from sqlalchemy import event
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, IntegrityError, ProgrammingError

from ..errors import FairTuneError, first_line

# Optuna would call a trial failed after so many seconds without a heartbeat; the crew judges that instead.
NEVER = 10**9
# Heartbeats within the time after which a worker counts as gone.
BEATS = 4
# Seconds to wait for a server that was there before.
PATIENCE = 60.0
# Starts of several workers at once make the same tables.
ATTEMPTS = 5


class UnreachableStudy(BaseException):
    """The database failed in a trial. Optuna would file an Exception as a failed trial; this leaves it as it is."""


class Database(RDBStorage):
    """Optuna's storage, of which a heartbeat may fail, and that waits for its server where it was there before."""

    patience = 0.0

    def __init__(self, url: str, grace: float | None, engine: dict[str, Any]) -> None:
        interval = None if grace is None else max(1, int(grace / BEATS))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ExperimentalWarning)
            super().__init__(url, engine, heartbeat_interval=interval, grace_period=NEVER)
        event.listen(self.engine, "do_connect", self._connect)
        self.patience = PATIENCE

    def record_heartbeat(self, trial_id: int) -> None:
        """Record that the trial's process lives; what is missed for too long is noticed by the others."""
        with suppress(StorageInternalError):
            super().record_heartbeat(trial_id)

    def _connect(self, dialect: Any, _: Any, arguments: Any, options: Any) -> Any:
        until = time.monotonic() + self.patience
        while True:
            try:
                return dialect.connect(*arguments, **options)
            except dialect.loaded_dbapi.OperationalError:
                if time.monotonic() > until:
                    raise
                time.sleep(1)


def open_database(url: str, grace: float | None) -> Database:
    """Open a database by its URL, within `alone_with` it. Workers beat unless `grace` is None.

    Raises:
        FairTuneError: a file is damaged, or the driver is not installed.
    """
    place, path = driven(url), file_of(url)
    if path is not None:
        ready(path)
        return _opened(url, grace, {"creator": lambda: _sqlite(path)})
    return _opened(
        url if place is None else place.render_as_string(hide_password=False), grace, {"pool_pre_ping": True}
    )


@contextmanager
def alone_with(url: str) -> Iterator[None]:
    """Hold a file of SQLite until it has a study, so that of workers that start at once one makes it."""
    path = file_of(url)
    with nullcontext() if path is None else FileLock(path.with_name(f"{path.name}.lock")):
        yield


def file_of(url: str) -> Path | None:
    """Return the file of SQLite that a URL names, if it names one."""
    place = driven(url)
    if place is None or place.get_backend_name() != "sqlite" or place.database in (None, "", ":memory:"):
        return None
    return Path(str(place.database))


def driven(url: str) -> URL | None:
    """Read a URL; PostgreSQL without a driver named is driven by psycopg 3 where psycopg 2 is not installed."""
    try:
        place = make_url(url)
    except (ArgumentError, ValueError):
        return None
    if place.drivername == "postgresql" and find_spec("psycopg2") is None:
        return place.set(drivername="postgresql+psycopg")
    return place


def _opened(url: str, grace: float | None, engine: dict[str, Any]) -> Database:
    for attempt in range(ATTEMPTS):
        try:
            return Database(url, grace, dict(engine))
        except (IntegrityError, ProgrammingError):
            if attempt + 1 == ATTEMPTS:
                raise
            time.sleep(0.2 * (attempt + 1))
        except ImportError as error:
            raise FairTuneError(
                f"the driver of this storage is not installed ({first_line(error)}); "
                '`pip install "hf-fairtune[postgres]"` brings that of PostgreSQL.'
            ) from error
    raise AssertionError


def _sqlite(path: Path) -> sqlite3.Connection:
    """Connect so that a commit needs no wait for the disk; a killed process loses nothing, nor does the file break."""
    connection = sqlite3.connect(path, timeout=30, check_same_thread=False)
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=NORMAL")
    return connection


def ready(path: Path) -> None:
    """Make the file of a study's database, whole or not at all; one without a study, as a kill leaves, is made again.

    Raises:
        FairTuneError: the file is damaged, or is no study's; it is left as it is.
    """
    if path.exists() and "studies" in (known := tables(path)) and known["studies"]:
        return
    for left in path.parent.glob(f".{path.name}.*"):
        left.unlink()
    made = path.with_name(f".{path.name}.{uuid4().hex}")
    RDBStorage(f"sqlite:///{made}").engine.dispose()
    if path.exists() and (other := sorted({*tables(path)} - {*tables(made)})):
        made.unlink()
        raise FairTuneError(f"`{path}` is no study's, it has the table `{other[0]}`; choose another file.")
    for log in ("-wal", "-shm"):
        path.with_name(path.name + log).unlink(missing_ok=True)
    made.replace(path)


def tables(path: Path) -> dict[str, int]:
    """Check a file of SQLite without writing to it, and count the rows of each of its tables.

    Raises:
        FairTuneError: it is damaged.
    """
    try:
        if not path.stat().st_size:
            raise sqlite3.DatabaseError("it is empty")
        with closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True, timeout=30)) as file:
            (found,) = file.execute("PRAGMA integrity_check(1)").fetchone()
            if found != "ok":
                raise sqlite3.DatabaseError(first_line(found))
            names = [name for (name,) in file.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
            return {name: file.execute(f'SELECT COUNT(*) FROM "{name}"').fetchone()[0] for name in names}
    except sqlite3.Error as error:
        if "locked" in str(error):
            raise
        raise FairTuneError(
            f"`{path}` is damaged ({first_line(error)}); nothing was changed. Put a copy of it back, or search in "
            "another output_dir."
        ) from error


@contextmanager
def reachable(where: str, url: object = None) -> Iterator[None]:
    """Say in one line that the database of a study failed in the body, be it locked, full or gone."""
    try:
        yield
    except (Exception, UnreachableStudy) as error:  # Optuna answers the first error with further ones
        gone = failure(error)
        if gone is None:
            raise
        reason = without_secrets(first_line(gone), url)
        raise FairTuneError(
            f"{where} cannot be reached ({reason}); nothing is lost: the same command goes on once it is back."
        ) from None


@contextmanager
def unfailing() -> Iterator[None]:
    """Let no trial fail for the database."""
    try:
        yield
    except StorageInternalError as error:
        raise UnreachableStudy from error


def failure(error: BaseException | None) -> Exception | None:
    """Find the failure of the database that led to an error, if one did, in the words of its driver."""
    seen: list[BaseException] = []
    while error is not None and error not in seen and not isinstance(error, StorageInternalError):
        seen.append(error)
        error = error.__cause__ or error.__context__
    if not isinstance(error, StorageInternalError):
        return None
    cause = error.__cause__
    return getattr(cause, "orig", None) or (cause if isinstance(cause, Exception) else error)


def without_secrets(text: str, url: object) -> str:
    """Return a text without a storage's URL and its password."""
    if not isinstance(url, str):
        return text
    place = driven(url)
    secret = None if place is None else place.password
    for part in (url, *([] if place is None else [place.render_as_string(hide_password=False)]), secret):
        text = text.replace(str(part), "***") if part else text
    return text
