"""Limits of what the ledger takes, and the checks that hold them, naming the field as the API does.

A check returns the value in the one spelling under which it is kept, or raises InvalidInputError.
"""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import lru_cache
import ipaddress
import json
import re
from typing import Final

from .errors import InvalidInputError
from .money import from_pico, to_pico

EARLIEST: Final = datetime(2015, 1, 1, tzinfo=UTC)
AHEAD: Final = timedelta(minutes=5)
MAX_TOKENS: Final = 1_000_000_000
MAX_MS: Final = 86_400_000
MAX_COST: Final = Decimal(100_000)
MAX_PRICE: Final = Decimal(1_000)
MAX_TAGS: Final = 32
MAX_METADATA_BYTES: Final = 8 * 1024
MAX_BATCH: Final = 1_000
_SHOWN: Final = 60
# Answers hold metadata some levels down, and what writes JSON for them stops at 254.
_MAX_DEPTH: Final = 64
_DEVICE_ID: Final = re.compile(r"[A-Za-z0-9_-]{1,64}")
_SURROGATE: Final = re.compile("[\ud800-\udfff]")


def check_text(field: str, value: str, maximum: int, *, minimum: int = 1) -> str:
    """Return ``value`` if it can be stored and has minimum to maximum characters."""
    if not minimum <= len(value) <= maximum:
        raise InvalidInputError(
            field, f"must have {minimum} to {maximum} characters, got {len(value)}"
        )
    if not is_storable(value):
        raise InvalidInputError(field, "must not contain NUL or half of a surrogate pair")
    return value


def is_storable(text: str) -> bool:
    """Return whether a text holds neither NUL nor half of a surrogate pair."""
    return "\0" not in text and (text.isascii() or _SURROGATE.search(text) is None)


def normal_ip(value: str, field: str = "device_ip") -> str:
    """Return an IP address in its canonical spelling; IPv4-mapped IPv6 becomes IPv4."""
    try:
        return _canonical_ip(value)
    except ValueError:
        raise InvalidInputError(
            field,
            f"must be an IPv4 or IPv6 address without zone id or leading zeros, got {shown(value)}",
        ) from None


@lru_cache(maxsize=1_024)  # a home has few addresses and says them often
def _canonical_ip(value: str) -> str:
    if "%" in value:
        raise ValueError(value)
    address = ipaddress.ip_address(value)
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is not None:
        address = address.ipv4_mapped
    return str(address)


def normal_device_id(value: str, field: str = "device_id") -> str:
    """Return a Home Assistant device id, which is a short word of ASCII letters and digits."""
    if not _DEVICE_ID.fullmatch(value):
        raise InvalidInputError(
            field, f"must be a Home Assistant device id (letters, digits), got {shown(value)}"
        )
    return value


def shown(value: object) -> str:
    """Return a short, safe picture of what was given, for an error message."""
    text = repr(value)
    return text if len(text) <= _SHOWN else f"{text[: _SHOWN - 1]}…"


def check_money(field: str, value: Decimal, maximum: Decimal) -> Decimal:
    """Return an amount from 0 to ``maximum``, rounded half to even at 12 places."""
    if not value.is_finite() or not 0 <= value <= maximum:
        raise InvalidInputError(field, f"must be 0 to {maximum:,}, got {shown(str(value))}")
    return from_pico(to_pico(value))


def check_tags(tags: Iterable[str]) -> tuple[str, ...]:
    """Return up to 32 different tags of 1 to 64 characters, in order."""
    different = tuple(dict.fromkeys(tags))
    if len(different) > MAX_TAGS:
        raise InvalidInputError("tags", f"at most {MAX_TAGS} tags, got {len(different)}")
    for tag in different:
        check_text("tags", tag, 64)
    return different


def metadata_text(value: Mapping[str, object]) -> str:
    """Return an object as compact JSON text, for ``UsageEvent.metadata``.

    Raises InvalidInputError for what JSON cannot say exactly: NaN, numbers beyond 64 bits,
    half surrogate pairs, or nesting beyond 64 levels.
    """
    try:
        text = json.dumps(
            _json_value(value, _MAX_DEPTH),
            ensure_ascii=False,
            separators=(",", ":"),
            allow_nan=False,
        )
        text.encode()
    except InvalidInputError:
        raise
    except (TypeError, ValueError) as error:
        raise InvalidInputError("metadata", f"must be a JSON object: {error}") from None
    return text


def _json_value(value: object, levels: int) -> object:
    if isinstance(value, Mapping | list | tuple) and not levels:
        raise InvalidInputError(
            "metadata", f"must not be nested more than {_MAX_DEPTH} levels deep"
        )
    if isinstance(value, Decimal):
        number = float(value)
        if number in (float("inf"), float("-inf")):
            raise InvalidInputError("metadata", "holds a number beyond 64-bit floating point")
        return number
    if isinstance(value, Mapping):
        return {str(key): _json_value(item, levels - 1) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_json_value(item, levels - 1) for item in value]
    if isinstance(value, int) and not -(2**63) <= value < 2**64:
        raise InvalidInputError("metadata", "holds an integer beyond 64 bits")
    return value


def check_order(start: datetime, end: datetime) -> None:
    """Raise InvalidInputError unless ``start`` is before ``end``."""
    if start >= end:
        raise InvalidInputError("start", "must be before end")
