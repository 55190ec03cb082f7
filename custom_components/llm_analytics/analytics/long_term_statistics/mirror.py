"""What another database needs to mirror the ledger's hours: changes, in pages, until confirmed.

The hours of a year are many, so they come in pages, each added up in one short hop on the reading
connection. Where the pages come from may change while they are written down: what is added or
corrected meanwhile is noted and handed out next time. If clean-up or forgetting removes something,
the pages end unconfirmed, and the next call starts again.
"""

from collections.abc import AsyncGenerator, Set as AbstractSet
from datetime import datetime
from functools import partial
import sqlite3

from ..ledger import Ledger
from ..periods import SLOT_US, to_us
from ..store.aggregates import SLOT_DIMENSIONS
from ..store.database import transaction
from . import changes
from .changes import Reached, Taken, Walk
from .hours import SeriesHours


class HourlyMirror:
    """Hands out the hours of the ledger. One caller at a time."""

    def __init__(self, ledger: Ledger) -> None:
        """Work with an open ledger."""
        self._ledger = ledger
        self._reached: Reached = {}

    def begin_anew(self) -> None:
        """Forget how far sums were added up: some of what they were added from goes."""
        self._reached = {}

    async def hourly_changes(
        self, since: datetime | None = None
    ) -> AsyncGenerator[list[SeriesHours]]:
        """Yield the hours that have changed, and all later ones of their series, in pages.

        With ``since``, only of series that have not changed before it. Whoever comes back for
        more has written the last page down for good; coming back after the last confirms all.
        """
        self._ledger.check_open()
        reached, events, directory = self._reached, self._ledger.events, self._ledger.directory()
        slot = 0 if since is None else to_us(since) // SLOT_US

        def take(db: sqlite3.Connection) -> list[Taken]:
            with transaction(db):
                taken = changes.take(db, slot, directory)
            events.sums.noted.clear()
            return taken

        taken = await self._ledger.write(take)
        walks = {
            dimension: {one.key: Walk(one, reached) for one in taken if one.dimension is dimension}
            for dimension in SLOT_DIMENSIONS
        }
        for dimension, some in walks.items():
            position = changes.start_of(some) if some else None
            while position is not None:
                page, position = await self._ledger.read(
                    partial(changes.advance, dimension=dimension, walks=some, slot=position)
                )
                if page and self._reached is reached:
                    yield page
                if self._reached is not reached:
                    return
        self._ledger.check_open()
        await self._ledger.write(changes.confirm)
        for dimension, some in walks.items():
            for key, walk in some.items():
                reached[dimension, key] = walk.hour, walk.before

    async def forgotten_series(self) -> list[str]:
        """Return the slugs of series that are to be removed from what is written down."""
        return await self._ledger.read(changes.gone)

    async def confirm_forgotten(self, slugs: list[str]) -> None:
        """Note that forgotten series are not written down any more."""
        self._ledger.check_open()
        await self._ledger.write(partial(_confirm_gone, slugs=slugs))

    async def repeat_missing(self, present: AbstractSet[str]) -> None:
        """Hand out all hours again of series whose slugs are not among those ``present``.

        For a copy that has lost them. Their sums begin anew.
        """
        self._ledger.check_open()
        if await self._ledger.write(partial(_repeat, present=present)):
            self.begin_anew()


def _confirm_gone(db: sqlite3.Connection, slugs: list[str]) -> None:
    with transaction(db):
        changes.confirm_gone(db, slugs)


def _repeat(db: sqlite3.Connection, present: AbstractSet[str]) -> bool:
    with transaction(db):
        return changes.repeat(db, present)
