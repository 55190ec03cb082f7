"""The price ladder: which of the known prices an event costs, and exactly how much.

Reported by the provider → the user's dated override → free or subscription provider → the
catalogue at the event's own time → the default table → unpriced. The first step that answers
wins, and the answer says which it was and what name it matched. Nothing is ever guessed: a model
that no step knows is unpriced, which is not the same as free.

Each event is priced alone, never a sum of events, because tiers are a matter of one request.
"""

from bisect import bisect_right
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from decimal import Decimal
from functools import lru_cache
from typing import Final

from ..models import CostSource, HomeCost, Price, Rate, ServiceTier, UsageEvent
from ..money import PICO, divide_half_even, to_pico, to_scale
from ..providers import FREE_PROVIDERS, SUBSCRIPTION_PROVIDERS
from .catalogue import Catalogue
from .default_rates import DEFAULT_RATES
from .exchange_rates import ExchangeRate
from .rates import RATE_PLACES, Band, Quote, TokenRates, base_names, normal_name

_CACHE_LIMIT: Final = 4_096
# The variant of a model that a gateway gives away; never to be priced as the model itself.
_FREE_VARIANT: Final = ":free"
_BEGINNING: Final = datetime(1, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Step:
    """One answer of the ladder: a source and, unless it is free of charge, a quote."""

    source: CostSource
    quote: Quote | None
    name: str


@dataclass(slots=True)
class PriceBook:
    """Every price the ledger knows. Not safe to share between threads; made anew on a change.

    ``catalogue`` None leaves that step out. ``free`` lists the providers whose models cost
    nothing; their events are priced at 0, not unpriced. ``home`` is the household's own currency.
    """

    overrides: Iterable[Rate] = ()
    exchange_rates: Iterable[ExchangeRate] = ()
    catalogue: Catalogue | None = None
    free: Collection[str] = FREE_PROVIDERS
    subscription: Collection[str] = SUBSCRIPTION_PROVIDERS
    home: str | None = None
    _dated: dict[tuple[str, str], _Dated[Rate]] = field(init=False)
    _exchange: dict[str, _Dated[ExchangeRate]] = field(init=False)
    _steps: dict[tuple[str, str, ServiceTier | None, int], Step | None] = field(
        init=False, default_factory=dict
    )

    def __post_init__(self) -> None:
        """Sort the dated tables."""
        self._dated = _by_date(
            (rate.provider, normal_name(rate.model), rate) for rate in self.overrides
        )
        exchange = _by_date((rate.currency, "", rate) for rate in self.exchange_rates)
        self._exchange = {currency: dated for (currency, _), dated in exchange.items()}

    def without_home(self) -> PriceBook:
        """Return a book of the same prices, without the household's own currency."""
        return replace(self, home=None)

    def price(self, event: UsageEvent, moment: datetime) -> Price:
        """Return what an event of that (aware) time costs, in the household's currency too."""
        picos, source, name = self._usd(event, moment)
        home = None if self.home is None else self.home_cost(picos, self.home, moment)
        return Price(picos, source, name, home)

    def home_cost(
        self, picos: int | None, currency: str | None, moment: datetime
    ) -> HomeCost | None:
        """Return an amount of USD in a currency by the rate of an (aware) time.

        Rounded half to even, once. None for no amount, no currency or no rate known.
        """
        rate = None if currency is None else self.exchange_rate(currency, moment)
        if picos is None or currency is None or rate is None:
            return None
        return divide_half_even(picos * PICO, _rate_picos(rate)), currency

    def _usd(
        self, event: UsageEvent, moment: datetime
    ) -> tuple[int | None, CostSource, str | None]:
        if event.cost_estimate is not None:
            return to_pico(event.cost_estimate), CostSource.REPORTED, None
        step = self.step(event.provider, event.model, event.service_tier, moment)
        if step is None:
            return None, CostSource.UNPRICED, None
        if step.quote is None:
            return 0, step.source, step.name
        return step.quote.rates(event.tokens_prompt).cost(event), step.source, step.name

    def step(
        self, provider: str, model: str | None, tier: ServiceTier | None, moment: datetime
    ) -> Step | None:
        """Return the first step of the ladder that knows a model at an (aware) time."""
        if model is not None and self._dated:
            override = self._override(provider, model, moment)
            if override is not None:
                return override
        day = moment.astimezone(UTC).toordinal()
        key = (provider, model or "", tier, day)
        try:
            return self._steps[key]
        except KeyError:
            step, keep = self._undated(provider, model, tier, moment)
        if keep:
            if len(self._steps) >= _CACHE_LIMIT:
                self._steps.clear()
            self._steps[key] = step
        return step

    def _override(self, provider: str, model: str, moment: datetime) -> Step | None:
        for name in base_names(model):
            dated = self._dated.get((provider, name))
            rate = dated.at(moment) if dated else None
            if rate is not None:
                exchange = self.exchange_rate(rate.currency, moment)
                if exchange is None:
                    continue
                quote = Quote(
                    bands=(Band(start=0, rates=token_rates(rate, exchange)),),
                    name=f"{rate.provider}/{rate.model}",
                )
                return Step(CostSource.OVERRIDE, quote, f"override:{quote.name}")
        return None

    def exchange_rate(self, currency: str, moment: datetime) -> Decimal | None:
        """Return how many USD one unit of a currency was at an instant, None if unknown."""
        if currency == "USD":
            return Decimal(1)
        dated = self._exchange.get(currency)
        rate = dated.at(moment) if dated else None
        return None if rate is None else rate.usd

    def _unmetered(self, provider: str, model: str | None) -> Step | None:
        """Return the step of a model that is not paid for by the token."""
        if provider in self.free:
            return Step(CostSource.FREE, None, f"free:{provider}")
        if provider in self.subscription:
            return Step(CostSource.SUBSCRIPTION, None, f"subscription:{provider}")
        if model is not None and model.casefold().endswith(_FREE_VARIANT):
            return Step(CostSource.FREE, None, f"free:{provider}/{model.casefold()}")
        return None

    def _undated(
        self, provider: str, model: str | None, tier: ServiceTier | None, moment: datetime
    ) -> tuple[Step | None, bool]:
        """Return the step below the overrides, and whether it holds for the whole UTC day."""
        if (step := self._unmetered(provider, model)) is not None or model is None:
            return step, True
        if self.catalogue is not None:
            answer = self.catalogue.look_up(provider, model, tier, moment)
            if answer is not None:
                quote = answer.quote
                step = Step(CostSource.CATALOGUE, quote, f"catalogue:{quote.name}")
                return step, answer.all_day
        for name in base_names(model):
            rate = DEFAULTS.get((provider, name))
            if rate is not None:
                bands = (Band(start=0, rates=token_rates(rate, Decimal(1))),)
                quote = Quote(bands=bands, name=f"{rate.provider}/{rate.model}")
                return Step(CostSource.DEFAULT, quote, f"default:{quote.name}"), True
        return None, True


_rate_picos: Final = lru_cache(maxsize=64)(to_pico)  # one rate is for a day of events


class _Dated[T: (Rate, ExchangeRate)]:
    """Values by the instant from which they hold."""

    __slots__ = ("starts", "values")

    def __init__(self, values: list[T]) -> None:
        self.values: list[T] = sorted(values, key=lambda value: value.effective or _BEGINNING)
        self.starts: list[datetime] = [value.effective or _BEGINNING for value in self.values]

    def at(self, moment: datetime) -> T | None:
        """Return the value that holds at an instant."""
        index = bisect_right(self.starts, moment)
        return self.values[index - 1] if index else None


def _by_date[T: (Rate, ExchangeRate)](
    rows: Iterable[tuple[str, str, T]],
) -> dict[tuple[str, str], _Dated[T]]:
    grouped: dict[tuple[str, str], list[T]] = {}
    for first, second, value in rows:
        grouped.setdefault((first, second), []).append(value)
    return {key: _Dated(values) for key, values in grouped.items()}


def token_rates(rate: Rate, usd: Decimal) -> TokenRates:
    """Return a rate as exact integers per token, ``usd`` being one unit of its currency in USD.

    Prices and exchange rates have up to 12 places each, so nothing is rounded here.
    """

    def per_token(price: Decimal) -> int:
        return to_scale(price, 12) * to_scale(usd, 12)

    prompt, response = per_token(rate.prompt_per_1m), per_token(rate.response_per_1m)
    read, write, write_1h, reasoning = (
        None if price is None else per_token(price)
        for price in (
            rate.cache_read_per_1m,
            rate.cache_write_per_1m,
            rate.cache_write_1h_per_1m,
            rate.reasoning_per_1m,
        )
    )
    cache_write = prompt if write is None else write
    return TokenRates(
        prompt=prompt,
        response=response,
        cache_read=prompt if read is None else read,
        cache_write=cache_write,
        cache_write_1h=cache_write if write_1h is None else write_1h,
        reasoning=response if reasoning is None else reasoning,
    )


# 12 places of a price per million and 12 of an exchange rate make 10^-24, and 10^-6 a single token.
assert RATE_PLACES == 12 + 12 + 6


DEFAULTS: Final = {
    (provider, normal_name(model)): Rate(
        provider=provider, model=model, prompt_per_1m=prompt, response_per_1m=response
    )
    for (provider, model), (prompt, response) in DEFAULT_RATES.items()
}
