"""The file: how it is opened and brought up to date, and functions on its thread."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from importlib.metadata import version
from pathlib import Path
import sqlite3
import threading

import aiosqlite
import pytest

from custom_components.llm_analytics.analytics.errors import (
    ClosedError,
    DamagedDatabaseError,
    NewerSchemaError,
    StorageError,
)
from custom_components.llm_analytics.analytics.store import database, schema
from custom_components.llm_analytics.analytics.store.database import (
    Connection,
    open_reader,
    open_writer,
    prepare,
    transaction,
)

from ..helpers import ask, count, opened
from ..usage_events import usage


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "ledger.db"


@asynccontextmanager
async def writing(path: Path) -> AsyncIterator[Connection]:
    connection = await open_writer(path)
    try:
        yield connection
    finally:
        await connection.close()
    assert not connection._thread.is_alive()


def pragma(db: sqlite3.Connection, name: str) -> object:
    return db.execute(f"PRAGMA {name}").fetchone()[0]


# Opening


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("journal_mode", "wal"),
        ("synchronous", 2),
        ("auto_vacuum", 2),
        ("cache_size", -8000),
        ("temp_store", 2),
        ("journal_size_limit", 16 * 1024 * 1024),
        ("busy_timeout", 10_000),
        ("user_version", schema.SCHEMA_VERSION),
    ],
)
async def test_pragma_is_in_force(path: Path, name: str, value: object) -> None:
    for _ in range(2):  # in a new file and in one that was there
        async with writing(path) as connection:
            assert await connection.run(lambda db: pragma(db, name)) == value


async def test_reader_reads_but_never_writes(path: Path) -> None:
    ask(path, prepare)
    reader = await open_reader(path)
    try:
        assert await reader.run(lambda db: pragma(db, "cache_size")) == -8000
        with pytest.raises(StorageError, match="readonly"):
            await reader.run(lambda db: db.execute("DELETE FROM event"))
    finally:
        await reader.close()


async def test_reader_creates_nothing(path: Path) -> None:
    with pytest.raises(StorageError, match="unable to open"):
        await open_reader(path)
    assert not path.exists()


async def test_reader_of_a_damaged_file_is_closed_again(path: Path) -> None:
    path.write_bytes(b"x" * 8192)
    with pytest.raises(DamagedDatabaseError):
        await open_reader(path)
    names = [thread.name for thread in threading.enumerate()]
    assert not [name for name in names if "_connection_worker_thread" in name]


async def test_path_may_hold_any_characters(tmp_path: Path) -> None:
    path = tmp_path / "a b?c#d%20.db"
    async with writing(path):
        assert path.exists()


# Migrations


def shape(db: sqlite3.Connection) -> list[tuple[object, ...]]:
    return db.execute(
        "SELECT type, name, tbl_name, sql FROM sqlite_master ORDER BY type, name"
    ).fetchall()


def test_every_migrated_file_equals_a_fresh_one(tmp_path: Path) -> None:
    ask(tmp_path / "fresh.db", prepare)
    fresh = ask(tmp_path / "fresh.db", shape)
    assert fresh
    for known in range(schema.SCHEMA_VERSION + 1):
        path = tmp_path / f"from_{known}.db"

        def age(db: sqlite3.Connection, known: int = known) -> None:
            db.execute(schema.CREATION_PRAGMAS[0])
            for number in range(known):
                for statement in schema.MIGRATIONS[number]:
                    db.execute(statement)
            db.execute(f"PRAGMA user_version = {known}")

        ask(path, age)
        ask(path, prepare)
        assert ask(path, shape) == fresh
        assert ask(path, lambda db: pragma(db, "user_version")) == schema.SCHEMA_VERSION


def test_migration_is_done_whole_or_not_at_all(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ask(path, prepare)
    before = ask(path, shape)
    steps = (*schema.MIGRATIONS, ("CREATE TABLE extra (id INTEGER)", "CREATE TABLE"))
    monkeypatch.setattr(database, "MIGRATIONS", steps)
    monkeypatch.setattr(database, "SCHEMA_VERSION", len(steps))
    with pytest.raises(sqlite3.OperationalError):
        ask(path, prepare)
    assert ask(path, shape) == before
    assert ask(path, lambda db: pragma(db, "user_version")) == schema.SCHEMA_VERSION


def test_migration_keeps_what_it_may_have_to_undo_out_of_the_memory(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = "CREATE TABLE seen AS SELECT temp_store FROM pragma_temp_store"
    monkeypatch.setattr(database, "MIGRATIONS", (*schema.MIGRATIONS, (seen,)))
    monkeypatch.setattr(database, "SCHEMA_VERSION", schema.SCHEMA_VERSION + 1)
    ask(path, prepare)
    assert ask(path, lambda db: db.execute("SELECT temp_store FROM seen").fetchone()) == (0,)


def test_migration_done_by_another_process_meanwhile_is_not_repeated(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = iter(schema.CONNECTION_PRAGMAS)

    def pragmas() -> Iterator[str]:
        yield from other
        ask(path, lambda db: [db.execute(one) for one in schema.MIGRATIONS[0]])
        ask(path, lambda db: db.execute("PRAGMA user_version = 1"))

    monkeypatch.setattr(database, "CONNECTION_PRAGMAS", pragmas())
    ask(path, prepare)
    assert count(path, "ledger") == 1


async def test_newer_schema_is_refused_and_the_file_left_byte_for_byte(path: Path) -> None:
    async with opened(path) as analytics:
        await analytics.tracker.record(usage())
    ask(path, lambda db: db.execute("PRAGMA user_version = 99"))
    ask(path, lambda db: db.execute("PRAGMA journal_mode = DELETE"))
    before = path.read_bytes()
    with pytest.raises(NewerSchemaError) as refusal:
        await open_writer(path)
    assert (refusal.value.found, refusal.value.known) == (99, schema.SCHEMA_VERSION)
    assert path.read_bytes() == before
    assert [entry.name for entry in path.parent.iterdir()] == [path.name]


# One hop on aiosqlite's thread


def test_version_is_the_one_whose_inner_parts_are_used() -> None:
    assert version("aiosqlite") == "0.22.1"


def inner_state(connection: Connection) -> tuple[bool, object]:
    return connection._running, connection._connection


async def test_connection_has_the_inner_parts_that_run_uses(path: Path) -> None:
    connection = Connection(lambda: sqlite3.connect(path), iter_chunk_size=64)
    assert inner_state(connection) == (True, None)
    await connection
    assert isinstance(connection._connection, sqlite3.Connection)
    done: asyncio.Future[int] = asyncio.get_running_loop().create_future()
    connection._tx.put_nowait((done, lambda: 42))
    assert await done == 42
    assert connection._thread.is_alive()
    await aiosqlite.Connection.close(connection)
    assert inner_state(connection) == (False, None)
    connection._thread.join(10)
    assert not connection._thread.is_alive()


async def test_functions_run_in_order_on_one_other_thread(path: Path) -> None:
    async with writing(path) as connection:
        order: list[int] = []
        futures = [connection.run(lambda _, n=n: order.append(n)) for n in range(100)]  # type: ignore[misc]
        await asyncio.gather(*futures)
        assert order == list(range(100))


async def test_error_in_a_function_leaves_the_connection_usable(path: Path) -> None:
    async with writing(path) as connection:
        with pytest.raises(ZeroDivisionError):
            await connection.run(lambda _: 1 // 0)
        with pytest.raises(StorageError, match="no such table"):
            await connection.run(lambda db: db.execute("SELECT 1 FROM elsewhere"))
        assert await connection.run(lambda _: 1) == 1


async def test_closed_connection_refuses_at_once(path: Path) -> None:
    async with writing(path) as connection:
        pass
    with pytest.raises(ClosedError):
        connection.run(lambda _: 1)


async def test_transaction_takes_back_everything_or_nothing(path: Path) -> None:
    async with writing(path) as connection:

        def fail(db: sqlite3.Connection) -> None:
            with transaction(db):
                db.execute("INSERT INTO user (key) VALUES ('anna')")
                raise LookupError

        def succeed(db: sqlite3.Connection) -> None:
            with transaction(db):
                db.execute("INSERT INTO user (key) VALUES ('ben')")

        with pytest.raises(LookupError):
            await connection.run(fail)
        await connection.run(succeed)
        users = await connection.run(lambda db: db.execute("SELECT key FROM user").fetchall())
        assert users == [("ben",)]
