"""Import of hourly totals into the recorder's long-term statistics, which are kept for years.

The ledger knows which hours have changed since they were last imported. They are imported in
chronological order and in pages, and each waits for the recorder, so that neither the event loop
nor the recorder's queue is blocked. Importing an hour again replaces it. If the recorder has lost a
series, the whole series is imported again.
"""

import asyncio
from collections.abc import Callable
from contextlib import aclosing
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
import logging
from typing import Final

from homeassistant.components.recorder import get_instance
from homeassistant.components.recorder.models import (
    StatisticData,
    StatisticMeanType,
    StatisticMetaData,
)
from homeassistant.components.recorder.statistics import (
    async_add_external_statistics,
    get_metadata,
)
from homeassistant.components.recorder.tasks import SynchronizeTask
from homeassistant.config_entries import ConfigEntry
from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers.event import async_track_utc_time_change
from homeassistant.helpers.start import async_at_started

from .analytics import Analytics, AnalyticsError, ClosedError, HourlySeries, HourlySums, SeriesHours
from .const import DOMAIN

_LOGGER = logging.getLogger(__name__)

_HOUR: Final = timedelta(hours=1)
_EVERY: Final = range(0, 60, 5)
# Away from the recorder's own statistics job, ten seconds past every fifth minute.
_SECOND: Final = 40


@dataclass(frozen=True, kw_only=True)
class Metric:
    """A statistic of every series; its unit never changes."""

    key: str
    unit: str
    value_fn: Callable[[HourlySums], float]


METRICS: Final = (
    Metric(key="requests", unit="requests", value_fn=lambda sums: sums.requests),
    Metric(key="tokens", unit="tokens", value_fn=lambda sums: sums.tokens),
    Metric(key="cost", unit="USD", value_fn=lambda sums: sums.usd),
)


def statistic_id(slug: str, metric: Metric) -> str:
    """Return the ID of a statistic, such as "llm_analytics:total_tokens"."""
    return f"{DOMAIN}:{slug}_{metric.key}"


def metadata(series: HourlySeries, metric: Metric) -> StatisticMetaData:
    """Return the metadata of a statistic for the recorder."""
    return StatisticMetaData(
        mean_type=StatisticMeanType.NONE,
        has_sum=True,
        name=f"{series.name or 'LLM Analytics'} {metric.key}",
        source=DOMAIN,
        statistic_id=statistic_id(series.slug, metric),
        unit_class=None,
        unit_of_measurement=metric.unit,
    )


class StatisticsImport:
    """Keeps the statistics of a ledger in the recorder up to date."""

    def __init__(self, hass: HomeAssistant, entry: ConfigEntry, analytics: Analytics) -> None:
        """Initialize; nothing is imported yet."""
        self._hass = hass
        self._entry = entry
        self._analytics = analytics
        self._running = asyncio.Lock()

    @callback
    def async_start(self) -> None:
        """Import the changes once Home Assistant has started, and then every five minutes."""
        entry = self._entry
        entry.async_on_unload(async_at_started(self._hass, self._async_started))
        entry.async_on_unload(
            async_track_utc_time_change(
                self._hass, self._async_tick, minute=list(_EVERY), second=_SECOND
            )
        )

    @callback
    def _async_started(self, _: HomeAssistant) -> None:
        self._start_run(None)

    @callback
    def _async_tick(self, now: datetime) -> None:
        """Import changes of this and the previous hour; once an hour, also of earlier ones."""
        hour = now.replace(minute=0, second=0, microsecond=0)
        self._start_run(None if now.minute < _EVERY.step else hour - _HOUR)

    @callback
    def _start_run(self, since: datetime | None) -> None:
        if not self._running.locked():
            self._entry.async_create_background_task(
                self._hass, self._async_run(since), f"{DOMAIN} statistics"
            )

    async def _async_run(self, since: datetime | None) -> None:
        async with self._running:
            try:
                await self._async_clear_forgotten()
                await self._analytics.hours.repeat_missing(await self._async_present())
                async with aclosing(self._analytics.hours.hourly_changes(since)) as changes:
                    async for page in changes:
                        for told in page:
                            await self._async_write(told)
            except ClosedError:
                _LOGGER.debug("The ledger was closed while its statistics were written")
            except AnalyticsError as error:
                _LOGGER.warning("The statistics could not be brought up to date: %s", error)

    async def _async_clear_forgotten(self) -> None:
        if slugs := await self._analytics.hours.forgotten_series():
            get_instance(self._hass).async_clear_statistics(
                [statistic_id(slug, metric) for slug in slugs for metric in METRICS]
            )
            await self._async_recorded()
            await self._analytics.hours.confirm_forgotten(slugs)

    async def _async_present(self) -> set[str]:
        """Return the slugs of the series for which the recorder has every metric."""
        instance = get_instance(self._hass)
        found = await instance.async_add_executor_job(
            partial(get_metadata, self._hass, statistic_source=DOMAIN)
        )
        slugs = {one.partition(":")[2].rpartition("_")[0] for one in found}
        return {
            slug for slug in slugs if all(statistic_id(slug, metric) in found for metric in METRICS)
        }

    async def _async_write(self, told: SeriesHours) -> None:
        for metric in METRICS:
            rows = [
                StatisticData(
                    start=hour.start,
                    state=metric.value_fn(hour.own),
                    sum=metric.value_fn(hour.total),
                )
                for hour in told.hours
            ]
            async_add_external_statistics(self._hass, metadata(told.series, metric), rows)
        await self._async_recorded()

    async def _async_recorded(self) -> None:
        """Wait until the recorder has processed everything that was queued so far."""
        done: asyncio.Future[None] = self._hass.loop.create_future()
        get_instance(self._hass).queue_task(SynchronizeTask(done))
        await done
