"""The engine and the reference ledger, side by side, where prices are set and days removed."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, ClassVar, Self, cast

import pytest

from custom_components.llm_analytics.analytics import NotFoundError, Rate

from .helpers import PLAIN, Clock
from .known_homes import FAMILY
from .random_analyses import Story, in_order
from .random_ledgers import FREE, PRICES, Moment
from .reference.ledger import DAY, first_instant, local_date
from .reference.prices import PricedLedger, Rates
from .test_against_reference import Comparison, open_engine


@dataclass
class PriceComparison(Comparison):
    """The engine and the reference, side by side, with prices."""

    ledger: ClassVar[type[PricedLedger]] = PricedLedger

    @classmethod
    async def start(cls, story: Story, path: Path) -> Self:
        clock = Clock(story.now)
        chosen = replace(PLAIN, keep_details=story.keep_details)
        reference = cls.ledger(story.zone, PRICES, FREE, home=FAMILY)
        return cls(await open_engine(path, reference, clock, chosen), reference, clock, path)

    @property
    def priced(self) -> PricedLedger:
        return cast("PricedLedger", self.reference)

    def _moment(self, moment: Moment) -> datetime | None:
        return moment(self.reference.zone, self.clock.now)

    async def _rate(self, argument: tuple[tuple[str, str], Rates, Moment, bool]) -> None:
        model, rates, moment, reprice = argument
        effective = self._moment(moment)
        override = self.priced.set_rate(model, rates, effective, now=self.clock.now)
        rate = Rate(
            provider=model[0],
            model=model[1],
            prompt_per_1m=rates[0],
            response_per_1m=rates[1],
            effective=effective,
        )
        done = await self.engine.costs.set_rate(rate, reprice=reprice)
        if reprice:
            assert done is not None
            self._same_repricing(done.as_dict(), self.priced.reprice_model(override))

    async def _unrate(self, model: tuple[str, str]) -> None:
        deleted = self.priced.delete_rates(*model, None)
        if deleted:
            assert await self.engine.costs.delete_rate(*model) == deleted
        else:
            with pytest.raises(NotFoundError):
                await self.engine.costs.delete_rate(*model)

    async def _reprice(self, argument: tuple[Moment, Moment, bool]) -> None:
        first, second, only_unpriced = argument
        start, end = in_order((first, second), self.reference.zone, self.clock.now)

        async def repriced() -> Any:
            done = await self.engine.costs.reprice(start, end, only_unpriced=only_unpriced)
            return self._figures(done.as_dict())

        await self.agree(
            repriced(), lambda: self.priced.reprice(start, end, only_unpriced=only_unpriced)
        )

    @staticmethod
    def _figures(answer: dict[str, Any]) -> dict[str, Any]:
        assert answer.pop("complete") is True
        assert answer.pop("status") == "ok"
        assert answer.pop("message")
        return answer

    def _same_repricing(self, answer: dict[str, Any], expected: dict[str, Any]) -> None:
        assert self._figures(answer) == expected

    async def _rebuild(self, days_ago: int | None) -> None:
        today = local_date(self.clock.now, self.reference.zone)
        day = None if days_ago is None else today - days_ago * DAY

        async def rebuilt() -> Any:
            done = await self.engine.maintenance.rebuild(day)
            assert done.complete
            return done.drift, list(done.skipped)

        def expected() -> Any:
            if day is not None:
                self.reference.check(first_instant(day, self.reference.zone), "date")
            return 0, [] if day is not None else self.priced.frozen_days()

        await self.agree(rebuilt(), expected)

    async def _retain(self, _: None) -> None:
        today = local_date(self.clock.now, self.reference.zone)
        chosen = self.engine.ledger.settings
        kept = timedelta(days=chosen.retention_days if chosen.keep_details else 7)
        days = sorted({self.reference.day_of(one) for one in self.reference.entries if one.counted})
        deleted = 0
        if len(days) > 1:  # the last day alone may be one of a wrong clock
            last = days[-1] if days[-1] - days[-2] <= 2 * DAY else days[-2]
            deleted = self.reference.clean_up(min(today, last) - kept, keep_aggregates=True)
        assert (await self.engine.maintenance.retain()).events_deleted == deleted
