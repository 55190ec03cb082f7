"""The file: opening it, bringing its schema up to date, and running functions on its threads.

Two aiosqlite connections: one writes, one only reads, so that an export or a dashboard never
holds up a commit. aiosqlite awaits a thread hop per statement; ``Connection.run`` takes a whole
function over in one. Inside such a function plain ``sqlite3`` is used.
"""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from itertools import count
import logging
from pathlib import Path
import sqlite3
from typing import override

import aiosqlite

from ..errors import ClosedError, DamagedDatabaseError, NewerSchemaError, StorageError
from .schema import (
    AUTO_CHECKPOINT,
    CONNECTION_PRAGMAS,
    CREATION_PRAGMAS,
    MIGRATIONS,
    SCHEMA_VERSION,
    TEMP_STORE,
)

_LOGGER = logging.getLogger(__name__)
_DAMAGED = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)


class Connection(aiosqlite.Connection):
    """An aiosqlite connection that runs a whole function on its thread in one hop.

    ``damaged`` says whether SQLite has found damage in the file since it was opened. ``first`` runs
    on the same thread before the functions of ``run``.
    """

    damaged = False
    first: Callable[[], None] | None = None

    def run[T](self, function: Callable[[sqlite3.Connection], T]) -> asyncio.Future[T]:
        """Run ``first``, then ``function``, as ``run_at_once`` does."""
        first = self.first
        if first is None:
            return self.run_at_once(function)

        def after_it(db: sqlite3.Connection) -> T:
            first()
            return function(db)

        return self.run_at_once(after_it)

    def run_at_once[T](self, function: Callable[[sqlite3.Connection], T]) -> asyncio.Future[T]:
        """Run ``function`` on the connection's thread; await the returned future.

        Raises ClosedError at once if the connection is closed. Errors of SQLite come out of the
        future as StorageError or DamagedDatabaseError.
        """
        if not self._running or self._connection is None:
            raise ClosedError
        connection = self._connection
        future: asyncio.Future[T] = asyncio.get_running_loop().create_future()

        # aiosqlite logs what it calls, for debugging: this says nothing of what it is called with.
        def call() -> T:
            try:
                return translated(function, connection)
            except DamagedDatabaseError:
                self.damaged = True
                raise

        self._tx.put_nowait((future, call))
        return future

    @override
    async def close(self) -> None:
        """Finish what is queued, close the file and join the thread."""
        await super().close()
        await asyncio.get_running_loop().run_in_executor(None, self._thread.join)


def translated[T](function: Callable[[sqlite3.Connection], T], connection: sqlite3.Connection) -> T:
    """Call ``function`` and say what SQLite raises in the engine's own words."""
    try:
        return function(connection)
    except sqlite3.DatabaseError as error:
        raise storage_error(error) from error


@contextmanager
def transaction(db: sqlite3.Connection) -> Iterator[None]:
    """Commit what is done inside, or roll all of it back."""
    db.execute("BEGIN IMMEDIATE")
    try:
        yield
        db.execute("COMMIT")
    except BaseException:
        if db.in_transaction:  # a full disk has made SQLite roll back by itself
            db.execute("ROLLBACK")
        raise


def storage_error(error: sqlite3.DatabaseError) -> StorageError:
    """Return what SQLite raised in the engine's own words."""
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    return (DamagedDatabaseError if code in _DAMAGED else StorageError)(str(error))


async def open_writer(path: Path) -> Connection:
    """Open or create the file for writing and bring its schema up to date.

    Raises NewerSchemaError (the file is left untouched), DamagedDatabaseError or StorageError.
    """
    connection = await _connect(path, read_only=False)
    try:
        await connection.run(prepare)
    except BaseException:
        await connection.close()
        raise
    return connection


async def open_reader(path: Path) -> Connection:
    """Open the file, which must exist and be up to date, for reading only."""
    connection = await _connect(path, read_only=True)
    try:
        await connection.run(lambda db: db.execute("PRAGMA cache_size = -8000").fetchall())
    except BaseException:
        await connection.close()
        raise
    return connection


async def _connect(path: Path, *, read_only: bool) -> Connection:
    uri = f"{path.absolute().as_uri()}?mode={'ro' if read_only else 'rwc'}"

    def connect() -> sqlite3.Connection:
        return sqlite3.connect(uri, uri=True, isolation_level=None, cached_statements=256)

    try:
        connection = Connection(connect, iter_chunk_size=64)
        await connection
    except sqlite3.DatabaseError as error:
        await connection.close()  # there is nothing to close but its thread
        raise storage_error(error) from error
    return connection


def prepare(db: sqlite3.Connection) -> None:
    """Set the pragmas and run the migrations that the file has not seen."""
    version = _version(db)
    if version > SCHEMA_VERSION:
        # Closing would run a checkpoint.
        db.setconfig(sqlite3.SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, True)  # noqa: FBT003 - its order
        raise NewerSchemaError(version, SCHEMA_VERSION)
    if version == 0:
        for pragma in CREATION_PRAGMAS:
            db.execute(pragma)
    for pragma in CONNECTION_PRAGMAS:
        db.execute(pragma)
    if 0 < version < SCHEMA_VERSION:
        _LOGGER.warning(
            "The ledger is being brought from schema %s to %s; one of millions of events takes"
            " minutes on a slow disk",
            version,
            SCHEMA_VERSION,
        )
    for number in range(version, SCHEMA_VERSION):
        with transaction(db):
            # Another process may have migrated while this one waited for the lock.
            if _version(db) == number:
                for statement in MIGRATIONS[number]:
                    db.execute(statement)
                db.execute(f"PRAGMA user_version = {number + 1}")
    db.execute(TEMP_STORE)


def _version(db: sqlite3.Connection) -> int:
    version: int = db.execute("PRAGMA user_version").fetchone()[0]
    return version


def hold_still(db: sqlite3.Connection) -> None:
    """Run a checkpoint, and none after it.

    Recording continues into the write-ahead log, so a copy of the main file and then of any prefix
    of the log is one consistent state with everything stored before.
    """
    db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
    db.execute("PRAGMA wal_autocheckpoint = 0").fetchall()


def let_go(db: sqlite3.Connection) -> None:
    """Undo ``hold_still``."""
    db.execute(f"PRAGMA wal_autocheckpoint = {AUTO_CHECKPOINT}").fetchall()


def checkpoint(db: sqlite3.Connection) -> None:
    """Run a checkpoint, which also returns free pages to the file system."""
    db.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchall()


def quick_check(db: sqlite3.Connection) -> None:
    """Read the whole file once and raise DamagedDatabaseError if it is not sound."""
    answer = db.execute("PRAGMA quick_check(1)").fetchone()[0]
    if answer != "ok":
        raise DamagedDatabaseError(answer)


def set_aside(path: Path, now: datetime) -> Path:
    """Rename a damaged file and its write-ahead log, so that a new file can be started."""
    stamp = path.with_name(f"{path.name}.damaged-{now.strftime('%Y%m%dT%H%M%S')}")
    name, others = stamp, count(2)
    while name.exists():  # a clock that was set back has the same time again
        name = stamp.with_name(f"{stamp.name}-{next(others)}")
    for suffix in ("-wal", "-shm", ""):
        part = path.with_name(path.name + suffix)
        if part.exists():
            part.rename(name.with_name(name.name + suffix))
    return name


def snapshot[T](
    db: sqlite3.Connection, read: Callable[[], T], seen: Callable[[], None] = lambda: None
) -> T:
    """Call ``read`` within one read transaction, so that all it sees is of one moment.

    ``seen`` is called when that moment is settled, which SQLite does with the first read.
    """
    db.execute("BEGIN")
    try:
        db.execute("SELECT 1 FROM sqlite_schema LIMIT 1").fetchall()
        seen()
        return read()
    finally:
        db.execute("ROLLBACK")
