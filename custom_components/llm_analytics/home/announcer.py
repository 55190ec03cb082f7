"""Announcements on the event bus: unpriced models, anomalies and budgets, each of them once.

Nothing is fired until ``listening`` is set, because the entities must exist and automations listen
only once Home Assistant has started; pending announcements are fired then. A new event is a
function in ``OCCASIONS``, with a message in ``logbook`` and, for automations, a class in
``trigger``.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any, Final

from homeassistant.core import HomeAssistant

from ..analytics import Analytics, Figures, Notice, NoticeKind
from ..const import EVENT_ANOMALY, EVENT_BUDGET, EVENT_UNPRICED_MODEL


@dataclass(frozen=True)
class Announcement:
    """A notice, and the event on the bus that announces it."""

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


def _anomalies(figures: Figures) -> Iterator[Announcement]:
    for day, score in figures.scores.anomalies:
        yield Announcement(
            Notice(NoticeKind.ANOMALY, score.metric, day),
            EVENT_ANOMALY,
            {
                "date": day.isoformat(),
                "type": score.metric,
                "value": _number(score.shown_value),
                "expected": _number(score.shown_expected),
                "z_score": _number(score.shown_z),
                "direction": score.direction,
            },
        )


def _number(amount: Decimal | int) -> float | int:
    return float(amount) if isinstance(amount, Decimal) else amount


def _budgets(figures: Figures) -> Iterator[Announcement]:
    for crossing in figures.crossings:
        budget = crossing.budget
        yield Announcement(
            crossing.notice,
            EVENT_BUDGET,
            {
                "budget_id": crossing.key,
                "budget": budget.name,
                "period": budget.period.value,
                "period_start": crossing.day.isoformat(),
                "threshold": crossing.threshold,
                "used": _number(budget.shown(crossing.used)),
                "limit": _number(budget.shown(budget.limit)),
                "unit": budget.unit_name,
            },
        )


OCCASIONS: Final[tuple[Callable[[Figures], Iterator[Announcement]], ...]] = (
    _unpriced_models,
    _anomalies,
    _budgets,
)


class Announcer:
    """Fires an event for everything that has not been announced yet."""

    def __init__(self, hass: HomeAssistant, analytics: Analytics) -> None:
        """Initialize; the ledger knows what has been announced before."""
        self._hass = hass
        self._analytics = analytics
        self._told: set[Notice] = set()
        self._untold: dict[Notice, Announcement] = {}
        self._looked: date | None = None
        self.listening = False

    async def async_announce(self, figures: Figures) -> None:
        """Fire an event for everything new. Raises AnalyticsError; the next call then retries.

        Announcements are kept until they are fired, because the figures contain the crossings of
        a closed budget period only once.
        """
        found = {
            announcement.notice: announcement
            for occasion in OCCASIONS
            for announcement in occasion(figures)
        }
        self._untold |= {
            notice: announcement
            for notice, announcement in found.items()
            if notice not in self._told
        }
        if not self.listening:
            return
        if self._untold:
            fresh = await self._analytics.notices.announce(list(self._untold))
            for notice in fresh:
                announcement = self._untold[notice]
                self._hass.bus.async_fire(announcement.event_type, announcement.data)
        self._untold = {}
        self._told = set(found)
        if figures.day != self._looked:
            await self._analytics.notices.looked(figures.budgets, figures.day)
            self._looked = figures.day
