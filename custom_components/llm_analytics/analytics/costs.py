"""Estimates, lists of prices and repricing, as the API writes them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Final

from .models import CostSource, Price, Rate, UsageEvent
from .money import from_pico, plain, rounded_parts
from .rates import RATE_PLACES, TokenRates
from .totals import Json

FREE_OF_CHARGE: Final = TokenRates(
    prompt=0, response=0, cache_read=0, cache_write=0, cache_write_1h=0, reasoning=0
)
_ESTIMATE_RATES: Final = (
    "prompt_per_1m",
    "response_per_1m",
    "cache_read_per_1m",
    "cache_write_per_1m",
)


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


def per_million(rates: TokenRates | None) -> dict[str, Json]:
    """Return rates per token as prices per million tokens in USD; None throughout without."""
    parts = ("prompt", "response", "cache_read", "cache_write", "cache_write_1h", "reasoning")
    return {
        f"{part}_per_1m": (
            None if rates is None else plain(Decimal(getattr(rates, part)).scaleb(6 - RATE_PLACES))
        )
        for part in parts
    }


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """What a request would cost. ``rates`` None: free or by subscription."""

    usage: UsageEvent
    price: Price
    rates: TokenRates | None

    def as_dict(self) -> dict[str, Json]:
        """Return the estimate as the API writes it.

        The parts of the breakdown are rounded so that they add up to the cost.
        """
        usage, price = self.usage, self.price
        prompt, response, read, write = self._parts()
        rate = per_million(self.rates or FREE_OF_CHARGE)
        return {
            "cost_usd": from_pico(price.picos or 0),
            "currency": "USD",
            "provider": usage.provider,
            "model": usage.model,
            "priced_as": price.priced_as,
            "cost_source": price.source,
            "breakdown": {
                "prompt_tokens": usage.tokens_prompt,
                "response_tokens": usage.tokens_response,
                "prompt_cost": from_pico(prompt),
                "response_cost": from_pico(response),
                "cache_read_cost": from_pico(read),
                "cache_write_cost": from_pico(write),
            },
            "rate": {name: rate[name] for name in _ESTIMATE_RATES},
        }

    def _parts(self) -> tuple[int, int, int, int]:
        """Return prompt, response, cache read and cache write costs in picos.

        A price per request itself is counted with the prompt.
        """
        if self.rates is None:
            return 0, 0, 0, 0
        prompt, response, read, write, request = self.rates.parts(self.usage)
        return rounded_parts((prompt + request, response, read, write), RATE_PLACES)


@dataclass(frozen=True, slots=True, kw_only=True)
class Repricing:
    """What a repricing changed. Costs are picos, over the events that were looked at."""

    repriced: int
    cost_before: int
    cost_after: int
    still_unpriced: int
    skipped: Sequence[date]
    only_unpriced: bool
    complete: bool

    def as_dict(self) -> dict[str, Json]:
        """Return the outcome as the API writes it."""
        return {
            "status": "ok" if self.complete else "incomplete",
            "message": self._message(),
            "repriced_events": self.repriced,
            "cost_before": from_pico(self.cost_before),
            "cost_after": from_pico(self.cost_after),
            "still_unpriced": self.still_unpriced,
            "skipped": [day.isoformat() for day in self.skipped],
            "complete": self.complete,
        }

    def _message(self) -> str:
        if not self.complete:
            setting = "true" if self.only_unpriced else "false"
            return f"There is more to do: reprice with only_unpriced {setting} until it is complete"
        if self.repriced:
            return f"{self.repriced} events now have the price that holds for them"
        if self.still_unpriced:
            return "Nothing changed: no price is known for the events that have none"
        return "Nothing changed: every event already has the price that holds for it"


@dataclass(frozen=True, slots=True, kw_only=True)
class Conversion:
    """What converting recorded events changed; ``left`` have no figure in the currency."""

    currency: str
    converted: int
    left: int
    skipped: Sequence[date]
    complete: bool

    def as_dict(self) -> dict[str, Json]:
        """Return the outcome as the API writes it."""
        return {
            "status": "ok" if self.complete else "incomplete",
            "message": self._message(),
            "currency": self.currency,
            "converted_events": self.converted,
            "still_unconverted": self.left,
            "skipped": [day.isoformat() for day in self.skipped],
            "complete": self.complete,
        }

    def _message(self) -> str:
        if not self.complete:
            return "There is more to do: convert with the same fields until it is complete"
        if self.converted:
            return f"{self.converted} events now have a cost in {self.currency}"
        if self.left:
            return "Nothing changed: the events that are left have no cost or no exchange rate"
        return f"Nothing changed: every event already has its cost in {self.currency}"


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
