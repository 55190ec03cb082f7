"""Statistics, trends, anomalies, forecasts: what the sums of the ledger tell."""

from collections.abc import Sequence
from datetime import date, datetime
from fractions import Fraction
from functools import partial
import sqlite3

from .anomalies import DEFAULT_THRESHOLD, WINDOW_DAYS, Anomalies
from .breakdowns import Breakdown, By, DeviceDay, DeviceSummary, UserStatistics, by_cost
from .briefs import Brief, Part, Stretch
from .forecast import Forecast
from .periods import Days, last_days
from .reader import ANYTHING, LedgerReader, check_order
from .reports import DeviceTotals, EndpointTotals, ModelTotals
from .store import answers, breakdowns, briefs, filters, trends
from .store.daily import day_totals
from .store.filters import Chosen
from .store.queries import Window
from .totals import Filter, Totals
from .trends import Comparison, Heatmap, Interval, Metric, PeakHours, Trend, Weekdays


class Insights(LedgerReader):
    """Every analysis. ``days`` counts local days with today; bounds are half open instants.

    A question that needs single events which a clean-up has removed raises EventsRemovedError, a
    ``start`` that is not before ``end`` InvalidInputError.
    """

    def _last_days(self, count: int) -> Days:
        return last_days(count, today=self._clock().astimezone(self._zone).date())

    def _window(
        self, db: sqlite3.Connection, start: datetime | None, end: datetime | None
    ) -> Window:
        if start is not None and end is not None:
            check_order(start, end)
        return breakdowns.window(db, start, end, now=self._clock(), zone=self._zone)

    async def device_day(self, device: str, day: date | None = None) -> DeviceDay:
        """Return what a device (by key) did on one local day, today without ``day``."""
        day = day or self._clock().astimezone(self._zone).date()
        return await self._read(
            partial(breakdowns.device_day, device=device, day=day, zone=self._zone)
        )

    async def device_summary(self, device: str, days: int = 7) -> DeviceSummary:
        """Return what a device (by key) did. Raises NotFoundError for one never seen."""
        return await self._read(
            partial(
                breakdowns.device_summary,
                device=device,
                count=days,
                now=self._clock(),
                zone=self._zone,
                directory=self._directory(),
            )
        )

    async def top_devices(self, days: int = 7, limit: int = 10) -> Sequence[DeviceTotals]:
        """Return the devices with the most tokens."""
        window = Window(self._last_days(days))
        rows = await self._read(
            partial(
                answers.devices,
                window=window,
                chosen=Chosen(),
                zone=self._zone,
                directory=self._directory(),
            )
        )
        return rows[:limit]

    async def statistics(
        self,
        start: datetime | None = None,
        end: datetime | None = None,
        wanted: Filter = ANYTHING,
    ) -> Totals:
        """Return the sums of a window, of the whole ledger without bounds."""
        return await self._read(
            lambda db: answers.total(
                db, self._window(db, start, end), filters.choose(db, wanted), self._zone
            )
        )

    async def models(
        self, start: datetime | None = None, end: datetime | None = None
    ) -> Sequence[ModelTotals]:
        """Return the sums by model."""
        return await self._read(
            lambda db: answers.models(db, self._window(db, start, end), Chosen(), self._zone)
        )

    async def endpoints(
        self, start: datetime | None = None, end: datetime | None = None
    ) -> Sequence[EndpointTotals]:
        """Return the sums by endpoint, most requests first."""
        return await self._read(
            lambda db: answers.endpoints(db, self._window(db, start, end), Chosen(), self._zone)
        )

    async def tags(
        self, start: datetime | None = None, end: datetime | None = None
    ) -> Sequence[tuple[str, Totals]]:
        """Return the sums by tag; an event counts once for each of its tags."""
        return await self._read(
            lambda db: breakdowns.tags(db, self._window(db, start, end), self._zone)
        )

    async def users(
        self, start: datetime | None = None, end: datetime | None = None
    ) -> Sequence[UserStatistics]:
        """Return the statistics of every user, highest cost first."""
        directory = self._directory()
        return by_cost(
            await self._read(
                lambda db: breakdowns.users(db, self._window(db, start, end), self._zone, directory)
            )
        )

    async def daily(self, days: int = 30) -> Sequence[tuple[date, Totals]]:
        """Return the sums of each of the last days, idle ones as zeros, today last."""
        rows = await self._read(
            partial(day_totals, days=self._last_days(days), chosen=Chosen(), zone=self._zone)
        )
        return list(rows.items())

    async def hourly(self, days: int | None = None) -> Sequence[int]:
        """Return requests by hour of the local clock, of the whole ledger without ``days``."""
        window = None if days is None else self._last_days(days)
        return await self._read(partial(breakdowns.hourly, days=window, zone=self._zone))

    async def breakdown(
        self,
        by: By,
        *,
        interval: Interval = Interval.DAY,
        start: datetime | None = None,
        end: datetime | None = None,
        top: int = 8,
    ) -> Breakdown:
        """Return series for a stacked chart."""
        today, directory = self._clock().astimezone(self._zone).date(), self._directory()
        return await self._read(
            lambda db: breakdowns.breakdown(
                db,
                by,
                interval,
                top,
                self._window(db, start, end),
                today=today,
                zone=self._zone,
                directory=directory,
            )
        )

    async def heatmap(self, days: int = 28, wanted: Filter = ANYTHING) -> Heatmap:
        """Return sums by weekday (0 = Sunday) and hour of the local clock."""
        return await self._read(
            partial(trends.heatmap, count=days, wanted=wanted, now=self._clock(), zone=self._zone)
        )

    async def trend(
        self,
        metric: Metric,
        *,
        days: int = 30,
        interval: Interval = Interval.DAY,
        wanted: Filter = ANYTHING,
    ) -> Trend:
        """Return a metric over time."""
        return await self._read(
            partial(
                trends.trend,
                metric=metric,
                count=days,
                interval=interval,
                wanted=wanted,
                now=self._clock(),
                zone=self._zone,
            )
        )

    async def peak_hours(self, days: int = 7, wanted: Filter = ANYTHING) -> PeakHours:
        """Return requests and tokens by hour of the local clock."""
        return await self._read(
            partial(
                trends.peak_hours, count=days, wanted=wanted, now=self._clock(), zone=self._zone
            )
        )

    async def weekdays(self, days: int = 28, wanted: Filter = ANYTHING) -> Weekdays:
        """Return requests and tokens by weekday."""
        return await self._read(
            partial(trends.weekdays, count=days, wanted=wanted, now=self._clock(), zone=self._zone)
        )

    async def anomalies(
        self,
        days: int = WINDOW_DAYS,
        *,
        threshold: Fraction = DEFAULT_THRESHOLD,
        wanted: Filter = ANYTHING,
    ) -> Anomalies:
        """Return the days out of the ordinary."""
        return await self._read(
            partial(
                trends.anomalies,
                count=days,
                threshold=threshold,
                wanted=wanted,
                now=self._clock(),
                zone=self._zone,
            )
        )

    async def comparison(self, days: int = 7, wanted: Filter = ANYTHING) -> Comparison:
        """Return the last days against as many before."""
        return await self._read(
            partial(
                trends.comparison, count=days, wanted=wanted, now=self._clock(), zone=self._zone
            )
        )

    async def brief(self, stretch: Stretch, part: Part | None = None) -> Brief:
        """Return a stretch of time in a few figures, split by ``part``."""
        return await self._read(
            partial(
                briefs.brief,
                stretch=stretch,
                part=part,
                now=self._clock(),
                zone=self._zone,
                directory=self._directory(),
                currency=self.home_currency,
            )
        )

    async def forecast(self) -> Forecast:
        """Return the month-end projection of tokens and cost."""
        return await self._read(partial(trends.forecast, now=self._clock(), zone=self._zone))
