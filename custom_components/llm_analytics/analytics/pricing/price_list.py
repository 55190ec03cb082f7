"""The price list: overrides, defaults, every model ever used, and a whole catalogue."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
import sqlite3

from ..models import CostSource, Rate
from ..totals import Json
from .catalogue import Catalogue
from .ladder import DEFAULTS, PriceBook
from .rates import FREE_OF_CHARGE, TokenRates, names_match, per_million
from .unpriced import UnpricedModel


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedRate:
    """One line of the price list; prices None where the model has none of its own."""

    provider: str
    model: str | None
    rates: TokenRates | None
    source: CostSource
    used: bool
    currency: str = "USD"
    effective: datetime | None = None
    notes: str | None = None
    own: Rate | None = None

    def as_dict(self) -> dict[str, Json]:
        """Return the line as the API writes it."""
        return {
            "provider": self.provider,
            "model": self.model,
            **self._prices(),
            "currency": self.currency,
            "effective_date": None if self.effective is None else self.effective.isoformat(),
            "source": self.source,
            "notes": self.notes,
            "used": self.used,
        }

    def _prices(self) -> dict[str, Json]:
        if self.own is not None:  # as it was entered, in its own currency
            own = self.own
            return {
                "prompt_per_1m": own.prompt_per_1m,
                "response_per_1m": own.response_per_1m,
                "cache_read_per_1m": own.cache_read_per_1m,
                "cache_write_per_1m": own.cache_write_per_1m,
                "cache_write_1h_per_1m": own.cache_write_1h_per_1m,
                "reasoning_per_1m": own.reasoning_per_1m,
            }
        return per_million(self.rates)


@dataclass(frozen=True, slots=True, kw_only=True)
class RateList:
    """Every price that is known, and the models that have none."""

    rates: Sequence[ListedRate]
    unpriced: Sequence[UnpricedModel]

    def as_dict(self) -> dict[str, Json]:
        """Return the list as the API writes it."""
        return {
            "rates": [rate.as_dict() for rate in self.rates],
            "unpriced": [model.as_dict() for model in self.unpriced],
        }


def read_used_models(db: sqlite3.Connection) -> list[tuple[str, str | None]]:
    """Return (provider, model) of everything ever recorded."""
    return db.execute("SELECT provider, name FROM model ORDER BY provider, key").fetchall()


def list_prices(
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
