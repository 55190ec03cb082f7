"""Asking the ledger: single events, the summary, the dashboard and its own state.

Every question is read in one hop on the reading connection, from one snapshot of the file, once the
sums that it may ask for are written.
"""

from collections.abc import Callable, Mapping
from datetime import date, datetime
from functools import partial
import re
import sqlite3
from typing import Final
from zoneinfo import ZoneInfo

from .breakdowns import By
from .errors import (
    ClosedError,
    DamagedDatabaseError,
    InvalidInputError,
    NotFoundError,
    StorageError,
)
from .models import Status, StoredEvent
from .money import MAX_INT64
from .overview import Dashboard, EventPage, Figures, Health, Summary, Watch
from .periods import from_us, to_us
from .places import Directory
from .schema import SCHEMA_VERSION
from .settings import Settings
from .store import answers, breakdowns, figures, filters, listing, queries
from .store.database import Connection
from .store.events import read_event
from .store.recording import EventWriter, Pending, Written
from .totals import Filter
from .writer import Writer

_FOREVER: Final = 2**62
_CURSOR: Final = re.compile("([0-9]{1,18})-([0-9]{1,18})")
ANYTHING: Final = Filter()
NOTHING: Final = Watch()


class LedgerReader:
    """The part of the ledger that only reads. All instants given are in the home's zone."""

    _zone: ZoneInfo
    _settings: Settings
    _clock: Callable[[], datetime]
    _directory: Callable[[], Directory]
    _db: Connection
    _reader: Connection
    _events: EventWriter
    _writer: Writer[Pending, tuple[Written, ...]]
    _last_write: datetime | None
    _closed: bool
    _exports: int
    _looked: date | None

    @property
    def zone(self) -> ZoneInfo:
        """Return the home's time zone."""
        return self._zone

    @property
    def home_currency(self) -> str | None:
        """Return the currency of the second figure that is asked for, None if none is."""
        return self._settings.home_currency

    def _check_open(self) -> None:
        if self._closed:
            raise ClosedError

    async def _read[T](self, read: Callable[[sqlite3.Connection], T]) -> T:
        self._check_open()
        sums = self._events.sums
        with sums.read() as seen:
            if sums.behind:
                try:
                    await self._db.run_at_once(lambda _: sums.settle())
                except DamagedDatabaseError:
                    pass  # what is sound can still be read
                except StorageError:
                    return await self._db.run_at_once(lambda _: sums.completed_for(read))
            return await self._read_events(read, seen)

    async def _read_events[T](
        self, read: Callable[[sqlite3.Connection], T], seen: Callable[[], None] = lambda: None
    ) -> T:
        """Read what needs no sums; ``seen`` is called when what is read cannot change any more."""
        self._check_open()
        return await self._reader.run(lambda db: answers.snapshot(db, lambda: read(db), seen))

    async def event(self, event_id: int) -> StoredEvent:
        """Return one event. Raises NotFoundError."""
        zone, directory = self._zone, self._directory()
        event = None
        if event_id <= MAX_INT64:
            event = await self._read_events(lambda db: read_event(db, event_id, zone, directory))
        if event is None:
            raise NotFoundError("event", str(event_id))
        return event

    async def events(
        self,
        wanted: Filter = ANYTHING,
        *,
        start: datetime | None = None,
        end: datetime | None = None,
        status: Status | None = None,
        limit: int = 100,
        before: str | None = None,
    ) -> EventPage:
        """Return events with start <= time < end, newest first; ``before`` is a page's cursor.

        Raises InvalidInputError for a cursor that is none or a ``start`` that is not before
        ``end``, EventsRemovedError for one of them inside a day whose events are gone.
        """
        if start is not None and end is not None:
            check_order(start, end)
        zone, directory = self._zone, self._directory()
        cursor = None if before is None else _cursor(before)
        low = 0 if start is None else to_us(start)
        high = _FOREVER if end is None else to_us(end)

        def read(db: sqlite3.Connection) -> EventPage:
            answers.check_bounds(db, start, end, zone)
            found = listing.events(
                db,
                filters.choose(db, wanted),
                start=low,
                end=high,
                failed=None if status is None else status is Status.ERROR,
                before=cursor,
                limit=limit,
                zone=zone,
                directory=directory,
            )
            last = found[-1] if len(found) == limit else None
            events_from = queries.ledger(db).events_from
            return EventPage(
                events=found,
                next=None if last is None else f"{to_us(last.timestamp)}-{last.id}",
                events_from=None if events_from is None else from_us(events_from, zone),
            )

        return await self._read(read)

    async def seen(self, by: By) -> Mapping[str, str | None]:
        """Return every key of a dimension, as a filter takes it, with its name."""
        return await self._read(partial(breakdowns.seen, by=by, directory=self._directory()))

    async def summary(self, wanted: Filter = ANYTHING) -> Summary:
        """Return the sums of today, this week (from Monday) and this month."""
        return await self._read(
            partial(
                answers.summary,
                wanted=wanted,
                now=self._clock(),
                zone=self._zone,
                currency=self.home_currency,
            )
        )

    async def figures(self, watch: Watch = NOTHING) -> Figures:
        """Return what the sensors show; only what is watched by a filter is filtered."""
        found = await self._read(
            partial(
                figures.figures,
                watch=watch,
                looked=self._looked,
                now=self._clock(),
                zone=self._zone,
                currency=self.home_currency,
            )
        )
        self._looked = found.day
        return found

    async def dashboard(self, wanted: Filter = ANYTHING) -> Dashboard:
        """Return the dashboard. Raises EventsRemovedError for a tag whose events are gone."""
        return await self._read(
            partial(
                answers.dashboard,
                wanted=wanted,
                now=self._clock(),
                zone=self._zone,
                directory=self._directory(),
                currency=self.home_currency,
            )
        )

    async def health(self) -> Health:
        """Return how the ledger itself is doing."""
        zone = self._zone

        def read(db: sqlite3.Connection) -> Health:
            state = queries.ledger(db)
            first = queries.first_day(db)
            pages = db.execute("PRAGMA page_count").fetchone()[0]
            size = db.execute("PRAGMA page_size").fetchone()[0]
            return Health(
                status="ok",
                schema_version=SCHEMA_VERSION,
                events=state.events,
                first_day=None if first is None else first.isoformat(),
                events_from=(
                    None if state.events_from is None else from_us(state.events_from, zone)
                ),
                database_bytes=pages * size,
                queue_depth=self._writer.depth,
                last_write=(
                    None if self._last_write is None else self._last_write.astimezone(zone)
                ),
                unpriced_models=answers.unpriced_models(db),
            )

        return await self._read(read)


def check_order(start: datetime, end: datetime) -> None:
    """Raise InvalidInputError unless ``start`` is before ``end``."""
    if start >= end:
        raise InvalidInputError("start", "must be before end")


def _cursor(text: str) -> tuple[int, int]:
    parts = _CURSOR.fullmatch(text)
    if parts is None:
        raise InvalidInputError("before", "must be the cursor of an earlier answer")
    return int(parts[1]), int(parts[2])
