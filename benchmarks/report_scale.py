"""How a year's report grows with the number of events: 1,000 a day against 10,000 a day.

    .venv-test/bin/python benchmarks/report_scale.py [--per-day 1000 10000]

Both ledgers have the same devices, endpoints, models and users on the same 365 days; the questions
are asked in turn, and the medians of several rounds are compared.
"""

import argparse
import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
import random
import statistics
import sys
import tempfile
import time
from zoneinfo import ZoneInfo

sys.path.insert(0, str(Path(__file__).parent.parent))

from custom_components.llm_analytics.analytics import (
    Analytics,
    Metric,
    Period,
    UsageEvent,
)

NOW = datetime(2026, 12, 31, 22, 0, tzinfo=UTC)
DAYS = 365
BATCH = 1_000
ROUNDS = 15


def usage(rng: random.Random, day: datetime) -> UsageEvent:
    """Return one event of a household of 20 devices."""
    return UsageEvent(
        endpoint=f"endpoint-{rng.randrange(10)}",
        tokens_prompt=rng.randrange(1, 5_000),
        tokens_response=rng.randrange(1, 1_000),
        provider="openai",
        model=rng.choice(("gpt-4o", "gpt-4o-mini", "gpt-4-turbo")),
        device_ip=f"192.168.1.{rng.randrange(20)}",
        user_id=f"user-{rng.randrange(5)}",
        latency_us=rng.randrange(10**6),
        timestamp=day + timedelta(seconds=rng.randrange(86_400)),
    )


async def fill(path: Path, per_day: int) -> Analytics:
    """Return a ledger with a year of events."""
    analytics = await Analytics.open(path, zone=ZoneInfo("Europe/Berlin"), clock=lambda: NOW)
    rng = random.Random(per_day)
    first = NOW - timedelta(days=DAYS)
    for number in range(DAYS):
        day = first + timedelta(days=number)
        for start in range(0, per_day, BATCH):
            count = min(BATCH, per_day - start)
            await analytics.record_many([usage(rng, day) for _ in range(count)])
        if number % 50 == 0:
            print(f"  {per_day} a day: day {number} of {DAYS}", flush=True)
    return analytics


async def timed(question: Awaitable[object]) -> float:
    """Return how many milliseconds a question takes."""
    start = time.perf_counter()
    await question
    return (time.perf_counter() - start) * 1_000


async def main() -> None:
    """Fill two ledgers and compare them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--per-day", nargs=2, type=int, default=[1_000, 10_000])
    sizes = parser.parse_args().per_day
    with tempfile.TemporaryDirectory() as folder:
        ledgers = [await fill(Path(folder) / f"{size}.db", size) for size in sizes]
        questions: dict[str, Callable[[Analytics], Awaitable[object]]] = {
            "year report": lambda one: one.report(Period.YEAR),
            "dashboard": lambda one: one.dashboard(),
            "365-day trend": lambda one: one.trend(Metric.COST, days=365),
            "anomalies": lambda one: one.anomalies(90),
        }
        print(f"| question | {DAYS * sizes[0]:,} events | {DAYS * sizes[1]:,} events | ratio |")
        print("|---|---|---|---|")
        for name, ask in questions.items():
            rounds = [[await timed(ask(one)) for one in ledgers] for _ in range(ROUNDS)]
            small, large = (statistics.median(column) for column in zip(*rounds, strict=True))
            print(f"| {name} | {small:.2f} ms | {large:.2f} ms | {large / small:.2f} |", flush=True)
        for one in ledgers:
            await one.close()


if __name__ == "__main__":
    asyncio.run(main())
