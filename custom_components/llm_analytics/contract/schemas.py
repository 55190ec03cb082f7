"""The schemas of all queries and commands, shared by the views, the actions and OpenAPI.

A schema is a plain dict of markers and leaf validators: strict for JSON bodies, ``lenient`` for
query strings and actions. ``validate`` raises the first error as the engine's InvalidInputError, so
all errors are reported in the same way.
"""

import re
from typing import Final

import voluptuous as vol

from ..analytics import (
    MAX_COST,
    MAX_METADATA_BYTES,
    MAX_MS,
    MAX_PRICE,
    MAX_TAGS,
    MAX_TOKENS,
    TOKEN_FIELDS,
    By,
    Interval,
    InvalidInputError,
    Metric,
    Period,
    ServiceTier,
    Status,
    normal_device_id,
    normal_ip,
)
from ..const import MAX_RETENTION_DAYS, MIN_RETENTION_DAYS
from .validators import (
    Checked,
    Choice,
    Day,
    Flag,
    JsonObject,
    Leaf,
    Milliseconds,
    Moment,
    Number,
    Optional,
    Schema,
    Tags,
    Text,
    Whole,
    shown,
)

type Fields = dict[vol.Marker, Leaf]

_ADDRESS: Final[tuple[Schema, ...]] = (
    {"type": "string", "format": "ipv4"},
    {"type": "string", "format": "ipv6"},
)
_DEVICE_ID: Final[Schema] = {"type": "string", "pattern": "^[A-Za-z0-9_-]{1,64}$"}
DEVICE_IP: Final = Checked(normal_ip, "an IPv4 or IPv6 address", {"anyOf": [*_ADDRESS]})
DEVICE_ID: Final = Checked(normal_device_id, "a Home Assistant device id", _DEVICE_ID)


def usage_fields(*, lenient: bool) -> Fields:
    """Return the fields of a usage event."""
    tokens = Whole(0, MAX_TOKENS, lenient)
    text = Optional(Text(0, 255))
    milliseconds = Optional(Milliseconds(Number(0, MAX_MS, lenient)))
    return {
        vol.Optional("device_ip"): Optional(DEVICE_IP),
        vol.Optional("device_id"): Optional(DEVICE_ID),
        vol.Optional("device_name"): text,
        vol.Required("endpoint"): Text(1, 100),
        vol.Optional("provider"): Optional(Text(1, 50)),
        vol.Optional("model"): Optional(Text(1, 100)),
        vol.Required("tokens_prompt"): tokens,
        vol.Required("tokens_response"): tokens,
        vol.Optional("tokens_cache_read"): tokens,
        vol.Optional("tokens_cache_write"): tokens,
        vol.Optional("tokens_cache_write_1h"): tokens,
        vol.Optional("tokens_reasoning"): tokens,
        vol.Optional("latency_ms"): milliseconds,
        vol.Optional("ttft_ms"): milliseconds,
        vol.Optional("user_id"): text,
        vol.Optional("agent"): text,
        vol.Optional("context"): text,
        vol.Optional("tags"): Tags(MAX_TAGS),
        vol.Optional("request_id"): Optional(Text(1, 255)),
        vol.Optional("service_tier"): Optional(Choice(tuple(ServiceTier))),
        vol.Optional("status"): Choice(tuple(Status)),
        vol.Optional("error_type"): Optional(Text(0, 100)),
        vol.Optional("metadata"): Optional(JsonObject(MAX_METADATA_BYTES)),
        vol.Optional("cost_estimate"): Optional(Number(0, int(MAX_COST), lenient)),
        vol.Optional("timestamp"): Optional(Moment(lenient=lenient)),
    }


def device_key(value: str) -> str:
    """Return the device key for an IP address or a Home Assistant device ID."""
    if ":" in value or "." in value:
        return f"ip:{normal_ip(value, 'device')}"
    return f"ha:{normal_device_id(value, 'device')}"


def currency_code(value: str) -> str:
    """Return a currency code (ISO 4217). Raises InvalidInputError for another format."""
    if not re.fullmatch("[A-Z]{3}", value):
        raise InvalidInputError("currency", f"must be three capital letters, got {shown(value)}")
    return value


# The ledger validates it.
CURSOR: Final = Checked(
    str,
    "the cursor of an earlier answer",
    {"type": "string", "pattern": "^[0-9]{1,18}-[0-9]{1,18}$"},
)
USAGE: Final = usage_fields(lenient=False)
USAGE_ACTION: Final = usage_fields(lenient=True)

FILTER: Final[Fields] = {
    vol.Optional("device_ip"): DEVICE_IP,
    vol.Optional("device_id"): DEVICE_ID,
    vol.Optional("provider"): Text(1, 50),
    vol.Optional("model"): Text(1, 100),
    vol.Optional("user_id"): Text(1, 255),
    vol.Optional("endpoint"): Text(1, 100),
    vol.Optional("tag"): Text(1, 64),
}
BOUNDS: Final[Fields] = {
    vol.Optional("start"): Moment(dates=True, lenient=True),
    vol.Optional("end"): Moment(dates=True, lenient=True),
}
LISTING: Final[Fields] = (
    BOUNDS
    | FILTER
    | {
        vol.Optional("status"): Choice(tuple(Status)),
        vol.Optional("limit", default=100): Whole(1, 1000, lenient=True),
        vol.Optional("before"): CURSOR,
    }
)
REPORT: Final[Fields] = (
    BOUNDS
    | FILTER
    | {
        vol.Optional("period", default="week"): Choice(tuple(Period)),
        vol.Optional("date"): Day(),
    }
)
EXPORT: Final[Fields] = REPORT | {vol.Optional("detailed", default=False): Flag(lenient=True)}
DEVICE_DAY: Final[Fields] = {
    vol.Optional("device_ip"): DEVICE_IP,
    vol.Optional("device_id"): DEVICE_ID,
    vol.Optional("date"): Day(),
}


def days(minimum: int, maximum: int, default: int | None = None) -> Fields:
    """Return the parameter ``days``."""
    marker = vol.Optional("days") if default is None else vol.Optional("days", default=default)
    return {marker: Whole(minimum, maximum, lenient=True)}


def _limit(maximum: int, default: int) -> Fields:
    return {vol.Optional("limit", default=default): Whole(1, maximum, lenient=True)}


INTERVAL: Final[Fields] = {vol.Optional("interval", default="day"): Choice(tuple(Interval))}
DEVICE: Final[Fields] = days(1, 90, 7) | {
    vol.Required("device"): Checked(
        device_key,
        "a device's IP address or Home Assistant id",
        {"anyOf": [*_ADDRESS, _DEVICE_ID]},
    )
}
TOP_DEVICES: Final[Fields] = days(1, 90, 7) | _limit(50, 10)
TOP_USERS: Final[Fields] = _limit(50, 10) | BOUNDS
# The filters for which there are totals by quarter hour.
SLOT_FILTER: Final[Fields] = {
    vol.Optional("device_ip"): DEVICE_IP,
    vol.Optional("device_id"): DEVICE_ID,
    vol.Optional("provider"): Text(1, 50),
    vol.Optional("model"): Text(1, 100),
}
BREAKDOWN: Final[Fields] = (
    {
        vol.Required("by"): Choice(tuple(By)),
        vol.Optional("top", default=8): Whole(1, 20, lenient=True),
    }
    | INTERVAL
    | BOUNDS
)
TREND: Final[Fields] = (
    {vol.Required("metric"): Choice(tuple(Metric))} | days(7, 365, 30) | INTERVAL | FILTER
)
ANOMALIES: Final[Fields] = (
    days(7, 90, 30) | {vol.Optional("threshold", default=2): Number(1, 10, lenient=True)} | FILTER
)
RATES: Final[Fields] = {
    vol.Optional("provider"): Text(1, 50),
    vol.Optional("all", default=False): Flag(lenient=True),
}


CURRENCY: Final = Checked(
    currency_code,
    "a currency code of three capital letters",
    {"type": "string", "pattern": "^[A-Z]{3}$"},
)
EXCHANGE_RATES: Final[Fields] = {vol.Optional("currency"): CURRENCY} | _limit(1000, 100)


def estimate_fields(*, lenient: bool) -> Fields:
    """Return the fields of a cost estimate."""
    usage = usage_fields(lenient=lenient)
    shared = {str(marker): (marker, leaf) for marker, leaf in usage.items()}
    return {vol.Required("provider"): Text(1, 50), vol.Required("model"): Text(1, 100)} | dict(
        shared[name] for name in (*TOKEN_FIELDS, "service_tier", "timestamp")
    )


def rate_fields(*, lenient: bool) -> Fields:
    """Return the fields of a dated price."""
    price = Number(0, int(MAX_PRICE), lenient)
    return {
        vol.Required("provider"): Text(1, 50),
        vol.Required("model"): Text(1, 100),
        vol.Required("prompt_per_1m"): price,
        vol.Required("response_per_1m"): price,
        vol.Optional("cache_read_per_1m"): Optional(price),
        vol.Optional("cache_write_per_1m"): Optional(price),
        vol.Optional("cache_write_1h_per_1m"): Optional(price),
        vol.Optional("reasoning_per_1m"): Optional(price),
        vol.Optional("currency", default="USD"): CURRENCY,
        vol.Optional("effective_date"): Optional(Moment(dates=True, lenient=lenient)),
        vol.Optional("notes"): Optional(Text(0, 500)),
        vol.Optional("reprice", default=False): Flag(lenient),
    }


def rate_key_fields(*, lenient: bool) -> Fields:
    """Return the fields that identify one dated price of a model, or all of its prices."""
    return {
        vol.Required("provider"): Text(1, 50),
        vol.Required("model"): Text(1, 100),
        vol.Optional("effective_date"): Moment(dates=True, lenient=lenient),
    }


def exchange_rate_fields(*, lenient: bool) -> Fields:
    """Return the fields of a dated exchange rate."""
    return {
        vol.Required("currency"): CURRENCY,
        vol.Required("usd"): Number(0, 1_000_000, lenient),
        vol.Optional("effective_date"): Optional(Moment(dates=True, lenient=lenient)),
    }


def reprice_fields(*, lenient: bool) -> Fields:
    """Return the fields of a repricing."""
    return {
        vol.Optional("start"): Moment(dates=True, lenient=lenient),
        vol.Optional("end"): Moment(dates=True, lenient=lenient),
        vol.Optional("only_unpriced", default=True): Flag(lenient),
    }


def convert_fields(*, lenient: bool) -> Fields:
    """Return the fields of a conversion into the household currency."""
    return {
        vol.Optional("start"): Moment(dates=True, lenient=lenient),
        vol.Optional("end"): Moment(dates=True, lenient=lenient),
        vol.Optional("only_unconverted", default=True): Flag(lenient),
    }


def aggregate_fields(*, lenient: bool) -> Fields:
    """Return the fields of a recalculation of totals."""
    return {vol.Optional("date"): Day()}


def cleanup_fields(*, lenient: bool) -> Fields:
    """Return the fields of a clean-up."""
    return {
        vol.Optional("retention_days"): Whole(MIN_RETENTION_DAYS, MAX_RETENTION_DAYS, lenient),
        vol.Optional("keep_aggregates", default=True): Flag(lenient),
    }


def event_id_fields(*, lenient: bool) -> Fields:
    """Return the field that identifies an event."""
    return {vol.Required("id"): Whole(1, 2**63 - 1, lenient)}


def rename_fields(*, lenient: bool) -> Fields:
    """Return the fields of a device and its new name."""
    return {
        vol.Optional("device_ip"): DEVICE_IP,
        vol.Optional("device_id"): DEVICE_ID,
        vol.Optional("name"): Optional(Text(0, 255)),
    }


def forget_fields(*, lenient: bool) -> Fields:
    """Return the fields that identify the device or the user to forget."""
    return {
        vol.Optional("device_ip"): DEVICE_IP,
        vol.Optional("device_id"): DEVICE_ID,
        vol.Optional("user_id"): Text(1, 255),
        vol.Optional("delete", default=False): Flag(lenient),
    }
