"""Care of the ledger: corrections, clean-up, rebuilding and forgetting.

Everything here changes many rows, so it works in small steps on the writing thread, with recording
going on between them, for at most about a budget of seconds. An answer that is not ``complete``
asks to be called again; what was done until then is done.
"""

import asyncio
from datetime import date
import shutil
import sqlite3
import time
from typing import Final
from zoneinfo import ZoneInfo

from ..errors import NotFoundError
from ..ledger import Ledger
from ..limits import check_text
from ..long_term_statistics import changes
from ..long_term_statistics.mirror import HourlyMirror
from ..periods import DAY, Days, from_us, midnight, to_us
from ..pricing.exchange_rates import has_exchange_rate
from ..pricing.unpriced import read_live_unpriced, read_unpriced_names
from ..store import filters
from ..store.aggregates import Dimension
from ..store.counters import (
    check_events,
    read_counters,
    read_first_day,
    read_frozen_days,
    read_last_confirmed_day,
)
from ..store.database import checkpoint, hold_still, let_go, transaction
from ..store.rebuilding import live_days, rebuild_day, set_zone
from ..store.schema import SCHEMA_VERSION
from ..tracking.privacy import pseudonym
from ..tracking.tracker import TokenTracker
from . import forgetting
from .clean_up import CleanUpStep, clean_up_step, read_page_size, reclaim_pages
from .health import Attention, Health
from .pace import Pace
from .results import CleanUp, Forgetting, Rebuilding

_BUDGET: Final = 20.0
_POLL: Final = 0.05
# How long events stay where the household does not keep request details: retries still find them.
_DETAIL_DAYS: Final = 7


class LedgerMaintenance:
    """Corrects and tidies the ledger."""

    def __init__(self, ledger: Ledger, tracker: TokenTracker, hours: HourlyMirror) -> None:
        """Work with an open ledger, its tracker, and its hourly mirror."""
        self._ledger = ledger
        self._tracker = tracker
        self._hours = hours
        self._cleaning = asyncio.Lock()
        self._rebuild_from: date | None = None

    async def clean_up(
        self,
        retention_days: int | None = None,
        *,
        keep_aggregates: bool = True,
        budget: float = _BUDGET,
    ) -> CleanUp:
        """Remove the events of whole local days older than ``retention_days`` days.

        None takes the settings' retention, of which 0 removes nothing. Works in small steps for
        at most about ``budget`` seconds; ``complete`` is False if it has to be called again.
        """
        days = self._ledger.settings.retention_days if retention_days is None else retention_days
        if not days:
            return await self._cleaned(None, 0, 0, 0, complete=True)
        today = self._ledger.today()
        return await self._clean_up(
            today - days * DAY, keep_aggregates=keep_aggregates, budget=budget
        )

    async def retain(self) -> CleanUp:
        """Do the daily clean-up that the settings ask for.

        The clock alone deletes nothing: days count back from the last confirmed day with requests,
        so a clock that is years ahead for a night removes nothing.
        """
        settings = self._ledger.settings
        days = settings.retention_days if settings.keep_details else _DETAIL_DAYS
        confirmed = await self._ledger.read(read_last_confirmed_day)
        if not days or confirmed is None:
            return await self._cleaned(None, 0, 0, 0, complete=True)
        before = min(self._ledger.today(), confirmed) - days * DAY
        return await self._clean_up(before, keep_aggregates=True, budget=_BUDGET)

    async def _clean_up(self, before: date, *, keep_aggregates: bool, budget: float) -> CleanUp:
        events = self._ledger.events
        deleted = aggregates = pages = 0
        deadline = time.monotonic() + budget
        complete = False

        def work(db: sqlite3.Connection, rows: int) -> CleanUpStep:
            done = clean_up_step(
                db, before, events.zone, rows=rows, keep_aggregates=keep_aggregates
            )
            events.reload()
            return done

        self._ledger.check_open()
        async with self._cleaning:
            step = Pace().step(work, lambda done: done.events)
            while time.monotonic() < deadline and not complete:
                self._ledger.check_open()
                if not keep_aggregates:
                    self._hours.begin_anew()  # what is being added up would miss what goes now
                # An export still needs its events, and the log must not grow during a backup.
                if self._ledger.exports or self._ledger.backup:
                    await asyncio.sleep(_POLL)
                    continue
                done = await self._ledger.write(step)
                deleted += done.events
                aggregates += done.aggregates
                complete = done.done
            free = Pace().step(reclaim_pages, lambda freed: freed)
            while complete and time.monotonic() < deadline:
                self._ledger.check_open()
                freed = await self._ledger.write(free)
                if not freed:
                    break
                pages += freed
            if pages and not self._ledger.backup:
                await self._ledger.write(checkpoint)
            reclaimed = pages * await self._ledger.write(read_page_size)
        if deleted or aggregates:
            self._ledger.wrote()
        return await self._cleaned(before, deleted, aggregates, reclaimed, complete=complete)

    async def _cleaned(
        self, before: date | None, deleted: int, aggregates: int, reclaimed: int, *, complete: bool
    ) -> CleanUp:
        zone = self._ledger.zone
        state = await self._ledger.read(read_counters)
        return CleanUp(
            before=None if before is None else midnight(before, zone).astimezone(zone),
            events_from=None if state.events_from is None else from_us(state.events_from, zone),
            events_deleted=deleted,
            aggregates_deleted=aggregates,
            bytes_reclaimed=reclaimed,
            complete=complete,
        )

    async def rebuild(self, day: date | None = None, *, budget: float = _BUDGET) -> Rebuilding:
        """Sum live days anew from their events and count the rows that differed.

        All live days without ``day``; a call that was not complete is gone on with by the next.
        Raises EventsRemovedError for a day whose events are gone.
        """
        self._ledger.check_open()
        zone, events = self._ledger.zone, self._ledger.events
        deadline = time.monotonic() + budget
        rows = drift = 0
        if day is not None:
            start = to_us(midnight(day, zone))
            await self._ledger.write(lambda db: check_events(db, start, zone, "date"))
            days = Days(day, day)
        else:
            live = await self._ledger.write(lambda db: live_days(db, zone))
            days = live or Days(date.max, date.min)
            if self._rebuild_from is not None:
                days = Days(max(days.first, self._rebuild_from), days.last)
        position = days.first
        while position <= days.last and time.monotonic() < deadline:
            one = position

            def step(db: sqlite3.Connection, one: date = one) -> tuple[int, int]:
                with transaction(db):
                    return rebuild_day(db, one, events.zone)

            counted, differed = await self._ledger.write(step)
            rows += counted
            drift += differed
            position += DAY
        complete = position > days.last
        if day is None:
            self._rebuild_from = None if complete else position
        if drift:
            self._ledger.wrote()
        skipped = [] if day is not None else await self._ledger.write(read_frozen_days)
        return Rebuilding(day=day, rows=rows, drift=drift, skipped=skipped, complete=complete)

    async def rename_device(self, device: str, name: str | None) -> None:
        """Call a device (by key) by a name of 1 to 255 characters, whatever its clients call it.

        None calls it as its clients do again. Raises NotFoundError for a device never seen,
        InvalidInputError for a name that is none.
        """
        self._ledger.check_open()
        if name is not None:
            check_text("name", name, 255)
        names = self._ledger.events.dimensions

        def rename(db: sqlite3.Connection) -> bool:
            with transaction(db):
                changes.tell_name(db, device)
                return names.give_name(device, name)

        if not await self._ledger.write(rename):
            raise NotFoundError("device", device.partition(":")[2])
        self._ledger.wrote()

    async def forget(
        self,
        *,
        device: str | None = None,
        user: str | None = None,
        delete: bool = False,
        budget: float = _BUDGET,
    ) -> Forgetting:
        """Forget a device (by key) or a user: requests are reassigned to none, or deleted.

        Of days whose events were removed earlier only sums are left; those stay, without the
        name. A user who is kept by a pseudonym is found by the name too, unless something is still
        kept under the name itself. Raises NotFoundError for one never seen.
        """
        self._ledger.check_open()
        events = self._ledger.events
        dimension = Dimension.DEVICE if device is not None else Dimension.USER
        thing, name = dimension.name.lower(), device or user or ""
        deadline = time.monotonic() + budget
        names = [name]
        if user is not None and (secret := self._ledger.settings.person_key):
            names.append(pseudonym(user, secret))

        def find(db: sqlite3.Connection) -> int | None:
            found = (filters.find_name(db, thing, one) for one in names)
            return next((key for key in found if key is not None), None)

        key = await self._ledger.write(find)
        if key is None:
            raise NotFoundError(thing, name.partition(":")[2] if device is not None else name)
        touched = 0
        position: int | None = 0 if delete else None
        while position is not None and time.monotonic() < deadline:
            after = position

            def remove(db: sqlite3.Connection, after: int = after) -> tuple[int, int | None]:
                return forgetting.delete_events_of(db, dimension, key, after, events.zone)

            count, position = await self._ledger.write(remove)
            touched += count
        if position is not None:
            self._ledger.wrote()
            return Forgetting(events=touched, deleted=True, complete=False)

        def step(db: sqlite3.Connection) -> int:
            moved = forgetting.reassign(db, dimension, key)
            events.dimensions.forget()
            events.sums.noted.clear()
            return moved

        self._hours.begin_anew()  # the next device may get the id of a forgotten one
        moved = await self._ledger.write(step)
        self._ledger.wrote()
        return Forgetting(events=touched if delete else moved, deleted=delete, complete=True)

    async def health(self) -> Health:
        """Return how the ledger itself is doing."""
        zone = self._ledger.zone

        def read(db: sqlite3.Connection) -> Health:
            state = read_counters(db)
            first = read_first_day(db)
            pages = db.execute("PRAGMA page_count").fetchone()[0]
            size = db.execute("PRAGMA page_size").fetchone()[0]
            return Health(
                status="ok",
                schema_version=SCHEMA_VERSION,
                events=state.events,
                first_day=None if first is None else first.isoformat(),
                events_from=(
                    None if state.events_from is None else from_us(state.events_from, zone)
                ),
                database_bytes=pages * size,
                queue_depth=self._tracker.queue_depth,
                last_write=(
                    None
                    if self._ledger.last_write is None
                    else self._ledger.last_write.astimezone(zone)
                ),
                unpriced_models=read_unpriced_names(db),
            )

        return await self._ledger.read(read)

    async def attention(self) -> Attention:
        """Return what the household should look after."""
        zone, names, folder = (
            self._ledger.zone,
            self._ledger.events.dimensions,
            self._ledger.path.parent,
        )
        currency, now = self._ledger.home_currency, self._ledger.clock()

        def read(db: sqlite3.Connection) -> Attention:
            known = currency is None or has_exchange_rate(db, currency, now)
            return Attention(
                unpriced=read_live_unpriced(db, zone),
                full=full,
                free_bytes=shutil.disk_usage(folder).free,
                missing_rate=None if known else currency,
            )

        self._ledger.check_open()
        full = await self._ledger.db.run_at_once(lambda _: frozenset(names.full))
        return await self._ledger.read(read)

    async def begin_backup(self) -> None:
        """Keep the database file still, so that it can be copied while recording goes on."""
        self._ledger.check_open()
        self._ledger.backup = True
        await self._ledger.db.run_at_once(hold_still)

    async def end_backup(self) -> None:
        """Let the database file be written again after ``begin_backup``."""
        self._ledger.check_open()
        await self._ledger.db.run_at_once(let_go)
        self._ledger.backup = False

    async def set_zone(self, zone: ZoneInfo) -> None:
        """Date everything by another zone; days whose events are gone keep their dates."""
        events = self._ledger.events

        def change(db: sqlite3.Connection) -> None:
            set_zone(db, zone)
            events.set_zone(zone)

        await self._ledger.write(change)
        self._ledger.zone = zone
        self._ledger.committed()

    async def stop(self) -> None:
        """Wait for the step that a clean-up is doing; a closed ledger begins no other."""
        async with self._cleaning:
            pass
