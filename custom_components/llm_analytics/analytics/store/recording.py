"""Events are written, many in one transaction.

Writing is idempotent by request id within a provider. Several callers' events share a
transaction; if it fails for what one of them brought, it is rolled back and each caller's events
are tried on their own, so only the one that brought it is refused.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
import sqlite3
from typing import Final, Protocol, Self
from zoneinfo import ZoneInfo

from ..errors import InvalidInputError
from ..models import Price, Status, StoredEvent, UsageEvent, tokens_of
from ..periods import from_us, local_day, to_us
from .aggregates import Changes, event_vector
from .database import storage_error, transaction
from .deferred_sums import DeferredSums
from .dimensions import Dimensions
from .events import COST_SOURCES, EVENT_COLUMNS, TIERS, read_event
from .request_ids import find_request, request_hash, store_requests, stored_hashes, to_stored

COST_CODES: Final = {source: code for code, source in enumerate(COST_SOURCES)}
_TIER_CODES: Final = {tier: code for code, tier in enumerate(TIERS)}
_INSERT: Final = (
    f"INSERT INTO event ({EVENT_COLUMNS}) VALUES ({', '.join('?' * len(EVENT_COLUMNS.split(',')))})"
)
# No zone's day begins within a minute.
_MINUTE_US: Final = 60_000_000
_KNOWN_DAYS: Final = 10_000
_COUNT: Final = "UPDATE ledger SET events = events + ?, last_event = ?"


# An event that waits to be written, with the (aware) time it will have.
type Pending = tuple[UsageEvent, datetime]
# An event as it is stored, and whether it was before.
type Written = tuple[StoredEvent, bool]

_NO_HOME: Final = (None, None)


class Pricer(Protocol):
    """Gives events their prices as they are written. Used on the writing thread only."""

    home: str | None

    def price(self, event: UsageEvent, moment: datetime) -> Price:
        """Return what an event of that (aware) time costs."""

    def without_home(self) -> Self:
        """Return one that gives no figures in the household's own currency."""


class EventWriter:
    """Everything that writing needs; lives on the thread of the connection that writes."""

    def __init__(self, db: sqlite3.Connection, prices: Pricer, zone: ZoneInfo) -> None:
        """Read the counters."""
        self.db = db
        self.dimensions = Dimensions(db)
        self.prices = prices
        self.zone = zone
        self.sums = DeferredSums(db)
        self._days: dict[int, int] = {}
        self.reload()

    def reload(self) -> None:
        """Read the counters again, after maintenance or a rollback."""
        self.last_event, events_from = self.db.execute(
            "SELECT last_event, events_from FROM ledger"
        ).fetchone()
        self.events_from: int = events_from if events_from is not None else -(2**63)

    def set_zone(self, zone: ZoneInfo) -> None:
        """Date events by another zone from now on."""
        self.zone = zone
        self._days.clear()

    def write(
        self, parts: Sequence[Sequence[Pending]]
    ) -> Sequence[tuple[Written, ...] | Exception]:
        """Store each part wholly or not at all, in as few transactions as that takes.

        Returns, per part, what became of its events or why it was refused.
        """
        self.dimensions.trim()
        try:
            return self._transaction(parts, self.prices)
        except DATA_ERRORS as error:
            if len(parts) == 1 and self.prices.home is None:
                return [refusal(error)]
        return [self._write_alone(part) for part in parts]

    def _write_alone(self, part: Sequence[Pending]) -> tuple[Written, ...] | Exception:
        """Store a part; without the household's figures if it is those that leave 64 bits."""
        prices = self.prices
        while True:
            try:
                return self._transaction([part], prices)[0]
            except DATA_ERRORS as error:
                if prices.home is None:
                    return refusal(error)
                prices = prices.without_home()
            except sqlite3.DatabaseError as error:
                return storage_error(error)

    def _transaction(
        self, parts: Sequence[Sequence[Pending]], prices: Pricer
    ) -> list[tuple[Written, ...]]:
        try:
            with transaction(self.db):
                batch = _Batch(self, prices, parts)
                outcomes = [tuple(map(batch.add, part)) for part in parts]
                batch.store()
        except BaseException:
            self.dimensions.forget()
            self.sums.rolled_back()
            self.reload()
            raise
        self.sums.committed()
        return outcomes

    def day(self, time: int) -> int:
        """Return the ordinal of the local day of a time in µs."""
        minute = time // _MINUTE_US
        day = self._days.get(minute)
        if day is None:
            if len(self._days) > _KNOWN_DAYS:
                self._days.clear()
            day = self._days[minute] = local_day(from_us(time), self.zone).toordinal()
        return day


class _Batch:
    """The events of one transaction: each is prepared, then all are stored at once."""

    def __init__(
        self, writer: EventWriter, prices: Pricer, parts: Sequence[Sequence[Pending]]
    ) -> None:
        """Ask which of the events' request ids may be in the file."""
        self._writer = writer
        self._db = writer.db
        self._prices = prices
        self._changes = Changes()
        self._last_before = writer.last_event
        self._rows: list[tuple[object, ...]] = []
        self._requests: list[tuple[bytes, int]] = []
        self._fresh: dict[tuple[str, str], StoredEvent] = {}
        self._hashes = {
            request: request_hash(*request)
            for part in parts
            for usage, _ in part
            if (request := usage.request_key) is not None
        }
        self._stored = stored_hashes(self._db, self._hashes.values())

    def add(self, pending: Pending) -> Written:
        """Prepare an event, or find the one that its request is stored as."""
        usage, moment = pending
        request, request_id, hashed = usage.request_key, None, None
        if request is not None:
            hashed = self._hashes[request]
            stored = self._fresh.get(request)
            if stored is None and hashed in self._stored:
                stored = self._find(*request, hashed)
            if stored is not None:
                return stored, True
            request_id = to_stored(request[1])
        writer, dimensions = self._writer, self._writer.dimensions
        price = self._prices.price(usage, moment)
        home = price.home
        named = dimensions.of(usage)
        time = to_us(moment)
        tokens, failed = tokens_of(usage), int(usage.status is Status.ERROR)
        writer.last_event += 1
        self._rows.append(
            (
                writer.last_event,
                time,
                named.ids[0],
                *tokens,
                price.picos,
                COST_CODES[price.source],
                dimensions.label(price.priced_as),
                usage.latency_us,
                usage.ttft_us,
                failed,
                named.tag_set,
                _TIER_CODES[usage.service_tier],
                named.error_type,
                named.origin,
                request_id,
                usage.metadata,
                *(home or _NO_HOME),
            )
        )
        day, frozen = writer.day(time), int(time < writer.events_from)
        ids, tags = named.ids, named.tags
        vector = event_vector(failed, tokens, price.picos, usage.latency_us)
        self._changes.add(ids, tags, time=time, day=day, frozen=frozen, vector=vector, home=home)
        if named.provider != usage.provider or named.model != usage.model:
            usage = replace(usage, provider=named.provider, model=named.model)
        moment = moment.astimezone(writer.zone)
        event = StoredEvent(writer.last_event, moment, usage, price, dimensions.device_name(ids[1]))
        if request is not None and hashed is not None:
            self._fresh[request] = event
            self._requests.append((hashed, event.id))
        return event, False

    def _find(self, provider: str, request_id: str, hashed: bytes) -> StoredEvent | None:
        found = find_request(self._db, provider, to_stored(request_id), hashed)
        return None if found is None else read_event(self._db, found, self._writer.zone)

    def store(self) -> None:
        """Write what was added."""
        if self._rows:
            self._db.executemany(_INSERT, self._rows)
            store_requests(self._db, self._requests)
            last = self._writer.last_event
            self._db.execute(_COUNT, (last - self._last_before, last))
            self._writer.sums.add(self._changes, last)


# What one event can bring that makes a whole transaction fail; all else is the file's trouble.
DATA_ERRORS: Final = (sqlite3.IntegrityError, OverflowError)


def refusal(error: Exception) -> InvalidInputError:
    """Return what a sum beyond 64 bits is called by the API."""
    return InvalidInputError("cost_estimate", f"a total would leave 64 bits ({error})")
