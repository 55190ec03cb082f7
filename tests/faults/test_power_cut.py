"""The current goes at random moments: nothing acknowledged is lost, and the file is sound.

The writes of the real process are recorded together with what it acknowledged and when it made
the disk keep what it wrote. Only that, and any part of the rest, is there after the cut.
"""

from collections.abc import Sequence
import logging
from pathlib import Path
import platform
import random
import sys

import pytest

from .acknowledged import Acknowledged
from .audit import audit
from .conftest import rounds
from .power_loss import Disk
from .syscall_trace import CALLS, Said, Step, SyncNames, record
from .workloads import WORKLOADS, opened

pytestmark = pytest.mark.skipif(
    sys.platform != "linux" or platform.machine() not in CALLS,
    reason="the calls of a process can be followed on Linux (x86_64, aarch64) only",
)

LOGGER = logging.getLogger(__name__)
EVENTS = 150
NOTHING_ELSE = "PRAGMA user_version"
HASTY = "PRAGMA synchronous = NORMAL"


@pytest.fixture(scope="module")
def steps(tmp_path_factory: pytest.TempPathFactory, seed: str) -> list[Step]:
    """Return what a process did that ran every workload."""
    return recorded(tmp_path_factory.mktemp("recorded"), seed, NOTHING_ELSE, *WORKLOADS)


def recorded(folder: Path, seed: str, pragma: str, *works: str) -> list[Step]:
    program = [sys.executable, "-m", "tests.faults.recorded_writes"]
    return record(folder, [*program, str(folder), seed, str(EVENTS), pragma, *works])


def part(steps: Sequence[Step], work: str) -> list[Step]:
    """Return the steps that concern one work's ledger."""

    def belongs(step: Step) -> bool:
        match step:
            case Said():
                return step.text.startswith(f"{work} ")
            case SyncNames():
                return True
            case _:
                return step.name.startswith(f"{work}.db")

    return [step for step in steps if belongs(step)]


def heard(steps: Sequence[Step]) -> Acknowledged:
    """Return what was acknowledged in some steps."""
    acknowledged = Acknowledged()
    for step in steps:
        if isinstance(step, Said):
            _, what, *numbers = step.text.split()
            acknowledged.hear(what, *map(int, numbers))
    return acknowledged


@pytest.mark.parametrize("work", WORKLOADS)
async def test_a_power_cut_at_any_moment_loses_nothing_acknowledged(
    tmp_path: Path, steps: list[Step], seed: str, work: str
) -> None:
    luck = random.Random(f"{seed}-{work}")
    taken = part(steps, work)
    moments = sorted(luck.choices(range(1, len(taken) + 1), k=rounds(25)))
    disk, done = Disk(), 0
    for number, moment in enumerate(moments):
        disk.do(taken[done:moment])
        done = moment
        folder = tmp_path / str(number)
        folder.mkdir()
        disk.cut(folder, luck)
        path = folder / f"{work}.db"
        async with opened(path) as analytics:
            assert analytics.set_aside is None
        heard(taken[:moment]).check(audit(path), cleans=work == "clean_up")
    acknowledged = len(heard(taken).recorded)
    assert acknowledged >= EVENTS
    LOGGER.info("%s: %d cuts within %d events, 0 lost", work, len(moments), acknowledged)


async def test_a_ledger_that_did_not_wait_for_the_disk_would_lose_events(
    tmp_path: Path, seed: str
) -> None:
    source = tmp_path / "recorded"
    source.mkdir()
    taken = part(recorded(source, seed, HASTY, "ingest"), "ingest")
    luck = random.Random(seed)
    lost = 0
    told = [place for place, step in enumerate(taken) if isinstance(step, Said)]
    for number in range(40):
        moment = luck.randint(told[len(told) // 4], told[-1])
        disk = Disk()
        disk.do(taken[:moment])
        folder = tmp_path / str(number)
        folder.mkdir()
        disk.cut(folder, luck)
        path = folder / "ingest.db"
        async with opened(path):
            pass
        lost += len(heard(taken[:moment]).recorded.items() - audit(path).events.items())
    assert lost > 0
