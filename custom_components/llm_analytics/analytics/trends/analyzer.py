"""``TrendAnalyzer``: trends, patterns, comparisons, anomalies and forecasts."""

from fractions import Fraction
from functools import partial

from ..ledger import Ledger
from ..totals import ANYTHING, Filter
from .anomalies import DEFAULT_THRESHOLD, WINDOW_DAYS, Anomalies, read_anomalies
from .comparison import Comparison, read_comparison
from .forecast import Forecast, read_forecast
from .metrics import Interval, Metric
from .patterns import Heatmap, PeakHours, Weekdays, read_heatmap, read_peak_hours, read_weekdays
from .trend import Trend, read_trend


class TrendAnalyzer:
    """How usage develops. ``days`` counts local days with today.

    A question that needs single events which a clean-up has removed raises EventsRemovedError.
    """

    def __init__(self, ledger: Ledger) -> None:
        """Work with an open ledger."""
        self._ledger = ledger

    async def trend(
        self,
        metric: Metric,
        *,
        days: int = 30,
        interval: Interval = Interval.DAY,
        wanted: Filter = ANYTHING,
    ) -> Trend:
        """Return a metric over time."""
        return await self._ledger.read(
            partial(
                read_trend,
                metric=metric,
                count=days,
                interval=interval,
                wanted=wanted,
                now=self._ledger.clock(),
                zone=self._ledger.zone,
            )
        )

    async def peak_hours(self, days: int = 7, wanted: Filter = ANYTHING) -> PeakHours:
        """Return requests and tokens by hour of the local clock."""
        return await self._ledger.read(
            partial(
                read_peak_hours,
                count=days,
                wanted=wanted,
                now=self._ledger.clock(),
                zone=self._ledger.zone,
            )
        )

    async def weekdays(self, days: int = 28, wanted: Filter = ANYTHING) -> Weekdays:
        """Return requests and tokens by weekday."""
        return await self._ledger.read(
            partial(
                read_weekdays,
                count=days,
                wanted=wanted,
                now=self._ledger.clock(),
                zone=self._ledger.zone,
            )
        )

    async def heatmap(self, days: int = 28, wanted: Filter = ANYTHING) -> Heatmap:
        """Return sums by weekday (0 = Sunday) and hour of the local clock."""
        return await self._ledger.read(
            partial(
                read_heatmap,
                count=days,
                wanted=wanted,
                now=self._ledger.clock(),
                zone=self._ledger.zone,
            )
        )

    async def anomalies(
        self,
        days: int = WINDOW_DAYS,
        *,
        threshold: Fraction = DEFAULT_THRESHOLD,
        wanted: Filter = ANYTHING,
    ) -> Anomalies:
        """Return the days out of the ordinary."""
        return await self._ledger.read(
            partial(
                read_anomalies,
                count=days,
                threshold=threshold,
                wanted=wanted,
                now=self._ledger.clock(),
                zone=self._ledger.zone,
            )
        )

    async def comparison(self, days: int = 7, wanted: Filter = ANYTHING) -> Comparison:
        """Return the last days against as many before."""
        return await self._ledger.read(
            partial(
                read_comparison,
                count=days,
                wanted=wanted,
                now=self._ledger.clock(),
                zone=self._ledger.zone,
            )
        )

    async def forecast(self) -> Forecast:
        """Return the month-end projection of tokens and cost."""
        return await self._ledger.read(
            partial(read_forecast, now=self._ledger.clock(), zone=self._ledger.zone)
        )
