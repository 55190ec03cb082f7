"""Care of the ledger: corrections, prices, clean-up, rebuilding and forgetting.

Everything here changes many rows, so it works in small steps on the writing thread, with recording
going on between them, for at most about a budget of seconds. An answer that is not ``complete``
asks to be called again; what was done until then is done.
"""

import asyncio
from collections.abc import Callable, Collection
from dataclasses import dataclass, field, replace
from datetime import date, datetime
import sqlite3
import time
from typing import Final

from .catalogue import Catalogue
from .costs import Estimate, Forgetting, RateList, Rebuilding, Repricing
from .default_rates import FREE_PROVIDERS
from .errors import InvalidInputError, NotFoundError
from .models import Rate, UsageEvent
from .money import MAX_INT64
from .overview import CleanUp
from .periods import DAY, Days, day_span, from_us, midnight, to_us
from .pricing import ExchangeRate, PriceBook
from .reader import LedgerReader, check_order
from .store import answers, filters, forgetting, maintenance, prices, queries, repricing
from .store.aggregates import Dimension
from .store.database import Connection, hold_still, let_go, transaction
from .store.events import EventWriter

_BUDGET: Final = 20.0
_FOREVER: Final = 2**62
# How long events stay where the household does not keep request details: retries still find them.
_DETAIL_DAYS: Final = 7


@dataclass(frozen=True, slots=True)
class Settings:
    """What the household has chosen. ``retention_days`` 0 keeps events for ever."""

    retention_days: int = 365
    keep_details: bool = True
    keep_metadata: bool = True
    use_catalogue: bool = True
    free_providers: Collection[str] = field(default=FREE_PROVIDERS)


class LedgerKeeper(LedgerReader):
    """The part of the ledger that corrects, prices and tidies."""

    _db: Connection
    _events: EventWriter
    _settings: Settings
    _catalogue: Catalogue | None
    _cleaning: asyncio.Lock
    _rebuild_from: date | None
    _reprice_from: tuple[repricing.Scope, tuple[int, int]] | None
    _wrote: Callable[[], None]

    async def delete_event(self, event_id: int) -> None:
        """Delete one event; every sum follows. Raises NotFoundError."""
        self._check_open()
        events = self._events
        found = event_id <= MAX_INT64 and await self._db.run(
            lambda db: maintenance.delete_event(db, event_id, events.zone)
        )
        if not found:
            raise NotFoundError("event", str(event_id))
        self._wrote()

    async def clean_up(
        self,
        retention_days: int | None = None,
        *,
        keep_aggregates: bool = True,
        budget: float = _BUDGET,
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
            today - _DETAIL_DAYS * DAY, keep_aggregates=True, budget=_BUDGET
        )

    async def _clean_up(self, before: date, *, keep_aggregates: bool, budget: float) -> CleanUp:
        events = self._events
        deleted = aggregates = reclaimed = 0
        deadline = time.monotonic() + budget
        complete = False
        async with self._cleaning:
            while time.monotonic() < deadline and not complete:

                def step(db: sqlite3.Connection) -> maintenance.Step:
                    done = maintenance.clean_up(
                        db, before, events.zone, keep_aggregates=keep_aggregates
                    )
                    events.reload()
                    return done

                self._check_open()
                done = await self._db.run(step)
                deleted += done.events
                aggregates += done.aggregates
                complete = done.done
            while complete and time.monotonic() < deadline:
                self._check_open()
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

    async def rebuild(self, day: date | None = None, *, budget: float = _BUDGET) -> Rebuilding:
        """Sum live days anew from their events and count the rows that differed.

        All live days without ``day``; a call that was not complete is gone on with by the next.
        Raises EventsRemovedError for a day whose events are gone.
        """
        self._check_open()
        zone, events = self._zone, self._events
        deadline = time.monotonic() + budget
        rows = drift = 0
        if day is not None:
            start = to_us(midnight(day, zone))
            await self._db.run(lambda db: queries.check_events(db, start, zone, "date"))
            days = Days(day, day)
        else:
            live = await self._db.run(lambda db: maintenance.live_days(db, zone))
            days = live or Days(date.max, date.min)
            if self._rebuild_from is not None:
                days = Days(max(days.first, self._rebuild_from), days.last)
        position = days.first
        while position <= days.last and time.monotonic() < deadline:
            one = position

            def step(db: sqlite3.Connection, one: date = one) -> tuple[int, int]:
                with transaction(db):
                    return maintenance.rebuild_day(db, one, events.zone)

            counted, differed = await self._db.run(step)
            rows += counted
            drift += differed
            position += DAY
        complete = position > days.last
        if day is None:
            self._rebuild_from = None if complete else position
        if drift:
            self._wrote()
        skipped = [] if day is not None else await self._db.run(maintenance.frozen_days)
        return Rebuilding(day=day, rows=rows, drift=drift, skipped=skipped, complete=complete)

    async def forget(
        self,
        *,
        device: str | None = None,
        user: str | None = None,
        delete: bool = False,
        budget: float = _BUDGET,
    ) -> Forgetting:
        """Forget a device (by key) or a user: what was theirs becomes nobody's, or is deleted.

        Of days whose events were removed earlier only sums are left; those stay, without the
        name. Raises NotFoundError for one never seen.
        """
        self._check_open()
        events = self._events
        dimension = Dimension.DEVICE if device is not None else Dimension.USER
        thing, name = dimension.name.lower(), device or user or ""
        deadline = time.monotonic() + budget
        key = await self._db.run(lambda db: filters.find_name(db, thing, name))
        if key is None:
            raise NotFoundError(thing, name.partition(":")[2] if device is not None else name)
        touched = 0
        position: int | None = 0 if delete else None
        while position is not None and time.monotonic() < deadline:
            after = position

            def remove(db: sqlite3.Connection, after: int = after) -> tuple[int, int | None]:
                return forgetting.delete_events_of(db, dimension, key, after, events.zone)

            count, position = await self._db.run(remove)
            touched += count
        if position is not None:
            self._wrote()
            return Forgetting(events=touched, deleted=True, complete=False)

        def step(db: sqlite3.Connection) -> int:
            moved = forgetting.reassign(db, dimension, key)
            events.names.forget()
            return moved

        moved = await self._db.run(step)
        self._wrote()
        return Forgetting(events=touched if delete else moved, deleted=delete, complete=True)

    async def begin_backup(self) -> None:
        """Keep the database file still, so that it can be copied while recording goes on."""
        self._check_open()
        await self._db.run(hold_still)

    async def end_backup(self) -> None:
        """Let the database file be written again after ``begin_backup``."""
        self._check_open()
        await self._db.run(let_go)

    # Prices

    async def _renew_prices(self) -> None:
        """Make the price book anew from the settings, the catalogue and the file."""
        settings, catalogue, events = self._settings, self._catalogue, self._events

        def renew(db: sqlite3.Connection) -> None:
            events.book = price_book(db, settings, catalogue)

        await self._db.run(renew)
        self._reprice_from = None

    async def set_catalogue(self, catalogue: Catalogue | None) -> None:
        """Price what is recorded from now on from another catalogue."""
        self._check_open()
        self._catalogue = catalogue
        await self._renew_prices()

    async def estimate(self, usage: UsageEvent) -> Estimate:
        """Return what a request would cost at its time, now without one.

        Raises NotFoundError, with the closest known names, for a model without a price.
        """
        moment = usage.timestamp or self._clock()
        book = await asyncio.to_thread(await self._book_maker())
        return await asyncio.to_thread(prices.estimate, book, usage, moment, self._catalogue)

    async def rates(self, provider: str | None = None, *, everything: bool = False) -> RateList:
        """Return every override and default, every model ever used, and the unpriced ones.

        ``everything`` adds the whole catalogue.
        """
        zone, catalogue = self._zone, self._catalogue
        now = self._clock().astimezone(zone)
        book = await asyncio.to_thread(await self._book_maker())
        used = await self._read(prices.used_models)
        unpriced = await self._read(lambda db: prices.unpriced(db, zone))
        rates = await asyncio.to_thread(
            prices.listed, book, used, catalogue if everything else None, provider, now
        )
        return RateList(
            rates=rates, unpriced=[row for row in unpriced if provider in (None, row.provider)]
        )

    async def _book_maker(self) -> Callable[[], PriceBook]:
        """Return a function that makes a price book for use on another thread."""
        settings, catalogue = self._settings, self._catalogue
        overrides, exchange = await self._read(prices.dated)
        return lambda: make_book(overrides, exchange, settings, catalogue)

    async def set_rate(self, rate: Rate, *, reprice: bool = False) -> Repricing | None:
        """Store a dated price; with ``reprice`` give it to that model's events from then on.

        Without a date it holds from the beginning if the model has no override yet, else from
        now. Raises InvalidInputError for a currency without an exchange rate. A repricing that is
        not complete is gone on with by ``reprice`` of all events.
        """
        self._check_open()
        now = self._clock()
        if rate.currency != "USD":
            book = (await self._book_maker())()
            if book.exchange_rate(rate.currency, rate.effective or now) is None:
                raise InvalidInputError(
                    "currency", f"no exchange rate is known for {rate.currency}; set one first"
                )
        kept = await self._db.run(lambda db: prices.set_rate(db, rate, now))
        await self._renew_prices()
        if not reprice:
            return None
        models = await self._db.run(lambda db: prices.models_of(db, rate.provider, rate.model))
        start = 0 if kept.effective is None else to_us(kept.effective)
        return await self._reprice(start, _FOREVER, only_unpriced=False, models=models)

    async def set_exchange_rate(self, rate: ExchangeRate) -> None:
        """Store a dated exchange rate; what was recorded keeps its price until repriced."""
        self._check_open()
        await self._db.run(lambda db: prices.set_exchange_rate(db, rate))
        await self._renew_prices()

    async def delete_rate(
        self, provider: str, model: str, effective: datetime | None = None
    ) -> int:
        """Delete one dated price of a model, or all; return how many. Never reprices.

        Raises NotFoundError if there is none.
        """
        self._check_open()
        deleted = await self._db.run(lambda db: prices.delete_rate(db, provider, model, effective))
        if not deleted:
            raise NotFoundError("rate", f"{provider}/{model}")
        await self._renew_prices()
        return deleted

    async def reprice(
        self,
        start: datetime | None = None,
        end: datetime | None = None,
        *,
        only_unpriced: bool = True,
        budget: float = _BUDGET,
    ) -> Repricing:
        """Give events with start <= time < end the price that holds for them now.

        Reported costs stay. A call that was not complete is gone on with by the next of the same
        scope, unless a price was set in between. Raises InvalidInputError unless start < end,
        EventsRemovedError for a bound whose events are gone.
        """
        zone = self._zone
        if start is not None and end is not None:
            check_order(start, end)

        def check(db: sqlite3.Connection) -> None:
            answers.check_bounds(db, start, end, zone)
            if start is not None:
                queries.check_events(db, to_us(start), zone, "start")

        await self._read(check)
        return await self._reprice(
            0 if start is None else to_us(start),
            _FOREVER if end is None else to_us(end),
            only_unpriced=only_unpriced,
            budget=budget,
        )

    async def _reprice(
        self,
        start: int,
        end: int,
        *,
        only_unpriced: bool,
        models: tuple[int, ...] | None = None,
        budget: float = _BUDGET,
    ) -> Repricing:
        self._check_open()
        zone, events = self._zone, self._events
        deadline = time.monotonic() + budget
        asked = repricing.Scope(start=start, end=end, only_unpriced=only_unpriced, models=models)
        scope = replace(asked, start=max(start, events.events_from, 0))
        position = None
        if self._reprice_from is not None and self._reprice_from[0] == asked:
            position = self._reprice_from[1]
        repriced = before = after = unpriced = 0
        complete = models == ()
        while not complete and time.monotonic() < deadline:
            at = position

            def step(db: sqlite3.Connection, at: tuple[int, int] | None = at) -> repricing.Step:
                return repricing.reprice(
                    db, scope, at, book=events.book, names=events.names, zone=events.zone
                )

            done = await self._db.run(step)
            repriced += done.repriced
            before += done.cost_before
            after += done.cost_after
            unpriced += done.still_unpriced
            position = done.position
            complete = position is None
        self._reprice_from = None if position is None else (asked, position)
        if repriced:
            self._wrote()
        skipped = [
            day
            for day in await self._db.run(maintenance.frozen_days)
            if to_us(day_span(Days(day, day), zone).end) > start
            and to_us(midnight(day, zone)) < end
        ]
        return Repricing(
            repriced=repriced,
            cost_before=before,
            cost_after=after,
            still_unpriced=unpriced,
            skipped=skipped,
            only_unpriced=only_unpriced,
            complete=complete,
        )


def make_book(
    overrides: list[Rate],
    exchange: list[ExchangeRate],
    settings: Settings,
    catalogue: Catalogue | None,
) -> PriceBook:
    """Return a price book of these prices."""
    return PriceBook(
        overrides=overrides,
        exchange_rates=exchange,
        catalogue=catalogue,
        free=frozenset(settings.free_providers),
    )


def price_book(
    db: sqlite3.Connection, settings: Settings, catalogue: Catalogue | None
) -> PriceBook:
    """Return a price book of what the file holds."""
    return make_book(*prices.dated(db), settings, catalogue)
