"""Single events: written with their aggregates in one transaction, and read back.

Writing is idempotent by request id within a provider. Several callers' events share a
transaction; if it fails for what one of them brought, it is rolled back and each caller's events
are tried on their own, so only the one that brought it is refused.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, tzinfo
import json
import sqlite3
from typing import Any, Final
from zoneinfo import ZoneInfo

from ..errors import InvalidInputError
from ..models import CostSource, HomeCost, Price, ServiceTier, Status, StoredEvent, UsageEvent
from ..periods import from_us, local_day, to_us
from ..places import NOBODY, Directory
from ..pricing import PriceBook
from ..totals import device_parts
from .aggregates import Changes, Noted, Vector
from .database import storage_error, transaction
from .names import Names
from .requests import find_request, from_stored, request_hash, to_stored

COST_SOURCES: Final = tuple(CostSource)
TIERS: Final = (None, *ServiceTier)
COST_CODES: Final = {source: code for code, source in enumerate(COST_SOURCES)}
_TIER_CODES: Final = {tier: code for code, tier in enumerate(TIERS)}

EVENT_COLUMNS: Final = (
    "id, time, series, prompt, response, cache_read, cache_write, cache_write_1h, reasoning, cost,"
    " cost_source, priced_as, latency, ttft, failed, tag_set, tier, error_type, origin,"
    " request_id, request_hash, metadata, home_cost, home_currency"
)
_INSERT: Final = f"""
    INSERT INTO event ({EVENT_COLUMNS}) VALUES ({", ".join("?" * 24)})
"""
# No zone's day begins within a minute.
_MINUTE_US: Final = 60_000_000
_KNOWN_DAYS: Final = 10_000
_COUNT: Final = "UPDATE ledger SET events = events + ?, last_event = ?"
SELECT_EVENTS: Final = """
    SELECT event.id, event.time, device.key, COALESCE(device.given, device.name), endpoint.key,
        model.provider, model.name, user.key, event.prompt, event.response, event.cache_read,
        event.cache_write, event.cache_write_1h, event.reasoning, event.cost, event.cost_source,
        priced.key, event.latency, event.ttft, event.failed, tag_set.key, event.tier, error.key,
        agent.key, context.key, source.key, recorded.key, event.request_id, event.metadata,
        event.home_cost, event.home_currency
    FROM event
    CROSS JOIN series ON series.id = event.series
    LEFT JOIN device ON device.id = series.device
    LEFT JOIN endpoint ON endpoint.id = series.endpoint
    LEFT JOIN model ON model.id = series.model
    LEFT JOIN user ON user.id = series.user
    LEFT JOIN tag_set ON tag_set.id = event.tag_set
    LEFT JOIN label AS priced ON priced.id = event.priced_as
    LEFT JOIN label AS error ON error.id = event.error_type
    LEFT JOIN origin ON origin.id = event.origin
    LEFT JOIN label AS agent ON agent.id = origin.agent
    LEFT JOIN label AS context ON context.id = origin.context
    LEFT JOIN label AS source ON source.id = origin.source
    LEFT JOIN label AS recorded ON recorded.id = origin.recorded_by
"""


@dataclass(frozen=True, slots=True)
class Pending:
    """An event that waits to be written, with the (aware) time it will have."""

    usage: UsageEvent
    moment: datetime


@dataclass(frozen=True, slots=True)
class Written:
    """What became of one event: its id, whether it was there before, and the event as stored."""

    event: StoredEvent
    duplicate: bool


class EventWriter:
    """Everything that writing needs; lives on the thread of the connection that writes."""

    def __init__(self, db: sqlite3.Connection, book: PriceBook, zone: ZoneInfo) -> None:
        """Read the counters."""
        self._db = db
        self.names = Names(db)
        self.book = book
        self.zone = zone
        self.noted: Noted = {}
        self._days: dict[int, int] = {}
        self.reload()

    def reload(self) -> None:
        """Read the counters again, after maintenance or a rollback."""
        self.last_event, events_from = self._db.execute(
            "SELECT last_event, events_from FROM ledger"
        ).fetchone()
        self.events_from: int = events_from if events_from is not None else -(2**63)

    def set_zone(self, zone: ZoneInfo) -> None:
        """Date events by another zone from now on."""
        self.zone = zone
        self._days.clear()

    def write(self, parts: Sequence[Sequence[Pending]]) -> list[tuple[Written, ...] | Exception]:
        """Store each part wholly or not at all, in as few transactions as that takes.

        Returns, per part, what became of its events or why it was refused.
        """
        self.names.trim()
        try:
            return list(self._transaction(parts, self.book))
        except DATA_ERRORS as error:
            if len(parts) == 1 and self.book.home is None:
                return [refusal(error)]
        return [self._write_alone(part) for part in parts]

    def _write_alone(self, part: Sequence[Pending]) -> tuple[Written, ...] | Exception:
        """Store a part; without the household's figures if it is those that leave 64 bits."""
        book = self.book
        while True:
            try:
                return self._transaction([part], book)[0]
            except DATA_ERRORS as error:
                if book.home is None:
                    return refusal(error)
                book = replace(book, home=None)
            except sqlite3.DatabaseError as error:
                return storage_error(error)

    def _transaction(
        self, parts: Sequence[Sequence[Pending]], book: PriceBook
    ) -> list[tuple[Written, ...]]:
        try:
            with transaction(self._db):
                return self._write_all(parts, book)
        except BaseException:
            self.names.forget()
            self.noted.clear()
            self.reload()
            raise

    def _write_all(
        self, parts: Sequence[Sequence[Pending]], book: PriceBook
    ) -> list[tuple[Written, ...]]:
        changes = Changes()
        rows: list[tuple[object, ...]] = []
        fresh: dict[tuple[str, str], StoredEvent] = {}
        outcomes = [
            tuple(self._stage(pending, book, changes, rows, fresh) for pending in part)
            for part in parts
        ]
        if rows:
            self._db.executemany(_INSERT, rows)
            changes.apply(self._db, noted=self.noted)
            self._db.execute(_COUNT, (len(rows), self.last_event))
        return outcomes

    def _stage(
        self,
        pending: Pending,
        book: PriceBook,
        changes: Changes,
        rows: list[tuple[object, ...]],
        fresh: dict[tuple[str, str], StoredEvent],
    ) -> Written:
        usage, moment = pending.usage, pending.moment
        request: tuple[str, str] | None = None
        request_id: str | bytes | None = None
        hashed: bytes | None = None
        if usage.request_id is not None:
            request = usage.provider, usage.request_id
            if request in fresh:
                return Written(fresh[request], duplicate=True)
            request_id, hashed = to_stored(usage.request_id), request_hash(*request)
            found = find_request(self._db, usage.provider, request_id, hashed)
            if found is not None:
                stored = read_event(self._db, found, self.zone)
                assert stored is not None
                return Written(stored, duplicate=True)
        time = to_us(moment)
        price = book.price(usage, moment)
        home = price.home
        names = self.names
        ids = names.ids(usage)
        tag_set, tags = names.tags(usage.tags)
        self.last_event += 1
        rows.append(
            (
                self.last_event,
                time,
                ids[0],
                usage.tokens_prompt,
                usage.tokens_response,
                usage.tokens_cache_read,
                usage.tokens_cache_write,
                usage.tokens_cache_write_1h,
                usage.tokens_reasoning,
                price.picos,
                COST_CODES[price.source],
                names.label(price.priced_as),
                usage.latency_us,
                usage.ttft_us,
                int(usage.status is Status.ERROR),
                tag_set,
                _TIER_CODES[usage.service_tier],
                names.label(usage.error_type),
                names.origin(usage),
                request_id,
                hashed,
                usage.metadata,
                None if home is None else home.picos,
                None if home is None else home.currency,
            )
        )
        day, frozen = self._day(time), int(time < self.events_from)
        vector = event_vector(usage, price.picos)
        changes.add(ids, tags, time=time, day=day, frozen=frozen, vector=vector)
        changes.add_home(ids, tags, day=day, frozen=frozen, home=home)
        provider, model = names.model_name(ids[3])
        if (provider, model) != (usage.provider, usage.model):  # answered as it will be read
            usage = replace(usage, provider=provider, model=model)
        event = StoredEvent(
            id=self.last_event,
            timestamp=moment.astimezone(self.zone),
            usage=usage,
            price=price,
            device_name=names.device_name(ids[1]) if ids[1] else None,
        )
        if request is not None:
            fresh[request] = event
        return Written(event, duplicate=False)

    def _day(self, time: int) -> int:
        minute = time // _MINUTE_US
        day = self._days.get(minute)
        if day is None:
            if len(self._days) > _KNOWN_DAYS:
                self._days.clear()
            day = self._days[minute] = local_day(from_us(time), self.zone).toordinal()
        return day


# What one event can bring that makes a whole transaction fail; all else is the file's trouble.
DATA_ERRORS: Final = (sqlite3.IntegrityError, OverflowError)


def refusal(error: Exception) -> InvalidInputError:
    """Return what a sum beyond 64 bits is called by the API."""
    return InvalidInputError("cost_estimate", f"a total would leave 64 bits ({error})")


def event_vector(usage: UsageEvent, picos: int | None) -> Vector:
    """Return what one event adds to every sum it belongs to."""
    return (
        1,
        int(usage.status is Status.ERROR),
        int(usage.tokens_prompt == 0 and usage.tokens_response == 0),
        usage.tokens_prompt,
        usage.tokens_response,
        usage.tokens_cache_read,
        usage.tokens_cache_write,
        usage.tokens_cache_write_1h,
        usage.tokens_reasoning,
        picos or 0,
        int(picos is None),
        usage.latency_us or 0,
        int(usage.latency_us is not None),
    )


def read_event(
    db: sqlite3.Connection, event_id: int, zone: tzinfo, directory: Directory = NOBODY
) -> StoredEvent | None:
    """Return one event, or None if there is none with that id."""
    row = db.execute(f"{SELECT_EVENTS} WHERE event.id = ?", (event_id,)).fetchone()
    return None if row is None else event_of_row(row, zone, directory)


def stored_home(picos: int | None, currency: str | None) -> HomeCost | None:
    """Return what an event's row holds in the household's currency."""
    return None if picos is None or currency is None else HomeCost(picos, currency)


def event_of_row(row: Sequence[Any], zone: tzinfo, directory: Directory = NOBODY) -> StoredEvent:
    """Return the event that a row of SELECT_EVENTS holds, its device named by who names it."""
    device_ip, device_id = device_parts(row[2])
    moment = from_us(row[1], zone)
    usage = UsageEvent(
        timestamp=moment,
        device_ip=device_ip,
        device_id=device_id,
        device_name=row[3],
        endpoint=row[4],
        provider=row[5],
        model=row[6],
        user_id=row[7],
        tokens_prompt=row[8],
        tokens_response=row[9],
        tokens_cache_read=row[10],
        tokens_cache_write=row[11],
        tokens_cache_write_1h=row[12],
        tokens_reasoning=row[13],
        latency_us=row[17],
        ttft_us=row[18],
        status=Status.ERROR if row[19] else Status.OK,
        tags=tuple(json.loads(row[20])) if row[20] is not None else (),
        service_tier=TIERS[row[21]],
        error_type=row[22],
        agent=row[23],
        context=row[24],
        source=row[25],
        recorded_by=row[26],
        request_id=from_stored(row[27]),
        metadata=row[28],
    )
    price = Price(
        picos=row[14],
        source=COST_SOURCES[row[15]],
        priced_as=row[16],
        home=stored_home(row[29], row[30]),
    )
    name = row[3] or directory.device(row[2]).name
    return StoredEvent(id=row[0], timestamp=moment, usage=usage, price=price, device_name=name)
