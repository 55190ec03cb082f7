"""Sums over events, and the filters that say over which."""

from collections.abc import Iterable
from dataclasses import dataclass, fields
from decimal import Decimal
from operator import attrgetter
from typing import Final

from .money import from_pico

type Json = bool | int | float | str | Decimal | list[Json] | dict[str, Json] | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Filter:
    """Which events a question is about; every part given must hold. Unknown values match none.

    ``device`` is a device key (``ip:…`` or ``ha:…``). ``model`` is a model's name or
    ``provider/model``; names are compared without regard to case. ``user`` may be ``anonymous``.
    """

    device: str | None = None
    provider: str | None = None
    model: str | None = None
    user: str | None = None
    endpoint: str | None = None
    tag: str | None = None

    def __bool__(self) -> bool:
        """Return whether anything is filtered at all."""
        return any(getattr(self, field.name) is not None for field in fields(self))

    @property
    def device_ip(self) -> str | None:
        """Return the address, if the filter names a device by address."""
        return device_parts(self.device)[0]


def device_parts(key: str | None) -> tuple[str | None, str | None]:
    """Return (device_ip, device_id) of a device key; both None for no device and for "other"."""
    kind, _, value = (key or "").partition(":")
    return (value if kind == "ip" else None, value if kind == "ha" else None)


@dataclass(frozen=True, slots=True)
class Totals:
    """Sums over a set of events. ``cost`` and ``latency`` are picos and microseconds.

    ``unpriced`` counts the events without a cost, ``timed`` those that gave a latency,
    ``without_usage`` those without any token. ``home`` is picos of the household's own currency,
    where that was asked for, over the ``converted`` events.
    """

    requests: int = 0
    failed: int = 0
    without_usage: int = 0
    prompt: int = 0
    response: int = 0
    cache_read: int = 0
    cache_write: int = 0
    cache_write_1h: int = 0
    reasoning: int = 0
    cost: int = 0
    unpriced: int = 0
    latency: int = 0
    timed: int = 0
    home: int = 0
    converted: int = 0

    @property
    def tokens(self) -> int:
        """Return prompt and response tokens together."""
        return self.prompt + self.response

    def __add__(self, other: Totals) -> Totals:
        """Return the sums over both sets."""
        return Totals(*(getattr(self, name) + getattr(other, name) for name in self.__slots__))

    def as_dict(self) -> dict[str, Json]:
        """Return the API's totals (T)."""
        return {
            "requests": self.requests,
            "tokens": self.tokens,
            "tokens_prompt": self.prompt,
            "tokens_response": self.response,
            "cost_estimate": from_pico(self.cost),
            "unpriced_requests": self.unpriced,
            "failed_requests": self.failed,
        }

    def as_row(self) -> dict[str, Json]:
        """Return the API's report row (R)."""
        return {
            "request_count": self.requests,
            "tokens_prompt": self.prompt,
            "tokens_response": self.response,
            "total_tokens": self.tokens,
            "cost_estimate": from_pico(self.cost),
            "unpriced_requests": self.unpriced,
        }

    def in_home_currency(self, currency: str | None) -> dict[str, Json]:
        """Return the household's own figures as the API writes them; null without a currency."""
        if currency is None:
            return {"home_cost": None, "unconverted_requests": None}
        return {
            "home_cost": from_pico(self.home),
            "unconverted_requests": self.requests - self.converted,
        }


_EVERY: Final = attrgetter(*Totals.__slots__)
# What a row of day sums holds; the household's own figures have rows of their own.
TOTAL_NAMES: Final = tuple(
    field.name for field in fields(Totals) if field.name not in {"home", "converted"}
)


def sum_totals(parts: Iterable[Totals]) -> Totals:
    """Return the sums over all parts, in Python integers."""
    return Totals(*map(sum, zip(*map(_EVERY, parts), strict=True)))


ANYTHING: Final = Filter()
