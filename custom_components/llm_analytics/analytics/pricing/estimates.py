"""What a request would cost, part by part."""

from dataclasses import dataclass, replace
from datetime import datetime
import difflib
from typing import Final

from ..errors import NotFoundError
from ..models import Price, UsageEvent, model_name
from ..money import from_pico, rounded_parts
from ..totals import Json
from .catalogue import Catalogue
from .ladder import DEFAULTS, PriceBook
from .rates import FREE_OF_CHARGE, RATE_PLACES, TokenRates, names_match, per_million

_ESTIMATE_RATES: Final = (
    "prompt_per_1m",
    "response_per_1m",
    "cache_read_per_1m",
    "cache_write_per_1m",
)


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


def estimate_cost(
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
    """Return the model's name with what a user may want to know about its missing price."""
    name, asked = model_name(usage.provider, usage.model), usage.model or ""
    known = [model for provider, model in DEFAULTS if provider == usage.provider]
    known += catalogue.names(usage.provider) if catalogue is not None else []
    if any(names_match(asked, model.removeprefix(f"{usage.provider}/")) for model in known):
        return f"{name}; the model is known, but it has no price by tokens"
    names = list(dict.fromkeys(known))
    close = difflib.get_close_matches(asked, names, n=3, cutoff=0.4)
    return f"{name}; the closest known are {', '.join(close)}" if close else name
