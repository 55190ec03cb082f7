"""Between what clients send and what the engine takes and gives.

``validate`` turns the first thing that is wrong into the engine's own InvalidInputError, so there
is one way to report it.
"""

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal
from operator import itemgetter
from typing import Any, Final, override
from zoneinfo import ZoneInfo

import orjson
import voluptuous as vol

from .analytics import (
    MAX_BATCH,
    ExchangeRate,
    Filter,
    InvalidInputError,
    Period,
    Rate,
    Recorded,
    Span,
    UsageEvent,
    midnight,
    normal_provider,
    pico_text,
)
from .schemas import USAGE, Fields
from .validators import Leaf, shown

# How much is remembered that was valid: a home has few combinations of names and says them often.
_REMEMBERED: Final = 1_024


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


@dataclass(frozen=True, slots=True)
class _Shape:
    """What is known of data with the same keys: valid values that repeat, and who checks the rest.

    ``repeating`` returns the former as one tuple, by which ``valid`` finds what they become.
    """

    repeating: Callable[[Mapping[str, Any]], tuple[Any, ...]]
    others: tuple[tuple[str, Leaf], ...]
    valid: dict[tuple[Any, ...], dict[str, Any]] = field(default_factory=dict)


class RepeatingValidator(Validator):
    """Checks data of which some values repeat: what was valid together is not checked again.

    ``repeating`` names at least two fields, whose valid values are texts or null: nothing else
    equals those.
    """

    def __init__(self, fields: Fields, repeating: Collection[str]) -> None:
        """Remember nothing yet."""
        super().__init__(fields)
        self._repeating = frozenset(repeating)
        self._forget()

    def _forget(self) -> None:
        self._remembered = 0
        self._shapes: dict[tuple[str, ...], _Shape] = {}

    @override
    def __call__(self, data: Any) -> dict[str, Any]:
        """Return the validated data; raise InvalidInputError naming the first field in error."""
        try:
            shape = self._shapes[tuple(data)]
            validated = shape.valid[shape.repeating(data)].copy()
            for name, leaf in shape.others:
                validated[name] = leaf(data[name])
        except KeyError, TypeError, vol.Invalid:
            validated = super().__call__(data)
            self._remember(data, validated)
        return validated

    def _remember(self, data: Mapping[str, Any], validated: Mapping[str, Any]) -> None:
        repeating = self._repeating & data.keys()
        if len(repeating) < 2:  # noqa: PLR2004 - a getter of one item returns no tuple
            return
        if self._remembered >= _REMEMBERED:
            self._forget()
        self._remembered += 1
        keys = tuple(data)
        shape = self._shapes.get(keys)
        if shape is None:
            shape = self._shapes[keys] = _Shape(
                repeating=itemgetter(*repeating),
                others=tuple((name, self._leaves[name]) for name in data if name not in repeating),
            )
        shape.valid[shape.repeating(data)] = {name: validated[name] for name in repeating}


REPEATING: Final = frozenset(
    {
        *("device_ip", "device_id", "device_name", "endpoint", "provider", "model", "user_id"),
        *("agent", "context", "service_tier", "status", "error_type"),
    }
)
_VALIDATED_USAGE: Final = RepeatingValidator(USAGE, REPEATING)


@dataclass(frozen=True, slots=True)
class Origin:
    """Where events come from, and what is the same in all of them.

    ``fixed`` holds fields that an event may leave out and may not change, ``tags`` are added to
    an event's own. With a fixed device both of its fields are there, one of them None.
    """

    source: str
    recorded_by: str | None
    fixed: tuple[tuple[str, str | None], ...] = ()
    tags: tuple[str, ...] = ()

    def fill(self, data: dict[str, Any]) -> None:
        """Put what is fixed into validated data. Raises InvalidInputError for another value."""
        for name, value in self.fixed:
            if (given := data.get(name)) not in (None, value):
                raise InvalidInputError(
                    name, f"is fixed for this client, so leave it out; got {shown(given)}"
                )
            data[name] = value
        if self.tags:
            data["tags"] = (*self.tags, *data.get("tags", ()))


def usage_event(data: Mapping[str, Any], *, source: str, recorded_by: str | None) -> UsageEvent:
    """Return the event that validated data describes."""
    given = {name: value for name, value in data.items() if value is not None}
    for name, kept in (("latency_ms", "latency_us"), ("ttft_ms", "ttft_us")):
        if name in given:
            given[kept] = given.pop(name)
    return UsageEvent(**given, source=source, recorded_by=recorded_by)


def usage_batch(body: Mapping[str, Any], origin: Origin) -> Iterator[UsageEvent]:
    """Yield the events of ``{"events": […]}`` and let go of each; errors name the position."""
    for name in body:
        if name != "events":
            raise InvalidInputError(str(name)[:60], "unknown field beside events")
    events = body["events"]
    if not isinstance(events, list) or not 1 <= len(events) <= MAX_BATCH:
        size = len(events) if isinstance(events, list) else shown(events)
        raise InvalidInputError("events", f"must be a list of 1 to {MAX_BATCH}, got {size}")
    for index, event in enumerate(events):
        events[index] = None  # what has been read is not held until all of it is stored
        try:
            yield rest_event(event, origin)
        except InvalidInputError as error:
            raise error.at(index) from None


def rest_event(body: Any, origin: Origin) -> UsageEvent:
    """Return the event of a JSON object; over HTTP a device must be named, if none is fixed."""
    data = _VALIDATED_USAGE(body)
    origin.fill(data)
    if data.get("device_ip") is None and data.get("device_id") is None:
        raise InvalidInputError("device_ip", "required: device_ip or device_id")
    return usage_event(data, source=origin.source, recorded_by=origin.recorded_by)


def receipt(recorded: Recorded, *, reads: bool, as_json: bool = False) -> dict[str, Any]:
    """Return what a recorder is told: the event, or only its id to who may not read.

    ``as_json``: amounts are not decimals but what ``json_bytes`` writes for those.
    """
    if reads:
        return recorded.as_dict(_written) if as_json else recorded.as_dict()
    repeated = {"duplicate": True} if recorded.duplicate else {}
    return {"id": recorded.event.id, **repeated}


def _written(picos: int) -> orjson.Fragment:
    return orjson.Fragment(pico_text(picos))


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


def estimated_usage(data: Mapping[str, Any]) -> UsageEvent:
    """Return the event whose cost is to be estimated."""
    return usage_event({**data, "endpoint": "estimate"}, source="estimate", recorded_by=None)


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
