"""Models that requests were recorded of without a price."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
import sqlite3
from zoneinfo import ZoneInfo

from ..models import model_name
from ..notices import NoticeKind
from ..periods import from_us, local_day
from ..store.aggregates import Dimension
from ..totals import Json
from .ladder import PriceBook


@dataclass(frozen=True, slots=True, kw_only=True)
class UnpricedModel:
    """A model that requests were recorded of without a price."""

    provider: str
    model: str | None
    requests: int
    tokens: int
    last: date

    def as_dict(self) -> dict[str, Json]:
        """Return the model as the API writes it."""
        return {
            "provider": self.provider,
            "model": self.model,
            "requests": self.requests,
            "tokens": self.tokens,
            "last": self.last.isoformat(),
        }


def read_live_unpriced(db: sqlite3.Connection, zone: ZoneInfo) -> list[UnpricedModel]:
    """Return the models with unpriced requests that can still be priced, most requests first."""
    rows = db.execute(
        """
        SELECT provider, name, COUNT(*), SUM(prompt + response), MAX(time)
        FROM event CROSS JOIN series ON series.id = event.series
        CROSS JOIN model ON model.id = series.model
        WHERE cost IS NULL AND time >= (SELECT COALESCE(events_from, 0) FROM ledger)
        GROUP BY model.id
        """
    )
    return _by_requests(
        UnpricedModel(
            provider=provider,
            model=name,
            requests=count,
            tokens=tokens,
            last=local_day(from_us(last), zone),
        )
        for provider, name, count, tokens, last in rows
    )


def read_unpriced(db: sqlite3.Connection, zone: ZoneInfo) -> list[UnpricedModel]:
    """Return the models with unpriced requests: how many, their tokens, and the last day.

    Live requests are counted one by one. Of days whose events are gone, the tokens are those of
    all the model's requests on the days that had an unpriced one.
    """
    found = {(row.provider, row.model): row for row in read_live_unpriced(db, zone)}
    frozen = db.execute(
        f"""
        SELECT provider, name, SUM(unpriced), SUM(prompt + response), MAX(day)
        FROM agg_day JOIN model ON model.id = agg_day.key
        WHERE dimension = {Dimension.MODEL:d} AND frozen = 1 AND unpriced > 0 GROUP BY model.id
        """
    )
    for provider, name, count, tokens, day in frozen:
        live = found.get((provider, name))
        found[provider, name] = UnpricedModel(
            provider=provider,
            model=name,
            requests=count + (live.requests if live else 0),
            tokens=tokens + (live.tokens if live else 0),
            last=max(date.fromordinal(day), live.last if live else date.min),
        )
    return _by_requests(found.values())


def _by_requests(rows: Iterable[UnpricedModel]) -> list[UnpricedModel]:
    return sorted(rows, key=lambda row: (-row.requests, row.provider, row.model or ""))


def read_unpriced_names(db: sqlite3.Connection, since: date = date.min) -> list[str]:
    """Return provider/model of everything recorded without a price from a local day on."""
    rows = db.execute(
        "SELECT DISTINCT provider, name FROM agg_day JOIN model ON model.id = agg_day.key"
        f" WHERE dimension = {Dimension.MODEL:d} AND day >= ? AND unpriced > 0"
        " ORDER BY provider, name",
        (since.toordinal(),),
    )
    return [model_name(provider, name) for provider, name in rows]


def forget_priced(db: sqlite3.Connection, book: PriceBook, now: datetime) -> None:
    """Let models that have a price now be announced again, should they lose it."""
    announced = db.execute(
        "SELECT key FROM notice WHERE kind = ?", (NoticeKind.UNPRICED_MODEL,)
    ).fetchall()
    for (key,) in announced:
        provider, _, model = key.partition("/")
        if book.step(provider, model, None, now) is not None:
            db.execute(
                "DELETE FROM notice WHERE kind = ? AND key = ?", (NoticeKind.UNPRICED_MODEL, key)
            )
