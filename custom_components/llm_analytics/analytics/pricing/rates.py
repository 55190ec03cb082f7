"""Rates per token as exact integers, and the rule that says when two model names are the same.

A rate is an integer of 10⁻³⁰ USD per token: a price per million tokens of up to 12 places, times
an exchange rate of up to 12 places, is then still exact. A request's cost adds its parts in that
unit and is rounded half to even to 10⁻¹² once.

Names: a model is priced as another only if the names are equal, without regard to case and with
``.`` and ``-`` alike between digits, or if the asked name is the other's followed by one version
suffix: ``-YYYY-MM-DD``, ``-YYYYMMDD``, ``-NNN`` or ``-NNNN``, ``-latest``, ``@…`` or ``:…``.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
import re
from typing import Final

from ..models import UsageEvent
from ..money import divide_half_even, plain
from ..totals import Json

RATE_PLACES: Final = 30
_TO_PICO: Final = 10 ** (RATE_PLACES - 12)
_SUFFIX: Final = re.compile(r"(?:-\d{4}-\d{2}-\d{2}|-\d{8}|-\d{3,4}|-latest)$")
_DOT: Final = re.compile(r"(?<=\d)\.(?=\d)")


@dataclass(frozen=True, slots=True)
class TokenRates:
    """The price of one token of each part, and of the request itself, in 10⁻³⁰ USD."""

    prompt: int
    response: int
    cache_read: int
    cache_write: int
    cache_write_1h: int
    reasoning: int
    request: int = 0

    def cost(self, event: UsageEvent) -> int:
        """Return what an event costs in picos, its parts added and rounded once."""
        return divide_half_even(sum(self.parts(event)), _TO_PICO)

    def parts(self, event: UsageEvent) -> tuple[int, int, int, int, int]:
        """Return the cost of prompt, response, cache reads, cache writes and the request itself.

        Each in 10⁻³⁰ USD, each token in one part only: prompt without the cached tokens,
        response with its reasoning at the reasoning rate.
        """
        read, write = event.tokens_cache_read, event.tokens_cache_write
        long = event.tokens_cache_write_1h
        return (
            (event.tokens_prompt - read - write) * self.prompt,
            (event.tokens_response - event.tokens_reasoning) * self.response
            + event.tokens_reasoning * self.reasoning,
            read * self.cache_read,
            (write - long) * self.cache_write + long * self.cache_write_1h,
            self.request,
        )


@dataclass(frozen=True, slots=True)
class Band:
    """The rates of requests whose whole input has at least ``start`` tokens."""

    start: int
    rates: TokenRates


@dataclass(frozen=True, slots=True)
class Quote:
    """The rates of one model at one time, by size of the request, and the name they stand under."""

    bands: tuple[Band, ...]
    name: str

    def rates(self, tokens_prompt: int) -> TokenRates:
        """Return the rates of a request with that many input tokens."""
        chosen = self.bands[0]
        for band in self.bands[1:]:
            if tokens_prompt >= band.start:
                chosen = band
        return chosen.rates


def normal_name(name: str) -> str:
    """Return a model's name as it is compared: folded, with ``-`` for ``.`` between digits."""
    return _DOT.sub("-", name.casefold())


def base_names(name: str) -> Iterator[str]:
    """Yield the normal names a model may be priced as: itself, then without a version suffix."""
    normal = normal_name(name)
    yield normal
    bases = {normal[: match.start()] for match in re.finditer("[@:]", normal)}
    if match := _SUFFIX.search(normal):
        bases.add(normal[: match.start()])
    yield from sorted((base for base in bases if base), key=len, reverse=True)


def names_match(asked: str, known: str) -> bool:
    """Return whether a model asked for by name may be priced as a known one."""
    return normal_name(known) in base_names(asked)


FREE_OF_CHARGE: Final = TokenRates(
    prompt=0, response=0, cache_read=0, cache_write=0, cache_write_1h=0, reasoning=0
)


def per_million(rates: TokenRates | None) -> dict[str, Json]:
    """Return rates per token as prices per million tokens in USD; None throughout without."""
    parts = ("prompt", "response", "cache_read", "cache_write", "cache_write_1h", "reasoning")
    return {
        f"{part}_per_1m": (
            None if rates is None else plain(Decimal(getattr(rates, part)).scaleb(6 - RATE_PLACES))
        )
        for part in parts
    }
