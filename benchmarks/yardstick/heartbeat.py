"""How long an event loop is held: a heartbeat that notes its longest delay."""

import asyncio
from contextlib import suppress
import time
from typing import Self

_BEAT = 0.001


class Heartbeat:
    """Beats every millisecond while it is entered; ``longest`` is the worst delay in ms."""

    def __init__(self) -> None:
        """Begin with none."""
        self.longest = 0.0
        self._task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        """Begin to beat."""
        self._task = asyncio.create_task(self._beat())
        await asyncio.sleep(0)
        return self

    async def __aexit__(self, *_: object) -> None:
        """Beat once more and stop."""
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
