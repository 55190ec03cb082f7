"""A realistic household's use of language models; the same arguments give the same events.

Each local day is generated from its own seed, so it does not depend on the current day. Every event
has a ``request_id``, so recording a day twice adds nothing.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from random import Random
from typing import Final

type Json = str | int | float | list[Json] | dict[str, Json] | None
type Event = dict[str, Json]

DAYS: Final = 60
ANOMALY_AFTER: Final = 48  # days after the first: eleven days before the last of a new household
_EVENING: Final = {7: 4, 8: 3, 12: 2, 16: 3, 17: 5, 18: 8, 19: 9, 20: 8, 21: 6, 22: 3, 23: 1}
_OFFICE: Final = {8: 3, 9: 8, 10: 9, 11: 8, 12: 3, 13: 5, 14: 8, 15: 8, 16: 7, 17: 4, 20: 2, 21: 2}
_AFTERNOON: Final = {13: 2, 14: 6, 15: 9, 16: 9, 17: 6, 18: 3, 19: 2, 20: 2}
_ALL_DAY: Final = {hour: 2 if hour < 6 else 4 for hour in range(24)}  # noqa: PLR2004
_NIGHT: Final = {2: 6, 3: 6, 4: 2}
_DAILY: Final = (1.0,) * 7
_WORKDAYS: Final = (1.0, 1.1, 1.1, 1.0, 0.8, 0.15, 0.1)
_WEEKENDS: Final = (0.8, 0.8, 0.9, 0.9, 1.1, 1.6, 1.5)
_ERRORS: Final = ("rate_limit", "timeout", "overloaded")


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """The requests of one device; weights are relative and can have any sum."""

    name: str
    ip: str
    endpoint: str
    agent: str | None = None
    context: str | None = None
    requests: float
    weekdays: tuple[float, ...]
    hours: Mapping[int, int]
    users: Mapping[str | None, int]
    models: Mapping[tuple[str, str], int]
    prompt: int
    response: int
    ms_per_token: float
    cached: float = 0.0
    reasoning: float = 0.0
    failing: float = 0.01
    tags: tuple[str, ...] = ()
    tier: str | None = None
    usd_per_token: float | None = None
    extra: Mapping[str, Json] = field(default_factory=dict)


PROFILES: Final = (
    Profile(
        name="Living-room speaker",
        ip="192.168.1.21",
        endpoint="conversation",
        agent="conversation.living_room",
        requests=26,
        weekdays=_WEEKENDS,
        hours=_EVENING,
        users={None: 3, "anna": 2, "ben": 2},
        models={("openai", "gpt-4o-mini"): 5, ("google", "gemini-2.5-flash"): 2},
        prompt=1_350,
        response=45,
        ms_per_token=14,
        cached=0.5,
        tags=("voice",),
    ),
    Profile(
        name="Kitchen tablet",
        ip="192.168.1.22",
        endpoint="chat",
        agent="conversation.kitchen",
        requests=9,
        weekdays=_WEEKENDS,
        hours=_EVENING,
        users={"anna": 4, "ben": 3, "lena": 1},
        models={("openai", "gpt-4o"): 3, ("google", "gemini-2.5-flash"): 2},
        prompt=520,
        response=310,
        ms_per_token=9,
        tags=("recipes", "family"),
    ),
    Profile(
        name="Anna's laptop",
        ip="192.168.1.31",
        endpoint="messages",
        requests=24,
        weekdays=_WORKDAYS,
        hours=_OFFICE,
        users={"anna": 1},
        models={("anthropic", "claude-sonnet-4-5"): 5, ("anthropic", "claude-haiku-4-5"): 3},
        prompt=9_500,
        response=720,
        ms_per_token=11,
        cached=0.8,
        failing=0.02,
        tags=("work", "coding"),
    ),
    Profile(
        name="Anna's laptop",
        ip="192.168.1.31",
        endpoint="responses",
        requests=5,
        weekdays=_WORKDAYS,
        hours=_OFFICE,
        users={"anna": 1},
        models={("openai", "gpt-5"): 2, ("openai", "o4-mini"): 1},
        prompt=2_400,
        response=1_900,
        ms_per_token=10,
        reasoning=0.6,
        tags=("work",),
    ),
    Profile(
        name="Ben's phone",
        ip="192.168.1.32",
        endpoint="chat",
        requests=7,
        weekdays=_DAILY,
        hours=_EVENING,
        users={"ben": 1},
        models={("openrouter", "deepseek/deepseek-chat"): 3, ("openrouter", "qwen/qwen-plus"): 1},
        prompt=640,
        response=260,
        ms_per_token=16,
        usd_per_token=0.000_000_42,
    ),
    Profile(
        name="Lena's desktop",
        ip="192.168.1.33",
        endpoint="chat",
        requests=8,
        weekdays=(1.2, 1.2, 1.1, 1.2, 0.6, 0.5, 1.3),
        hours=_AFTERNOON,
        users={"lena": 1},
        models={("mistral", "mistral-small"): 5, ("mistral", "homework-preview"): 1},
        prompt=780,
        response=390,
        ms_per_token=12,
        tags=("school",),
    ),
    Profile(
        name="Home gateway",
        ip="192.168.1.2",
        endpoint="ai_task",
        agent="ai_task.gateway",
        context="automation.doorbell_description",
        requests=16,
        weekdays=_DAILY,
        hours=_ALL_DAY,
        users={None: 1},
        models={("google", "gemini-2.0-flash"): 1},
        prompt=1_100,
        response=60,
        ms_per_token=8,
        failing=0.03,
        tags=("automation",),
        extra={"camera": "doorbell"},
    ),
    Profile(
        name="Home server",
        ip="192.168.1.5",
        endpoint="generate",
        context="script.tidy_photo_captions",
        requests=18,
        weekdays=_DAILY,
        hours=_NIGHT,
        users={None: 1},
        models={("ollama", "llama3.2"): 4, ("ollama", "qwen3:8b"): 1},
        prompt=420,
        response=120,
        ms_per_token=38,
        failing=0.004,
        tags=("nightly",),
    ),
    Profile(
        name="Home server",
        ip="192.168.1.5",
        endpoint="batch",
        context="automation.daily_summary",
        requests=3,
        weekdays=_DAILY,
        hours={5: 1},
        users={None: 1},
        models={("openai", "gpt-4o-mini"): 1},
        prompt=5_200,
        response=480,
        ms_per_token=20,
        tags=("nightly", "automation"),
        tier="batch",
    ),
)

# An automation that ran in a loop one night.
RUNAWAY: Final = Profile(
    name="Home gateway",
    ip="192.168.1.2",
    endpoint="ai_task",
    agent="ai_task.gateway",
    context="automation.doorbell_description",
    requests=640,
    weekdays=_DAILY,
    hours={1: 2, 2: 5, 3: 5, 4: 3},
    users={None: 1},
    models={("openai", "gpt-4o"): 1},
    prompt=1_900,
    response=70,
    ms_per_token=9,
    failing=0.3,
    tags=("automation",),
    extra={"camera": "doorbell"},
)


def first_day(now: datetime, zone: tzinfo) -> date:
    """Return the first day of a new household, whose last of ``DAYS`` is today."""
    return now.astimezone(zone).date() - timedelta(days=DAYS - 1)


def sample_household(
    seed: int, now: datetime, zone: tzinfo, *, first: date | None = None, since: date | None = None
) -> list[Event]:
    """Return the household's events up to ``now``, by time, in the format of the API.

    The household begins on its ``first`` day (default: that of a new household). With ``since``,
    events of earlier days are omitted.
    """
    first = first or first_day(now, zone)
    day = max(first, since or first)
    today = now.astimezone(zone).date()
    events: list[tuple[datetime, Event]] = []
    while day <= today:
        events += _day(seed, day, zone, runaway=day == first + timedelta(days=ANOMALY_AFTER))
        day += timedelta(days=1)
    events.sort(key=lambda item: (item[0], str(item[1]["request_id"])))
    return [event for moment, event in events if moment <= now]


def _day(seed: int, day: date, zone: tzinfo, *, runaway: bool) -> Iterator[tuple[datetime, Event]]:
    profiles = (*PROFILES, RUNAWAY) if runaway else PROFILES
    for number, profile in enumerate(profiles):
        random = Random(f"{seed}/{day}/{number}")
        mean = profile.requests * profile.weekdays[day.weekday()]
        count = max(0, round(random.gauss(mean, mean**0.5)))
        for index in range(count):
            local = time(
                _chosen(random, profile.hours),
                random.randrange(60),
                random.randrange(60),
                random.randrange(1_000_000),
            )
            moment = datetime.combine(day, local, tzinfo=zone).astimezone(UTC)
            event = _event(random, profile)
            event["timestamp"] = moment.isoformat()
            event["request_id"] = f"sample-{seed}-{day:%Y%m%d}-{number}-{index}"
            yield moment, event


def _event(random: Random, profile: Profile) -> Event:
    provider, model = _chosen(random, profile.models)
    failed = random.random() < profile.failing
    prompt = max(1, round(random.lognormvariate(0, 0.45) * profile.prompt))
    response = 0 if failed else max(1, round(random.lognormvariate(0, 0.6) * profile.response))
    latency = round(180 + random.lognormvariate(0, 0.3) * (profile.ms_per_token * response + 90), 1)
    event: Event = {
        "device_ip": profile.ip,
        "device_name": profile.name,
        "endpoint": profile.endpoint,
        "provider": provider,
        "model": model,
        "tokens_prompt": prompt,
        "tokens_response": response,
        "latency_ms": latency,
        "tags": list(profile.tags),
    }
    if profile.cached and random.random() < 0.7:  # noqa: PLR2004 - the others are a day's first
        event["tokens_cache_read"] = int(prompt * profile.cached * random.uniform(0.6, 1))
    if profile.reasoning:
        event["tokens_reasoning"] = int(response * profile.reasoning * random.uniform(0.5, 1))
    if failed:
        event |= {"status": "error", "error_type": random.choice(_ERRORS)}
    else:
        event["ttft_ms"] = round(latency * random.uniform(0.1, 0.4), 1)
    if profile.usd_per_token is not None:
        event["cost_estimate"] = round((prompt + 3 * response) * profile.usd_per_token, 6)
    optional = {
        "user_id": _chosen(random, profile.users),
        "agent": profile.agent,
        "context": profile.context,
        "service_tier": profile.tier,
        "metadata": dict(profile.extra) or None,
    }
    return event | {name: value for name, value in optional.items() if value is not None}


def _chosen[T](random: Random, weights: Mapping[T, int]) -> T:
    return random.choices(list(weights), list(weights.values()))[0]
