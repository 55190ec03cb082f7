"""``TokenTracker``: usage in, single events out."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
import logging
import sqlite3

from ..errors import AnalyticsError, InvalidInputError, NotFoundError
from ..ledger import Ledger
from ..limits import AHEAD, EARLIEST, MAX_BATCH, check_order
from ..models import CostSource, Recorded, RecordedBatch, Status, StoredEvent, UsageEvent
from ..money import MAX_INT64, from_pico
from ..periods import FOREVER_US, from_us, to_us
from ..store import filters
from ..store.corrections import delete_event
from ..store.counters import check_bounds, read_counters
from ..store.events import read_event
from ..store.recording import Pending, Written
from ..totals import ANYTHING, Filter
from .listing import EventPage, parse_cursor, read_events
from .privacy import with_privacy
from .writer import Writer

_LOGGER = logging.getLogger(__name__)


class TokenTracker:
    """Records requests durably, lists them, and takes single ones out again."""

    def __init__(self, ledger: Ledger) -> None:
        """Work with an open ledger."""
        self._ledger = ledger
        self._writer = Writer[Pending, tuple[Written, ...]](
            run=lambda function: ledger.db.run_at_once(lambda _: function()),
            write=ledger.events.write,
            committed=ledger.wrote,
        )

    @property
    def queue_depth(self) -> int:
        """Return how many events wait or are being written."""
        return self._writer.depth

    async def record(self, event: UsageEvent) -> Recorded:
        """Store one event durably and return it with its id and price.

        An event whose request id the provider has already reported is not stored again; the
        stored one is returned. Raises InvalidInputError, ClosedError or StorageError.
        """
        return self._recorded(await self._writer.submit((self._pending(event),)))

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
        now = self._ledger.clock()
        moment = event.timestamp or now
        if not EARLIEST <= moment <= now + AHEAD:
            raise InvalidInputError(
                "timestamp",
                f"must be from {EARLIEST.date()} to 5 minutes ahead, got {moment.isoformat()}",
            )
        return with_privacy(event, self._ledger.settings), moment

    def _recorded(self, written: Sequence[Written]) -> Recorded:
        ((stored, duplicate),) = written
        return Recorded(
            stored if stored.device_name is not None else self._named(stored), duplicate
        )

    def _named(self, event: StoredEvent) -> StoredEvent:
        """Return an event with the home's name of its device, for which no client gave a name."""
        key = event.usage.device_key
        name = None if key is None else self._ledger.directory().device(key).name
        return event._replace(device_name=name)

    async def event(self, event_id: int) -> StoredEvent:
        """Return one event. Raises NotFoundError."""
        zone, directory = self._ledger.zone, self._ledger.directory()
        event = None
        if event_id <= MAX_INT64:
            event = await self._ledger.read_events(
                lambda db: read_event(db, event_id, zone, directory)
            )
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
        zone, directory = self._ledger.zone, self._ledger.directory()
        cursor = None if before is None else parse_cursor(before)
        low = 0 if start is None else to_us(start)
        high = FOREVER_US if end is None else to_us(end)

        def read(db: sqlite3.Connection) -> EventPage:
            check_bounds(db, start, end, zone)
            found = read_events(
                db,
                filters.resolve(db, wanted),
                start=low,
                end=high,
                failed=None if status is None else status is Status.ERROR,
                before=cursor,
                limit=limit,
                zone=zone,
                directory=directory,
            )
            last = found[-1] if len(found) == limit else None
            events_from = read_counters(db).events_from
            return EventPage(
                events=found,
                next=None if last is None else f"{to_us(last.timestamp)}-{last.id}",
                events_from=None if events_from is None else from_us(events_from, zone),
            )

        return await self._ledger.read(read)

    async def delete_event(self, event_id: int) -> None:
        """Delete one event; every sum follows. Raises NotFoundError."""
        self._ledger.check_open()
        events = self._ledger.events
        found = event_id <= MAX_INT64 and await self._ledger.write(
            lambda db: delete_event(db, event_id, events.zone)
        )
        if not found:
            raise NotFoundError("event", str(event_id))
        self._ledger.wrote()

    async def take_over(self, events: Sequence[StoredEvent]) -> None:
        """Record another ledger's events as they were stored there; what cannot be is logged."""
        for start in range(0, len(events), MAX_BATCH):
            pending = [_pending(event) for event in events[start : start + MAX_BATCH]]
            try:
                await self._writer.submit(pending)
            except AnalyticsError:
                _LOGGER.exception("%s events could not be taken over", len(pending))

    async def close(self) -> None:
        """Refuse new events and store all that are queued."""
        await self._writer.close()


def _pending(event: StoredEvent) -> Pending:
    usage = event.usage
    if event.price.source is CostSource.REPORTED and event.price.picos is not None:
        usage = replace(usage, cost_estimate=from_pico(event.price.picos))
    return usage, event.timestamp
