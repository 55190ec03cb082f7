"""``Analytics``: the one object through which everything is recorded and asked.

It opens the ledger and holds the services that work with it. The clock and the time zone are given
to it; it never reads them from the system. All instants it takes and gives are aware datetimes;
those it gives are in the home's zone. Amounts are exact ``Decimal`` US dollars.
"""

import asyncio
from collections.abc import Callable, Sequence
from datetime import datetime
import logging
from pathlib import Path
from typing import Self
from zoneinfo import ZoneInfo

from .directory import NOBODY, Directory
from .errors import AnalyticsError, DamagedDatabaseError
from .ledger import Ledger
from .long_term_statistics.mirror import HourlyMirror
from .maintenance.integrity import IntegrityCheck
from .maintenance.maintainer import LedgerMaintenance
from .maintenance.salvage import events_after
from .models import StoredEvent
from .notices import NoticeBoard
from .pricing.calculator import CostCalculator
from .pricing.catalogue import Catalogue
from .pricing.ladder import PriceBook
from .pricing.overrides import read_price_book
from .reports.exporter import ReportExporter
from .reports.reporter import UsageReporter
from .settings import Settings
from .store.database import set_aside
from .tracking.tracker import TokenTracker
from .trends.analyzer import TrendAnalyzer

_LOGGER = logging.getLogger(__name__)


class Analytics:
    """A household's ledger of language-model usage: made by ``open``, ended by ``close``.

    ``set_aside`` names the file that was found damaged when this one was opened or closed.
    """

    def __init__(self, ledger: Ledger, catalogue: Catalogue | None, prices: PriceBook) -> None:
        """Use ``open`` instead."""
        self.ledger = ledger
        self.tracker = TokenTracker(ledger)
        self.costs = CostCalculator(ledger, catalogue, prices)
        self.trends = TrendAnalyzer(ledger)
        self.reports = UsageReporter(ledger)
        self.exports = ReportExporter(ledger)
        self.notices = NoticeBoard(ledger)
        self.hours = HourlyMirror(ledger)
        self.maintenance = LedgerMaintenance(ledger, self.tracker, self.hours)
        self.integrity = IntegrityCheck(ledger)
        self.set_aside: Path | None = None

    @classmethod
    async def open(
        cls,
        path: Path,
        *,
        zone: ZoneInfo,
        clock: Callable[[], datetime],
        settings: Settings | None = None,
        committed: Callable[[], None] = lambda: None,
        directory: Callable[[], Directory] = lambda: NOBODY,
    ) -> Self:
        """Open the ledger at ``path``, creating or migrating the file as needed.

        ``clock`` returns the present instant, ``directory`` what the home knows of devices and
        users now; ``committed`` is called in the event loop after each change. A damaged file is
        renamed and a new one started; ``set_aside`` then names it. Raises NewerSchemaError (file
        untouched) or StorageError.
        """
        ledger = Ledger(
            path,
            zone=zone,
            clock=clock,
            settings=settings or Settings(),
            directory=directory,
            committed=committed,
        )
        try:
            return await cls._start(ledger)
        except DamagedDatabaseError:
            damaged = await _put_aside(ledger)
            self = await cls._start(ledger)
            self.set_aside = damaged
            return self

    @classmethod
    async def _start(cls, ledger: Ledger) -> Self:
        await ledger.open()
        try:
            catalogue = await _bundled_catalogue(ledger.settings)
            prices = await ledger.db.run(lambda db: read_price_book(db, ledger.settings, catalogue))
            await ledger.start(prices)
        except BaseException:
            await ledger.db.close()
            raise
        return cls(ledger, catalogue, prices)

    async def close(self) -> None:
        """Store what is queued, close the file and join its threads. May be called twice.

        A file that ``integrity`` found damaged is renamed, ``set_aside`` then names it, and a new
        one started with what was recorded since this one was opened.
        """
        ledger, integrity = self.ledger, self.integrity
        if ledger.closed:
            return
        ledger.closed = True
        recent: list[StoredEvent] = []
        try:
            await self.tracker.close()
            await self.maintenance.stop()
            if integrity.unsound:
                recent = await self._recent()
            await ledger.mark_stop(clean=not integrity.unchecked)
        except AnalyticsError:
            _LOGGER.warning("The ledger could not be marked as closed cleanly", exc_info=True)
        finally:
            await ledger.close()
        if integrity.unsound:
            await self._begin_anew(recent)

    async def _recent(self) -> list[StoredEvent]:
        ledger = self.ledger
        after, zone = ledger.opened.last_event, ledger.zone
        found, unreadable = await ledger.db.run_at_once(lambda db: events_after(db, after, zone))
        if unreadable:
            _LOGGER.warning("%s events of a damaged database cannot be read", unreadable)
        return found

    async def _begin_anew(self, events: Sequence[StoredEvent]) -> None:
        ledger = self.ledger
        self.set_aside = await _put_aside(ledger)
        fresh = await type(self).open(
            ledger.path, zone=ledger.zone, clock=ledger.clock, settings=ledger.settings
        )
        await fresh.tracker.take_over(events)
        await fresh.close()


async def _bundled_catalogue(settings: Settings) -> Catalogue | None:
    if not settings.use_catalogue:
        return None
    catalogue = await asyncio.to_thread(Catalogue.bundled)
    if catalogue is None:
        _LOGGER.warning("genai-prices cannot be loaded; the default table is used instead")
    return catalogue


async def _put_aside(ledger: Ledger) -> Path:
    aside = await asyncio.to_thread(set_aside, ledger.path, ledger.clock())
    _LOGGER.warning("The database is damaged; it is kept as %s", aside)
    return aside
