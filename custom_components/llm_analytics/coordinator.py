"""The coordinator: opens the ledger, updates the figures and schedules the recurring jobs.

Updates are pushed: every commit requests a refresh, and a debouncer combines those within its
cooldown. The only scheduled refresh is at local midnight. The other recurring jobs are the daily
clean-up, the hourly check for repair issues and, if enabled, the refresh of the price catalogue and
the import of statistics. When Home Assistant's time zone changes, so do the days of the ledger.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
import logging
from pathlib import Path
from typing import Any, override
from zoneinfo import ZoneInfo

from homeassistant.config_entries import (
    SIGNAL_CONFIG_ENTRY_CHANGED,
    ConfigEntry,
    ConfigEntryChange,
)
from homeassistant.const import EVENT_CORE_CONFIG_UPDATE, EVENT_HOMEASSISTANT_CLOSE
from homeassistant.core import CALLBACK_TYPE, CoreState, Event, HomeAssistant, callback
from homeassistant.exceptions import ConfigEntryError, ConfigEntryNotReady
from homeassistant.helpers.debounce import Debouncer
from homeassistant.helpers.dispatcher import async_dispatcher_connect
from homeassistant.helpers.event import (
    async_call_later,
    async_track_point_in_utc_time,
    async_track_time_change,
    async_track_time_interval,
)
from homeassistant.helpers.start import async_at_started
from homeassistant.helpers.update_coordinator import DataUpdateCoordinator, UpdateFailed
from homeassistant.util import dt as dt_util

from .analytics import (
    Analytics,
    AnalyticsError,
    DamagedDatabaseError,
    Figures,
    NewerSchemaError,
    StorageError,
    midnight,
)
from .catalogue_refresh import CatalogueRefresh
from .const import (
    CONF_CATALOGUE,
    CONF_CATALOGUE_REFRESH,
    CONF_STATISTICS,
    DATABASE,
    DOMAIN,
    SUBENTRY_CLIENT,
)
from .home.announcer import Announcer
from .home.issues import DAMAGED_DATABASE, Issue, IssueWatch, async_raise
from .home.options import ensure_person_key, settings, watch
from .home.registry import HomeRegistry
from .statistics import StatisticsImport

_LOGGER = logging.getLogger(__name__)

# Seconds within which commits share one refresh, to limit the load on the event loop.
_COOLDOWN = 1.7

# Seconds after the start: automations attach their triggers then, one after another.
_AUTOMATIONS_BEGIN = 10.0

# Home Assistant's default is datetime.UTC, which has no zone name for the ledger to store.
_UTC = ZoneInfo("UTC")

type LlmAnalyticsConfigEntry = ConfigEntry[LlmAnalyticsCoordinator]


class LlmAnalyticsCoordinator(DataUpdateCoordinator[Figures]):
    """Coordinator that owns the ledger of a config entry and provides its figures."""

    config_entry: LlmAnalyticsConfigEntry
    analytics: Analytics

    def __init__(self, hass: HomeAssistant, entry: LlmAnalyticsConfigEntry) -> None:
        """Initialize; ``async_open`` opens the ledger."""
        super().__init__(
            hass,
            _LOGGER,
            config_entry=entry,
            name=DOMAIN,
            request_refresh_debouncer=Debouncer(hass, _LOGGER, cooldown=_COOLDOWN, immediate=True),
        )
        self._cancel_midnight: CALLBACK_TYPE | None = None
        self._commits = self._commits_asked = 0
        self._announcer: Announcer
        self._subentries = subentries(entry)
        self._watch = watch(entry)

    async def async_open(self) -> None:
        """Open the ledger. Raises ConfigEntryError or ConfigEntryNotReady."""
        directory = HomeRegistry(self.hass)
        await directory.async_start(self.config_entry)
        ensure_person_key(self.hass, self.config_entry)
        try:
            self.analytics = await Analytics.open(
                Path(self.hass.config.path(DATABASE)),
                zone=local_zone(),
                clock=dt_util.utcnow,
                settings=settings(self.config_entry),
                committed=self._committed,
                directory=directory,
            )
            self._announcer = Announcer(self.hass, self.analytics)
        except NewerSchemaError as error:
            raise ConfigEntryError(
                translation_domain=DOMAIN,
                translation_key="newer_schema",
                translation_placeholders={"found": str(error.found), "known": str(error.known)},
            ) from error
        except StorageError as error:
            raise ConfigEntryNotReady(
                translation_domain=DOMAIN,
                translation_key="storage_error",
                translation_placeholders={"error": str(error)},
            ) from error

    @callback
    def async_start(self) -> None:
        """Schedule the recurring jobs, and listen to configuration changes and to the shutdown."""
        entry = self.config_entry
        self._schedule_midnight()
        entry.async_on_unload(self._stop_midnight)
        if entry.options.get(CONF_CATALOGUE, True) and entry.options.get(CONF_CATALOGUE_REFRESH):
            self._start_catalogue_refresh()
        self._start_issue_watch()
        if entry.options.get(CONF_STATISTICS, True) and "recorder" in self.hass.config.components:
            StatisticsImport(self.hass, entry, self.analytics).async_start()
        if self.analytics.integrity.unchecked:
            entry.async_create_background_task(self.hass, self._async_check(), f"{DOMAIN} check")
        # 04:05 exists on every day in every time zone, also when the clocks change.
        entry.async_on_unload(
            async_track_time_change(self.hass, self._async_retain, hour=4, minute=5, second=0)
        )
        entry.async_on_unload(
            self.hass.bus.async_listen(EVENT_CORE_CONFIG_UPDATE, self._async_config_updated)
        )
        entry.async_on_unload(
            async_dispatcher_connect(
                self.hass, SIGNAL_CONFIG_ENTRY_CHANGED, self._async_entry_changed
            )
        )
        # Config entries are not unloaded when Home Assistant stops.
        entry.async_on_unload(
            self.hass.bus.async_listen_once(EVENT_HOMEASSISTANT_CLOSE, self._async_close)
        )

    @callback
    def _start_catalogue_refresh(self) -> None:
        entry = self.config_entry
        refresh = CatalogueRefresh(self.hass, self.analytics)
        entry.async_create_background_task(
            self.hass, refresh.async_start(), f"{DOMAIN} catalogue refresh"
        )
        entry.async_on_unload(
            async_track_time_interval(
                self.hass, refresh.async_refresh, timedelta(days=1), cancel_on_shutdown=True
            )
        )

    @callback
    def _start_issue_watch(self) -> None:
        entry, issues = self.config_entry, IssueWatch(self.hass, self.analytics)
        seen: tuple[Sequence[str], bool] | None = None

        @callback
        def look_if_prices_changed() -> None:
            nonlocal seen
            if seen != (now := (self.data.unpriced_models, self.data.rate_known)):
                seen = now
                entry.async_create_background_task(
                    self.hass, issues.async_look(), f"{DOMAIN} issues"
                )

        look_if_prices_changed()
        entry.async_on_unload(self.async_add_listener(look_if_prices_changed))
        entry.async_on_unload(
            async_track_time_interval(
                self.hass, issues.async_look, timedelta(hours=1), cancel_on_shutdown=True
            )
        )

    async def _async_check(self) -> None:
        """Run the integrity check after an unclean stop; a reload replaces a damaged file."""
        try:
            await self.analytics.integrity.check()
        except DamagedDatabaseError:
            self.hass.config_entries.async_schedule_reload(self.config_entry.entry_id)
        except AnalyticsError as error:
            _LOGGER.warning("The ledger could not be checked: %s", error)

    @callback
    def async_tell_damage(self) -> None:
        """Create the repair issue for a damaged file if one was set aside."""
        if (damaged := self.analytics.set_aside) is not None:
            async_raise(self.hass, Issue(DAMAGED_DATABASE, {"path": str(damaged)}))

    @override
    async def _async_update_data(self) -> Figures:
        self._commits_asked = self._commits
        try:
            figures = await self.analytics.reports.figures(self._watch)
        except AnalyticsError as error:
            raise UpdateFailed(
                translation_domain=DOMAIN,
                translation_key="storage_error",
                translation_placeholders={"error": str(error)},
            ) from error
        try:
            await self._announcer.async_announce(figures)
        except AnalyticsError as error:
            _LOGGER.warning("What has happened cannot be announced yet: %s", error)
        return figures

    @callback
    @override
    def _async_refresh_finished(self) -> None:
        """Request another refresh if there were commits during this one.

        The debouncer drops such a request if its cooldown ends before the refresh does.
        """
        if self._commits != self._commits_asked:
            self._debounced_refresh.async_schedule_call()

    @callback
    def _committed(self) -> None:
        self._commits += 1
        self._debounced_refresh.async_schedule_call()

    async def async_begin_announcing(self) -> None:
        """Announce new and pending notices on the event bus once automations are listening."""
        if self.hass.state is CoreState.running:
            await self._async_listened_to()
        else:
            self.config_entry.async_on_unload(async_at_started(self.hass, self._async_started))

    @callback
    def _async_started(self, _: HomeAssistant) -> None:
        self.config_entry.async_on_unload(
            async_call_later(self.hass, _AUTOMATIONS_BEGIN, self._async_listened_to)
        )

    async def _async_listened_to(self, _: datetime | None = None) -> None:
        self._announcer.listening = True
        await self.async_refresh()

    @callback
    def _async_entry_changed(self, change: ConfigEntryChange, entry: ConfigEntry) -> None:
        """Reload the entry when a subentry other than a recording client has changed."""
        if (
            entry is self.config_entry
            and change is ConfigEntryChange.UPDATED
            and subentries(entry) != self._subentries
        ):
            self.hass.config_entries.async_schedule_reload(entry.entry_id)

    @callback
    def _schedule_midnight(self) -> None:
        self._stop_midnight()
        zone = local_zone()
        tomorrow = dt_util.now(zone).date() + timedelta(days=1)
        self._cancel_midnight = async_track_point_in_utc_time(
            self.hass, self._async_midnight, midnight(tomorrow, zone)
        )

    @callback
    def _stop_midnight(self) -> None:
        if self._cancel_midnight is not None:
            self._cancel_midnight()
            self._cancel_midnight = None

    async def _async_midnight(self, _: datetime) -> None:
        self._cancel_midnight = None
        self._schedule_midnight()
        await self.async_refresh()

    async def _async_retain(self, _: datetime) -> None:
        """Run the daily clean-up, in as many steps as necessary."""
        try:
            while not (cleaned := await self.analytics.maintenance.retain()).complete:
                _LOGGER.debug("Clean-up goes on: %s", cleaned)
        except AnalyticsError as error:
            _LOGGER.warning("The daily clean-up failed: %s", error)

    async def _async_config_updated(self, _: Event) -> None:
        zone = local_zone()
        if zone.key == self.analytics.ledger.zone.key:
            return
        self._schedule_midnight()
        try:
            await self.analytics.maintenance.set_zone(zone)
        except AnalyticsError as error:
            _LOGGER.warning("Days could not be moved to the new time zone: %s", error)
        await self.async_refresh()

    async def _async_close(self, _: Event) -> None:
        await self.async_close()

    async def async_close(self) -> None:
        """Stop refreshing and close the ledger; every acknowledged event is stored."""
        await self.async_shutdown()
        await self.analytics.close()
        self.async_tell_damage()


def loaded_entry(hass: HomeAssistant) -> LlmAnalyticsConfigEntry | None:
    """Return the config entry if it is loaded, or None."""
    entries: list[LlmAnalyticsConfigEntry] = hass.config_entries.async_loaded_entries(DOMAIN)
    return entries[0] if entries else None


def local_zone() -> ZoneInfo:
    """Return the time zone of Home Assistant, which always has a name."""
    zone = dt_util.get_default_time_zone()
    return zone if isinstance(zone, ZoneInfo) else _UTC


def subentries(entry: ConfigEntry) -> dict[str, tuple[str, Mapping[str, Any]]]:
    """Return the title and data of every subentry except recording clients.

    Clients are added, changed and removed without a reload, so that recording is not interrupted.
    """
    return {
        name: (one.title, one.data)
        for name, one in entry.subentries.items()
        if one.subentry_type != SUBENTRY_CLIENT
    }
