"""Base entity for LLM Analytics.

Figures change with every request, and each state that is written is a row in the recorder's
database. So an entity writes its first change at once, then at most one state every 30 seconds
while requests keep coming, and the last one. What must not wait is written at once: a new period,
a change between available and unavailable, and the state of a binary sensor.
"""

from collections.abc import Callable, Hashable
from datetime import datetime
import time
from typing import Final, override

from homeassistant.config_entries import ConfigSubentry
from homeassistant.core import CALLBACK_TYPE, callback
from homeassistant.helpers.device_registry import DeviceEntryType, DeviceInfo
from homeassistant.helpers.entity import EntityDescription
from homeassistant.helpers.event import async_call_later
from homeassistant.helpers.update_coordinator import CoordinatorEntity

from .analytics import BudgetState, Figures, Summary
from .const import DOMAIN
from .coordinator import LlmAnalyticsCoordinator

# Seconds between two states of an entity while requests keep coming.
WRITE_INTERVAL: Final = 30.0


class LlmAnalyticsEntity(CoordinatorEntity[LlmAnalyticsCoordinator]):
    """Base entity, on the service device of the ledger or of a subentry."""

    _attr_has_entity_name = True

    def __init__(
        self,
        coordinator: LlmAnalyticsCoordinator,
        description: EntityDescription,
        subentry: ConfigSubentry | None = None,
    ) -> None:
        """Initialize the entity; each subentry has its own device."""
        super().__init__(coordinator)
        self.entity_description = description
        entry = coordinator.config_entry
        owner = entry.entry_id if subentry is None else subentry.subentry_id
        self._attr_unique_id = f"{owner}_{description.key}"
        self._attr_device_info = DeviceInfo(
            identifiers={(DOMAIN, owner)},
            name="LLM Analytics" if subentry is None else subentry.title,
            entry_type=DeviceEntryType.SERVICE,
        )
        self._written: Hashable = None
        self._urgent: Hashable = None
        self._written_at = -WRITE_INTERVAL
        self._cancel_write: CALLBACK_TYPE | None = None

    @property
    def shown(self) -> Hashable:
        """Return what is shown, which is written when it changes."""
        return None

    @property
    def urgent(self) -> Hashable:
        """Return the part of what is shown that is written at once."""
        return None

    @override
    async def async_added_to_hass(self) -> None:
        """Follow the figures; those of now are written when the entity is added."""
        await super().async_added_to_hass()
        self._note_shown()

    @callback
    @override
    def _handle_coordinator_update(self) -> None:
        """Write the state if what is shown has changed, now or when the interval is over."""
        if (self.available, self.shown) == self._written:
            return
        wait = self._written_at + WRITE_INTERVAL - time.monotonic()
        if (self.available, self.urgent) != self._urgent:
            self._written_at = -WRITE_INTERVAL  # the next change of a figure is a first one
            self._write()
        elif wait <= 0:
            self._written_at = time.monotonic()
            self._write()
        elif self._cancel_write is None:
            self._cancel_write = async_call_later(self.hass, wait, self._async_write_later)

    @callback
    def _async_write_later(self, _: datetime) -> None:
        self._cancel_write = None
        if (self.available, self.shown) != self._written:
            self._written_at = time.monotonic()
            self._write()

    @callback
    def _write(self) -> None:
        self._stop_waiting()
        self._note_shown()
        self.async_write_ha_state()

    def _note_shown(self) -> None:
        self._written = (self.available, self.shown)
        self._urgent = (self.available, self.urgent)

    @override
    async def async_will_remove_from_hass(self) -> None:
        """Drop a write that waits."""
        self._stop_waiting()

    @callback
    def _stop_waiting(self) -> None:
        if self._cancel_write is not None:
            self._cancel_write()
            self._cancel_write = None


def budget_of(subentry: ConfigSubentry) -> Callable[[Figures], BudgetState]:
    """Return a function that gets the state of a budget subentry from the figures."""
    return lambda figures: figures.budgets[subentry.subentry_id]


def tracked_by(subentry: ConfigSubentry) -> Callable[[Figures], Summary]:
    """Return a function that gets the summary of a tracked usage from the figures."""
    return lambda figures: figures.tracked[subentry.subentry_id]
