"""A process that records until there is no room, and goes on when there is some again.

    unshare -m python -m tests.faults.full FOLDER BYTES

mounts a file system of that size at FOLDER, which only this process sees, and leaves the ledger
and what was told of it in the current folder.
"""

import asyncio
from collections.abc import Callable, Sequence
from itertools import count, islice
import os
from pathlib import Path
import pickle
import resource
import shutil
import subprocess
import sys
from typing import Final

from custom_components.llm_analytics.analytics import Analytics, Period, StorageError
from tests.analytics.helpers import exported_json

from .workloads import RECORDED, Listener, event, opened

# What is told beside what was recorded.
REFUSED: Final = "refused"
ASKED: Final = "asked"
AGAIN: Final = "again"
REOPENED: Final = "reopened"

_LEFT: Final = 200_000


async def _record(analytics: Analytics, listener: Listener, numbers: Sequence[int]) -> bool:
    try:
        batch = await analytics.tracker.record_many([event(number) for number in numbers])
    except StorageError:
        listener.send((REFUSED, numbers[0]))
        return False
    for event_id, number in zip(batch.ids, numbers, strict=True):
        listener.send((RECORDED, event_id, number))
    return True


async def fill(
    path: Path, listener: Listener, squeeze: Callable[[], None], free: Callable[[], None]
) -> None:
    """Record until it is refused several times, then after room was made, then after closing."""
    unused = count(1)

    def next_numbers(size: int) -> list[int]:
        return list(islice(unused, size))

    async with opened(path) as analytics:
        assert await _record(analytics, listener, next_numbers(100))
        await analytics.maintenance.attention()  # the journal is no longer being moved
        squeeze()
        refused = 0
        while refused < 20:
            refused += not await _record(
                analytics, listener, next_numbers(1 if refused % 2 else 100)
            )
        listener.send((ASKED, len((await exported_json(analytics, period=Period.ALL))["events"])))
        for work in (
            analytics.maintenance.clean_up(30),
            analytics.maintenance.rebuild(),
            analytics.costs.reprice(),
        ):
            try:
                await work
            except StorageError:
                listener.send((REFUSED, 0))
        free()
        listener.send((AGAIN, await _record(analytics, listener, next_numbers(100))))
        await analytics.maintenance.attention()
        squeeze()
    # Closed and, while there is no room for anything, perhaps not opened again.
    try:
        async with opened(path):
            pass
    except StorageError:
        listener.send((REFUSED, 0))
    free()
    async with opened(path) as analytics:
        assert analytics.set_aside is None
        listener.send((REOPENED, await _record(analytics, listener, next_numbers(100))))


class Notes(list[tuple[str | int, ...]]):
    """Keeps what is told."""

    def send(self, told: tuple[str | int, ...], /) -> None:
        """Keep it."""
        self.append(told)


def fill_up_to_a_limit(path: Path, size: int, listener: Listener) -> None:
    """Let no file grow beyond a size for a while; the whole of a process."""
    _, hard = resource.getrlimit(resource.RLIMIT_FSIZE)

    def limit(soft: int) -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))

    asyncio.run(fill(path, listener, lambda: limit(size), lambda: limit(hard)))


def fill_a_file_system(folder: Path, size: int) -> None:
    """Let a file system run full."""
    options = ["-t", "tmpfs", "-o", f"size={size}", "tmpfs"]
    subprocess.run(["mount", *options, folder], check=True)
    ballast, notes = folder / "ballast", Notes()

    def squeeze() -> None:
        left = os.statvfs(folder)
        ballast.write_bytes(bytes(max(0, left.f_bavail * left.f_frsize - _LEFT)))

    try:
        asyncio.run(fill(folder / "ledger.db", notes, squeeze, ballast.unlink))
    finally:
        for file in folder.glob("ledger*"):
            shutil.copy(file, ".")
    Path("told").write_bytes(pickle.dumps(list(notes)))


if __name__ == "__main__":
    fill_a_file_system(Path(sys.argv[1]), int(sys.argv[2]))
