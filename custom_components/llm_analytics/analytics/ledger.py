"""The open ledger as all parts of the engine use it: file, clock, time zone and settings.

Every question is read in one hop on the reading connection, from one snapshot of the file, once the
sums that it may ask for are complete. Whatever changes the file runs on the writing connection.
"""

from collections.abc import Callable
from datetime import date, datetime
from functools import partial
from pathlib import Path
import sqlite3
from zoneinfo import ZoneInfo

from .directory import Directory
from .errors import ClosedError, DamagedDatabaseError, StorageError
from .settings import Settings
from .store.corrections import catch_up
from .store.counters import Counters, mark_stop, read_counters
from .store.database import Connection, open_reader, open_writer, snapshot
from .store.rebuilding import set_zone
from .store.recording import EventWriter, Pricer


class Ledger:
    """One open file. ``open`` and ``start`` come before anything else, ``close`` after.

    ``zone`` is the home's; ``clock`` returns the present instant, ``directory`` what the home knows
    of devices and users now. ``last_write`` is the instant of the last change, None before any.
    While ``exports`` are under way, or ``backup`` is, nothing is cleaned up.
    """

    db: Connection
    reader: Connection
    events: EventWriter
    opened: Counters

    def __init__(
        self,
        path: Path,
        *,
        zone: ZoneInfo,
        clock: Callable[[], datetime],
        settings: Settings,
        directory: Callable[[], Directory],
        committed: Callable[[], None],
    ) -> None:
        """Prepare; ``committed`` is called in the event loop after each change."""
        self.path = path
        self.zone = zone
        self.clock = clock
        self.settings = settings
        self.directory = directory
        self.committed = committed
        self.closed = False
        self.last_write: datetime | None = None
        self.exports = 0
        self.backup = False

    async def open(self) -> None:
        """Open or create the file.

        Raises NewerSchemaError, DamagedDatabaseError or StorageError.
        """
        self.db = await open_writer(self.path)

    async def start(self, prices: Pricer) -> None:
        """Begin to record and to answer; the sums are completed and dated by the home's zone.

        ``opened`` then holds the counters with which the ledger was left.
        """
        self.opened = await self.db.run(read_counters)

        def prepare(db: sqlite3.Connection) -> EventWriter:
            catch_up(db, self.zone)
            mark_stop(db, clean=False)
            set_zone(db, self.zone)
            return EventWriter(db, prices, self.zone)

        self.events = await self.db.run(prepare)
        self.reader = await open_reader(self.path)
        self.db.first = self.events.sums.make_way

    async def mark_stop(self, *, clean: bool) -> None:
        """Note whether the file is sound; one in which damage was met is checked when opened."""
        clean = clean and not (self.db.damaged or self.reader.damaged)
        await self.db.run(partial(mark_stop, clean=clean))

    async def close(self) -> None:
        """Close the file and join its threads."""
        await self.reader.close()
        await self.db.close()

    @property
    def home_currency(self) -> str | None:
        """Return the currency of the second figure that is asked for, None if none is."""
        return self.settings.home_currency

    def now(self) -> datetime:
        """Return the present instant in the home's zone."""
        return self.clock().astimezone(self.zone)

    def today(self) -> date:
        """Return the home's present date."""
        return self.now().date()

    def check_open(self) -> None:
        """Raise ClosedError once the ledger is being closed."""
        if self.closed:
            raise ClosedError

    def wrote(self) -> None:
        """Note the time of a change and call the listener."""
        self.last_write = self.clock()
        self.committed()

    async def write[T](self, function: Callable[[sqlite3.Connection], T]) -> T:
        """Run a function on the writing connection, once the sums are complete."""
        self.check_open()
        return await self.db.run(function)

    async def read[T](self, read: Callable[[sqlite3.Connection], T]) -> T:
        """Read from one snapshot in which the sums are complete."""
        self.check_open()
        sums = self.events.sums
        with sums.read() as seen:
            if sums.behind:
                try:
                    await self.db.run_at_once(lambda _: sums.settle())
                except DamagedDatabaseError:
                    pass  # what is sound can still be read
                except StorageError:
                    return await self.db.run_at_once(lambda _: sums.completed_for(read))
            return await self.read_events(read, seen)

    async def read_events[T](
        self, read: Callable[[sqlite3.Connection], T], seen: Callable[[], None] = lambda: None
    ) -> T:
        """Read what needs no sums; ``seen`` is called when what is read cannot change any more."""
        self.check_open()
        return await self.reader.run(lambda db: snapshot(db, lambda: read(db), seen))
