"""Group commit: many callers, one transaction, one call on the database thread.

``submit`` appends to a queue and waits. If nothing is being written, the next turn of the event
loop sends up to ``MAX_BATCH`` queued items to the database thread; when they are committed, all
callers continue and the next batch starts. A single caller waits for one fsync, many callers share
it.

The queue is bounded: beyond ``MAX_QUEUE`` items callers wait for room, in order of arrival. A
caller who is cancelled while waiting for the answer does not withdraw the item: it is stored. The
write function returns one outcome per submission, so one caller's bad item never fails another's.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from typing import Final

from ..errors import ClosedError

MAX_BATCH: Final = 2_000
MAX_QUEUE: Final = 20_000

# Items that are stored together or not at all, and where their outcome is awaited.
type Submission[Item, Outcome] = tuple[Sequence[Item], asyncio.Future[Outcome]]
# Writes submissions in one transaction and returns one outcome (or the exception to raise) for
# each.
type Write[Item, Outcome] = Callable[[Sequence[Sequence[Item]]], Sequence[Outcome | Exception]]


class Writer[Item, Outcome]:
    """The queue in front of the one connection that writes."""

    def __init__(
        self,
        *,
        run: Callable[
            [Callable[[], Sequence[Outcome | Exception]]],
            Awaitable[Sequence[Outcome | Exception]],
        ],
        write: Write[Item, Outcome],
        committed: Callable[[], None],
    ) -> None:
        """Prepare an empty queue.

        ``run`` carries a function to the database thread, where ``write`` runs; ``committed`` is
        called in the loop after each batch of which something was stored, before its callers go on.
        """
        self._run = run
        self._write = write
        self._committed = committed
        self._queue: deque[Submission[Item, Outcome]] = deque()
        self._queued = 0
        self._arrivals = asyncio.Lock()
        self._room: asyncio.Future[None] | None = None
        self._task: asyncio.Task[None] | None = None
        self._closed = False

    @property
    def depth(self) -> int:
        """Return how many items wait or are being written."""
        return self._queued

    async def submit(self, items: Sequence[Item]) -> Outcome:
        """Store ``items`` together and return the outcome once they are durable.

        Raises ClosedError after ``close``, and what ``write`` returned as this submission's
        exception.
        """
        loop = asyncio.get_running_loop()
        if self._queued >= MAX_QUEUE or self._arrivals.locked():
            async with self._arrivals:  # it lets callers in one by one, in their order
                while self._queued >= MAX_QUEUE and not self._closed:
                    self._room = loop.create_future()
                    await self._room
                future = self._enqueue(items)
        else:
            future = self._enqueue(items)
        return await future

    def _enqueue(self, items: Sequence[Item]) -> asyncio.Future[Outcome]:
        if self._closed:
            raise ClosedError
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Outcome] = loop.create_future()
        self._queue.append((items, future))
        self._queued += len(items)
        if self._task is None:
            self._task = loop.create_task(self._drain())
        return future

    async def close(self) -> None:
        """Refuse new items, store all queued ones, and return when they are durable."""
        self._closed = True
        _resolve(self._room)
        if self._task is not None:
            await asyncio.shield(self._task)

    async def _drain(self) -> None:
        try:
            while self._queue:
                await self._write_batch(self._take())
        finally:
            self._task = None

    def _take(self) -> list[Submission[Item, Outcome]]:
        batch = [self._queue.popleft()]
        count = len(batch[0][0])
        while self._queue and (count := count + len(self._queue[0][0])) <= MAX_BATCH:
            batch.append(self._queue.popleft())
        return batch

    async def _write_batch(self, batch: Sequence[Submission[Item, Outcome]]) -> None:
        parts = [items for items, _ in batch]
        try:
            outcomes = await self._run(lambda: self._write(parts))
        except Exception as error:  # noqa: BLE001 - handed to every caller of the batch
            outcomes = [error] * len(batch)
        if not all(isinstance(outcome, Exception) for outcome in outcomes):
            asyncio.get_running_loop().call_soon(self._committed)
        self._queued -= sum(map(len, parts))
        for (_, future), outcome in zip(batch, outcomes, strict=True):
            if future.done():  # its caller has gone; the item is stored all the same
                continue
            if isinstance(outcome, Exception):
                future.set_exception(outcome)
            else:
                future.set_result(outcome)
        _resolve(self._room)


def _resolve(future: asyncio.Future[None] | None) -> None:
    if future is not None and not future.done():
        future.set_result(None)
