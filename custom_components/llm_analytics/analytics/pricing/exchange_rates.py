"""Dated exchange rates: what a unit of another currency was in US dollars."""

from dataclasses import dataclass, replace
from datetime import datetime, tzinfo
from decimal import Decimal
import sqlite3

from ..errors import InvalidInputError
from ..money import from_pico, to_pico
from ..periods import from_us, to_us
from ..totals import Json


@dataclass(frozen=True, slots=True)
class ExchangeRate:
    """From ``effective`` on (None: always), one unit of ``currency`` is ``usd`` US dollars.

    ``usd`` is kept with 12 places. Raises InvalidInputError where nothing is left of it.
    """

    currency: str
    usd: Decimal
    effective: datetime | None = None

    def __post_init__(self) -> None:
        """Round the rate as it is kept."""
        if (picos := to_pico(self.usd)) <= 0:
            raise InvalidInputError("usd", "must be more than 0 with 12 decimal places")
        object.__setattr__(self, "usd", from_pico(picos))

    def as_dict(self, zone: tzinfo) -> dict[str, Json]:
        """Return the rate as the API writes it, its date in ``zone``."""
        effective = self.effective
        return {
            "currency": self.currency,
            "usd": self.usd,
            "effective_date": (
                None if effective is None else effective.astimezone(zone).isoformat()
            ),
        }


def store_exchange_rate(db: sqlite3.Connection, rate: ExchangeRate, now: datetime) -> ExchangeRate:
    """Store a dated exchange rate and return it with its date; one of the instant is replaced.

    Without a date it holds from the beginning if the currency has no rate yet, else from ``now``.
    """
    known = db.execute(
        "SELECT 1 FROM exchange_rate WHERE currency = ? LIMIT 1", (rate.currency,)
    ).fetchone()
    if rate.effective is None and known is not None:
        rate = replace(rate, effective=now)
    effective = 0 if rate.effective is None else to_us(rate.effective)
    db.execute(
        "INSERT OR REPLACE INTO exchange_rate (currency, usd, effective) VALUES (?, ?, ?)",
        (rate.currency, to_pico(rate.usd), effective),
    )
    return rate


def read_exchange_rates(
    db: sqlite3.Connection, currency: str | None, limit: int
) -> list[ExchangeRate]:
    """Return the exchange rates of one currency or of all, by currency, the newest first."""
    rows = db.execute(
        "SELECT currency, usd, effective FROM exchange_rate"
        " WHERE usd > 0 AND (?1 IS NULL OR currency = ?1)"
        " ORDER BY currency, effective DESC LIMIT ?2",
        (currency, limit),
    )
    return [
        ExchangeRate(name, from_pico(usd), effective_of(effective)) for name, usd, effective in rows
    ]


def has_exchange_rate(db: sqlite3.Connection, currency: str, moment: datetime) -> bool:
    """Return whether a currency can be converted at an instant."""
    row = db.execute(
        "SELECT 1 FROM exchange_rate WHERE currency = ? AND effective <= ? AND usd > 0 LIMIT 1",
        (currency, to_us(moment)),
    ).fetchone()
    return currency == "USD" or row is not None


def effective_of(microseconds: int) -> datetime | None:
    """Return the instant from which a stored price or rate holds, None for the beginning."""
    return from_us(microseconds) if microseconds else None
