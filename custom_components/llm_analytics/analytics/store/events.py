"""Single events, read back as they were stored."""

from collections.abc import Sequence
from datetime import tzinfo
import json
import sqlite3
from typing import Any, Final

from ..directory import NOBODY, Directory
from ..models import CostSource, HomeCost, Price, ServiceTier, Status, StoredEvent, UsageEvent
from ..periods import from_us
from ..totals import device_parts
from .request_ids import from_stored

COST_SOURCES: Final = tuple(CostSource)
TIERS: Final = (None, *ServiceTier)

EVENT_COLUMNS: Final = (
    "id, time, series, prompt, response, cache_read, cache_write, cache_write_1h, reasoning, cost,"
    " cost_source, priced_as, latency, ttft, failed, tag_set, tier, error_type, origin,"
    " request_id, metadata, home_cost, home_currency"
)
# The names that a row of series stands for, and those that a row of event does beside it.
SERIES_NAMES: Final = """
    LEFT JOIN device ON device.id = series.device
    LEFT JOIN endpoint ON endpoint.id = series.endpoint
    LEFT JOIN model ON model.id = series.model
    LEFT JOIN user ON user.id = series.user
"""
EVENT_NAMES: Final = """
    LEFT JOIN tag_set ON tag_set.id = event.tag_set
    LEFT JOIN label AS priced ON priced.id = event.priced_as
    LEFT JOIN label AS error ON error.id = event.error_type
    LEFT JOIN origin ON origin.id = event.origin
    LEFT JOIN label AS agent ON agent.id = origin.agent
    LEFT JOIN label AS context ON context.id = origin.context
    LEFT JOIN label AS source ON source.id = origin.source
    LEFT JOIN label AS recorded ON recorded.id = origin.recorded_by
"""
SELECT_EVENTS: Final = f"""
    SELECT event.id, event.time, device.key, COALESCE(device.given, device.name), endpoint.key,
        model.provider, model.name, user.key, event.prompt, event.response, event.cache_read,
        event.cache_write, event.cache_write_1h, event.reasoning, event.cost, event.cost_source,
        priced.key, event.latency, event.ttft, event.failed, tag_set.key, event.tier, error.key,
        agent.key, context.key, source.key, recorded.key, event.request_id, event.metadata,
        event.home_cost, event.home_currency
    FROM event
    CROSS JOIN series ON series.id = event.series
    {SERIES_NAMES} {EVENT_NAMES}
"""


def read_event(
    db: sqlite3.Connection, event_id: int, zone: tzinfo, directory: Directory = NOBODY
) -> StoredEvent | None:
    """Return one event, or None if there is none with that id."""
    row = db.execute(f"{SELECT_EVENTS} WHERE event.id = ?", (event_id,)).fetchone()
    return None if row is None else event_of_row(row, zone, directory)


def stored_home(picos: int | None, currency: str | None) -> HomeCost | None:
    """Return what an event's row holds in the household's currency."""
    return None if picos is None or currency is None else (picos, currency)


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
