"""``Analytics``: the one object through which everything is recorded and asked.

It owns the database file, the writer's queue and the price book. The clock and the time zone are
given to it; it never reads them from the system. All instants it takes and gives are aware
datetimes; those it gives are in the home's zone. Amounts are exact ``Decimal`` US dollars.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Collection, Sequence
import dataclasses
from dataclasses import dataclass, field
from datetime import date, datetime
from functools import partial
import logging
from pathlib import Path
import sqlite3
import time
from typing import Final, Self
from zoneinfo import ZoneInfo

from .catalogue import Catalogue
from .default_rates import FREE_PROVIDERS
from .errors import (
    AnalyticsError,
    ClosedError,
    DamagedDatabaseError,
    InvalidInputError,
    NotFoundError,
)
from .models import (
    AHEAD,
    EARLIEST,
    MAX_BATCH,
    Filter,
    Recorded,
    RecordedBatch,
    Status,
    StoredEvent,
    UsageEvent,
)
from .overview import CleanUp, Dashboard, EventPage, Health, Summary
from .periods import DAY, Days, Period, Span, day_span, from_us, midnight, to_us
from .pricing import PriceBook
from .reports import (
    CSV_DETAILED,
    CSV_SUMMARY,
    Report,
    csv_event,
    csv_lines,
    csv_summary,
)
from .schema import SCHEMA_VERSION
from .store import answers, export, maintenance, prices, queries
from .store.database import Connection, open_reader, open_writer, quick_check, set_aside
from .store.events import EventWriter, Pending, Written, read_event
from .writer import Writer

_LOGGER = logging.getLogger(__name__)

_CLEAN_UP_SECONDS: Final = 20.0
_FOREVER: Final = 2**62
_CURSOR_LENGTH: Final = 40
# How long events stay where the household does not keep request details: retries still find them.
_DETAIL_DAYS: Final = 7
_ANYTHING: Final = Filter()


@dataclass(frozen=True, slots=True)
class Settings:
    """What the household has chosen. ``retention_days`` 0 keeps events for ever."""

    retention_days: int = 365
    keep_details: bool = True
    keep_metadata: bool = True
    use_catalogue: bool = True
    free_providers: Collection[str] = field(default=FREE_PROVIDERS)


class Analytics:
    """A household's ledger of language-model usage: made by ``open``, ended by ``close``."""

    def __init__(
        self,
        path: Path,
        *,
        zone: ZoneInfo,
        clock: Callable[[], datetime],
        settings: Settings,
        committed: Callable[[], None],
    ) -> None:
        """Use ``open`` instead."""
        self._path = path
        self._zone = zone
        self._clock = clock
        self._settings = settings
        self._committed = committed
        self._last_write: datetime | None = None
        self.set_aside: Path | None = None
        self._db: Connection
        self._reader: Connection
        self._events: EventWriter
        self._writer: Writer[Pending, tuple[Written, ...]]
        self._checking: asyncio.Task[None] | None = None
        self._cleaning = asyncio.Lock()
        self._closed = False

    @classmethod
    async def open(
        cls,
        path: Path,
        *,
        zone: ZoneInfo,
        clock: Callable[[], datetime],
        settings: Settings | None = None,
        committed: Callable[[], None] = lambda: None,
    ) -> Self:
        """Open the ledger at ``path``, creating or migrating the file as needed.

        ``clock`` returns the present instant; ``committed`` is called in the event loop after
        each change. A damaged file is renamed and a new one started; ``set_aside`` then names
        it. Raises NewerSchemaError (file untouched) or StorageError.
        """
        self = cls(
            path,
            zone=zone,
            clock=clock,
            settings=settings or Settings(),
            committed=committed,
        )
        try:
            await self._open()
        except DamagedDatabaseError:
            self.set_aside = await asyncio.to_thread(set_aside, path, clock())
            _LOGGER.warning("The database is damaged; it is kept as %s", self.set_aside)
            await self._open()
        return self

    async def _open(self) -> None:
        self._db = await open_writer(self._path)
        try:
            state = await self._db.run(queries.ledger)
            if not state.clean_stop:
                _LOGGER.debug("The ledger was not closed cleanly; checking the file")
                await self._db.run(quick_check)
            book = await self._price_book()
            zone = self._zone
            self._events = await self._db.run(lambda db: _prepare(db, book, zone))
            self._reader = await open_reader(self._path)
        except BaseException:
            await self._db.close()
            raise
        self._writer = Writer(run=self._run_write, write=self._events.write, committed=self._wrote)

    def _run_write[T](self, function: Callable[[], T]) -> asyncio.Future[T]:
        return self._db.run(lambda _: function())

    def _wrote(self) -> None:
        self._last_write = self._clock()
        self._committed()

    async def _price_book(self) -> PriceBook:
        """Return a new price book from the settings and the file."""
        catalogue = None
        if self._settings.use_catalogue:
            catalogue = await asyncio.to_thread(Catalogue.bundled)
            if catalogue is None:
                _LOGGER.warning("genai-prices cannot be loaded; the default table is used instead")
        overrides, exchange = await self._db.run(prices.dated)
        return PriceBook(
            overrides=overrides,
            exchange_rates=exchange,
            catalogue=catalogue,
            free=frozenset(self._settings.free_providers),
        )

    async def close(self) -> None:
        """Store what is queued, close the file and join its threads. May be called twice."""
        if self._closed:
            return
        self._closed = True
        await self._writer.close()
        try:
            await self._db.run(partial(maintenance.mark, clean=True))
        except AnalyticsError:
            _LOGGER.warning("The ledger could not be marked as closed cleanly", exc_info=True)
        await self._reader.close()
        await self._db.close()

    @property
    def zone(self) -> ZoneInfo:
        """Return the home's time zone."""
        return self._zone

    async def set_zone(self, zone: ZoneInfo) -> None:
        """Date everything by another zone; days whose events are gone keep their dates."""
        self._check_open()
        self._zone = zone
        events = self._events

        def change(db: sqlite3.Connection) -> None:
            maintenance.set_zone(db, zone)
            events.set_zone(zone)

        await self._db.run(change)
        self._committed()

    def _check_open(self) -> None:
        if self._closed:
            raise ClosedError

    # Recording

    async def record(self, event: UsageEvent) -> Recorded:
        """Store one event durably and return it with its id and price.

        An event whose request id the provider has already reported is not stored again; the
        stored one is returned. Raises InvalidInputError, ClosedError or StorageError.
        """
        (written,) = await self._submit([self._pending(event)])
        return Recorded(event=written.event, duplicate=written.duplicate)

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
        written = await self._submit(pending)
        return RecordedBatch(
            ids=tuple(one.event.id for one in written),
            duplicates=sum(one.duplicate for one in written),
        )

    async def _submit(self, pending: Sequence[Pending]) -> tuple[Written, ...]:
        return await self._writer.submit(pending)

    def _pending(self, event: UsageEvent) -> Pending:
        now = self._clock()
        moment = event.timestamp or now
        if not EARLIEST <= moment <= now + AHEAD:
            raise InvalidInputError(
                "timestamp",
                f"must be from {EARLIEST.date()} to 5 minutes ahead, got {moment.isoformat()}",
            )
        if event.metadata is not None and not self._settings.keep_metadata:
            event = dataclasses.replace(event, metadata=None)
        return Pending(event, moment)

    async def delete_event(self, event_id: int) -> None:
        """Delete one event; every sum follows. Raises NotFoundError."""
        self._check_open()
        zone = self._zone
        found = await self._db.run(lambda db: maintenance.delete_event(db, event_id, zone))
        if not found:
            raise NotFoundError("event", str(event_id))
        self._wrote()

    # Asking

    async def _read[T](self, read: Callable[[sqlite3.Connection], T]) -> T:
        self._check_open()
        return await self._reader.run(lambda db: answers.snapshot(db, lambda: read(db)))

    async def event(self, event_id: int) -> StoredEvent:
        """Return one event. Raises NotFoundError."""
        zone = self._zone
        event = await self._read(lambda db: read_event(db, event_id, zone))
        if event is None:
            raise NotFoundError("event", str(event_id))
        return event

    async def events(
        self,
        wanted: Filter = _ANYTHING,
        *,
        start: datetime | None = None,
        end: datetime | None = None,
        status: Status | None = None,
        limit: int = 100,
        before: str | None = None,
    ) -> EventPage:
        """Return events with start <= time < end, newest first; ``before`` is a page's cursor.

        Raises InvalidInputError for a cursor that is none, EventsRemovedError for a ``start`` or
        ``end`` inside a day whose events are gone.
        """
        zone = self._zone
        cursor = None if before is None else _cursor(before)
        low = 0 if start is None else to_us(start)
        high = _FOREVER if end is None else to_us(end)

        def read(db: sqlite3.Connection) -> EventPage:
            for name, moment in (("start", start), ("end", end)):
                if moment is not None and midnight(moment.astimezone(zone).date(), zone) != moment:
                    queries.check_events(db, to_us(moment), zone, name)
            found = queries.events(
                db,
                queries.choose(db, wanted),
                start=low,
                end=high,
                failed=None if status is None else status is Status.ERROR,
                before=cursor,
                limit=limit,
                zone=zone,
            )
            last = found[-1] if len(found) == limit else None
            events_from = queries.ledger(db).events_from
            return EventPage(
                events=found,
                next=None if last is None else f"{to_us(last.timestamp)}-{last.id}",
                events_from=None if events_from is None else from_us(events_from, zone),
            )

        return await self._read(read)

    async def summary(self, wanted: Filter = _ANYTHING) -> Summary:
        """Return the sums of today, this week (from Monday) and this month."""
        return await self._read(
            partial(answers.summary, wanted=wanted, now=self._clock(), zone=self._zone)
        )

    async def dashboard(self, wanted: Filter = _ANYTHING) -> Dashboard:
        """Return the dashboard. Raises EventsRemovedError for a tag whose events are gone."""
        return await self._read(
            partial(answers.dashboard, wanted=wanted, now=self._clock(), zone=self._zone)
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

    # Reports

    async def report(
        self,
        period: Period = Period.WEEK,
        *,
        day: date | None = None,
        span: Span | None = None,
        wanted: Filter = _ANYTHING,
    ) -> Report:
        """Return the report of the calendar period that ``day`` (default today) lies in.

        ``custom`` takes its bounds from ``span``. Raises InvalidInputError for a missing or empty
        span, EventsRemovedError where only single events can answer and they are gone.
        """
        now, zone = self._clock(), self._zone
        return await self._read(
            lambda db: answers.report(
                db,
                wanted,
                period,
                self._bounds(db, period, day, span, now=now),
                now=now,
                zone=zone,
            )
        )

    def _bounds(
        self,
        db: sqlite3.Connection,
        period: Period,
        day: date | None,
        span: Span | None,
        *,
        now: datetime,
    ) -> Days | Span:
        if period is Period.CUSTOM:
            if span is None:
                raise InvalidInputError("start", "required, with end, for the period custom")
            if span.start >= span.end:
                raise InvalidInputError("start", "must be before end")
            return span
        if span is not None:
            raise InvalidInputError("start", "start and end go with the period custom only")
        return answers.report_days(db, period, day, today=now.astimezone(self._zone).date())

    async def report_csv(
        self,
        period: Period = Period.WEEK,
        *,
        day: date | None = None,
        span: Span | None = None,
        wanted: Filter = _ANYTHING,
        detailed: bool = False,
    ) -> tuple[str, AsyncIterator[str]]:
        """Return a report's file name and its CSV text in pieces, memory staying constant.

        ``detailed`` gives one row per event, else one per day, device, endpoint and provider.
        Errors are raised here, before the first piece.
        """
        now, zone = self._clock(), self._zone

        def read(db: sqlite3.Connection) -> tuple[Days | Span, int]:
            bounds = self._bounds(db, period, day, span, now=now)
            if isinstance(bounds, Span):
                answers.check_instants(db, bounds, zone)
            return bounds, queries.ledger(db).last_event

        bounds, last_event = await self._read(read)
        covered = bounds if isinstance(bounds, Span) else day_span(bounds, zone)
        stamp = covered.start.astimezone(zone).strftime("%Y%m%d")
        name = f"usage_report_{period}_{stamp}.csv"
        if detailed:
            return name, self._detailed_csv(wanted, covered, last_event)
        return name, self._summary_csv(wanted, covered)

    async def _detailed_csv(
        self, wanted: Filter, span: Span, last_event: int
    ) -> AsyncIterator[str]:
        zone = self._zone
        yield csv_lines([CSV_DETAILED])
        after = (0, 0)
        while True:
            page = await self._read(
                partial(
                    export.events_after,
                    wanted=wanted,
                    span=span,
                    after=after,
                    last_event=last_event,
                    zone=zone,
                )
            )
            if not page:
                return
            yield csv_lines(csv_event(event) for event in page)
            after = (to_us(page[-1].timestamp), page[-1].id)

    async def _summary_csv(self, wanted: Filter, span: Span) -> AsyncIterator[str]:
        zone = self._zone
        yield csv_lines([CSV_SUMMARY])
        first = span.start.astimezone(zone).date()
        last = min(span.end, self._clock() + AHEAD).astimezone(zone).date()
        for day in Days(first, last).dates():
            whole = day_span(Days(day, day), zone)
            part = Span(max(span.start, whole.start), min(span.end, whole.end))
            if part.start < part.end:
                rows = await self._read(
                    partial(export.day_rows, wanted=wanted, span=part, zone=zone)
                )
                yield csv_lines(csv_summary(day, *row) for row in rows)

    # Care

    async def clean_up(
        self,
        retention_days: int | None = None,
        *,
        keep_aggregates: bool = True,
        budget: float = _CLEAN_UP_SECONDS,
    ) -> CleanUp:
        """Remove the events of whole local days older than ``retention_days`` days.

        None takes the settings' retention, of which 0 removes nothing. Works in small steps for
        at most about ``budget`` seconds; ``complete`` is False if it has to be called again.
        """
        days = self._settings.retention_days if retention_days is None else retention_days
        if not days:
            return await self._cleaned(None, 0, 0, 0, complete=True)
        today = self._clock().astimezone(self._zone).date()
        return await self._clean_up(
            today - days * DAY, keep_aggregates=keep_aggregates, budget=budget
        )

    async def retain(self) -> CleanUp:
        """Do the daily clean-up that the settings ask for."""
        if self._settings.keep_details:
            return await self.clean_up()
        today = self._clock().astimezone(self._zone).date()
        return await self._clean_up(
            today - _DETAIL_DAYS * DAY, keep_aggregates=True, budget=_CLEAN_UP_SECONDS
        )

    async def _clean_up(self, before: date, *, keep_aggregates: bool, budget: float) -> CleanUp:
        self._check_open()
        zone, events = self._zone, self._events
        deleted = aggregates = reclaimed = 0
        deadline = time.monotonic() + budget
        complete = False
        async with self._cleaning:
            while time.monotonic() < deadline and not complete:

                def step(db: sqlite3.Connection) -> maintenance.Step:
                    done = maintenance.clean_up(db, before, zone, keep_aggregates=keep_aggregates)
                    events.reload()
                    return done

                done = await self._db.run(step)
                deleted += done.events
                aggregates += done.aggregates
                complete = done.done
            while complete and time.monotonic() < deadline:
                freed = await self._db.run(maintenance.reclaim)
                if not freed:
                    break
                reclaimed += freed
        if deleted or aggregates:
            self._wrote()
        return await self._cleaned(before, deleted, aggregates, reclaimed, complete=complete)

    async def _cleaned(
        self, before: date | None, deleted: int, aggregates: int, reclaimed: int, *, complete: bool
    ) -> CleanUp:
        zone = self._zone
        state = await self._read(queries.ledger)
        return CleanUp(
            before=None if before is None else midnight(before, zone).astimezone(zone),
            events_from=None if state.events_from is None else from_us(state.events_from, zone),
            events_deleted=deleted,
            aggregates_deleted=aggregates,
            bytes_reclaimed=reclaimed,
            complete=complete,
        )


def _prepare(db: sqlite3.Connection, book: PriceBook, zone: ZoneInfo) -> EventWriter:
    maintenance.mark(db, clean=False)
    maintenance.set_zone(db, zone)
    return EventWriter(db, book, zone)


def _cursor(text: str) -> tuple[int, int]:
    time_text, _, id_text = text.partition("-")
    if not (time_text.isdecimal() and id_text.isdecimal() and len(text) <= _CURSOR_LENGTH):
        raise InvalidInputError("before", "must be the cursor of an earlier answer")
    return int(time_text), int(id_text)
