"""The events with which everything is measured.

A ``Household`` has 20 devices; each uses a few endpoints and a few models for one or two users.
With ``uniform``, each field of each event is drawn from all values, which is the worst case for
totals by combination. The same seed gives the same events.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
import random
from typing import Any, Final
import uuid

from custom_components.llm_analytics.analytics import UsageEvent

NOW: Final = datetime(2026, 10, 28, 21, 7, 13, tzinfo=UTC)
DAYS: Final = 365
PER_DAY: Final = 1_000
RECORDED_BY: Final = "0123456789abcdef0123456789abcdef"

DEVICES: Final = tuple(f"192.168.1.{10 + number}" for number in range(20))
ENDPOINTS: Final = tuple(f"endpoint-{number}" for number in range(10))
USERS: Final = tuple(f"user-{number}" for number in range(5))
TAGS: Final = tuple(f"tag-{number}" for number in range(6))
MODELS: Final = (
    ("openai", "gpt-4o"),
    ("openai", "gpt-4o-mini"),
    ("openai", "gpt-4-turbo"),
    ("openai", "gpt-4"),
    ("openai", "gpt-3.5-turbo"),
    ("openai", "gpt-4.1"),
    ("openai", "gpt-4.1-mini"),
    ("anthropic", "claude-3-5-haiku-latest"),
    ("anthropic", "claude-sonnet-4-5"),
    ("anthropic", "claude-opus-4-1"),
    ("anthropic", "claude-3-haiku-20240307"),
    ("google", "gemini-2.0-flash"),
    ("google", "gemini-2.5-flash"),
    ("google", "gemini-2.5-pro"),
    ("mistral", "mistral-large-latest"),
)
# The relative number of events in each hour of the day.
_HOURS: Final = (2, 1, 1, 1, 1, 1, 3, 6, 6, 5, 5, 5, 6, 6, 6, 7, 9, 11, 13, 14, 13, 10, 6, 4)

type Usage = dict[str, Any]


@dataclass(frozen=True, slots=True)
class _Device:
    """The requests of one device."""

    ip: str
    endpoints: tuple[str, ...]
    models: tuple[tuple[str, str], ...]
    users: tuple[str, ...]
    tags: tuple[str, ...]
    agent: str


class Household:
    """Generates the events of a household, with the field names of the REST API."""

    def __init__(self, seed: int, *, uniform: bool = False) -> None:
        """Initialize the household with random devices."""
        self._random = draw = random.Random(seed)
        self._devices = [
            _Device(
                ip=ip,
                endpoints=ENDPOINTS if uniform else tuple(draw.sample(ENDPOINTS, 2)),
                models=MODELS if uniform else tuple(draw.sample(MODELS, 3)),
                users=USERS if uniform else tuple(draw.sample(USERS, 1 + number % 2)),
                tags=tuple(draw.sample(TAGS, number % 3)),
                agent=f"conversation.agent_{number % 7}",
            )
            for number, ip in enumerate(DEVICES)
        ]

    def event(self, moment: datetime) -> Usage:
        """Return an event at an instant, which must be aware."""
        draw = self._random
        device = draw.choice(self._devices)
        provider, model = draw.choice(device.models)
        prompt = int(draw.lognormvariate(6.5, 1.2)) + 1
        response = int(draw.lognormvariate(5.0, 1.0)) + 1
        failed = draw.random() < 0.01
        return {
            "device_ip": device.ip,
            "device_name": f"Device {device.ip}",
            "endpoint": draw.choice(device.endpoints),
            "provider": provider,
            "model": model,
            "tokens_prompt": prompt,
            "tokens_response": response,
            "tokens_cache_read": prompt // 2 if draw.random() < 0.3 else 0,
            "latency_ms": round(draw.lognormvariate(7.5, 0.7), 1),
            "ttft_ms": round(draw.lognormvariate(6.0, 0.5), 1) if draw.random() < 0.5 else None,
            "user_id": draw.choice(device.users),
            "agent": device.agent,
            "tags": list(device.tags),
            "request_id": str(uuid.UUID(int=draw.getrandbits(128), version=4)),
            "status": "error" if failed else "ok",
            "error_type": "timeout" if failed else None,
            "timestamp": moment.isoformat(),
        }

    def day(self, midnight: datetime, count: int) -> list[Usage]:
        """Return the events of a day, in chronological order."""
        draw = self._random
        hours = draw.choices(range(24), _HOURS, k=count)
        seconds = sorted(hour * 3_600 + draw.random() * 3_600 for hour in hours)
        return [self.event(midnight + timedelta(seconds=second)) for second in seconds]

    def year(self, per_day: int = PER_DAY, days: int = DAYS) -> Iterator[list[Usage]]:
        """Yield the events of the days up to ``NOW``, one list per day, oldest first."""
        today = NOW.replace(hour=0, minute=0, second=0, microsecond=0)
        for ago in range(days - 1, 0, -1):
            yield self.day(today - timedelta(days=ago), per_day)
        last = self.day(today, per_day)
        yield [one for one in last if datetime.fromisoformat(one["timestamp"]) <= NOW]

    def recent(self, count: int) -> list[Usage]:
        """Return events of the last minutes, 10 ms apart."""
        first = NOW - timedelta(milliseconds=10 * count)
        return [self.event(first + timedelta(milliseconds=10 * n)) for n in range(count)]


def usage_event(usage: Usage) -> UsageEvent:
    """Return an event in the format of the engine, which validates it."""
    return UsageEvent(
        timestamp=datetime.fromisoformat(usage["timestamp"]),
        device_ip=usage["device_ip"],
        device_name=usage["device_name"],
        endpoint=usage["endpoint"],
        provider=usage["provider"],
        model=usage["model"],
        tokens_prompt=usage["tokens_prompt"],
        tokens_response=usage["tokens_response"],
        tokens_cache_read=usage["tokens_cache_read"],
        latency_us=microseconds(usage["latency_ms"]),
        ttft_us=microseconds(usage["ttft_ms"]),
        user_id=usage["user_id"],
        agent=usage["agent"],
        tags=tuple(usage["tags"]),
        request_id=usage["request_id"],
        status=usage["status"],
        error_type=usage["error_type"],
        source="rest",
        recorded_by=RECORDED_BY,
    )


def microseconds(milliseconds: float | None) -> int | None:
    """Return milliseconds as the engine stores them."""
    return None if milliseconds is None else round(milliseconds * 1_000)
