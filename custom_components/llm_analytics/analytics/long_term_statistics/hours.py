"""Hours as others write them down: what each hour had, and the sum of everything up to its end.

A *series* is everything, one device or one model. The sum goes on for good: it is not lowered when
clean-up removes old totals, so a chart of it shows only usage and corrections.
Hours are of UTC.
"""

from collections.abc import Container
from dataclasses import dataclass
from datetime import datetime
import re
from typing import Final

from ..money import PICO

_NO_SLUG: Final = re.compile("[^a-z0-9]+")


@dataclass(frozen=True, slots=True)
class HourlySums:
    """Sums over events; ``cost`` in picos."""

    requests: int = 0
    tokens: int = 0
    cost: int = 0

    @property
    def usd(self) -> float:
        """Return the cost as the nearest float, for those who keep floats."""
        return self.cost / PICO

    def __add__(self, other: HourlySums) -> HourlySums:
        """Return the sums over both."""
        return HourlySums(
            self.requests + other.requests, self.tokens + other.tokens, self.cost + other.cost
        )


@dataclass(frozen=True, slots=True)
class Hour:
    """An hour from ``start`` (UTC): its own sums, and those of everything up to its end."""

    start: datetime
    own: HourlySums
    total: HourlySums


@dataclass(frozen=True, slots=True)
class HourlySeries:
    """A series by its lasting slug, and its present name; the name of everything is None."""

    slug: str
    name: str | None


@dataclass(frozen=True, slots=True)
class SeriesHours:
    """Some hours of a series, earliest first."""

    series: HourlySeries
    hours: list[Hour]


def slugged(kind: str, text: str, taken: Container[str]) -> str:
    """Return a slug of ``a-z0-9_`` that no other series has, such as "model_openai_gpt_4o"."""
    plain = _NO_SLUG.sub("_", f"{kind} {text}".casefold()).strip("_")
    slug, number = plain, 1
    while slug in taken:
        number += 1
        slug = f"{plain}_{number}"
    return slug
