"""Results of maintenance, as the API writes them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from ..totals import Json


@dataclass(frozen=True, slots=True, kw_only=True)
class CleanUp:
    """What a clean-up removed; ``complete`` is False if it has to be called again."""

    before: datetime | None
    events_from: datetime | None
    events_deleted: int
    aggregates_deleted: int
    bytes_reclaimed: int
    complete: bool

    def as_dict(self) -> dict[str, Json]:
        """Return the outcome as the API writes it."""
        return {
            "status": "ok" if self.complete else "incomplete",
            "cutoff_date": None if self.before is None else self.before.isoformat(),
            "events_from": None if self.events_from is None else self.events_from.isoformat(),
            "events_deleted": self.events_deleted,
            "aggregates_deleted": self.aggregates_deleted,
            "bytes_reclaimed": self.bytes_reclaimed,
            "complete": self.complete,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Rebuilding:
    """What rebuilding the sums found: ``drift`` counts rows that were not as they must be."""

    day: date | None
    rows: int
    drift: int
    skipped: Sequence[date]
    complete: bool

    def as_dict(self) -> dict[str, Json]:
        """Return the outcome as the API writes it."""
        return {
            "status": "ok" if self.complete else "incomplete",
            "aggregates_updated": self.rows,
            "date": None if self.day is None else self.day.isoformat(),
            "drift": self.drift,
            "skipped": [day.isoformat() for day in self.skipped],
            "complete": self.complete,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Forgetting:
    """What forgetting a device or a user touched."""

    events: int
    deleted: bool
    complete: bool

    def as_dict(self) -> dict[str, Json]:
        """Return the outcome as the API writes it."""
        return {
            "status": "ok" if self.complete else "incomplete",
            "events_deleted" if self.deleted else "events_reassigned": self.events,
            "complete": self.complete,
        }
