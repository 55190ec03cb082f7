"""A file that is damaged, locked, or may not be written."""

from collections.abc import Iterator
import os
from pathlib import Path
import sqlite3
import tempfile

import pytest

from custom_components.llm_analytics.analytics.errors import DamagedDatabaseError, StorageError
from custom_components.llm_analytics.analytics.store.database import (
    open_writer,
    prepare,
    quick_check,
    set_aside,
)

from .support import NOON, ask, opened
from .usage import usage


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "ledger.db"


async def filled(path: Path) -> None:
    async with opened(path) as analytics:
        for number in range(20):
            await analytics.record_many(
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
        assert (await analytics.record(usage())).event.id == 1


async def test_garbage_is_kept_aside(path: Path) -> None:
    path.write_bytes(b"not a database at all, but long enough to be read as one" * 100)
    async with opened(path) as analytics:
        assert analytics.set_aside is not None
        assert (await analytics.health()).events == 0


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
        assert (await analytics.record(usage())).event.id == 1


def damage_middle_page(path: Path) -> None:
    size = path.stat().st_size
    overwrite(path, size // 2 // 4096 * 4096, b"\xa5" * 4096)


async def test_unclean_stop_has_the_whole_file_checked(path: Path) -> None:
    await filled(path)
    damage_middle_page(path)
    ask(path, lambda db: db.execute("UPDATE ledger SET clean_stop = 0"))
    async with opened(path) as analytics:
        assert analytics.set_aside is not None
        assert (await analytics.health()).events == 0


async def test_unclean_stop_of_a_sound_file_loses_nothing(path: Path) -> None:
    await filled(path)
    ask(path, lambda db: db.execute("UPDATE ledger SET clean_stop = 0"))
    async with opened(path) as analytics:
        assert analytics.set_aside is None
        assert (await analytics.health()).events == 1_000
        assert ask(path, lambda db: db.execute("SELECT clean_stop FROM ledger").fetchone()) == (0,)
    assert ask(path, lambda db: db.execute("SELECT clean_stop FROM ledger").fetchone()) == (1,)


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
        await analytics._db.run(lambda db: db.execute("PRAGMA busy_timeout = 50").fetchall())
        other = sqlite3.connect(path, isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(StorageError, match="locked"):
            await analytics.record(usage())
        other.execute("ROLLBACK")
        other.close()
        assert (await analytics.record(usage())).event.id == 1
