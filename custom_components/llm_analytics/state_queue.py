"""Entities write their states a few at a time.

A refresh changes nearly all of them at once, and a household may have hundreds. Each write takes
its part of a millisecond in the event loop and as long again in the recorder, so whoever is served
in between waits for a few of them, not for all.
"""

import asyncio
from itertools import islice
import logging
from typing import Final

from homeassistant.config_entries import ConfigEntry
from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers.entity import Entity

from .const import DOMAIN

_LOGGER = logging.getLogger(__name__)

_FEW: Final = 4
# Seconds that others have after each few; with more entities than usual a few are more, so that
# all is shown in a fifth of a second.
_PAUSE: Final = 0.005
_PAUSES: Final = 40


class StateQueue:
    """The entities that have something new to show, first come, first served."""

    def __init__(self, hass: HomeAssistant, entry: ConfigEntry) -> None:
        """Begin without any."""
        self._hass = hass
        self._entry = entry
        self._waiting: dict[Entity, None] = {}
        self._task: asyncio.Task[None] | None = None

    @callback
    def async_add(self, entity: Entity) -> None:
        """Let an entity write the state that it will have when its turn comes."""
        self._waiting[entity] = None
        if self._task is None:
            self._task = self._entry.async_create_task(
                self._hass, self._async_write_all(), f"{DOMAIN} states", eager_start=False
            )

    @callback
    def async_discard(self, entity: Entity) -> None:
        """Forget an entity that is removed."""
        self._waiting.pop(entity, None)

    async def _async_write_all(self) -> None:
        few = max(_FEW, len(self._waiting) // _PAUSES)
        try:
            while self._waiting:
                for entity in [*islice(self._waiting, few)]:
                    del self._waiting[entity]
                    _write(entity)
                if self._waiting:
                    await asyncio.sleep(_PAUSE)
        finally:
            self._task = None


def _write(entity: Entity) -> None:
    try:
        entity.async_write_ha_state()
    except Exception:
        _LOGGER.exception("%s cannot show its state", entity.entity_id)
