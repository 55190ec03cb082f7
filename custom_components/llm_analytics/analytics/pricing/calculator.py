"""``CostCalculator``: estimates, the price list, dated prices, and giving events new ones.

Repricing changes many rows, so it works in small steps as all maintenance does.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from datetime import date, datetime
import sqlite3
import time
from typing import Final

from ..errors import InvalidInputError, NotFoundError
from ..ledger import Ledger
from ..limits import check_order
from ..models import Rate, UsageEvent
from ..periods import FOREVER_US, Days, day_span, midnight, to_us
from ..store.counters import check_bounds, check_events, read_frozen_days
from . import conversion, repricing
from .catalogue import Catalogue
from .conversion import Conversion
from .estimates import Estimate, estimate_cost
from .exchange_rates import ExchangeRate, read_exchange_rates, store_exchange_rate
from .ladder import PriceBook
from .overrides import read_models_of, read_price_book, remove_rate, store_rate
from .price_list import RateList, list_prices, read_used_models
from .repricing import Repricing
from .unpriced import forget_priced, read_unpriced

_BUDGET: Final = 20.0


class CostCalculator:
    """What requests cost and would cost."""

    def __init__(self, ledger: Ledger, catalogue: Catalogue | None, prices: PriceBook) -> None:
        """Work with an open ledger; ``prices`` is the writing thread's own."""
        self._ledger = ledger
        self._catalogue = catalogue
        self._prices = prices
        self._reprice_from: tuple[repricing.Scope, tuple[int, int]] | None = None
        self._convert_from: tuple[conversion.Scope, tuple[int, int]] | None = None

    async def _renew_prices(self) -> None:
        """Make the price book anew from the settings, the catalogue and the file."""
        settings, catalogue, events = self._ledger.settings, self._catalogue, self._ledger.events
        now = self._ledger.clock()

        def renew(db: sqlite3.Connection) -> None:
            events.prices = self._prices = read_price_book(db, settings, catalogue)
            forget_priced(db, self._prices, now)

        await self._ledger.write(renew)
        self._reprice_from = self._convert_from = None

    async def set_catalogue(self, catalogue: Catalogue | None) -> None:
        """Price what is recorded from now on from another catalogue."""
        self._ledger.check_open()
        self._catalogue = catalogue
        await self._renew_prices()

    async def estimate(self, usage: UsageEvent) -> Estimate:
        """Return what a request would cost at its time, now without one.

        Raises NotFoundError, with the closest known names, for a model without a price.
        """
        moment = usage.timestamp or self._ledger.clock()
        book = await self._book()
        return await asyncio.to_thread(estimate_cost, book, usage, moment, self._catalogue)

    async def rates(self, provider: str | None = None, *, everything: bool = False) -> RateList:
        """Return every override and default, every model ever used, and the unpriced ones.

        ``everything`` adds the whole catalogue.
        """
        zone, catalogue = self._ledger.zone, self._catalogue
        now = self._ledger.clock().astimezone(zone)
        book = await self._book()
        used = await self._ledger.read(read_used_models)
        unpriced = await self._ledger.read(lambda db: read_unpriced(db, zone))
        rates = await asyncio.to_thread(
            list_prices, book, used, catalogue if everything else None, provider, now
        )
        return RateList(
            rates=rates, unpriced=[row for row in unpriced if provider in (None, row.provider)]
        )

    async def _book(self) -> PriceBook:
        """Return a price book beside the writer's, which belongs to the writing thread."""
        settings, catalogue = self._ledger.settings, self._catalogue
        return await self._ledger.read(lambda db: read_price_book(db, settings, catalogue))

    async def set_rate(self, rate: Rate, *, reprice: bool = False) -> Repricing | None:
        """Store a dated price; with ``reprice`` give it to that model's events from then on.

        Without a date it holds from the beginning if the model has no override yet, else from
        now. Raises InvalidInputError for a currency without an exchange rate. A repricing that is
        not complete is gone on with by ``reprice`` of all events.
        """
        self._ledger.check_open()
        now = self._ledger.clock()
        if rate.currency != "USD":
            book = await self._book()
            if book.exchange_rate(rate.currency, rate.effective or now) is None:
                raise InvalidInputError(
                    "currency", f"no exchange rate is known for {rate.currency}; set one first"
                )
        kept = await self._ledger.write(lambda db: store_rate(db, rate, now))
        await self._renew_prices()
        if not reprice:
            return None
        models = await self._ledger.write(lambda db: read_models_of(db, rate.provider, rate.model))
        start = 0 if kept.effective is None else to_us(kept.effective)
        return await self._reprice(start, FOREVER_US, only_unpriced=False, models=models)

    async def set_exchange_rate(self, rate: ExchangeRate) -> ExchangeRate:
        """Store a dated exchange rate and return it; what was recorded keeps its costs.

        Without a date it holds from the beginning if the currency has no rate yet, else from now.
        """
        self._ledger.check_open()
        now = self._ledger.clock()
        kept = await self._ledger.write(lambda db: store_exchange_rate(db, rate, now))
        await self._renew_prices()
        self._ledger.committed()
        return kept

    async def exchange_rates(
        self, currency: str | None = None, limit: int = 100
    ) -> Sequence[ExchangeRate]:
        """Return the exchange rates of one currency or all, by currency, the newest first."""
        return await self._ledger.read(lambda db: read_exchange_rates(db, currency, limit))

    async def delete_rate(
        self, provider: str, model: str, effective: datetime | None = None
    ) -> int:
        """Delete one dated price of a model, or all; return how many. Never reprices.

        Raises NotFoundError if there is none.
        """
        self._ledger.check_open()
        deleted = await self._ledger.write(lambda db: remove_rate(db, provider, model, effective))
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
        await self._check_scope(start, end)
        return await self._reprice(*_bounds(start, end), only_unpriced=only_unpriced, budget=budget)

    async def convert(
        self,
        start: datetime | None = None,
        end: datetime | None = None,
        *,
        only_unconverted: bool = True,
        budget: float = _BUDGET,
    ) -> Conversion:
        """Give events with start <= time < end their cost in the household's own currency.

        Each by the rate of its own time that is known now; those that have a figure already only
        unless ``only_unconverted``. A call that was not complete is gone on with by the next of
        the same scope. Raises InvalidInputError without such a currency or unless start < end,
        EventsRemovedError for a bound whose events are gone.
        """
        currency, events = self._ledger.home_currency, self._ledger.events
        if currency is None:
            raise InvalidInputError("currency", "the option for a household currency is off")
        await self._check_scope(start, end)
        deadline = time.monotonic() + budget
        low, high = _bounds(start, end)
        asked = conversion.Scope(low, high, only_unconverted)
        scope = replace(asked, start=max(low, events.events_from, 0))
        position = None
        if self._convert_from is not None and self._convert_from[0] == asked:
            position = self._convert_from[1]
        converted = left = 0
        complete = False
        while not complete and time.monotonic() < deadline:
            at = position

            def step(db: sqlite3.Connection, at: tuple[int, int] | None = at) -> conversion.Step:
                return conversion.convert(db, scope, at, book=self._prices, zone=events.zone)

            done = await self._ledger.write(step)
            converted += done.converted
            left += done.left
            position = done.position
            complete = position is None
        self._convert_from = None if position is None else (asked, position)
        if converted:
            self._ledger.wrote()
        return Conversion(
            currency=currency,
            converted=converted,
            left=left,
            skipped=await self._skipped(low, high),
            complete=complete,
        )

    async def _check_scope(self, start: datetime | None, end: datetime | None) -> None:
        zone = self._ledger.zone
        if start is not None and end is not None:
            check_order(start, end)

        def check(db: sqlite3.Connection) -> None:
            check_bounds(db, start, end, zone)
            if start is not None:
                check_events(db, to_us(start), zone, "start")

        await self._ledger.read(check)

    async def _skipped(self, start: int, end: int) -> list[date]:
        """Return the days between two times (µs) whose events are gone."""
        zone = self._ledger.zone
        return [
            day
            for day in await self._ledger.write(read_frozen_days)
            if to_us(day_span(Days(day, day), zone).end) > start
            and to_us(midnight(day, zone)) < end
        ]

    async def _reprice(
        self,
        start: int,
        end: int,
        *,
        only_unpriced: bool,
        models: tuple[int, ...] | None = None,
        budget: float = _BUDGET,
    ) -> Repricing:
        self._ledger.check_open()
        events = self._ledger.events
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
                    db, scope, at, book=self._prices, names=events.dimensions, zone=events.zone
                )

            done = await self._ledger.write(step)
            repriced += done.repriced
            before += done.cost_before
            after += done.cost_after
            unpriced += done.still_unpriced
            position = done.position
            complete = position is None
        self._reprice_from = None if position is None else (asked, position)
        if repriced:
            self._ledger.wrote()
        return Repricing(
            repriced=repriced,
            cost_before=before,
            cost_after=after,
            still_unpriced=unpriced,
            skipped=await self._skipped(start, end),
            only_unpriced=only_unpriced,
            complete=complete,
        )


def _bounds(start: datetime | None, end: datetime | None) -> tuple[int, int]:
    return 0 if start is None else to_us(start), FOREVER_US if end is None else to_us(end)
