"""Whose a running trial is, in a study's database: taken and given back by statements that only one worker wins."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from optuna.exceptions import StorageInternalError
from optuna.storages import RDBStorage
from sqlalchemy import ColumnElement, column, delete, insert, literal, literal_column, select, table, update
from sqlalchemy.engine import Connection
from sqlalchemy.exc import IntegrityError, SQLAlchemyError

# User attribute of a trial: its owner. A trial has each attribute once, which the database holds.
WORKER = "worker"

TRIALS = table("trials", column("trial_id"), column("study_id"), column("state"))
ATTRIBUTES = table("trial_user_attributes", column("trial_id"), column("key"), column("value_json"))
BEATS = table("trial_heartbeats", column("trial_id"), column("heartbeat"))
IS_RUNNING = TRIALS.c.state == literal_column("'RUNNING'")


class Claims:
    """The owners of trials in a database, each a list of words.

    Optuna gives a trial to whoever sets it running, which on SQLite two workers can do at once, and its new trials
    are running before anybody has signed. What counts is the owner: the row is unique, so one worker inserts it.
    """

    def __init__(self, storage: RDBStorage) -> None:
        self.engine = storage.engine

    def take(self, trial_id: int, owner: Sequence[str]) -> bool:
        """Sign a running trial that is nobody's; return whether it is the owner's now."""
        known = select(TRIALS.c.trial_id, literal(WORKER), literal(json.dumps(owner)))
        rows = known.where(TRIALS.c.trial_id == trial_id, IS_RUNNING)
        try:
            with self._transaction() as connection:
                connection.execute(insert(ATTRIBUTES).from_select([*ATTRIBUTES.c], rows))
                return self._is_owner(connection, trial_id, owner)
        except IntegrityError:
            return False

    def holds(self, trial_id: int, owner: Sequence[str]) -> bool:
        """Tell whether a trial is running and the owner's."""
        with self._transaction() as connection:
            return self._is_owner(connection, trial_id, owner)

    def give_back(self, trial_id: int, owner: Sequence[str]) -> bool:
        """Put an owner's running trial into the queue, under its own number; return whether it was the owner's."""
        with self._transaction() as connection:
            if connection.execute(delete(ATTRIBUTES).where(*self._row(trial_id, owner))).rowcount != 1:
                return False
            running = update(TRIALS).where(TRIALS.c.trial_id == trial_id, IS_RUNNING)
            connection.execute(running.values(state=literal_column("'WAITING'")))
            return True

    def beats(self, study_id: int) -> dict[int, str]:
        """Return the last heartbeat of each running trial that has one, by the server's clock."""
        both = select(BEATS.c.trial_id, BEATS.c.heartbeat).join(TRIALS, TRIALS.c.trial_id == BEATS.c.trial_id)
        with self._transaction() as connection:
            rows = connection.execute(both.where(TRIALS.c.study_id == study_id, IS_RUNNING)).all()
        return {trial_id: str(beat) for trial_id, beat in rows}

    def _is_owner(self, connection: Connection, trial_id: int, owner: Sequence[str]) -> bool:
        both = select(TRIALS.c.trial_id).join(ATTRIBUTES, ATTRIBUTES.c.trial_id == TRIALS.c.trial_id)
        return connection.execute(both.where(IS_RUNNING, *self._row(trial_id, owner))).first() is not None

    def _row(self, trial_id: int, owner: Sequence[str]) -> list[ColumnElement[bool]]:
        own = ATTRIBUTES.c.value_json == json.dumps(owner)
        return [ATTRIBUTES.c.trial_id == trial_id, ATTRIBUTES.c.key == WORKER, own]

    @contextmanager
    def _transaction(self) -> Iterator[Connection]:
        """Begin a transaction whose failures are named as Optuna names them."""
        try:
            with self.engine.begin() as connection:
                yield connection
        except IntegrityError:
            raise
        except SQLAlchemyError as error:
            raise StorageInternalError(str(error)) from error
