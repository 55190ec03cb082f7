"""The ledger's vocabulary: the usage event, prices, filters and totals as immutable values.

A value that exists is valid: every check is made on construction and names the field as the API
does. ``tokens_prompt`` is the *total* input including cached tokens and ``tokens_response`` the
*total* output including reasoning; the parts belong to these totals (OpenTelemetry GenAI's rule,
and genai-prices'), so pricing and sums need no knowledge of any provider's habits.
"""

from collections.abc import Callable
import dataclasses
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from functools import lru_cache
import json
from operator import attrgetter
import re
from typing import Any, Final, NamedTuple, NoReturn, dataclass_transform

from .errors import InvalidInputError
from .limits import (
    MAX_COST,
    MAX_METADATA_BYTES,
    MAX_MS,
    MAX_PRICE,
    MAX_TOKENS,
    check_money,
    check_tags,
    check_text,
    normal_device_id,
    normal_ip,
    shown,
)
from .money import from_pico
from .providers import split_model
from .totals import Json

ANONYMOUS: Final = "anonymous"
UNKNOWN_MODEL: Final = "unknown"
OTHER: Final = "other"


class Status(StrEnum):
    """How a request ended."""

    OK = "ok"
    ERROR = "error"


class ServiceTier(StrEnum):
    """The provider's service class of a request, where it changes the price."""

    STANDARD = "standard"
    BATCH = "batch"
    FLEX = "flex"
    PRIORITY = "priority"
    FAST = "fast"


class CostSource(StrEnum):
    """Where the cost of an event comes from."""

    REPORTED = "reported"
    OVERRIDE = "override"
    CATALOGUE = "catalogue"
    DEFAULT = "default"
    FREE = "free"
    SUBSCRIPTION = "subscription"
    UNPRICED = "unpriced"


@dataclass_transform(frozen_default=True, kw_only_default=True)
def _immutable[T](cls: type[T]) -> type[T]:
    """Make a class of values that the type checker keeps anyone from changing.

    Setting the fields of a frozen dataclass takes longer than all their checks.
    """
    return dataclass(slots=True, kw_only=True, unsafe_hash=True)(cls)


@_immutable
class UsageEvent:
    """One request to a language model, as it is given to the ledger.

    Token counts are integers from 0 to 10⁹. ``latency_us`` and ``ttft_us`` are microseconds.
    ``cost_estimate`` is a cost in USD that the provider reported; None asks the ledger to price
    the event. ``timestamp`` is aware; None means "now" when the event is recorded. ``metadata``
    is compact JSON text of an object. ``names`` holds the fields by which events resemble each
    other (NAME_FIELDS), one tuple for all that have them. Raises InvalidInputError naming the
    field.
    """

    endpoint: str
    tokens_prompt: int
    tokens_response: int
    provider: str = ""
    model: str | None = None
    timestamp: datetime | None = None
    device_ip: str | None = None
    device_id: str | None = None
    device_name: str | None = None
    tokens_cache_read: int = 0
    tokens_cache_write: int = 0
    tokens_cache_write_1h: int = 0
    tokens_reasoning: int = 0
    latency_us: int | None = None
    ttft_us: int | None = None
    user_id: str | None = None
    agent: str | None = None
    context: str | None = None
    tags: tuple[str, ...] = ()
    request_id: str | None = None
    service_tier: ServiceTier | None = None
    status: Status = Status.OK
    error_type: str | None = None
    metadata: str | None = None
    cost_estimate: Decimal | None = None
    source: str = "api"
    recorded_by: str | None = None
    names: tuple[Any, ...] = dataclasses.field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Check and normalise every field."""
        given = _names_of(self)
        names = _normal_names(given)
        object.__setattr__(self, "names", names)
        if names != given:
            for name, value in zip(NAME_FIELDS, names, strict=True):
                object.__setattr__(self, name, value)
        _checked(self)

    @property
    def request_key(self) -> tuple[str, str] | None:
        """Return what an event is stored once by: the provider and its request id."""
        return None if self.request_id is None else (self.provider, self.request_id)

    @property
    def device_key(self) -> str | None:
        """Return the key of the device dimension: ``ip:…``, ``ha:…``, or None for no device."""
        if self.device_ip is not None:
            return f"ip:{self.device_ip}"
        if self.device_id is not None:
            return f"ha:{self.device_id}"
        return None


# The fields by which events resemble each other, which repeat endlessly.
NAME_FIELDS: Final = (
    "endpoint",
    "provider",
    "model",
    "device_ip",
    "device_id",
    "device_name",
    "user_id",
    "agent",
    "context",
    "error_type",
    "recorded_by",
    "source",
    "tags",
)
_names_of: Final[Callable[[UsageEvent], tuple[Any, ...]]] = attrgetter(*NAME_FIELDS)
_OPTIONAL_TEXTS: Final = (
    ("device_name", 255),
    ("user_id", 255),
    ("agent", 255),
    ("context", 255),
    ("error_type", 100),
    ("recorded_by", 64),
)
TOKEN_FIELDS: Final = (
    "tokens_prompt",
    "tokens_response",
    "tokens_cache_read",
    "tokens_cache_write",
    "tokens_cache_write_1h",
    "tokens_reasoning",
)
tokens_of: Final[Callable[[UsageEvent], tuple[int, ...]]] = attrgetter(*TOKEN_FIELDS)


def _checked(event: UsageEvent) -> UsageEvent:
    """Return an event whose measures are valid."""
    if event.request_id is not None:
        check_text("request_id", event.request_id, 255)
    if not (
        0 <= event.tokens_cache_write_1h <= event.tokens_cache_write
        and event.tokens_cache_read >= 0
        and event.tokens_cache_read + event.tokens_cache_write <= event.tokens_prompt <= MAX_TOKENS
        and 0 <= event.tokens_reasoning <= event.tokens_response <= MAX_TOKENS
    ):
        _refuse_tokens(event)
    if event.latency_us is not None:
        _check_time("latency_ms", event.latency_us)
    if event.ttft_us is not None:
        _check_time("ttft_ms", event.ttft_us)
    if event.cost_estimate is not None:
        cost = check_money("cost_estimate", event.cost_estimate, MAX_COST)
        object.__setattr__(event, "cost_estimate", cost)
    if event.timestamp is not None and event.timestamp.tzinfo is None:
        raise InvalidInputError("timestamp", "must have a UTC offset")
    if event.metadata is not None and (size := len(event.metadata.encode())) > MAX_METADATA_BYTES:
        raise InvalidInputError(
            "metadata", f"must be at most {MAX_METADATA_BYTES} bytes as JSON, got {size}"
        )
    return event


def _refuse_tokens(event: UsageEvent) -> NoReturn:
    for field in TOKEN_FIELDS:
        value = getattr(event, field)
        if not 0 <= value <= MAX_TOKENS:
            raise InvalidInputError(field, f"must be 0 to {MAX_TOKENS}, got {shown(value)}")
    for part, whole in (
        ("tokens_cache_write_1h", "tokens_cache_write"),
        ("tokens_reasoning", "tokens_response"),
    ):
        if getattr(event, part) > getattr(event, whole):
            raise InvalidInputError(
                part, f"is a part of {whole} and must not be greater ({getattr(event, whole)})"
            )
    cached = event.tokens_cache_read + event.tokens_cache_write
    raise InvalidInputError(
        "tokens_cache_write" if event.tokens_cache_write else "tokens_cache_read",
        "tokens_cache_read and tokens_cache_write are parts of tokens_prompt "
        f"({event.tokens_prompt}) and add up to {cached}",
    )


def _check_time(field: str, microseconds: int) -> None:
    if not 0 <= microseconds <= MAX_MS * 1000:
        raise InvalidInputError(field, f"must be 0 to {MAX_MS}, got {microseconds / 1000}")


@lru_cache(maxsize=1_024)  # a home has few combinations and says them often
def _normal_names(given: tuple[Any, ...]) -> tuple[Any, ...]:
    """Return an event's names, in the order of NAME_FIELDS, as they are kept."""
    names = dict(zip(NAME_FIELDS, given, strict=True))
    check_text("endpoint", names["endpoint"], 100)
    provider, model = split_model(names["provider"], names["model"] or None)
    if provider is None:
        raise InvalidInputError("provider", "required, unless model is provider/model")
    names["provider"] = check_text("provider", provider, 50)
    names["model"] = None if model is None else check_text("model", model, 100)
    for field, maximum in _OPTIONAL_TEXTS:
        names[field] = names[field] or None
        if names[field] is not None:
            check_text(field, names[field], maximum)
    if names["user_id"] == ANONYMOUS:
        names["user_id"] = None
    if names["device_ip"] is not None and names["device_id"] is not None:
        raise InvalidInputError("device_id", "give device_ip or device_id, not both")
    if names["device_ip"] is not None:
        names["device_ip"] = normal_ip(names["device_ip"])
    if names["device_id"] is not None:
        normal_device_id(names["device_id"])
    names["tags"] = check_tags(names["tags"])
    return tuple(names.values())


# What an event costs in the household's own currency: picos of it, and which.
type HomeCost = tuple[int, str]


class Price(NamedTuple):
    """What an event costs: picos (None if unpriced), where that comes from, what was matched.

    ``home`` is the same in the household's own currency, None where there is none or no exchange
    rate was known.
    """

    picos: int | None
    source: CostSource
    priced_as: str | None = None
    home: HomeCost | None = None


class StoredEvent(NamedTuple):
    """An event as the ledger holds it: what was given, and its id, time and price.

    ``timestamp`` is in the home's zone; ``device_name`` is the device's present name.
    """

    id: int
    timestamp: datetime
    usage: UsageEvent
    price: Price
    device_name: str | None

    def as_dict(self) -> dict[str, Any]:
        """Return the event as the API writes it."""
        usage, price = self.usage, self.price
        home, currency = price.home or (None, None)
        return {
            "id": self.id,
            "timestamp": self.timestamp.isoformat(),
            "tokens_prompt": usage.tokens_prompt,
            "tokens_response": usage.tokens_response,
            "total_tokens": usage.tokens_prompt + usage.tokens_response,
            "tokens_cache_read": usage.tokens_cache_read,
            "tokens_cache_write": usage.tokens_cache_write,
            "tokens_cache_write_1h": usage.tokens_cache_write_1h,
            "tokens_reasoning": usage.tokens_reasoning,
            "latency_ms": milliseconds(usage.latency_us),
            "ttft_ms": milliseconds(usage.ttft_us),
            "request_id": usage.request_id,
            "metadata": None if usage.metadata is None else json.loads(usage.metadata),
            "cost_estimate": None if price.picos is None else from_pico(price.picos),
            "cost_source": price.source,
            "priced_as": price.priced_as,
            "home_cost": None if home is None else from_pico(home),
            "home_currency": currency,
            "device_ip": usage.device_ip,
            "device_id": usage.device_id,
            "device_name": self.device_name,
            "endpoint": usage.endpoint,
            "provider": usage.provider,
            "model": usage.model,
            "user_id": ANONYMOUS if usage.user_id is None else usage.user_id,
            "agent": usage.agent,
            "context": usage.context,
            "tags": list(usage.tags),
            "service_tier": usage.service_tier,
            "status": usage.status,
            "error_type": usage.error_type,
            "source": usage.source,
            "recorded_by": usage.recorded_by,
        }


def milliseconds(microseconds: int | None) -> Decimal | None:
    """Return microseconds as exact milliseconds."""
    return None if microseconds is None else from_pico(microseconds * 10**9)


class Recorded(NamedTuple):
    """The outcome of recording one event: the stored event, and whether it was there before."""

    event: StoredEvent
    duplicate: bool

    def as_dict(self) -> dict[str, Any]:
        """Return the stored event, as ``StoredEvent`` does; a repeated one says so."""
        return self.event.as_dict() | self.repeated

    @property
    def repeated(self) -> dict[str, Any]:
        """Return what is said of an event that was there before, of another nothing."""
        return {"duplicate": True} if self.duplicate else {}


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordedBatch:
    """The outcome of a batch: ids aligned with the input, a duplicate giving the stored id."""

    ids: tuple[int, ...]
    duplicates: int

    def as_dict(self) -> dict[str, Json]:
        """Return the batch as the API writes it."""
        return {
            "recorded": len(self.ids) - self.duplicates,
            "duplicates": self.duplicates,
            "events": list(self.ids),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Rate:
    """A dated price of one model, per million tokens, in ``currency``.

    A part without a price of its own costs what its whole costs: cache reads and writes as
    prompt, 1 h writes as writes, reasoning as response. ``effective`` None: from the beginning.
    """

    provider: str
    model: str
    prompt_per_1m: Decimal
    response_per_1m: Decimal
    cache_read_per_1m: Decimal | None = None
    cache_write_per_1m: Decimal | None = None
    cache_write_1h_per_1m: Decimal | None = None
    reasoning_per_1m: Decimal | None = None
    currency: str = "USD"
    effective: datetime | None = None
    notes: str | None = None

    def __post_init__(self) -> None:
        """Check names and prices."""
        put = object.__setattr__
        provider, model = split_model(self.provider, self.model)
        put(self, "provider", check_text("provider", provider or "", 50))
        put(self, "model", check_text("model", model or "", 100))
        for field in PRICE_FIELDS:
            value = getattr(self, field)
            if value is not None:
                put(self, field, check_money(field, value, MAX_PRICE))
        if not re.fullmatch("[A-Z]{3}", self.currency):
            raise InvalidInputError(
                "currency", f"must be three capital letters, got {shown(self.currency)}"
            )
        if self.notes is not None:
            check_text("notes", self.notes, 500, minimum=0)
        if self.effective is not None and self.effective.tzinfo is None:
            raise InvalidInputError("effective_date", "must have a UTC offset")


PRICE_FIELDS: Final = (
    "prompt_per_1m",
    "response_per_1m",
    "cache_read_per_1m",
    "cache_write_per_1m",
    "cache_write_1h_per_1m",
    "reasoning_per_1m",
)


def model_name(provider: str, model: str | None) -> str:
    """Return provider/model; a model without a name is "unknown"."""
    return f"{provider}/{model or UNKNOWN_MODEL}"
