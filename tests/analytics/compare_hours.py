"""The engine and the reference ledger, side by side, and a copy of the hours kept elsewhere.

The copy is a dictionary that is written by series and hour, as the recorder of Home Assistant
does; what it must hold is added up from all events there ever were.
"""

from contextlib import aclosing
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
import re
from typing import override

from custom_components.llm_analytics.analytics import HourlySums, NotFoundError

from .compare_prices import PriceComparison
from .helpers import ask
from .reference.ledger import Entry

HOUR = timedelta(hours=1)

type Copied = dict[tuple[str, datetime], tuple[HourlySums, HourlySums]]


def hour_of(entry: Entry) -> datetime:
    """Return the hour of UTC in which an event lies."""
    return entry.time.replace(minute=0, second=0, microsecond=0)


def slug_of(text: str) -> str:
    """Return a name as part of a slug."""
    return re.sub("[^a-z0-9]+", "_", text.casefold()).strip("_")


def slugs_of(entry: Entry) -> set[str]:
    """Return the series to which an event belongs; no two names drawn here share a slug."""
    found = {"total", "model_" + slug_of("_".join(entry.model_key))}
    if entry.device is not None:
        found.add("device_" + slug_of(entry.device.partition(":")[2]))
    return found


def add_up(entries: list[Entry]) -> HourlySums:
    """Return the sums of some events, one after the other."""
    requests = tokens = 0
    cost = Decimal(0)
    for entry in entries:
        requests += 1
        tokens += entry.given["tokens_prompt"] + entry.given["tokens_response"]
        cost += entry.cost or 0
    return HourlySums(requests, tokens, int(cost * 10**12))


@dataclass
class HourComparison(PriceComparison):
    """The engine and the reference, and the copy that is written from the engine.

    ``deleted`` are the ids of events that were deleted; ``dropped`` are by slug those that a copy
    which has lost its rows does not learn of again.
    """

    copy: Copied = field(default_factory=dict)
    deleted: set[int] = field(default_factory=set)
    dropped: dict[str, set[int]] = field(default_factory=dict)

    @override
    async def _delete(self, event_id: int) -> None:
        if any(entry.id == event_id and entry.present for entry in self.reference.entries):
            self.deleted.add(event_id)
        await PriceComparison._delete(self, event_id)

    @override
    async def _clean(self, argument: tuple[int, bool]) -> None:
        await self._copy(None)
        await PriceComparison._clean(self, argument)

    async def _copy(self, pages: int | None) -> None:
        """Write all changes down, or stop after some pages."""
        await self._prepare()
        await self._write(None, pages)

    async def _recent(self, _: None) -> None:
        await self._prepare()
        hour = self.clock.now.replace(minute=0, second=0, microsecond=0) - HOUR
        await self._write(hour, None)

    async def _prepare(self) -> None:
        for slug in (gone := await self.engine.hours.forgotten_series()):
            self.copy = {row: sums for row, sums in self.copy.items() if row[0] != slug}
        await self.engine.hours.confirm_forgotten(gone)
        present = {slug for slug, _ in self.copy}
        timed = {entry.id for entry in self.priced.timed}
        for slug in self.known().keys() - present:
            self.dropped[slug] = {entry.id for entry in self.priced.entries} - timed
        await self.engine.hours.repeat_missing(present)

    async def _write(self, since: datetime | None, pages: int | None) -> None:
        async with aclosing(self.engine.hours.hourly_changes(since)) as changes:
            async for page in changes:
                if pages == 0:
                    break
                pages = None if pages is None else pages - 1
                for told in page:
                    for hour in told.hours:
                        self.copy[told.series.slug, hour.start] = hour.own, hour.total

    async def _lose(self, slug: str) -> None:
        """Let the copy lose a series, as another program's database may."""
        self.copy = {row: sums for row, sums in self.copy.items() if row[0] != slug}

    async def _forget(self, argument: tuple[str, bool]) -> None:
        device, delete = argument
        theirs = [entry for entry in self.reference.entries if entry.device == device]
        known = ask(
            self.path,
            lambda db: db.execute("SELECT 1 FROM device WHERE key = ?", (device,)).fetchone(),
        )
        try:
            await self.engine.maintenance.forget(device=device, delete=delete)
        except NotFoundError:
            assert known is None
            return
        assert known is not None
        for entry in theirs:
            entry.given = entry.given | {"device_ip": None, "device_id": None, "device_name": None}
            if delete and entry.present:
                self.deleted.add(entry.id)
                self.priced.delete(entry.id)
        self.reference.device_names.pop(device, None)
        self.dropped.pop("device_" + slug_of(device.partition(":")[2]), None)

    async def _damage(self, column: str) -> None:
        """Let another program change the sums, and have them put right."""
        ask(
            self.path,
            lambda db: db.execute(
                f"UPDATE agg_slot SET {column} = {column} + 1 WHERE requests > 0"
                " AND slot >= (SELECT COALESCE(events_from, 0) / 900000000 FROM ledger)"
            ).fetchall(),
        )
        await self.engine.maintenance.rebuild()

    def known(self) -> dict[str, datetime]:
        """Return the series that are told, and from when on all of their hours are."""
        rows: list[tuple[str, int]] = ask(
            self.path, lambda db: db.execute("SELECT slug, floor FROM hourly_series").fetchall()
        )
        return {slug: datetime.fromtimestamp(floor * 900, UTC) for slug, floor in rows}

    async def check(self) -> None:
        """Write all changes down and hold the copy against all events there ever were."""
        await self._copy(None)
        written = dict(self.copy)
        async with aclosing(self.engine.hours.hourly_changes()) as changes:
            assert [page async for page in changes] == []
        await self._copy(None)
        assert self.copy == written
        known = self.known()
        assert {slug for slug, _ in self.copy} <= known.keys()
        entries = [entry for entry in self.reference.entries if entry.id not in self.deleted]
        for slug, floor in known.items():
            ever = [
                entry
                for entry in entries
                if slug in slugs_of(entry) and entry.id not in self.dropped.get(slug, ())
            ]
            hours = {hour: sums for (name, hour), sums in self.copy.items() if name == slug}
            assert {hour_of(entry) for entry in ever if hour_of(entry) >= floor} <= hours.keys()
            for hour, sums in hours.items():
                if hour >= floor:
                    own = [entry for entry in ever if hour_of(entry) == hour]
                    total = [entry for entry in ever if entry.time < hour + HOUR]
                    assert sums == (add_up(own), add_up(total)), (slug, hour)
