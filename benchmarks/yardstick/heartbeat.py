"""A heartbeat that measures how long an event loop is blocked."""

import asyncio
from contextlib import suppress
import time
from typing import Self

_BEAT = 0.001


class Heartbeat:
    """A task that runs every millisecond while entered; ``longest`` is its longest delay in ms."""

    def __init__(self) -> None:
        """Initialize without a delay."""
        self.longest = 0.0
        self._task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        """Start the heartbeat."""
        self._task = asyncio.create_task(self._beat())
        await asyncio.sleep(0)
        return self

    async def __aexit__(self, *_: object) -> None:
        """Wait for another beat, then stop the heartbeat."""
        await asyncio.sleep(2 * _BEAT)
        assert self._task is not None
        self._task.cancel()
        with suppress(asyncio.CancelledError):
            await self._task

    async def _beat(self) -> None:
        while True:
            before = time.perf_counter()
            await asyncio.sleep(_BEAT)
            late = time.perf_counter() - before - _BEAT
            self.longest = max(self.longest, late * 1_000)
