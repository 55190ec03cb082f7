"""Dated prices and exchange rates that the user has set.

A price is kept as an integer of 10⁻¹² of its currency per million tokens, an exchange rate as one
of 10⁻¹² USD. ``effective`` is in µs of UTC; 0 stands for "from the beginning".
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import date, datetime
import difflib
import sqlite3
from zoneinfo import ZoneInfo

from ..breakdowns import model_name
from ..catalogue import Catalogue
from ..costs import FREE_OF_CHARGE, Estimate, ListedRate, UnpricedModel
from ..errors import NotFoundError
from ..models import PRICE_FIELDS, CostSource, Rate, UsageEvent
from ..money import from_pico, to_pico
from ..periods import from_us, local_day, to_us
from ..pricing import DEFAULTS, ExchangeRate, PriceBook
from ..rates import names_match, normal_name
from .aggregates import Dimension


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
            "SELECT currency, usd, effective FROM exchange_rate WHERE usd > 0"
        )
    ]
    return rates, exchange


def set_rate(db: sqlite3.Connection, rate: Rate, now: datetime) -> Rate:
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


def delete_rate(
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


def used_models(db: sqlite3.Connection) -> list[tuple[str, str | None]]:
    """Return (provider, model) of everything ever recorded."""
    return db.execute("SELECT provider, name FROM model ORDER BY provider, key").fetchall()


def models_of(db: sqlite3.Connection, provider: str, model: str) -> tuple[int, ...]:
    """Return the ids of the models that a price for ``model`` applies to by name."""
    rows = db.execute("SELECT id, name FROM model WHERE provider = ?", (provider,))
    return tuple(found for found, name in rows if name is not None and names_match(name, model))


def live_unpriced(db: sqlite3.Connection, zone: ZoneInfo) -> list[UnpricedModel]:
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


def unpriced(db: sqlite3.Connection, zone: ZoneInfo) -> list[UnpricedModel]:
    """Return the models with unpriced requests: how many, their tokens, and the last day.

    Live requests are counted one by one. Of days whose events are gone, the tokens are those of
    all the model's requests on the days that had an unpriced one.
    """
    found = {(row.provider, row.model): row for row in live_unpriced(db, zone)}
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


def listed(
    book: PriceBook,
    used: Sequence[tuple[str, str | None]],
    catalogue: Catalogue | None,
    provider: str | None,
    now: datetime,
) -> list[ListedRate]:
    """Return the price list: overrides, defaults, every used model, and a whole catalogue.

    Dates are in the zone of ``now``.
    """

    def is_used(its_provider: str, model: str) -> bool:
        return any(
            other == its_provider and name is not None and names_match(name, model)
            for other, name in used
        )

    rows = [
        ListedRate(
            provider=rate.provider,
            model=rate.model,
            rates=None,
            source=source,
            used=is_used(rate.provider, rate.model),
            currency=rate.currency,
            effective=rate.effective and rate.effective.astimezone(now.tzinfo),
            notes=rate.notes,
            own=rate,
        )
        for source, rates in (
            (CostSource.OVERRIDE, book.overrides),
            (CostSource.DEFAULT, DEFAULTS.values()),
        )
        for rate in rates
    ]
    names: dict[tuple[str, str | None], bool] = dict.fromkeys(used, True)
    if catalogue is not None:
        names = dict.fromkeys(catalogue.models(), False) | names
    for (its_provider, name), is_one in names.items():
        step = book.step(its_provider, name, None, now)
        if step is None:
            source, rates = CostSource.UNPRICED, None
        elif step.source in (CostSource.OVERRIDE, CostSource.DEFAULT):
            continue
        else:
            source = step.source
            rates = FREE_OF_CHARGE if step.quote is None else step.quote.rates(0)
        rows.append(
            ListedRate(provider=its_provider, model=name, rates=rates, source=source, used=is_one)
        )
    chosen = [row for row in rows if provider in (None, row.provider)]
    return sorted(chosen, key=lambda row: (row.provider, row.model or "", row.source))


def estimate(
    book: PriceBook, usage: UsageEvent, moment: datetime, catalogue: Catalogue | None
) -> Estimate:
    """Return what a request would cost. Raises NotFoundError, with close names, for no price."""
    step = book.step(usage.provider, usage.model, usage.service_tier, moment)
    if step is None:
        raise NotFoundError("price", _hint(usage, catalogue))
    rates = None if step.quote is None else step.quote.rates(usage.tokens_prompt)
    price = book.price(replace(usage, cost_estimate=None), moment)
    return Estimate(usage=usage, price=price, rates=rates)


def _hint(usage: UsageEvent, catalogue: Catalogue | None) -> str:
    name = model_name(usage.provider, usage.model)
    known = [model for provider, model in DEFAULTS if provider == usage.provider]
    known += catalogue.names(usage.provider) if catalogue is not None else []
    names = list(dict.fromkeys(known))
    close = difflib.get_close_matches(usage.model or "", names, n=3, cutoff=0.4)
    return f"{name}; the closest known are {', '.join(close)}" if close else name


def set_exchange_rate(db: sqlite3.Connection, rate: ExchangeRate, now: datetime) -> ExchangeRate:
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


def exchange_rates(db: sqlite3.Connection, currency: str | None, limit: int) -> list[ExchangeRate]:
    """Return the exchange rates of one currency or of all, by currency, the newest first."""
    rows = db.execute(
        "SELECT currency, usd, effective FROM exchange_rate"
        " WHERE usd > 0 AND (?1 IS NULL OR currency = ?1)"
        " ORDER BY currency, effective DESC LIMIT ?2",
        (currency, limit),
    )
    return [
        ExchangeRate(name, from_pico(usd), _effective(effective)) for name, usd, effective in rows
    ]


def exchange_rate_known(db: sqlite3.Connection, currency: str, moment: datetime) -> bool:
    """Return whether a currency can be converted at an instant."""
    row = db.execute(
        "SELECT 1 FROM exchange_rate WHERE currency = ? AND effective <= ? AND usd > 0 LIMIT 1",
        (currency, to_us(moment)),
    ).fetchone()
    return currency == "USD" or row is not None
