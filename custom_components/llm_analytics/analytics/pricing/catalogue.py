"""The genai-prices catalogue, asked offline for the rates of one model at one time.

The catalogue matches names loosely (``gemini-1.5-flash-8b`` as ``gemini-1.5-flash``), which would
price one model as another. So its answer counts only if the asked name is the model's id or one
of its literal aliases, or differs from one by a version suffix only (``rates.names_match``).

The rates are compiled into exact integers per token: a look-up costs a hundred microseconds, a
compiled rate a few. Rates that depend on the size of a request (a cliff: once the input exceeds
the threshold, every token costs the upper rate) become bands; those that depend on the time of
day are not kept from one event to the next.
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
import json
from typing import TYPE_CHECKING, Final

from ..errors import InvalidInputError
from ..models import ServiceTier
from ..money import to_scale
from .rates import RATE_PLACES, Band, Quote, TokenRates, names_match

if TYPE_CHECKING:
    from genai_prices.data_snapshot import DataSnapshot
    from genai_prices.types import MatchLogic, ModelInfo, ModelPrice, TieredPrices

_CONTEXT: Final[dict[ServiceTier, dict[str, str]]] = {
    ServiceTier.BATCH: {"processing": "batch"},
    ServiceTier.FLEX: {"service_tier": "flex"},
    ServiceTier.PRIORITY: {"service_tier": "priority"},
    ServiceTier.FAST: {"service_tier": "fast", "speed": "fast"},
}
# genai-prices' key of each rate, and the part that a missing rate falls back to.
_KEYS: Final = (
    ("prompt", "input_mtok", None),
    ("response", "output_mtok", None),
    ("cache_read", "cache_read_mtok", "prompt"),
    ("cache_write", "cache_write_mtok", "prompt"),
    ("cache_write_1h", "cache_write_1h_mtok", "cache_write"),
    ("reasoning", "output_reasoning_mtok", "response"),
)
# A catalogue without prices for one of these has been cut short.
_WELL_KNOWN: Final = ("anthropic", "google", "mistral", "openai")


@dataclass(frozen=True, slots=True)
class Answer:
    """What the catalogue says: a quote, and whether it holds for the event's whole UTC day."""

    quote: Quote
    all_day: bool


class Catalogue:
    """A snapshot of genai-prices' data, never changed once made."""

    def __init__(self, snapshot: DataSnapshot) -> None:
        """Wrap one snapshot."""
        self._snapshot = snapshot

    @classmethod
    def bundled(cls) -> Catalogue | None:
        """Return the catalogue shipped with genai-prices, or None where it cannot be loaded.

        Imports about 2 MB of data: call it off the event loop.
        """
        try:
            from genai_prices.data_snapshot import get_snapshot  # noqa: PLC0415 - slow, optional
        except ImportError:
            return None
        return cls(get_snapshot())

    @classmethod
    def parse(cls, text: bytes, moment: datetime) -> Catalogue:
        """Return the catalogue that a published data file holds, checked at an instant.

        Takes about a second of CPU: call it off the event loop. Raises InvalidInputError for
        anything but a whole catalogue with per-token prices for the largest providers.
        """
        from genai_prices.data_snapshot import DataSnapshot  # noqa: PLC0415 - slow, optional
        from genai_prices.types import _providers_from_raw  # noqa: PLC0415 - its own updater's

        try:
            raw = json.loads(text)
            if not isinstance(raw, list):
                raise TypeError("not a list of providers")  # noqa: TRY301 - one message for all
            found = cls(DataSnapshot(_providers_from_raw(raw), from_auto_update=True))
        except (ValueError, TypeError, KeyError, RecursionError) as error:
            raise InvalidInputError("catalogue", f"is no price catalogue: {error}") from error
        for provider in _WELL_KNOWN:
            if not any(
                found.look_up(provider, model, None, moment) is not None
                for model in found.names(provider)
            ):
                raise InvalidInputError("catalogue", f"has no prices for {provider}")
        return found

    def look_up(
        self, provider: str, model: str, tier: ServiceTier | None, moment: datetime
    ) -> Answer | None:
        """Return the rates of a model at an instant, or None if the catalogue has none.

        ``provider`` is in the ledger's spelling. A tier that the catalogue does not know costs
        the standard rates, and so does one of another provider's model (Azure's of OpenAI's). A
        model that is not sold by the token (by the hour or the image) has no rates here.
        """
        try:
            found, info = self._snapshot.find_provider_model(model, None, provider, None)
        except LookupError:
            return None
        if not any(names_match(model, name) for name in (info.id, *_aliases(info.match))):
            return None
        own = any(info is known for known in found.models)
        context = _CONTEXT.get(tier) if tier and own else None
        prices = info.get_prices(moment.astimezone(UTC), context)
        bands = _bands(prices)
        if bands is None:
            return None
        return Answer(
            Quote(bands=bands, name=f"{found.id}/{info.id}"),
            all_day=not _depends_on_hour(info),
        )

    def models(self) -> list[tuple[str, str]]:
        """Return (provider, model) of everything in the catalogue."""
        return [
            (known.id, model.id) for known in self._snapshot.providers for model in known.models
        ]

    def names(self, provider: str) -> list[str]:
        """Return the ids of every model that the catalogue has for a provider."""
        return [
            model.id
            for known in self._snapshot.providers
            if known.id == provider
            for model in known.models
        ]


def _aliases(match: MatchLogic) -> list[str]:
    """Return the names that a match rule spells out."""
    literal = getattr(match, "equals", None) or getattr(match, "starts_with", None)
    if literal is not None:
        return [literal]
    return [name for clause in getattr(match, "or_", ()) for name in _aliases(clause)]


def _depends_on_hour(info: ModelInfo) -> bool:
    conditional = info.prices if isinstance(info.prices, list) else []
    return any(
        hasattr(entry.constraint, "start_time")
        for entry in (*conditional, *(info.price_variants or ()))
    )


def _bands(prices: ModelPrice) -> tuple[Band, ...] | None:
    """Return the rates by size of the input, smallest first; None if nothing is per token."""
    values: dict[str, Decimal | TieredPrices | None] = {
        part: getattr(prices, key) for part, key, _ in _KEYS
    }
    if values["prompt"] is None and values["response"] is None:
        return None
    per_request = prices.requests_kcount
    request_rate = _rate_at(per_request, 0, per=1_000) if per_request is not None else 0
    starts = {0} | {
        tier.start + 1 for value in values.values() for tier in getattr(value, "tiers", ())
    }
    bands = []
    for start in sorted(starts):
        rates: dict[str, int] = {}
        for part, _, whole in _KEYS:
            value = values[part]
            if value is not None:
                rates[part] = _rate_at(value, start)
            else:
                rates[part] = rates[whole] if whole is not None else 0
        bands.append(Band(start=start, rates=TokenRates(**rates, request=request_rate)))
    return tuple(bands)


def _rate_at(price: Decimal | TieredPrices, tokens: int, per: int = 1_000_000) -> int:
    """Return the rate per unit in 10^-RATE_PLACES USD for an input of ``tokens``."""
    amount = price if isinstance(price, Decimal) else price.base
    for tier in getattr(price, "tiers", ()):
        if tokens > tier.start:
            amount = tier.price
    return to_scale(amount, RATE_PLACES) // per
