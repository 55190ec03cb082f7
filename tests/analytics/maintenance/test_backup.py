"""The file is copied while recording goes on: any copy is one state that holds what was before."""

from pathlib import Path
from typing import Final

import pytest

from custom_components.llm_analytics.analytics import Analytics, ClosedError

from ..helpers import drift, everything, opened
from ..usage_events import usage

BIG: Final = '{"a":"' + "x" * 8_000 + '"}'


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "ledger.db"


def journal(path: Path) -> Path:
    return path.with_name(f"{path.name}-wal")


async def record_much(analytics: Analytics) -> None:
    """Write more than the journal may hold before it is moved into the file."""
    for _ in range(20):
        await analytics.tracker.record_many([usage(metadata=BIG)] * 100)


@pytest.mark.parametrize("copied", [0.0, 0.37, 0.81, 1.0])
async def test_copy_made_during_a_backup_is_sound_and_holds_what_was_before(
    path: Path, tmp_path: Path, copied: float
) -> None:
    copy = tmp_path / "copy.db"
    async with opened(path) as analytics:
        await analytics.tracker.record_many([usage()] * 100)
        await analytics.maintenance.begin_backup()
        still = path.read_bytes()
        await record_much(analytics)
        assert path.read_bytes() == still
        copy.write_bytes(still)
        written = journal(path).read_bytes()
        journal(copy).write_bytes(written[: int(len(written) * copied)])
        await analytics.maintenance.end_backup()
    async with opened(copy) as analytics:
        assert analytics.set_aside is None
        events = (await analytics.maintenance.health()).events
        assert events in range(100, 2_101, 100)  # batches are whole
        assert (events == 100) == (copied == 0)
        assert (events == 2_100) == (copied == 1)
        assert (await everything(analytics))["summary"]["request_count"] == events
        assert await drift(analytics) == 0


async def test_journal_is_moved_into_the_file_again_after_a_backup(path: Path) -> None:
    async with opened(path) as analytics:
        await analytics.maintenance.begin_backup()
        await record_much(analytics)
        still = path.stat().st_size
        await analytics.maintenance.end_backup()
        await record_much(analytics)
        assert path.stat().st_size > still + 16_000_000


async def test_closed_ledger_is_not_held_still(path: Path) -> None:
    async with opened(path) as analytics:
        await analytics.close()
        for question in (analytics.maintenance.begin_backup, analytics.maintenance.end_backup):
            with pytest.raises(ClosedError):
                await question()
