"""A file that is damaged, locked, or may not be written."""

import asyncio
from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
import os
from pathlib import Path
import sqlite3
import tempfile
import threading

import pytest

from custom_components.llm_analytics.analytics.errors import (
    ClosedError,
    DamagedDatabaseError,
    StorageError,
)
from custom_components.llm_analytics.analytics.maintenance import integrity
from custom_components.llm_analytics.analytics.models import CostSource, Price
from custom_components.llm_analytics.analytics.store.database import (
    open_writer,
    prepare,
    quick_check,
    set_aside,
)

from ..helpers import NOON, ask, drift, opened
from ..usage_events import usage


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "ledger.db"


async def filled(path: Path) -> None:
    async with opened(path) as analytics:
        for number in range(20):
            await analytics.tracker.record_many(
                [
                    usage(request_id=f"{number}-{one}", metadata='{"a":"' + "x" * 200 + '"}')
                    for one in range(50)
                ]
            )


def overwrite(path: Path, start: int, data: bytes) -> None:
    with path.open("r+b") as file:
        file.seek(start)
        file.write(data)


@pytest.mark.parametrize(
    ("start", "data"),
    [(0, b"garbage that is no header"), (100, b"\xff" * 3000)],
    ids=["header", "schema page"],
)
async def test_damaged_file_is_kept_aside_and_a_new_one_started(
    path: Path, start: int, data: bytes
) -> None:
    await filled(path)
    overwrite(path, start, data)
    damaged = path.read_bytes()
    async with opened(path) as analytics:
        assert analytics.set_aside is not None
        assert analytics.set_aside.name == "ledger.db.damaged-20260318T120000"
        assert analytics.set_aside.read_bytes() == damaged
        assert (await analytics.tracker.record(usage())).event.id == 1


async def test_garbage_is_kept_aside(path: Path) -> None:
    path.write_bytes(b"not a database at all, but long enough to be read as one" * 100)
    async with opened(path) as analytics:
        assert analytics.set_aside is not None
        assert (await analytics.maintenance.health()).events == 0


async def test_damaged_files_of_one_moment_are_all_kept(path: Path) -> None:
    contents = [name * 2_000 for name in (b"first", b"second", b"third")]
    kept = []
    for content in contents:
        path.write_bytes(content)
        async with opened(path) as analytics:
            assert analytics.set_aside is not None
            kept.append(analytics.set_aside)
    assert [file.read_bytes() for file in kept] == contents
    assert [file.name.partition("T120000")[2] for file in kept] == ["", "-2", "-3"]


async def test_empty_file_becomes_a_new_ledger(path: Path) -> None:
    path.touch()
    async with opened(path) as analytics:
        assert analytics.set_aside is None
        assert (await analytics.tracker.record(usage())).event.id == 1


def damage_middle_page(path: Path) -> None:
    size = path.stat().st_size
    overwrite(path, size // 2 // 4096 * 4096, b"\xa5" * 4096)


def damage_beside(db: sqlite3.Connection) -> None:
    """Put something that is not sound where recording does not meet it."""
    db.execute("CREATE TABLE odd (value)")
    db.execute("INSERT INTO odd VALUES (NULL)")
    db.execute("PRAGMA writable_schema = ON")
    db.execute(
        "UPDATE sqlite_schema SET sql = 'CREATE TABLE odd (value NOT NULL)' WHERE name = 'odd'"
    )


def clean_stop(path: Path) -> int:
    (stop,) = ask(path, lambda db: db.execute("SELECT clean_stop FROM ledger").fetchone())
    return int(stop)


def stop_uncleanly(path: Path) -> None:
    ask(path, lambda db: db.execute("UPDATE ledger SET clean_stop = 0"))


async def test_file_that_is_found_damaged_is_replaced_and_nothing_new_is_lost(path: Path) -> None:
    await filled(path)
    ask(path, damage_beside)
    stop_uncleanly(path)
    new = [
        usage(request_id="a", cost_estimate=Decimal("0.25"), tags=("new",), agent="one"),
        usage(request_id="c"),
        usage(request_id="b", timestamp=NOON + timedelta(minutes=2), device_ip="10.0.0.1"),
    ]
    async with opened(path) as analytics:
        assert analytics.integrity.unchecked
        assert (await analytics.maintenance.health()).events == 1_000
        recorded = [(await analytics.tracker.record(event)).event for event in new]
        await analytics.tracker.delete_event(recorded.pop(1).id)
        with pytest.raises(DamagedDatabaseError):
            await analytics.integrity.check()
        kept_open = analytics.set_aside
    assert kept_open is None
    assert analytics.set_aside is not None
    async with opened(path) as analytics:
        assert not analytics.integrity.unchecked
        page = await analytics.tracker.events()
        assert [event.as_dict() | {"id": 0} for event in reversed(page.events)] == [
            event.as_dict() | {"id": 0} for event in recorded
        ]
        assert (await analytics.tracker.record(new[0])).duplicate
        assert await drift(analytics) == 0


async def test_damaged_page_in_the_middle_is_found(path: Path) -> None:
    await filled(path)
    damage_middle_page(path)
    stop_uncleanly(path)
    async with opened(path) as analytics:
        with pytest.raises(DamagedDatabaseError):
            await analytics.integrity.check()
    async with opened(path) as analytics:
        assert (await analytics.maintenance.health()).events == 0


async def test_events_on_a_damaged_page_are_not_taken_over(
    path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with opened(path):
        pass
    stop_uncleanly(path)
    async with opened(path) as analytics:
        for number in range(100):
            await analytics.tracker.record(
                usage(request_id=f"{number}", metadata='{"a":"xxxxxxxxxxxxx"}')
            )
        pages = ask(
            path,
            lambda db: db.execute(
                "SELECT pageno FROM dbstat WHERE name = 'event' AND pagetype = 'leaf'"
            ).fetchall(),
        )
        await analytics.ledger.db.run(
            lambda db: db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
        )
        for connection in (analytics.ledger.db, analytics.ledger.reader):
            await connection.run(lambda db: db.execute("PRAGMA cache_size = 0").fetchall())
        overwrite(path, (pages[0][0] - 1) * 4096, b"\xa5" * 4096)
        with pytest.raises(DamagedDatabaseError):
            await analytics.integrity.check()
    assert "events of a damaged database cannot be read" in caplog.text
    async with opened(path) as analytics:
        left = (await analytics.maintenance.health()).events
        assert 0 < left < 100
        assert await drift(analytics) == 0


async def test_event_that_cannot_be_taken_over_is_logged(
    path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with opened(path) as analytics:
        recorded = await analytics.tracker.record(usage())
        huge = recorded.event._replace(price=Price(picos=10**17, source=CostSource.REPORTED))
        await analytics.tracker.take_over([huge] * 93)  # their sum leaves 64 bits
        assert "93 events could not be taken over" in caplog.text
        assert (await analytics.maintenance.health()).events == 1


async def test_unclean_stop_of_a_sound_file_loses_nothing(path: Path) -> None:
    await filled(path)
    stop_uncleanly(path)
    async with opened(path) as analytics:
        unchecked = [analytics.integrity.unchecked]
        await analytics.integrity.check()
        unchecked.append(analytics.integrity.unchecked)
        assert unchecked == [True, False]
        await analytics.integrity.check()  # nothing is left to do
        assert (await analytics.maintenance.health()).events == 1_000
        assert clean_stop(path) == 0
    assert analytics.set_aside is None
    assert clean_stop(path) == 1


async def test_file_that_was_not_checked_to_the_end_is_checked_at_the_next_start(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await filled(path)
    stop_uncleanly(path)
    begun = threading.Event()

    def endless(db: sqlite3.Connection) -> None:
        begun.set()
        db.execute(
            "WITH RECURSIVE n AS (SELECT 1 UNION ALL SELECT 1 FROM n) SELECT COUNT(*) FROM n"
        )

    async with opened(path) as analytics:
        with monkeypatch.context() as patch:
            patch.setattr(integrity, "quick_check", endless)
            check = asyncio.create_task(analytics.integrity.check())
            await asyncio.to_thread(begun.wait)
            await analytics.close()
            await check
        with pytest.raises(ClosedError):
            await analytics.integrity.check()
    assert clean_stop(path) == 0
    async with opened(path) as analytics:
        await analytics.integrity.check()
    assert clean_stop(path) == 1


async def test_check_that_is_cancelled_ends_at_once(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await filled(path)
    stop_uncleanly(path)
    begun = threading.Event()

    def endless(db: sqlite3.Connection) -> None:
        begun.set()
        db.execute(
            "WITH RECURSIVE n AS (SELECT 1 UNION ALL SELECT 1 FROM n) SELECT COUNT(*) FROM n"
        )

    async with opened(path) as analytics:
        monkeypatch.setattr(integrity, "quick_check", endless)
        check = asyncio.create_task(analytics.integrity.check())
        await asyncio.to_thread(begun.wait)
        check.cancel()
        with pytest.raises(asyncio.CancelledError):
            await check
        assert analytics.integrity.unchecked


async def test_file_that_cannot_be_read_for_the_check_is_a_storage_error(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await filled(path)
    stop_uncleanly(path)

    def fail(_: sqlite3.Connection) -> None:
        raise sqlite3.OperationalError("disk I/O error")

    monkeypatch.setattr(integrity, "quick_check", fail)
    async with opened(path) as analytics:
        with pytest.raises(StorageError, match="disk I/O error"):
            await analytics.integrity.check()
        assert analytics.integrity.unchecked


def test_check_names_what_is_not_sound(path: Path) -> None:
    ask(path, prepare)
    ask(path, lambda db: db.execute("CREATE TABLE t (v CHECK (v > 0))"))
    ask(path, quick_check)
    ask(
        path,
        lambda db: db.execute("PRAGMA ignore_check_constraints = 1").execute(
            "INSERT INTO t VALUES (-1)"
        ),
    )
    with pytest.raises(DamagedDatabaseError, match="CHECK constraint failed in t"):
        ask(path, quick_check)


def test_journal_goes_aside_with_its_file(path: Path) -> None:
    for suffix in ("", "-wal"):
        path.with_name(path.name + suffix).write_text(suffix)
    kept = set_aside(path, NOON)
    assert sorted(entry.name for entry in path.parent.iterdir()) == [kept.name, f"{kept.name}-wal"]


# Trouble with the file system


@pytest.fixture
def place() -> Iterator[Path]:
    """A folder in which nothing may be written, seen by a user who is not root."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "place")
        path.mkdir()
        Path(folder).chmod(0o755)
        ask(path / "ledger.db", prepare)
        ask(path / "ledger.db", lambda db: db.execute("PRAGMA journal_mode = DELETE"))
        (path / "ledger.db").chmod(0o444)
        path.chmod(0o555)
        was_root = os.geteuid() == 0
        if was_root:
            os.seteuid(65534)
        try:
            yield path
        finally:
            if was_root:
                os.seteuid(0)
            path.chmod(0o755)


async def test_folder_that_may_not_be_written_is_a_storage_error(place: Path) -> None:
    with pytest.raises(StorageError, match="unable to open"):
        await open_writer(place / "new.db")


async def test_file_that_may_not_be_written_is_a_storage_error(place: Path) -> None:
    with pytest.raises(StorageError, match="readonly"):
        await open_writer(place / "ledger.db")


async def test_folder_in_place_of_the_file_is_a_storage_error(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="unable to open"):
        await open_writer(tmp_path)


async def test_lock_of_another_program_is_a_storage_error_and_passes(path: Path) -> None:
    async with opened(path) as analytics:
        await analytics.ledger.db.run(lambda db: db.execute("PRAGMA busy_timeout = 50").fetchall())
        other = sqlite3.connect(path, isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(StorageError, match="locked"):
            await analytics.tracker.record(usage())
        other.execute("ROLLBACK")
        other.close()
        assert (await analytics.tracker.record(usage())).event.id == 1
