"""``UsageReporter``: the summary, the dashboard, reports, and statistics by everything there is."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from functools import partial
import sqlite3

from ..ledger import Ledger
from ..limits import check_order
from ..periods import Days, Period, Span, last_days
from ..store import filters
from ..store.day_sums import Window, read_day_totals, read_totals
from ..store.filters import ResolvedFilter
from ..totals import ANYTHING, Filter, Totals
from ..trends.metrics import Interval
from .breakdown import Breakdown, By, read_breakdown, read_seen
from .brief import Brief, Part, Stretch, read_brief
from .dashboard import Dashboard, read_dashboard
from .devices import DeviceDay, DeviceSummary, read_device_day, read_device_summary
from .figures import NOTHING, Figures, Watch, read_figures
from .rankings import (
    DeviceTotals,
    EndpointTotals,
    ModelTotals,
    read_devices,
    read_endpoints,
    read_models,
)
from .report import Report, read_report
from .statistics import (
    UserStatistics,
    by_cost,
    read_hourly,
    read_tags,
    read_user_statistics,
    read_window,
)
from .summary import Summary, read_summary


class UsageReporter:
    """What was used. ``days`` counts local days with today; bounds are half open instants.

    A question that needs single events which a clean-up has removed raises EventsRemovedError, a
    ``start`` that is not before ``end`` InvalidInputError.
    """

    def __init__(self, ledger: Ledger) -> None:
        """Work with an open ledger."""
        self._ledger = ledger
        self._looked = ledger.opened.looked

    async def summary(self, wanted: Filter = ANYTHING) -> Summary:
        """Return the sums of today, this week (from Monday) and this month."""
        return await self._ledger.read(
            partial(
                read_summary,
                wanted=wanted,
                now=self._ledger.clock(),
                zone=self._ledger.zone,
                currency=self._ledger.home_currency,
            )
        )

    async def figures(self, watch: Watch = NOTHING) -> Figures:
        """Return what the sensors show; only what is watched by a filter is filtered."""
        found = await self._ledger.read(
            partial(
                read_figures,
                watch=watch,
                looked=self._looked,
                now=self._ledger.clock(),
                zone=self._ledger.zone,
                currency=self._ledger.home_currency,
            )
        )
        self._looked = found.day
        return found

    async def dashboard(self, wanted: Filter = ANYTHING) -> Dashboard:
        """Return the dashboard. Raises EventsRemovedError for a tag whose events are gone."""
        return await self._ledger.read(
            partial(
                read_dashboard,
                wanted=wanted,
                now=self._ledger.clock(),
                zone=self._ledger.zone,
                directory=self._ledger.directory(),
                currency=self._ledger.home_currency,
            )
        )

    async def report(
        self,
        period: Period = Period.WEEK,
        *,
        day: date | None = None,
        span: Span | None = None,
        wanted: Filter = ANYTHING,
    ) -> Report:
        """Return the report of the calendar period that ``day`` (default today) lies in.

        ``custom`` takes its bounds from ``span``. Raises InvalidInputError for a missing or empty
        span, EventsRemovedError where only single events can answer and they are gone.
        """
        return await self._ledger.read(
            partial(
                read_report,
                wanted=wanted,
                period=period,
                day=day,
                span=span,
                now=self._ledger.clock(),
                zone=self._ledger.zone,
                directory=self._ledger.directory(),
                currency=self._ledger.home_currency,
            )
        )

    def _last_days(self, count: int) -> Days:
        return last_days(count, today=self._ledger.today())

    def _window(
        self, db: sqlite3.Connection, start: datetime | None, end: datetime | None
    ) -> Window:
        if start is not None and end is not None:
            check_order(start, end)
        return read_window(db, start, end, now=self._ledger.clock(), zone=self._ledger.zone)

    async def statistics(
        self,
        start: datetime | None = None,
        end: datetime | None = None,
        wanted: Filter = ANYTHING,
    ) -> Totals:
        """Return the sums of a window, of the whole ledger without bounds."""
        return await self._ledger.read(
            lambda db: read_totals(
                db, self._window(db, start, end), filters.resolve(db, wanted), self._ledger.zone
            )
        )

    async def models(
        self, start: datetime | None = None, end: datetime | None = None
    ) -> Sequence[ModelTotals]:
        """Return the sums by model."""
        return await self._ledger.read(
            lambda db: read_models(
                db, self._window(db, start, end), ResolvedFilter(), self._ledger.zone
            )
        )

    async def endpoints(
        self, start: datetime | None = None, end: datetime | None = None
    ) -> Sequence[EndpointTotals]:
        """Return the sums by endpoint, most requests first."""
        return await self._ledger.read(
            lambda db: read_endpoints(
                db, self._window(db, start, end), ResolvedFilter(), self._ledger.zone
            )
        )

    async def tags(
        self, start: datetime | None = None, end: datetime | None = None
    ) -> Sequence[tuple[str, Totals]]:
        """Return the sums by tag; an event counts once for each of its tags."""
        return await self._ledger.read(
            lambda db: read_tags(db, self._window(db, start, end), self._ledger.zone)
        )

    async def users(
        self, start: datetime | None = None, end: datetime | None = None
    ) -> Sequence[UserStatistics]:
        """Return the statistics of every user, highest cost first."""
        directory = self._ledger.directory()
        return by_cost(
            await self._ledger.read(
                lambda db: read_user_statistics(
                    db, self._window(db, start, end), self._ledger.zone, directory
                )
            )
        )

    async def daily(self, days: int = 30) -> Sequence[tuple[date, Totals]]:
        """Return the sums of each of the last days, idle ones as zeros, today last."""
        rows = await self._ledger.read(
            partial(
                read_day_totals,
                days=self._last_days(days),
                chosen=ResolvedFilter(),
                zone=self._ledger.zone,
            )
        )
        return list(rows.items())

    async def hourly(self, days: int | None = None) -> Sequence[int]:
        """Return requests by hour of the local clock, of the whole ledger without ``days``."""
        window = None if days is None else self._last_days(days)
        return await self._ledger.read(partial(read_hourly, days=window, zone=self._ledger.zone))

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
        today, directory = self._ledger.today(), self._ledger.directory()
        return await self._ledger.read(
            lambda db: read_breakdown(
                db,
                by,
                interval,
                top,
                self._window(db, start, end),
                today=today,
                zone=self._ledger.zone,
                directory=directory,
            )
        )

    async def seen(self, by: By) -> Mapping[str, str | None]:
        """Return every key of a dimension, as a filter takes it, with its name."""
        return await self._ledger.read(
            partial(read_seen, by=by, directory=self._ledger.directory())
        )

    async def top_devices(self, days: int = 7, limit: int = 10) -> Sequence[DeviceTotals]:
        """Return the devices with the most tokens."""
        window = Window(self._last_days(days))
        rows = await self._ledger.read(
            partial(
                read_devices,
                window=window,
                chosen=ResolvedFilter(),
                zone=self._ledger.zone,
                directory=self._ledger.directory(),
            )
        )
        return rows[:limit]

    async def device_day(self, device: str, day: date | None = None) -> DeviceDay:
        """Return what a device (by key) did on one local day, today without ``day``."""
        day = day or self._ledger.today()
        return await self._ledger.read(
            partial(read_device_day, device=device, day=day, zone=self._ledger.zone)
        )

    async def device_summary(self, device: str, days: int = 7) -> DeviceSummary:
        """Return what a device (by key) did. Raises NotFoundError for one never seen."""
        return await self._ledger.read(
            partial(
                read_device_summary,
                device=device,
                count=days,
                now=self._ledger.clock(),
                zone=self._ledger.zone,
                directory=self._ledger.directory(),
            )
        )

    async def brief(self, stretch: Stretch, part: Part | None = None) -> Brief:
        """Return a stretch of time in a few figures, split by ``part``."""
        return await self._ledger.read(
            partial(
                read_brief,
                stretch=stretch,
                part=part,
                now=self._ledger.clock(),
                zone=self._ledger.zone,
                directory=self._ledger.directory(),
                currency=self._ledger.home_currency,
            )
        )
