"""Steps of long work on the writing thread, short enough that recording hardly waits for them.

A step is as many rows as 0.6 ms are worth on this machine and in this file, which the steps before
tell: deleting an event costs many times more where those of a day lie far apart in a ledger of
millions, or on a card.

What is written lies in the journal until it is moved into the main file, which takes longer than
any step or commit. After recording that is done when the answers are out, so that nobody waits for
it who does not come again at once. Beside steps it is done on a thread of its own, between two of
them: recording goes on meanwhile.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
import sqlite3
import time
from typing import Final

from .schema import JOURNAL_PAGES
from .store.database import (
    Connection,
    hold_still,
    leave_journal,
    let_go,
    move_journal,
    open_mover,
)

_AIM: Final = 0.0006
_LEAST: Final = 60
_MOST: Final = 1_000
# Rows between two moves: some 4 MB of the journal at most, where each row touches a page of its
# own. What is recorded during a move waits for the disk until it is over.
_ROWS_A_MOVE: Final = 1_000
# The most pages that a changed row adds to the journal: a lone caller's commits write the same
# pages again and again for two rows each, a crowd's hardly.
_PAGES_A_CHANGE: Final = 4.0
# How many times as long the journal may grow while somebody reads.
_WHILE_READ: Final = 4


class Pace:
    """How many rows the next step may take."""

    def __init__(self) -> None:
        """Begin with few."""
        self.rows = min(_LEAST, _MOST)

    def step[Done](
        self, work: Callable[[sqlite3.Connection, int], Done], count: Callable[[Done], int]
    ) -> Callable[[sqlite3.Connection], Done]:
        """Return ``work`` as a step of as many rows; ``count`` tells how many it took."""

        def timed(db: sqlite3.Connection) -> Done:
            start = time.perf_counter()
            done = work(db, self.rows)
            if count(done) >= self.rows:  # one that had less to do says nothing
                share = _AIM / (time.perf_counter() - start)
                fitting = int(self.rows * min(2, max(0.5, share)))
                self.rows = min(_MOST, max(_LEAST, fitting))
            return done

        return timed


class Journal:
    """Who moves the journal of one file into the main file, and when nobody may."""

    def __init__(self, db: Connection, path: Path) -> None:
        """``db`` is the connection that writes, which does it within its commits."""
        self._db = db
        self._path = path
        self._moving = asyncio.Lock()
        self._beside = False
        self._changes = 0
        self._pages_a_change = _PAGES_A_CHANGE / 2
        self.held = False

    async def hold(self) -> None:
        """Keep the main file as it is, with all that is stored now, until ``release``."""
        async with self._moving:
            self.held = True
            await self._db.run_at_once(hold_still)

    async def release(self) -> None:
        """Let the main file be written again."""
        await self._db.run_at_once(let_go)
        self.held = False

    def wrote(self, changes: int, *, reading: bool) -> None:
        """Move the journal if it has grown enough, behind what waits to be written now.

        ``changes`` is how many rows the connection that writes has changed since it was opened.
        While somebody is ``reading`` the journal cannot begin anew, so it may grow further. What
        cannot be moved is left to the commits, whose callers are told.
        """
        fresh = changes - self._changes
        enough = _WHILE_READ * JOURNAL_PAGES if reading else JOURNAL_PAGES
        if fresh * self._pages_a_change < enough or self.held or self._beside:
            return
        self._changes = changes
        self._db.run_at_once(move_journal).add_done_callback(partial(self._moved, fresh))

    def _moved(self, changes: int, move: asyncio.Future[int]) -> None:
        if not move.cancelled() and move.exception() is None:
            # It tells too little if a commit has moved the journal meanwhile, too much if somebody
            # was reading at the last move: then the journal has not begun anew since.
            least = self._pages_a_change / 2
            self._pages_a_change = min(_PAGES_A_CHANGE, max(least, move.result() / changes))

    @asynccontextmanager
    async def moved_beside(self) -> AsyncIterator[Callable[[int], Awaitable[None]]]:
        """Move the journal between the steps of some work, not within its commits.

        Gives what is to be awaited after each step, with the number of rows that it has changed.
        """
        mover = await open_mover(self._path)
        self._beside = True
        waiting = 0

        async def changed(rows: int) -> None:
            nonlocal waiting
            waiting += rows
            if waiting >= _ROWS_A_MOVE:
                waiting = 0
                await self._move(mover)

        try:
            await self._db.run(leave_journal)
            yield changed
        finally:
            self._beside = False
            await mover.close()
            if not self.held:
                await self._db.run_at_once(let_go)

    async def _move(self, mover: Connection) -> None:
        async with self._moving:
            if self.held:
                return
            # What is recorded meanwhile is left over: little after the second time, and nothing
            # after the writer's own. Then the journal begins anew and does not grow further.
            await mover.run(move_journal)
            await mover.run(move_journal)
            await self._db.run_at_once(move_journal)
