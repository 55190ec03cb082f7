"""How the ledger is doing, and what the household should look after."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from ..pricing.unpriced import UnpricedModel
from ..totals import Json


@dataclass(frozen=True, slots=True, kw_only=True)
class Health:
    """How the ledger itself is doing. ``last_write`` is None until something is written."""

    status: str
    schema_version: int
    events: int
    first_day: str | None
    events_from: datetime | None
    database_bytes: int
    queue_depth: int
    last_write: datetime | None
    unpriced_models: Sequence[str]

    def as_dict(self) -> dict[str, Json]:
        """Return the state as the API writes it."""
        return {
            "status": self.status,
            "schema_version": self.schema_version,
            "events": self.events,
            "first_day": self.first_day,
            "events_from": None if self.events_from is None else self.events_from.isoformat(),
            "database_bytes": self.database_bytes,
            "queue_depth": self.queue_depth,
            "last_write": None if self.last_write is None else self.last_write.isoformat(),
            "unpriced_models": list(self.unpriced_models),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Attention:
    """What the household should look after.

    ``unpriced`` are the models with requests that can still be priced, most requests first;
    ``full`` the dimensions that have no room for new names; ``free_bytes`` is the room on the
    disk. ``missing_rate`` is the household's own currency if it cannot be converted to now.
    """

    unpriced: Sequence[UnpricedModel]
    full: Collection[str]
    free_bytes: int
    missing_rate: str | None
