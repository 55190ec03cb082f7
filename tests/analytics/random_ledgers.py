"""Random ledgers: what happens to them, and what is asked of them."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from hypothesis import strategies as st

from .known_homes import HOMES
from .reference.ledger import DAY, Event, Wanted, first_instant, local_date

ZONES = [
    ZoneInfo(name)
    for name in (
        "America/New_York",
        "Europe/Berlin",
        "Asia/Kolkata",
        "Asia/Kathmandu",
        "Australia/Lord_Howe",
        "Pacific/Chatham",
        "America/St_Johns",
        "UTC",
    )
]
# Leap day, ends of months and years, and the days around which clocks change somewhere.
TODAYS = [
    date(2024, 2, 29),
    date(2024, 3, 1),
    date(2024, 3, 10),
    date(2024, 3, 11),
    date(2024, 3, 31),
    date(2024, 4, 7),
    date(2024, 9, 29),
    date(2024, 10, 6),
    date(2024, 10, 27),
    date(2024, 11, 3),
    date(2024, 12, 31),
    date(2025, 1, 1),
]
DAYS_AGO = [0, 0, 0, 1, 1, 2, 3, 6, 7, 8, 10, 11, 29, 30, 31, 32, 60, 365, 366]
NEAR = st.sampled_from([-1_000_000, -500_000, -1, 0, 0, 1, 500_000, 1_000_000]).map(
    lambda us: timedelta(microseconds=us)
)
PRICES = {
    ("openai", "gpt-4o"): (Decimal("2.50"), Decimal("10.00")),
    ("google", "gemini-1.5-flash"): (Decimal("0.075"), Decimal("0.30")),
}
FREE = ("ollama",)
DEVICES: list[Event] = [
    {},
    {"device_ip": "192.168.1.20"},
    {"device_ip": "192.168.1.20", "device_name": "Kitchen"},
    {"device_ip": "192.168.1.20", "device_name": "=Hall"},
    {"device_ip": "fd00::7", "device_name": "Attic"},
    {"device_id": "9f3c0a"},
]
MODELS: list[Event] = [
    {"provider": "openai", "model": "gpt-4o"},
    {"provider": "openai", "model": "GPT-4o"},
    {"provider": "openai", "model": "mystery"},
    {"provider": "openai", "model": None},
    {"provider": "google", "model": "gemini-1.5-flash"},
    {"provider": "ollama", "model": "llama3"},
    {"provider": "ollama", "model": None},
    {"provider": "acme", "model": "gpt-4o"},
]
ENDPOINTS = ["conversation", "ai_task", "@summary"]
NAMES = st.sampled_from(["Nook", "Küche 🍳", None])
RENAMED = st.sampled_from(["ip:192.168.1.20", "ha:9f3c0a", "ip:10.0.0.1"])
USERS = [None, None, "anna", "-ben"]
TAGS = ["home", "night", "test run"]

CURRENCIES = ["EUR", "JPY"]
EXCHANGE = [Decimal("1.08"), Decimal("0.93"), Decimal("0.4"), Decimal("0.900000000007"), Decimal(3)]

type Moment = Callable[[ZoneInfo, datetime], datetime | None]


@st.composite
def moments(draw: st.DrawFn) -> Moment:
    """Draw a time near a local midnight or a clock change, given the zone and the present."""
    days, hours = draw(st.sampled_from(DAYS_AGO)), draw(st.sampled_from([0, 0, 0, 1, 2, 3, 12]))
    near, other = draw(NEAR), draw(st.none() | st.sampled_from(ZONES))

    def moment(zone: ZoneInfo, now: datetime) -> datetime:
        zone = other or zone
        midnight = first_instant(local_date(now, zone) - days * DAY, zone)
        found = midnight + timedelta(hours=hours) + near
        return min(found, now + timedelta(minutes=5)).astimezone(zone)

    return draw(st.sampled_from([moment, moment, moment, lambda _zone, _now: None]))


@dataclass(frozen=True)
class Drawn:
    """An event whose time is settled when it is recorded."""

    values: Event
    moment: Moment

    def at(self, zone: ZoneInfo, now: datetime) -> Event:
        """Return the event as it is given."""
        return self.values | {"timestamp": self.moment(zone, now)}


COSTS = st.none() | st.sampled_from(
    [Decimal(0), Decimal("0.25"), Decimal("0.0000000000005"), Decimal("0.0000000000015")]
)


@st.composite
def events(draw: st.DrawFn) -> Drawn:
    """Draw an event as it is given to the ledger."""
    prompt, response = draw(
        st.sampled_from([(0, 0), (1, 0), (100, 50), (7, 1_000_000_000), (100, 50)])
    )
    values = draw(st.sampled_from(DEVICES)) | draw(st.sampled_from(MODELS))
    values |= {
        "endpoint": draw(st.sampled_from(ENDPOINTS)),
        "tokens_prompt": prompt,
        "tokens_response": response,
        "tokens_cache_read": draw(st.integers(0, min(prompt, 40))),
        "tokens_cache_write": draw(st.integers(0, min(prompt, 20))),
        "tokens_reasoning": draw(st.integers(0, min(response, 9))),
        "user_id": draw(st.sampled_from(USERS)),
        "tags": tuple(draw(st.lists(st.sampled_from(TAGS), unique=True, max_size=3))),
        "latency_us": draw(st.none() | st.integers(0, 2_000_000)),
        "request_id": draw(st.none() | st.sampled_from(["r1", "r2", "r3", "r4"])),
        "cost_estimate": draw(COSTS),
        "status": draw(st.sampled_from(["ok", "ok", "error"])),
    }
    values["tokens_cache_write"] = min(
        values["tokens_cache_write"], prompt - values["tokens_cache_read"]
    )
    return Drawn(values, draw(moments()))


OPERATIONS = st.one_of(
    st.tuples(st.just("record"), events()),
    st.tuples(st.just("batch"), st.lists(events(), min_size=1, max_size=12)),
    st.tuples(st.just("batch"), st.lists(events(), min_size=1, max_size=12)),
    st.tuples(st.just("delete"), st.integers(1, 30)),
    st.tuples(st.just("clean"), st.tuples(st.sampled_from([9, 10, 30]), st.booleans())),
    st.tuples(st.just("zone"), st.sampled_from(ZONES)),
    st.tuples(st.just("restart"), st.sampled_from(ZONES)),
    st.tuples(st.just("rename"), st.tuples(RENAMED, NAMES)),
    st.tuples(st.just("move"), st.sampled_from(HOMES)),
    st.tuples(st.just("wait"), st.sampled_from([1, 3_600, 86_400, 8 * 86_400])),
    st.tuples(
        st.just("exchange"),
        st.tuples(st.sampled_from(CURRENCIES), st.sampled_from(EXCHANGE), moments()),
    ),
    st.tuples(st.just("currency"), st.none() | st.sampled_from([*CURRENCIES, "USD"])),
)


@dataclass(frozen=True)
class History:
    """A ledger's zone, the instant it begins, and everything that then happens to it."""

    zone: ZoneInfo
    now: datetime
    operations: list[tuple[str, Any]]


@st.composite
def histories(draw: st.DrawFn) -> History:
    """Draw a whole history."""
    zone, today = draw(st.sampled_from(ZONES)), draw(st.sampled_from(TODAYS))
    minutes = draw(st.sampled_from([0, 1, 90, 12 * 60, 22 * 60 + 58]))
    now = first_instant(today, zone) + timedelta(minutes=minutes) + draw(NEAR)
    return History(zone, now.astimezone(UTC), draw(st.lists(OPERATIONS, max_size=12)))


_PARTS: dict[str, list[str]] = {
    "device": ["ip:192.168.1.20", "ha:9f3c0a", "ip:10.0.0.1"],
    "provider": ["openai", "ollama", "nobody"],
    "model": ["gpt-4o", "GPT-4O", "unknown", "openai/gpt-4o", "ollama/unknown", "nothing"],
    "user": ["anna", "anonymous", "nobody"],
    "endpoint": ["conversation", "@summary", "nowhere"],
    "tag": ["home", "test run", "never"],
}
SINGLE_FILTERS: list[Wanted] = [
    {},
    *({name: value} for name, values in _PARTS.items() for value in values),
]
FILTERS: st.SearchStrategy[Wanted] = st.sampled_from(SINGLE_FILTERS) | st.fixed_dictionaries(
    {}, optional={name: st.sampled_from(values) for name, values in _PARTS.items()}
)


@dataclass(frozen=True)
class Questions:
    """What is asked after a history: about whom, and about which times."""

    filters: list[Wanted]
    period: str
    days_ago: int
    bounds: tuple[Moment, Moment]
    status: str | None
    limit: int

    def day(self, today: date) -> date:
        """Return the day that names the report's period."""
        return today - self.days_ago * DAY

    def span(self, zone: ZoneInfo, now: datetime) -> tuple[datetime, datetime]:
        """Return the bounds in order, never empty."""
        start, end = sorted((bound(zone, now) or now).astimezone(UTC) for bound in self.bounds)
        return start, max(end, start + timedelta(microseconds=1))


QUESTIONS = st.builds(
    Questions,
    filters=st.lists(FILTERS, min_size=1, max_size=3),
    period=st.sampled_from(["day", "week", "month", "year", "all"]),
    days_ago=st.sampled_from(DAYS_AGO),
    bounds=st.tuples(moments(), moments()),
    status=st.sampled_from([None, None, "ok", "error"]),
    limit=st.integers(1, 7),
)
