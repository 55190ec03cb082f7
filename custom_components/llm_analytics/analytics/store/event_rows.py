"""Events as the rows of a CSV file, made without an object for each.

What an export of a million events takes is making its rows, so names are looked up once a page and
amounts are written from the integers that they are kept as.
"""

from functools import cache
import json
import sqlite3
from typing import Any, Final
from zoneinfo import ZoneInfo

from ..models import ANONYMOUS, Status
from ..money import PICO_PLACES, amount_text
from ..periods import from_us
from ..places import Directory
from ..reports import cell
from ..totals import device_parts
from .events import COST_SOURCES, TIERS, stored_home
from .requests import from_stored

# Their order is that of the names in EventRows.row.
COLUMNS: Final = (
    "event.id, event.time, event.series, event.prompt, event.response, event.cache_read,"
    " event.cache_write, event.cache_write_1h, event.reasoning, event.cost, event.cost_source,"
    " event.priced_as, event.latency, event.ttft, event.failed, event.tag_set, event.tier,"
    " event.error_type, event.origin, event.request_id, event.home_cost, event.home_currency"
)
_SERIES: Final = """
    SELECT device.key, COALESCE(device.given, device.name), endpoint.key, model.provider,
        model.name, user.key
    FROM series
    LEFT JOIN device ON device.id = series.device
    LEFT JOIN endpoint ON endpoint.id = series.endpoint
    LEFT JOIN model ON model.id = series.model
    LEFT JOIN user ON user.id = series.user
    WHERE series.id = ?
"""
_US_PLACES: Final = 3  # a microsecond in milliseconds


class EventRows:
    """Makes rows under CSV_DETAILED, within one snapshot of the file."""

    def __init__(self, db: sqlite3.Connection, zone: ZoneInfo, directory: Directory) -> None:
        """Know no names yet."""
        self._db = db
        self._zone = zone
        self._directory = directory
        self._series = cache(self._series_cells)
        self._label = cache(self._label_cell)
        self._origin = cache(self._origin_cells)
        self._tags = cache(self._tags_cell)

    def row(self, raw: tuple[Any, ...]) -> tuple[object, ...]:
        """Return the cells of one row of COLUMNS."""
        (
            event_id, time, series, prompt, response, cache_read, cache_write, cache_write_1h,
            reasoning, cost, cost_source, priced_as, latency, ttft, failed, tag_set, tier,
            error_type, origin, request_id, home_cost, home_currency,
        ) = raw  # fmt: skip
        device_ip, device_id, device_name, endpoint, provider, model, user = self._series(series)
        agent, context, source, recorded_by = self._origin(origin)
        home = stored_home(home_cost, home_currency)
        return (
            from_us(time, self._zone).isoformat(),
            device_ip,
            device_name,
            endpoint,
            provider,
            model,
            prompt,
            response,
            prompt + response,
            None if cost is None else amount_text(cost, PICO_PLACES),
            cell(from_stored(request_id)),
            event_id,
            device_id,
            user,
            cache_read,
            cache_write,
            cache_write_1h,
            reasoning,
            None if latency is None else amount_text(latency, _US_PLACES),
            None if ttft is None else amount_text(ttft, _US_PLACES),
            agent,
            context,
            self._tags(tag_set),
            TIERS[tier],
            Status.ERROR if failed else Status.OK,
            self._label(error_type),
            COST_SOURCES[cost_source],
            self._label(priced_as),
            source,
            recorded_by,
            None if home is None else amount_text(home.picos, PICO_PLACES),
            None if home is None else home.currency,
        )

    def _series_cells(self, series: int) -> tuple[object, ...]:
        key, name, endpoint, provider, model, user = self._db.execute(_SERIES, (series,)).fetchone()
        name = name or self._directory.device(key).name
        names = (*device_parts(key), name, endpoint, provider, model, user or ANONYMOUS)
        return tuple(map(cell, names))

    def _label_cell(self, label: int) -> object:
        row = self._db.execute("SELECT key FROM label WHERE id = ?", (label,)).fetchone()
        return None if row is None else cell(row[0])

    def _origin_cells(self, origin: int) -> tuple[object, ...]:
        parts = self._db.execute(
            "SELECT agent, context, source, recorded_by FROM origin WHERE id = ?", (origin,)
        ).fetchone()
        return tuple(map(self._label, parts))

    def _tags_cell(self, tag_set: int) -> object:
        row = self._db.execute("SELECT key FROM tag_set WHERE id = ?", (tag_set,)).fetchone()
        return None if row is None else cell(" ".join(json.loads(row[0])))
