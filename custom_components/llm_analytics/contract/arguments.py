"""Conversion of validated data into arguments of the engine's functions."""

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from ..analytics import (
    ExchangeRate,
    Filter,
    InvalidInputError,
    Period,
    Rate,
    Span,
    midnight,
    normal_provider,
)


def filter_from(data: Mapping[str, Any]) -> Filter:
    """Return the filter in validated data. Raises InvalidInputError."""
    device = None
    if "device_ip" in data:
        if "device_id" in data:
            raise InvalidInputError("device_id", "give device_ip or device_id, not both")
        device = f"ip:{data['device_ip']}"
    elif "device_id" in data:
        device = f"ha:{data['device_id']}"
    provider = data.get("provider")
    return Filter(
        device=device,
        provider=None if provider is None else normal_provider(provider),
        model=data.get("model"),
        user=data.get("user_id"),
        endpoint=data.get("endpoint"),
        tag=data.get("tag"),
    )


def device_from(data: Mapping[str, Any]) -> str:
    """Return the key of the device in validated data. Raises InvalidInputError."""
    key = filter_from(data).device
    if key is None:
        raise InvalidInputError("device_ip", "required: device_ip or device_id")
    return key


def instant_from(value: date | None, zone: ZoneInfo, *, end: bool = False) -> datetime | None:
    """Return a bound as an instant; a date is its midnight, or as ``end`` the one after it."""
    if value is None or isinstance(value, datetime):
        return value
    return midnight(value + timedelta(days=1) if end else value, zone)


def bounds_from(data: Mapping[str, Any], zone: ZoneInfo) -> tuple[datetime | None, datetime | None]:
    """Return start and end as instants. Raises InvalidInputError unless start < end."""
    start = instant_from(data.get("start"), zone)
    end = instant_from(data.get("end"), zone, end=True)
    if start is not None and end is not None and start >= end:
        raise InvalidInputError("start", "must be before end")
    return start, end


def report_arguments(data: Mapping[str, Any], zone: ZoneInfo) -> dict[str, Any]:
    """Return the arguments of ``analytics.reports.report``. Raises InvalidInputError."""
    start, end = bounds_from(data, zone)
    if (start is None) != (end is None):
        missing = "start" if start is None else "end"
        raise InvalidInputError(missing, "start and end go together")
    return {
        "period": Period(data["period"]),
        "day": data.get("date"),
        "span": None if start is None or end is None else Span(start, end),
        "wanted": filter_from(data),
    }


def rate_from(data: Mapping[str, Any], zone: ZoneInfo) -> Rate:
    """Return the dated price in validated data."""
    given = {name: value for name, value in data.items() if value is not None}
    given.pop("reprice", None)
    effective = instant_from(given.pop("effective_date", None), zone)
    return Rate(**given, effective=effective)


def exchange_rate_from(data: Mapping[str, Any], zone: ZoneInfo) -> ExchangeRate:
    """Return the dated exchange rate in validated data."""
    effective = instant_from(data.get("effective_date"), zone)
    return ExchangeRate(currency=data["currency"], usd=data["usd"], effective=effective)
