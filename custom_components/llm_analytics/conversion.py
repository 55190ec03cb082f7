"""Between what clients send and what the engine takes and gives.

``validate`` turns the first thing that is wrong into the engine's own InvalidInputError, so there
is one way to report it.
"""

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import orjson
import voluptuous as vol

from .analytics import (
    ExchangeRate,
    Filter,
    InvalidInputError,
    Period,
    Rate,
    Recorded,
    Span,
    midnight,
    normal_provider,
)
from .schemas import Fields
from .validators import shown


class Validator:
    """Checks data against fields: the first thing that is wrong, in the order of the data."""

    def __init__(self, fields: Fields) -> None:
        """Sort the fields by what is asked of them."""
        self._leaves = {str(marker): leaf for marker, leaf in fields.items()}
        self._required = [str(marker) for marker in fields if isinstance(marker, vol.Required)]
        self._defaults = {
            str(marker): default
            for marker in fields
            if callable(default := getattr(marker, "default", None))
        }

    def __call__(self, data: Any) -> dict[str, Any]:
        """Return the validated data; raise InvalidInputError naming the first field in error."""
        leaves = self._leaves
        if not isinstance(data, dict | Mapping):  # nearly always a dict, which is told at once
            raise InvalidInputError("body", f"must be a JSON object, got {shown(data)}")
        if not data.keys() <= leaves.keys():
            name = next(name for name in data if name not in leaves)
            raise InvalidInputError(
                str(name)[:60], f"unknown field; known are {', '.join(sorted(leaves))}"
            )
        for name in self._required:
            if name not in data:
                raise InvalidInputError(name, f"required: {leaves[name].accepts}")
        validated: dict[str, Any] = {}
        try:
            for name, value in data.items():
                validated[name] = leaves[name](value)
        except vol.Invalid as error:
            raise InvalidInputError(name, error.error_message) from None
        for name, default in self._defaults.items():
            if name not in validated:
                validated[name] = leaves[name](default())
        return validated


def validate(fields: Fields, data: Any) -> dict[str, Any]:
    """Return the validated data; raise InvalidInputError naming the first field that is wrong."""
    return Validator(fields)(data)


def receipt(recorded: Recorded, *, reads: bool) -> dict[str, Any]:
    """Return what a recorder is told: the event, or only its id to who may not read."""
    return recorded.as_dict() if reads else {"id": recorded.event.id} | recorded.repeated


def wanted(data: Mapping[str, Any]) -> Filter:
    """Return the filter that validated data asks for."""
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


def device(data: Mapping[str, Any]) -> str:
    """Return the key of the device that validated data names. Raises InvalidInputError."""
    key = wanted(data).device
    if key is None:
        raise InvalidInputError("device_ip", "required: device_ip or device_id")
    return key


def instant(value: date | None, zone: ZoneInfo, *, end: bool = False) -> datetime | None:
    """Return a bound as an instant; a date begins at its midnight, as ``end`` it is included."""
    if value is None or isinstance(value, datetime):
        return value
    return midnight(value + timedelta(days=1) if end else value, zone)


def bounds(data: Mapping[str, Any], zone: ZoneInfo) -> tuple[datetime | None, datetime | None]:
    """Return start and end as instants. Raises InvalidInputError unless start < end."""
    start = instant(data.get("start"), zone)
    end = instant(data.get("end"), zone, end=True)
    if start is not None and end is not None and start >= end:
        raise InvalidInputError("start", "must be before end")
    return start, end


def report_arguments(data: Mapping[str, Any], zone: ZoneInfo) -> dict[str, Any]:
    """Return the arguments of ``Analytics.report`` that validated data stands for."""
    start, end = bounds(data, zone)
    if (start is None) != (end is None):
        missing = "start" if start is None else "end"
        raise InvalidInputError(missing, "start and end go together")
    return {
        "period": Period(data["period"]),
        "day": data.get("date"),
        "span": None if start is None or end is None else Span(start, end),
        "wanted": wanted(data),
    }


def plain_floats(value: Any) -> Any:
    """Return an answer with its exact decimals as floats, for templates and action responses."""
    if isinstance(value, Decimal):
        return float(value)
    if isinstance(value, dict):
        return {key: plain_floats(item) for key, item in value.items()}
    if isinstance(value, list):
        return [plain_floats(item) for item in value]
    return value


def json_bytes(value: Any) -> bytes:
    """Return an answer as JSON with its decimals written plainly and exactly."""
    return orjson.dumps(value, default=_decimal)


def json_text(value: Any) -> str:
    """Return an answer as JSON text."""
    return json_bytes(value).decode()


def _decimal(value: Any) -> orjson.Fragment:
    if isinstance(value, Decimal):
        return orjson.Fragment(format(value, "f"))
    raise TypeError(f"cannot write {type(value)}")


def dated_rate(data: Mapping[str, Any], zone: ZoneInfo) -> Rate:
    """Return the dated price that validated data describes."""
    given = {name: value for name, value in data.items() if value is not None}
    given.pop("reprice", None)
    effective = instant(given.pop("effective_date", None), zone)
    return Rate(**given, effective=effective)


def exchange_rate(data: Mapping[str, Any], zone: ZoneInfo) -> ExchangeRate:
    """Return the dated exchange rate that validated data describes."""
    effective = instant(data.get("effective_date"), zone)
    return ExchangeRate(currency=data["currency"], usd=data["usd"], effective=effective)
