"""``Analytics``: the one object through which everything is recorded and asked.

It owns the database file, the writer's queue and the price book. The clock and the time zone are
given to it; it never reads them from the system. All instants it takes and gives are aware
datetimes; those it gives are in the home's zone. Amounts are exact ``Decimal`` US dollars.

What can be asked stands in ``reader``, ``reporting``, ``insights`` and ``costing``, what tidies in
``keeper``, what others write down of its hours in ``mirror``.
"""

import asyncio
from collections.abc import Callable, Sequence
from datetime import date, datetime
from functools import partial
import logging
from pathlib import Path
import sqlite3
from typing import Self
from zoneinfo import ZoneInfo

from .catalogue import Catalogue
from .checks import AHEAD, EARLIEST, MAX_BATCH
from .costing import Costing, price_book
from .errors import AnalyticsError, DamagedDatabaseError, InvalidInputError
from .insights import Insights
from .keeper import LedgerKeeper
from .keeping import kept
from .mirror import HourlyMirror
from .models import Recorded, RecordedBatch, StoredEvent, UsageEvent
from .places import NOBODY, Directory
from .pricing import PriceBook
from .reporting import Reporting
from .settings import Settings
from .soundness import Soundness
from .store import maintenance, queries
from .store.database import open_reader, open_writer, set_aside
from .store.recording import EventWriter, Pending, Written
from .store.salvage import events_after
from .writer import Writer

_LOGGER = logging.getLogger(__name__)


class Analytics(Reporting, Insights, Costing, HourlyMirror, LedgerKeeper, Soundness):
    """A household's ledger of language-model usage: made by ``open``, ended by ``close``."""

    def __init__(
        self,
        path: Path,
        *,
        zone: ZoneInfo,
        clock: Callable[[], datetime],
        settings: Settings,
        committed: Callable[[], None],
        directory: Callable[[], Directory],
    ) -> None:
        """Use ``open`` instead."""
        self._path = path
        self._zone = zone
        self._clock = clock
        self._settings = settings
        self._committed = committed
        self._directory = directory
        self._last_write: datetime | None = None
        self.set_aside: Path | None = None
        self._catalogue: Catalogue | None = None
        self._cleaning = asyncio.Lock()
        self._rebuild_from: date | None = None
        self._reprice_from = None
        self._reached = {}
        self._convert_from = None
        self._closed = False
        self._unchecked = self._unsound = False
        self._exports = 0
        self._backup = False
        self._looked = None

    @classmethod
    async def open(
        cls,
        path: Path,
        *,
        zone: ZoneInfo,
        clock: Callable[[], datetime],
        settings: Settings | None = None,
        committed: Callable[[], None] = lambda: None,
        directory: Callable[[], Directory] = lambda: NOBODY,
    ) -> Self:
        """Open the ledger at ``path``, creating or migrating the file as needed.

        ``clock`` returns the present instant, ``directory`` what the home knows of devices and
        users now; ``committed`` is called in the event loop after each change. A damaged file is
        renamed and a new one started; ``set_aside`` then names it. Raises NewerSchemaError (file
        untouched) or StorageError.
        """
        self = cls(
            path,
            zone=zone,
            clock=clock,
            settings=settings or Settings(),
            committed=committed,
            directory=directory,
        )
        try:
            await self._open()
        except DamagedDatabaseError:
            await self._put_aside()
            await self._open()
        return self

    async def _open(self) -> None:
        self._db = await open_writer(self._path)
        try:
            state = await self._db.run(queries.ledger)
            self._unchecked = not state.clean_stop
            self._opened_after = state.last_event
            self._looked = state.looked
            await self._load_catalogue()
            settings, catalogue, zone = self._settings, self._catalogue, self._zone
            self._events = await self._db.run(
                lambda db: _prepare(db, price_book(db, settings, catalogue), zone)
            )
            self._reader = await open_reader(self._path)
        except BaseException:
            await self._db.close()
            raise
        self._db.first = self._events.sums.make_way
        self._writer = Writer(run=self._run_write, write=self._events.write, committed=self._wrote)

    async def _load_catalogue(self) -> None:
        if not self._settings.use_catalogue:
            return
        self._catalogue = await asyncio.to_thread(Catalogue.bundled)
        if self._catalogue is None:
            _LOGGER.warning("genai-prices cannot be loaded; the default table is used instead")

    def _run_write[T](self, function: Callable[[], T]) -> asyncio.Future[T]:
        return self._db.run_at_once(lambda _: function())

    def _wrote(self) -> None:
        self._last_write = self._clock()
        self._committed()

    async def close(self) -> None:
        """Store what is queued, close the file and join its threads. May be called twice.

        A file that ``check`` found damaged is renamed, ``set_aside`` then names it, and a new one
        started with what was recorded since this one was opened.
        """
        if self._closed:
            return
        self._closed = True
        recent: list[StoredEvent] = []
        try:
            await self._writer.close()
            async with self._cleaning:  # a clean-up ends with the step that it is doing
                if self._unsound:
                    recent = await self._recent()
                # A file in which damage was met is checked when it is opened again.
                clean = not (self._unchecked or self._db.damaged or self._reader.damaged)
                await self._db.run(partial(maintenance.mark, clean=clean))
        except AnalyticsError:
            _LOGGER.warning("The ledger could not be marked as closed cleanly", exc_info=True)
        finally:
            await self._reader.close()
            await self._db.close()
        if self._unsound:
            await self._begin_anew(recent)

    async def _recent(self) -> list[StoredEvent]:
        after, zone = self._opened_after, self._zone
        found, unreadable = await self._db.run_at_once(lambda db: events_after(db, after, zone))
        if unreadable:
            _LOGGER.warning("%s events of a damaged database cannot be read", unreadable)
        return found

    async def _begin_anew(self, events: Sequence[StoredEvent]) -> None:
        await self._put_aside()
        fresh = await type(self).open(
            self._path, zone=self._zone, clock=self._clock, settings=self._settings
        )
        await fresh.take_over(events)
        await fresh.close()

    async def _put_aside(self) -> None:
        self.set_aside = await asyncio.to_thread(set_aside, self._path, self._clock())
        _LOGGER.warning("The database is damaged; it is kept as %s", self.set_aside)

    async def set_zone(self, zone: ZoneInfo) -> None:
        """Date everything by another zone; days whose events are gone keep their dates."""
        self._check_open()
        events = self._events

        def change(db: sqlite3.Connection) -> None:
            maintenance.set_zone(db, zone)
            events.set_zone(zone)

        await self._db.run(change)
        self._zone = zone
        self._committed()

    async def record(self, event: UsageEvent) -> Recorded:
        """Store one event durably and return it with its id and price.

        An event whose request id the provider has already reported is not stored again; the
        stored one is returned. Raises InvalidInputError, ClosedError or StorageError.
        """
        return self._recorded(await self._writer.submit((self._pending(event),)))

    def _recorded(self, written: Sequence[Written]) -> Recorded:
        ((stored, duplicate),) = written
        return Recorded(
            stored if stored.device_name is not None else self._named(stored), duplicate
        )

    def _named(self, event: StoredEvent) -> StoredEvent:
        """Return an event with the home's name of its device, as nobody else gave one."""
        key = event.usage.device_key
        name = None if key is None else self._directory().device(key).name
        return event._replace(device_name=name)

    async def record_many(self, events: Sequence[UsageEvent]) -> RecordedBatch:
        """Store 1 to 1,000 events together or not at all.

        Raises InvalidInputError, with the index of the event where one is to blame.
        """
        if not 1 <= len(events) <= MAX_BATCH:
            raise InvalidInputError("events", f"must be 1 to {MAX_BATCH} events, got {len(events)}")
        pending = []
        for index, event in enumerate(events):
            try:
                pending.append(self._pending(event))
            except InvalidInputError as error:
                raise error.at(index) from None
        written = await self._writer.submit(pending)
        return RecordedBatch(
            ids=tuple(event.id for event, _ in written),
            duplicates=sum(duplicate for _, duplicate in written),
        )

    def _pending(self, event: UsageEvent) -> Pending:
        now = self._clock()
        moment = event.timestamp or now
        if not EARLIEST <= moment <= now + AHEAD:
            raise InvalidInputError(
                "timestamp",
                f"must be from {EARLIEST.date()} to 5 minutes ahead, got {moment.isoformat()}",
            )
        return kept(event, self._settings), moment


def _prepare(db: sqlite3.Connection, book: PriceBook, zone: ZoneInfo) -> EventWriter:
    maintenance.catch_up(db, zone)
    maintenance.mark(db, clean=False)
    maintenance.set_zone(db, zone)
    return EventWriter(db, book, zone)
