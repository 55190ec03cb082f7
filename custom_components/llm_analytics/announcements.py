"""Telling the house: what the figures give occasion to, on the event bus, each thing once.

Nothing is told until ``listening`` is set, for automations listen only once Home Assistant has
started. Adding an occasion is adding a function to ``OCCASIONS``.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Final

from homeassistant.core import CoreState, HomeAssistant

from .analytics import Analytics, Figures, Notice, NoticeKind
from .const import EVENT_UNPRICED_MODEL


@dataclass(frozen=True)
class Announcement:
    """A notice, and the event of the bus that tells it."""

    notice: Notice
    event_type: str
    data: dict[str, Any]


def _unpriced_models(figures: Figures) -> Iterator[Announcement]:
    for name in figures.unpriced_models:
        provider, _, model = name.partition("/")
        yield Announcement(
            Notice(NoticeKind.UNPRICED_MODEL, name),
            EVENT_UNPRICED_MODEL,
            {"provider": provider, "model": model},
        )


OCCASIONS: Final[tuple[Callable[[Figures], Iterator[Announcement]], ...]] = (_unpriced_models,)


class Announcer:
    """Tells what has not been told."""

    def __init__(self, hass: HomeAssistant, analytics: Analytics) -> None:
        """Start without having told anything; the ledger knows better."""
        self._hass = hass
        self._analytics = analytics
        self._told: set[Notice] = set()
        self.listening = hass.state is CoreState.running

    async def async_announce(self, figures: Figures) -> None:
        """Fire an event for everything new. Raises AnalyticsError, and then tells nothing."""
        if not self.listening:
            return
        found = {
            announcement.notice: announcement
            for occasion in OCCASIONS
            for announcement in occasion(figures)
        }
        notices = [notice for notice in found if notice not in self._told]
        if notices:
            fresh = await self._analytics.announce(notices)
            for notice in fresh:
                self._hass.bus.async_fire(found[notice].event_type, found[notice].data)
        self._told = set(found)
