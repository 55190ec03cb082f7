"""Dated prices and exchange rates that the user has set.

A price is kept as an integer of 10⁻¹² of its currency per million tokens, an exchange rate as one
of 10⁻¹² USD. ``effective`` is in µs of UTC; 0 stands for "from the beginning".
"""

from datetime import datetime
import sqlite3

from ..models import PRICE_FIELDS, Rate
from ..money import from_pico, to_pico
from ..periods import from_us, to_us
from ..pricing import ExchangeRate
from ..rates import normal_name


def _effective(microseconds: int) -> datetime | None:
    return from_us(microseconds) if microseconds else None


def dated(db: sqlite3.Connection) -> tuple[list[Rate], list[ExchangeRate]]:
    """Return every override and every exchange rate."""
    rates = [
        Rate(
            provider=provider,
            model=model,
            effective=_effective(effective),
            currency=currency,
            notes=notes,
            **{
                field: from_pico(value)
                for field, value in zip(PRICE_FIELDS, prices, strict=True)
                if value is not None
            },
        )
        for provider, model, effective, currency, notes, *prices in db.execute(
            "SELECT provider, model, effective, currency, notes, prompt, response, cache_read,"
            " cache_write, cache_write_1h, reasoning FROM rate"
        )
    ]
    exchange = [
        ExchangeRate(currency, from_pico(usd), _effective(effective))
        for currency, usd, effective in db.execute(
            "SELECT currency, usd, effective FROM exchange_rate"
        )
    ]
    return rates, exchange


def set_rate(db: sqlite3.Connection, rate: Rate) -> None:
    """Store a dated price; one of the same model and instant is replaced."""
    values = [getattr(rate, field) for field in PRICE_FIELDS]
    db.execute(
        """
        INSERT OR REPLACE INTO rate (provider, key, model, effective, currency, notes, prompt,
            response, cache_read, cache_write, cache_write_1h, reasoning)
        VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
        """,
        (
            rate.provider,
            normal_name(rate.model),
            rate.model,
            0 if rate.effective is None else to_us(rate.effective),
            rate.currency,
            rate.notes,
            *(None if value is None else to_pico(value) for value in values),
        ),
    )


def set_exchange_rate(db: sqlite3.Connection, rate: ExchangeRate) -> None:
    """Store a dated exchange rate; one of the same currency and instant is replaced."""
    effective = 0 if rate.effective is None else to_us(rate.effective)
    db.execute(
        "INSERT OR REPLACE INTO exchange_rate (currency, usd, effective) VALUES (?, ?, ?)",
        (rate.currency, to_pico(rate.usd), effective),
    )
