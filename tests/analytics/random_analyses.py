"""Random ledgers, small and big, whose analyses are asked; on top of what ``ledgers`` draws.

A big ledger is drawn as a seed and some sizes, and its events by a generator of that seed: so
hypothesis has few choices to make, and every day of it has events.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import cache
from random import Random
from typing import Any
from zoneinfo import ZoneInfo

from hypothesis import strategies as st

from .random_ledgers import (
    DEVICES,
    ENDPOINTS,
    FILTERS,
    MODELS,
    NEAR,
    OPERATIONS,
    TAGS,
    TODAYS,
    USERS,
    ZONES,
    Drawn,
    Moment,
    events,
    moments,
)
from .reference.ledger import DAY, QUARTER, Event, Wanted, first_instant, local_date

type Operation = tuple[str, Any]
type Span = tuple[datetime | None, datetime | None]

RATED = [("openai", "mystery"), ("openai", "gpt-4o"), ("ollama", "llama3"), ("acme", "gpt-4o")]
PRICES_SET = [Decimal(0), Decimal(3), Decimal("0.000000000001"), Decimal("12.345678901234")]
AHEAD = st.builds(
    lambda drawn, seconds: Drawn(drawn.values, lambda _, now: now + timedelta(seconds=seconds)),
    events(),
    st.sampled_from([-1, 0, 1, 240, 300]),
)
CARE: st.SearchStrategy[Operation] = st.one_of(
    st.tuples(
        st.just("rate"),
        st.tuples(
            st.sampled_from(RATED),
            st.tuples(st.sampled_from(PRICES_SET), st.sampled_from(PRICES_SET)),
            moments(),
            st.booleans(),
        ),
    ),
    st.tuples(st.just("unrate"), st.sampled_from(RATED)),
    st.tuples(st.just("reprice"), st.tuples(moments(), moments(), st.booleans())),
    st.tuples(st.just("rebuild"), st.none() | st.sampled_from([0, 1, 8, 10, 31])),
    st.tuples(st.just("retain"), st.none()),
    st.tuples(st.just("batch"), st.lists(AHEAD, min_size=1, max_size=4)),
)
# What moves the days that a big ledger has, again and again.
UPHEAVAL: st.SearchStrategy[Operation] = st.one_of(
    st.tuples(st.just("clean"), st.tuples(st.sampled_from([1, 5, 10, 15, 30]), st.booleans())),
    st.tuples(st.sampled_from(["zone", "restart"]), st.sampled_from(ZONES)),
    st.tuples(st.just("wait"), st.sampled_from([3_600, 86_400, 8 * 86_400])),
    st.tuples(st.just("batch"), st.lists(events(), min_size=1, max_size=6)),
    st.tuples(st.just("delete"), st.integers(1, 160)),
    CARE,
)


def in_order(bounds: tuple[Moment, Moment], zone: ZoneInfo, now: datetime) -> Span:
    """Return bounds in order and apart; each may be missing."""
    start, end = (bound(zone, now) for bound in bounds)
    if start is not None and end is not None:
        start, end = sorted(one.astimezone(UTC) for one in (start, end))
        end = max(end, start + timedelta(microseconds=1))
    return start, end


@dataclass(frozen=True)
class Story:
    """A ledger's zone, the instant it begins, its option, and everything that happens to it."""

    zone: ZoneInfo
    now: datetime
    keep_details: bool
    operations: list[Operation]


@cache
def clock_changes(zone: ZoneInfo, year: int) -> list[datetime]:
    """Return the instants of a year at which the clocks change, by looking at every day."""
    moment, found = datetime(year, 1, 1, tzinfo=UTC), []
    while moment.year == year:
        if moment.astimezone(zone).utcoffset() != (moment + DAY).astimezone(zone).utcoffset():
            at = moment
            while at.astimezone(zone).utcoffset() == (at + QUARTER).astimezone(zone).utcoffset():
                at += QUARTER
            found.append(at + QUARTER)
        moment += DAY
    return found


@st.composite
def presents(draw: st.DrawFn, zone: ZoneInfo) -> datetime:
    """Draw the present, often near a midnight or a clock change."""
    today = draw(st.sampled_from(TODAYS))
    minutes = draw(st.sampled_from([0, 0, 1, 90, 120, 150, 180, 727, 1378, 1437, 1438, 1439]))
    moment = first_instant(today, zone) + timedelta(minutes=minutes)
    edges = clock_changes(zone, today.year)
    near_change = draw(st.booleans())
    if edges and near_change:
        moment = draw(st.sampled_from(edges)) + draw(st.sampled_from([0, 0, 3, 20])) * DAY
    return (moment + draw(NEAR)).astimezone(UTC)


@st.composite
def small_stories(draw: st.DrawFn) -> Story:
    """Draw a short story of few events, often none."""
    zone = draw(st.sampled_from(ZONES))
    least = draw(st.sampled_from([0, 4]))
    operations = draw(st.lists(OPERATIONS | CARE, min_size=least, max_size=12))
    return Story(zone, draw(presents(zone)), draw(st.booleans()), operations)


# Big ledgers

KINDS = ["any", "any", "any", "any", "unpriced", "free", "failed", "token-less"]
IPS: list[Event] = [{"device_ip": f"10.0.0.{number}"} for number in range(2, 7)]


@dataclass(frozen=True)
class Sizes:
    """How big a ledger is."""

    seed: int
    events: int
    days: int
    kind: str


SIZES = st.builds(
    Sizes,
    seed=st.integers(0, 2**32),
    events=st.integers(100, 160),
    days=st.sampled_from([20, 21, 29, 45, 70]),
    kind=st.sampled_from(KINDS),
)


def moment_of(random: Random, days_ago: int) -> Moment:
    """Return a time on a day some days ago: near its midnight or clock change, or anywhere."""
    near = timedelta(microseconds=random.choice([-1_000_000, -1, 0, 1, 999_999]))
    hour, part = random.choice([0, 2, 7, 7, 12, 19, 23]), random.random()
    way = random.choice(["midnight", "change", "hour", "hour"])

    def moment(zone: ZoneInfo, now: datetime) -> datetime:
        day = local_date(now, zone) - days_ago * DAY
        start = first_instant(day, zone)
        found = start + (hour + part) * timedelta(hours=1)
        for change in clock_changes(zone, day.year) if way == "change" else ():
            if local_date(change, zone) == day:
                found = change + near
        if way == "midnight":
            found = start + abs(near)
        return min(found, now).astimezone(zone)

    return moment


def big_event(random: Random, index: int, sizes: Sizes) -> Drawn:
    """Return one event: the first ones give every day and every device its own."""
    days_ago = index if index < sizes.days else random.randrange(sizes.days)
    prompt, response = random.choice([(0, 0), (1, 0), (100, 50), (700, 1_900), (40, 60_000)])
    kind = sizes.kind
    if kind == "token-less":
        prompt = response = 0
    model = random.choice(MODELS)
    if kind in {"unpriced", "free"}:
        model = {"provider": "acme" if kind == "unpriced" else "ollama", "model": "llama3"}
    reported = random.choice([None, None, None, Decimal("0.25"), Decimal("0.0000000000005")])
    values = IPS[index % 5] if index % 3 else random.choice(DEVICES)
    values = (
        values
        | model
        | {
            "endpoint": random.choice(ENDPOINTS),
            "tokens_prompt": prompt,
            "tokens_response": response,
            "user_id": random.choice(USERS),
            "tags": tuple(random.sample(TAGS, random.randrange(3))),
            "latency_us": random.choice([None, random.randrange(2_000_000)]),
            "request_id": None,
            "cost_estimate": None if kind in {"unpriced", "free"} else reported,
            "status": "error" if kind == "failed" else random.choice(["ok", "ok", "error"]),
        }
    )
    return Drawn(values, moment_of(random, days_ago))


def big_batches(sizes: Sizes) -> list[Operation]:
    """Return the batches that make a big ledger; a spike falls on one of its days."""
    random = Random(sizes.seed)
    drawn = [big_event(random, index, sizes) for index in range(sizes.events)]
    spike = random.randrange(sizes.days)
    one = big_event(random, spike, sizes)
    drawn += [Drawn(one.values, moment_of(random, spike)) for _ in range(random.choice([0, 30]))]
    return [("batch", drawn)]


@st.composite
def big_stories(draw: st.DrawFn) -> tuple[Story, int]:
    """Draw a story that begins with a big ledger, and how many days that has."""
    zone, sizes = draw(st.sampled_from(ZONES)), draw(SIZES)
    least = draw(st.sampled_from([0, 3, 8]))
    operations = big_batches(sizes) + draw(st.lists(UPHEAVAL, min_size=least, max_size=12))
    return Story(zone, draw(presents(zone)), draw(st.booleans()), operations), sizes.days


# What is asked


@dataclass(frozen=True)
class Asked:
    """The parameters of everything that is asked of one ledger."""

    filters: list[Wanted]
    device: str
    bounds: tuple[Moment, Moment]
    dates: bool
    days: int
    long_days: int
    interval: str
    threshold: str
    top: int
    provider: str | None

    def span(self, zone: ZoneInfo, now: datetime) -> Span:
        """Return the bounds in order; each may be missing."""
        return in_order(self.bounds, zone, now)


ASKED = st.builds(
    Asked,
    filters=st.lists(FILTERS, max_size=1).map(lambda drawn: [{}, *drawn]),
    device=st.sampled_from(["ip:192.168.1.20", "ha:9f3c0a", "ip:10.0.0.3", "ip:10.9.9.9"]),
    bounds=st.tuples(moments(), moments()),
    dates=st.booleans(),
    days=st.sampled_from([7, 8, 14, 22, 28, 30]),
    long_days=st.sampled_from([7, 28, 30, 61, 90]),
    interval=st.sampled_from(["day", "week", "month"]),
    threshold=st.sampled_from(["1", "1", "1.5", "2", "2.25", "10"]),
    top=st.integers(1, 9),
    provider=st.sampled_from([None, None, "openai", "ollama", "nobody"]),
)
