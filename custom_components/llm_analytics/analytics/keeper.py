"""Care of the ledger: corrections, clean-up, rebuilding and forgetting.

Everything here changes many rows, so it works in small steps on the writing thread, with recording
going on between them, for at most about a budget of seconds. An answer that is not ``complete``
asks to be called again; what was done until then is done.
"""

import asyncio
from collections.abc import Callable, Sequence
from datetime import date
from pathlib import Path
import shutil
import sqlite3
import time
from typing import Final

from .checks import check_text
from .costs import Forgetting, Rebuilding
from .errors import NotFoundError
from .keeping import pseudonym
from .money import MAX_INT64
from .notices import Notice
from .overview import Attention, CleanUp, Figures
from .periods import DAY, Days, from_us, midnight, to_us
from .reader import LedgerReader
from .steps import Pace
from .store import (
    filters,
    forgetting,
    hourly,
    maintenance,
    notices as store_notices,
    prices,
    queries,
)
from .store.aggregates import Dimension
from .store.database import Connection, checkpoint, hold_still, let_go, transaction
from .store.hourly import Reached
from .store.recording import EventWriter

_BUDGET: Final = 20.0
_POLL: Final = 0.05
_FOREVER: Final = 2**62
# How long events stay where the household does not keep request details: retries still find them.
_DETAIL_DAYS: Final = 7


class LedgerKeeper(LedgerReader):
    """The part of the ledger that corrects and tidies."""

    _path: Path
    _db: Connection
    _events: EventWriter
    _backup: bool
    _cleaning: asyncio.Lock
    _rebuild_from: date | None
    _reached: Reached
    _wrote: Callable[[], None]

    async def delete_event(self, event_id: int) -> None:
        """Delete one event; every sum follows. Raises NotFoundError."""
        self._check_open()
        events = self._events
        found = event_id <= MAX_INT64 and await self._db.run(
            lambda db: maintenance.delete_event(db, event_id, events.zone)
        )
        if not found:
            raise NotFoundError("event", str(event_id))
        self._wrote()

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
        days = self._settings.retention_days if retention_days is None else retention_days
        if not days:
            return await self._cleaned(None, 0, 0, 0, complete=True)
        today = self._clock().astimezone(self._zone).date()
        return await self._clean_up(
            today - days * DAY, keep_aggregates=keep_aggregates, budget=budget
        )

    async def retain(self) -> CleanUp:
        """Do the daily clean-up that the settings ask for."""
        if self._settings.keep_details:
            return await self.clean_up()
        today = self._clock().astimezone(self._zone).date()
        return await self._clean_up(
            today - _DETAIL_DAYS * DAY, keep_aggregates=True, budget=_BUDGET
        )

    async def _clean_up(self, before: date, *, keep_aggregates: bool, budget: float) -> CleanUp:
        events = self._events
        deleted = aggregates = pages = 0
        deadline = time.monotonic() + budget
        complete = False

        def work(db: sqlite3.Connection, rows: int) -> maintenance.Step:
            done = maintenance.clean_up(
                db, before, events.zone, rows=rows, keep_aggregates=keep_aggregates
            )
            events.reload()
            return done

        self._check_open()
        async with self._cleaning:
            step = Pace().step(work, lambda done: done.events)
            while time.monotonic() < deadline and not complete:
                self._check_open()
                if not keep_aggregates:
                    self._reached = {}  # what is being added up would miss what goes now
                # Nothing goes that an export has promised; a backup's journal is not to grow.
                if self._exports or self._backup:
                    await asyncio.sleep(_POLL)
                    continue
                done = await self._db.run(step)
                deleted += done.events
                aggregates += done.aggregates
                complete = done.done
            free = Pace().step(maintenance.reclaim, lambda freed: freed)
            while complete and time.monotonic() < deadline:
                self._check_open()
                freed = await self._db.run(free)
                if not freed:
                    break
                pages += freed
            if pages and not self._backup:
                await self._db.run(checkpoint)
            reclaimed = pages * await self._db.run(maintenance.page_size)
        if deleted or aggregates:
            self._wrote()
        return await self._cleaned(before, deleted, aggregates, reclaimed, complete=complete)

    async def _cleaned(
        self, before: date | None, deleted: int, aggregates: int, reclaimed: int, *, complete: bool
    ) -> CleanUp:
        zone = self._zone
        state = await self._read(queries.ledger)
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
        self._check_open()
        zone, events = self._zone, self._events
        deadline = time.monotonic() + budget
        rows = drift = 0
        if day is not None:
            start = to_us(midnight(day, zone))
            await self._db.run(lambda db: queries.check_events(db, start, zone, "date"))
            days = Days(day, day)
        else:
            live = await self._db.run(lambda db: maintenance.live_days(db, zone))
            days = live or Days(date.max, date.min)
            if self._rebuild_from is not None:
                days = Days(max(days.first, self._rebuild_from), days.last)
        position = days.first
        while position <= days.last and time.monotonic() < deadline:
            one = position

            def step(db: sqlite3.Connection, one: date = one) -> tuple[int, int]:
                with transaction(db):
                    return maintenance.rebuild_day(db, one, events.zone)

            counted, differed = await self._db.run(step)
            rows += counted
            drift += differed
            position += DAY
        complete = position > days.last
        if day is None:
            self._rebuild_from = None if complete else position
        if drift:
            self._wrote()
        skipped = [] if day is not None else await self._db.run(maintenance.frozen_days)
        return Rebuilding(day=day, rows=rows, drift=drift, skipped=skipped, complete=complete)

    async def rename_device(self, device: str, name: str | None) -> None:
        """Call a device (by key) by a name of 1 to 255 characters, whatever its clients call it.

        None calls it as its clients do again. Raises NotFoundError for a device never seen,
        InvalidInputError for a name that is none.
        """
        self._check_open()
        if name is not None:
            check_text("name", name, 255)
        names = self._events.names

        def rename(db: sqlite3.Connection) -> bool:
            with transaction(db):
                hourly.tell_name(db, device)
                return names.give_name(device, name)

        if not await self._db.run(rename):
            raise NotFoundError("device", device.partition(":")[2])
        self._wrote()

    async def forget(
        self,
        *,
        device: str | None = None,
        user: str | None = None,
        delete: bool = False,
        budget: float = _BUDGET,
    ) -> Forgetting:
        """Forget a device (by key) or a user: what was theirs becomes nobody's, or is deleted.

        Of days whose events were removed earlier only sums are left; those stay, without the
        name. A user who is kept by a pseudonym is found by the name too, unless something is still
        kept under the name itself. Raises NotFoundError for one never seen.
        """
        self._check_open()
        events = self._events
        dimension = Dimension.DEVICE if device is not None else Dimension.USER
        thing, name = dimension.name.lower(), device or user or ""
        deadline = time.monotonic() + budget
        names = [name]
        if user is not None and (secret := self._settings.person_key):
            names.append(pseudonym(user, secret))

        def find(db: sqlite3.Connection) -> int | None:
            found = (filters.find_name(db, thing, one) for one in names)
            return next((key for key in found if key is not None), None)

        key = await self._db.run(find)
        if key is None:
            raise NotFoundError(thing, name.partition(":")[2] if device is not None else name)
        touched = 0
        position: int | None = 0 if delete else None
        while position is not None and time.monotonic() < deadline:
            after = position

            def remove(db: sqlite3.Connection, after: int = after) -> tuple[int, int | None]:
                return forgetting.delete_events_of(db, dimension, key, after, events.zone)

            count, position = await self._db.run(remove)
            touched += count
        if position is not None:
            self._wrote()
            return Forgetting(events=touched, deleted=True, complete=False)

        def step(db: sqlite3.Connection) -> int:
            moved = forgetting.reassign(db, dimension, key)
            events.names.forget()
            events.sums.noted.clear()
            return moved

        self._reached = {}  # the next device may get the id of a forgotten one
        moved = await self._db.run(step)
        self._wrote()
        return Forgetting(events=touched if delete else moved, deleted=delete, complete=True)

    async def announce(self, notices: Sequence[Notice]) -> list[Notice]:
        """Return those of the notices that have not been announced yet; now they have been."""
        self._check_open()
        today = self._clock().astimezone(self._zone).date()
        return await self._db.run(lambda db: store_notices.announce(db, notices, today))

    async def attention(self) -> Attention:
        """Return what the household should look after."""
        zone, names, folder = self._zone, self._events.names, self._path.parent
        currency, now = self.home_currency, self._clock()

        def read(db: sqlite3.Connection) -> Attention:
            known = currency is None or prices.exchange_rate_known(db, currency, now)
            return Attention(
                unpriced=prices.live_unpriced(db, zone),
                full=full,
                free_bytes=shutil.disk_usage(folder).free,
                missing_rate=None if known else currency,
            )

        self._check_open()
        full = await self._db.run_at_once(lambda _: frozenset(names.full))
        return await self._read(read)

    async def looked(self, figures: Figures) -> None:
        """Note that these figures have been looked at; see ``Figures.crossings``."""
        self._check_open()
        budgets, day = frozenset(figures.budgets), figures.day
        await self._db.run(lambda db: store_notices.look(db, budgets, day))

    async def begin_backup(self) -> None:
        """Keep the database file still, so that it can be copied while recording goes on."""
        self._check_open()
        self._backup = True
        await self._db.run_at_once(hold_still)

    async def end_backup(self) -> None:
        """Let the database file be written again after ``begin_backup``."""
        self._check_open()
        await self._db.run_at_once(let_go)
        self._backup = False
