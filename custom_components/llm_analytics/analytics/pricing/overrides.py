"""Dated prices that the user has set."""

from dataclasses import replace
from datetime import datetime
import sqlite3

from ..models import PRICE_FIELDS, Rate
from ..money import from_pico, to_pico
from ..periods import to_us
from ..settings import Settings
from .catalogue import Catalogue
from .exchange_rates import ExchangeRate, effective_of
from .ladder import PriceBook
from .rates import names_match, normal_name


def read_rates(db: sqlite3.Connection) -> tuple[list[Rate], list[ExchangeRate]]:
    """Return every override and every exchange rate."""
    rates = [
        Rate(
            provider=provider,
            model=model,
            effective=effective_of(effective),
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
        ExchangeRate(currency, from_pico(usd), effective_of(effective))
        for currency, usd, effective in db.execute(
            "SELECT currency, usd, effective FROM exchange_rate WHERE usd > 0"
        )
    ]
    return rates, exchange


def store_rate(db: sqlite3.Connection, rate: Rate, now: datetime) -> Rate:
    """Store a dated price and return it with its date; one of the same instant is replaced.

    Without a date it holds from the beginning if the model has no price yet, else from ``now``.
    """
    key = normal_name(rate.model)
    known = db.execute(
        "SELECT 1 FROM rate WHERE provider = ? AND key = ? LIMIT 1", (rate.provider, key)
    ).fetchone()
    if rate.effective is None and known is not None:
        rate = replace(rate, effective=now)
    values = [getattr(rate, field) for field in PRICE_FIELDS]
    db.execute(
        """
        INSERT OR REPLACE INTO rate (provider, key, model, effective, currency, notes, prompt,
            response, cache_read, cache_write, cache_write_1h, reasoning)
        VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
        """,
        (
            rate.provider,
            key,
            rate.model,
            0 if rate.effective is None else to_us(rate.effective),
            rate.currency,
            rate.notes,
            *(None if value is None else to_pico(value) for value in values),
        ),
    )
    return rate


def remove_rate(
    db: sqlite3.Connection, provider: str, model: str, effective: datetime | None
) -> int:
    """Delete a model's price of one instant, or all of them; return how many."""
    query, parameters = (
        "DELETE FROM rate WHERE provider = ? AND key = ?",
        [provider, normal_name(model)],
    )
    if effective is not None:
        query += " AND effective = ?"
        return db.execute(query, (*parameters, to_us(effective))).rowcount
    return db.execute(query, parameters).rowcount


def read_models_of(db: sqlite3.Connection, provider: str, model: str) -> tuple[int, ...]:
    """Return the ids of the models that a price for ``model`` applies to by name."""
    rows = db.execute("SELECT id, name FROM model WHERE provider = ?", (provider,))
    return tuple(found for found, name in rows if name is not None and names_match(name, model))


def read_price_book(
    db: sqlite3.Connection, settings: Settings, catalogue: Catalogue | None
) -> PriceBook:
    """Return a price book of what the file holds."""
    overrides, exchange = read_rates(db)
    return PriceBook(
        overrides=overrides,
        exchange_rates=exchange,
        catalogue=catalogue,
        free=frozenset(settings.free_providers),
        home=settings.home_currency,
    )
