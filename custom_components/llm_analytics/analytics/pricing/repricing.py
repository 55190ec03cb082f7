"""Giving stored events the price that holds for them now.

Live events only, in small steps on the thread that writes; each step moves the events and all
their sums in one transaction. A reported cost is never touched. An event whose cost changes gets
its figure in the household's currency anew, by the rate of its own time that is known now.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from functools import partial
import sqlite3
from typing import Any, Final
from zoneinfo import ZoneInfo

from ..models import CostSource, UsageEvent
from ..money import from_pico
from ..periods import from_us, local_day
from ..store.aggregates import Changes
from ..store.database import transaction
from ..store.dimensions import Dimensions
from ..store.events import TIERS, stored_home
from ..store.filters import tags_of
from ..store.recording import COST_CODES, DATA_ERRORS, refusal
from ..totals import Json
from .ladder import PriceBook


@dataclass(frozen=True, slots=True, kw_only=True)
class Repricing:
    """What a repricing changed. Costs are picos, over the events that were looked at."""

    repriced: int
    cost_before: int
    cost_after: int
    still_unpriced: int
    skipped: Sequence[date]
    only_unpriced: bool
    complete: bool

    def as_dict(self) -> dict[str, Json]:
        """Return the outcome as the API writes it."""
        return {
            "status": "ok" if self.complete else "incomplete",
            "message": self._message(),
            "repriced_events": self.repriced,
            "cost_before": from_pico(self.cost_before),
            "cost_after": from_pico(self.cost_after),
            "still_unpriced": self.still_unpriced,
            "skipped": [day.isoformat() for day in self.skipped],
            "complete": self.complete,
        }

    def _message(self) -> str:
        if not self.complete:
            setting = "true" if self.only_unpriced else "false"
            return f"There is more to do: reprice with only_unpriced {setting} until it is complete"
        if self.repriced:
            return f"{self.repriced} events now have the price that holds for them"
        if self.still_unpriced:
            return "Nothing changed: no price is known for the events that have none"
        return "Nothing changed: every event already has the price that holds for it"


BATCH: Final = 500
_SELECT: Final = """
    SELECT event.id, event.time, event.prompt, event.response, event.cache_read,
        event.cache_write, event.cache_write_1h, event.reasoning, event.cost, event.cost_source,
        event.priced_as, event.tier, event.tag_set, model.provider, model.name,
        series.id, series.device, series.endpoint, series.model, series.user,
        event.home_cost, event.home_currency
    FROM event
    CROSS JOIN series ON series.id = event.series
    CROSS JOIN model ON model.id = series.model
    WHERE (event.time, event.id) > (?, ?) AND event.time < ?
"""
_UPDATE: Final = """
    UPDATE event SET cost = ?, cost_source = ?, priced_as = ?, home_cost = ?, home_currency = ?
    WHERE id = ?
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """Which events: start <= time < end in µs, perhaps only the unpriced, perhaps one model's."""

    start: int
    end: int
    only_unpriced: bool
    models: tuple[int, ...] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """What one step did; ``position`` is where the next one goes on, None at the end."""

    repriced: int
    cost_before: int
    cost_after: int
    still_unpriced: int
    position: tuple[int, int] | None


def reprice(
    db: sqlite3.Connection,
    scope: Scope,
    position: tuple[int, int] | None,
    *,
    book: PriceBook,
    names: Dimensions,
    zone: ZoneInfo,
) -> Step:
    """Reprice the next batch of the scope's events, after ``position`` (time, id).

    Raises InvalidInputError where a sum would leave 64 bits; that batch is not touched.
    """
    start = max(position or (scope.start, -1), (scope.start, -1))
    query, parameters = _SELECT, [*start, scope.end]
    query += " AND event.cost_source <> ?"
    parameters.append(COST_CODES[CostSource.REPORTED])
    if scope.only_unpriced:
        query += " AND event.cost IS NULL"
    if scope.models is not None:
        query += f" AND series.model IN ({', '.join('?' * len(scope.models))})"
        parameters.extend(scope.models)
    rows = db.execute(f"{query} ORDER BY event.time, event.id LIMIT {BATCH}", parameters).fetchall()
    try:
        with transaction(db):
            return _reprice_rows(db, rows, book, names, zone)
    except BaseException as error:
        names.forget()
        if isinstance(error, DATA_ERRORS):
            raise refusal(error) from None
        raise


def _reprice_rows(
    db: sqlite3.Connection,
    rows: Sequence[tuple[Any, ...]],
    book: PriceBook,
    names: Dimensions,
    zone: ZoneInfo,
) -> Step:
    events_from = db.execute("SELECT COALESCE(events_from, 0) FROM ledger").fetchone()[0]
    changes, updates = Changes(), []
    before = after = unpriced = 0
    for row in rows:
        time, cost, source = row[1], row[8], row[9]
        moment = from_us(time)
        price = book.price(_usage(row), moment)
        label = names.label(price.priced_as)
        before += cost or 0
        after += price.picos or 0
        unpriced += price.picos is None
        if (price.picos, COST_CODES[price.source], label) == (cost, source, row[10]):
            continue
        home = old_home = stored_home(row[20], row[21])
        if price.picos != cost:  # in the currency that it has, if it has one
            home = book.home_cost(price.picos, row[21] or book.home, moment)
        columns = home or (None, None)
        updates.append((price.picos, COST_CODES[price.source], label, *columns, row[0]))
        delta = (price.picos or 0) - (cost or 0)
        ids, tags = row[15:20], tags_of(db, row[12])
        day, frozen = local_day(moment, zone).toordinal(), int(time < events_from)
        unpriced_more = int(price.picos is None) - int(cost is None)
        vector = *(0,) * 9, delta, unpriced_more, 0, 0
        add = partial(changes.add, ids, tags, time=time, day=day, frozen=frozen)
        add(home=old_home, sign=-1)
        add(vector=vector, home=home)
    if updates:
        db.executemany(_UPDATE, updates)
        changes.apply(db)
    more = len(rows) == BATCH
    return Step(
        repriced=len(updates),
        cost_before=before,
        cost_after=after,
        still_unpriced=unpriced,
        position=(rows[-1][1], rows[-1][0]) if more else None,
    )


def _usage(row: tuple[Any, ...]) -> UsageEvent:
    return UsageEvent(
        endpoint="-",
        tokens_prompt=row[2],
        tokens_response=row[3],
        tokens_cache_read=row[4],
        tokens_cache_write=row[5],
        tokens_cache_write_1h=row[6],
        tokens_reasoning=row[7],
        service_tier=TIERS[row[11]],
        provider=row[13],
        model=row[14],
    )
