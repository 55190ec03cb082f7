"""Bytes that change on the disk: what is left is right, and what is damaged is kept."""

from collections.abc import AsyncIterator, Callable
from pathlib import Path
import random
import shutil
import sqlite3
from typing import Any

import pytest

from custom_components.llm_analytics.analytics import (
    Analytics,
    DamagedDatabaseError,
    NewerSchemaError,
    Period,
)
from custom_components.llm_analytics.analytics.store.schema import AUTO_CHECKPOINT
from tests.analytics.helpers import exported_json

from .audit import audit
from .conftest import rounds
from .processes import Victim
from .workloads import event, opened, record_beside_a_backup, run_workload

PAGE = 4096


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory, seed: str) -> Path:
    """Return a ledger whose process was killed: a file and a journal with many commits.

    Nothing of the journal has been moved into the file yet: damage to pages that have been would
    be damage to the file.
    """
    path = tmp_path_factory.mktemp("sound") / "ledger.db"

    def killed(after: int, target: Any, *arguments: Any) -> None:
        told = Victim(target, path, *arguments).killed(after=after, pause=0)
        assert len([*told]) >= after

    killed(2_000, run_workload, "ingest", seed, 1, [])
    killed(20, record_beside_a_backup, seed, 2)
    journal = path.with_name("ledger.db-wal")
    assert 50 * PAGE < journal.stat().st_size < AUTO_CHECKPOINT * PAGE
    return path


@pytest.fixture
def path(sound: Path, tmp_path: Path) -> Path:
    """Return a copy of it."""
    return copied(sound, tmp_path / "ledger")


def copied(source: Path, folder: Path) -> Path:
    folder.mkdir()
    for file in source.parent.glob("ledger.db*"):
        shutil.copy(file, folder)
    return folder / source.name


def damage(file: Path, place: int, data: bytes) -> None:
    with file.open("r+b") as opened_file:
        opened_file.seek(place)
        opened_file.write(data)


# The journal


def zeros(file: Path, luck: random.Random) -> None:
    damage(file, luck.randrange(file.stat().st_size), bytes(PAGE))


def garbage(file: Path, luck: random.Random) -> None:
    damage(file, luck.randrange(file.stat().st_size), luck.randbytes(PAGE))


def one_bit(file: Path, luck: random.Random) -> None:
    place = luck.randrange(file.stat().st_size)
    damage(file, place, bytes([file.read_bytes()[place] ^ 1 << luck.randrange(8)]))


def cut_off(file: Path, luck: random.Random) -> None:
    with file.open("r+b") as opened_file:
        opened_file.truncate(luck.randrange(file.stat().st_size))


def header(file: Path, luck: random.Random) -> None:
    damage(file, 0, luck.randbytes(32))


@pytest.mark.parametrize("harm", [zeros, garbage, one_bit, cut_off, header])
async def test_a_damaged_journal_loses_only_what_was_written_to_it_later(
    sound: Path, tmp_path: Path, seed: str, harm: Callable[[Path, random.Random], None]
) -> None:
    whole = audit(copied(sound, tmp_path / "whole")).events
    luck = random.Random(f"{seed}-{harm.__name__}")
    for number in range(rounds(6)):
        path = copied(sound, tmp_path / str(number))
        harm(path.with_name("ledger.db-wal"), luck)
        async with opened(path) as analytics:
            assert analytics.set_aside is None
            last = (await analytics.maintenance.health()).events
            assert (await analytics.tracker.record(event(999))).event.id == last + 1
        left = audit(path).events
        assert left.pop(last + 1) == 999
        assert left == {event_id: whole[event_id] for event_id in range(1, last + 1)}


async def test_a_damaged_index_of_the_journal_loses_nothing(path: Path) -> None:
    whole = audit(copied(path, path.parent / "whole")).events
    path.with_name("ledger.db-shm").write_bytes(b"\xa5" * 32_768)
    async with opened(path) as analytics:
        assert (await analytics.maintenance.health()).events == len(whole)
    assert audit(path).events == whole


# The file


async def answers(analytics: Analytics) -> AsyncIterator[object]:
    """Ask what reads most of the file, one thing after the other."""
    yield await analytics.reports.dashboard()
    yield await analytics.reports.report(Period.ALL)
    yield await exported_json(analytics, period=Period.ALL)
    yield await analytics.maintenance.rebuild()


async def test_damage_that_is_met_has_the_file_set_aside_at_the_next_start(
    sound: Path, tmp_path: Path, seed: str
) -> None:
    luck, met = random.Random(seed), 0
    for number in range(rounds(10)):
        path = copied(sound, tmp_path / str(number))
        async with opened(path) as analytics:
            await (
                analytics.integrity.check()
            )  # sound, and closed as it should be: nothing asks for another
        pages = path.stat().st_size // PAGE
        damage(path, luck.randrange(10, pages) * PAGE, luck.randbytes(PAGE))
        async with opened(path) as analytics:
            if analytics.set_aside is not None:
                continue  # opening read that page
            try:
                async for _ in answers(analytics):
                    pass
                await analytics.tracker.record_many([event(number) for number in range(1, 50)])
            except DamagedDatabaseError:
                met += 1
            else:
                continue  # a page that nobody needed just now
        async with opened(path) as analytics:
            with pytest.raises(DamagedDatabaseError):
                await analytics.integrity.check()
        assert analytics.set_aside is not None
        async with opened(path) as analytics:
            assert (await analytics.tracker.record(event(1))).event.id == 1
        assert audit(path).events == {1: 1}
    assert met > 0


async def test_a_newer_ledger_that_was_not_closed_is_left_byte_for_byte(path: Path) -> None:
    process = sqlite3.connect(path)
    process.execute("PRAGMA user_version = 99")
    process.commit()
    newer = copied(path, path.parent / "newer")  # with a journal that holds the number
    process.close()
    before = {
        file.name: file.read_bytes()
        for file in newer.parent.iterdir()
        if not file.name.endswith("-shm")
    }
    assert set(before) == {"ledger.db", "ledger.db-wal"}
    with pytest.raises(NewerSchemaError):
        async with opened(newer):
            pass
    for name, content in before.items():
        assert (newer.parent / name).read_bytes() == content
