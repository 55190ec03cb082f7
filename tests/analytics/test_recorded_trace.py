"""Real requests, spread over 60 days, give the sums that plain loops over them give.

The requests are those of a public trace (its place is below, or in LLM_ANALYTICS_TRACE) where it
is present, else as many made up of the same shape.
"""

from collections import Counter
from collections.abc import Iterator
import csv
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
import hashlib
import os
from pathlib import Path
import random
from typing import Any

import pytest

from custom_components.llm_analytics.analytics import (
    Analytics,
    Filter,
    Interval,
    Metric,
    Period,
    daily_rows,
    model_statistics,
    window_statistics,
)

from .helpers import BERLIN, Clock, drift, opened
from .usage_events import usage

ROOT = Path(__file__).parents[2]
TRACE = Path(
    os.environ.get("LLM_ANALYTICS_TRACE", ROOT.parent / "shared/data/azure_llm_2023_conv.csv")
)
LINES = 19_366
DAYS = 60
NOW = datetime(2026, 4, 20, 23, 59, tzinfo=BERLIN)  # so a clock change lies within the days
FIRST = NOW.date() - timedelta(days=DAYS - 1)
# (provider, model): USD per million in and out, as the default table has them
MODELS = {
    ("openai", "gpt-4o"): (Decimal("2.50"), Decimal(10)),
    ("anthropic", "claude-3-haiku"): (Decimal("0.25"), Decimal("1.25")),
    ("google", "gemini-1.5-flash"): (Decimal("0.075"), Decimal("0.30")),
    ("openai", "mystery"): None,
    ("ollama", "llama3"): (Decimal(0), Decimal(0)),
}
DEVICES = [f"192.168.1.{number}" for number in range(2, 9)]
USERS = ["ada", "ben", None]


@dataclass(frozen=True)
class Request:
    """One request of the trace and to whom it was given."""

    moment: datetime
    prompt: int
    response: int
    provider: str
    model: str
    device: str
    user: str | None

    @property
    def tokens(self) -> int:
        return self.prompt + self.response

    @property
    def cost(self) -> Decimal | None:
        prices = MODELS[self.provider, self.model]
        if prices is None:
            return None
        return (self.prompt * prices[0] + self.response * prices[1]) / 1_000_000


def token_counts() -> Iterator[tuple[int, int]]:
    """Yield prompt and response tokens of the trace, or of a made-up one like it."""
    if TRACE.is_file():
        with TRACE.open(newline="") as file:
            for row in csv.DictReader(file):
                yield int(row["ContextTokens"]), int(row["GeneratedTokens"])
        return
    source = random.Random("trace")
    for _ in range(LINES):
        yield (
            min(14_000, max(2, round(source.lognormvariate(6.6, 0.9)))),
            min(1_000, max(1, round(source.lognormvariate(5.0, 0.8)))),
        )


def requests() -> Iterator[Request]:
    """Yield the requests, each given a time, a model, a device and a user by its number."""
    for number, (prompt, response) in enumerate(token_counts()):
        lot = hashlib.sha256(str(number).encode()).digest()
        day = FIRST + timedelta(days=lot[0] % DAYS)
        clock = timedelta(milliseconds=int.from_bytes(lot[1:5]) % 86_340_000)
        moment = (datetime(day.year, day.month, day.day, tzinfo=BERLIN) + clock).astimezone(UTC)
        provider, model = list(MODELS)[lot[5] % len(MODELS)]
        yield Request(
            moment.astimezone(BERLIN),  # there is no time that the clocks skipped
            prompt,
            response,
            provider,
            model,
            DEVICES[lot[6] % len(DEVICES)],
            USERS[lot[7] % len(USERS)],
        )


def add_up(found: list[Request]) -> tuple[int, int, Decimal, int]:
    """Return requests, tokens, cost and unpriced requests."""
    costs = [one.cost for one in found]
    return (
        len(found),
        sum(one.tokens for one in found),
        sum((cost for cost in costs if cost is not None), Decimal(0)),
        costs.count(None),
    )


def figures_of(row: Any) -> tuple[Any, ...]:
    """Return the same of a row of an answer."""
    names = [("requests", "request_count"), ("tokens", "total_tokens"), ("cost", "cost_estimate")]
    values = [row.get(short, row.get(long)) for short, long in names]
    return (*values, row["unpriced_requests"])


async def check_reports(analytics: Analytics, trace: list[Request]) -> None:
    report: Any = (await analytics.reports.report(Period.ALL)).as_dict()
    assert figures_of(report["summary"]) == add_up(trace)
    assert report["summary"]["unique_devices"] == len(DEVICES)
    for row in report["by_device"]:
        mine = [one for one in trace if one.device == row["device_ip"]]
        assert figures_of(row) == add_up(mine)
    for row in report["by_user"]:
        mine = [one for one in trace if (one.user or "anonymous") == row["user_id"]]
        assert figures_of(row) == add_up(mine)
    for row in report["daily_breakdown"]:
        mine = [one for one in trace if str(one.moment.date()) == row["date"]]
        assert figures_of(row) == add_up(mine)
    assert len(report["daily_breakdown"]) == DAYS
    start, end = (NOW - timedelta(days=ago, hours=7) for ago in (33, 3))
    inside = [one for one in trace if start <= one.moment < end]
    totals = await analytics.reports.statistics(start, end)
    assert (totals.requests, totals.tokens, totals.unpriced) == (
        add_up(inside)[0],
        add_up(inside)[1],
        add_up(inside)[3],
    )


async def check_statistics(analytics: Analytics, trace: list[Request]) -> None:
    count, tokens, cost, unpriced = add_up(trace)
    assert window_statistics(await analytics.reports.statistics()) == {
        "total_requests": count,
        "total_tokens": tokens,
        "total_cost": cost,
        "avg_latency_ms": None,
        "avg_cost_per_request": round(cost / (count - unpriced), 12),
        "unpriced_requests": unpriced,
    }
    models: Any = model_statistics(await analytics.reports.models())
    for provider, model in MODELS:
        mine = [one for one in trace if (one.provider, one.model) == (provider, model)]
        assert figures_of(models[f"{provider}/{model}"]) == add_up(mine)
    rows: Any = daily_rows(await analytics.reports.daily(DAYS))
    by_day = Counter(str(one.moment.date()) for one in trace)
    assert {row["date"]: row["requests"] for row in rows} == by_day
    by_hour = Counter(one.moment.hour for one in trace)
    assert list(await analytics.reports.hourly()) == [by_hour[hour] for hour in range(24)]
    heat: Any = (await analytics.trends.heatmap(DAYS)).as_dict()
    cells = Counter((one.moment.isoweekday() % 7, one.moment.hour) for one in trace)
    assert all(
        heat["requests"][weekday][hour] == cells[weekday, hour]
        for weekday in range(7)
        for hour in range(24)
    )


async def check_trends(analytics: Analytics, trace: list[Request]) -> None:
    mine = [one for one in trace if (one.device, one.user) == (DEVICES[0], "ada")]
    wanted = Filter(device=f"ip:{DEVICES[0]}", user="ada")
    answer: Any = (
        await analytics.trends.trend(
            Metric.USAGE, days=DAYS, interval=Interval.MONTH, wanted=wanted
        )
    ).as_dict()
    months = Counter[str]()
    for one in mine:
        months[f"{one.moment:%Y-%m}-01"] += one.tokens
    assert {point["date"]: point["value"] for point in answer["data_points"]} == months
    compared: Any = (await analytics.trends.comparison(30)).as_dict()["comparison"]
    half = NOW.date() - timedelta(days=29)
    cut = NOW.replace(minute=45) - timedelta(days=30)
    earlier = [one for one in trace if one.moment.date() < half]
    assert compared["requests"]["current"] == len(trace) - len(earlier)
    assert (compared["tokens"]["previous"], compared["cost"]["previous"]) == add_up(earlier)[1:3]
    assert compared["requests"]["previous_to_same_time"] == sum(one.moment < cut for one in earlier)
    found: Any = (await analytics.trends.anomalies(DAYS)).as_dict()
    complete = [one for one in trace if one.moment.date() < NOW.date()]
    assert found["request_mean"] == round(Decimal(len(complete)) / (DAYS - 1), 2)


@pytest.mark.parametrize("cleaned", [False, True])
async def test_the_trace_gives_the_sums_of_plain_loops(tmp_path: Path, *, cleaned: bool) -> None:
    trace = list(requests())
    assert len(trace) == LINES
    async with opened(tmp_path / "a.db", clock=Clock(NOW)) as analytics:
        for start in range(0, len(trace), 1_000):
            await analytics.tracker.record_many(
                [
                    usage(
                        timestamp=one.moment,
                        provider=one.provider,
                        model=one.model,
                        device_ip=one.device,
                        user_id=one.user,
                        tokens_prompt=one.prompt,
                        tokens_response=one.response,
                    )
                    for one in trace[start : start + 1_000]
                ]
            )
        if cleaned:
            assert (await analytics.maintenance.clean_up(retention_days=40)).complete
        else:
            await check_reports(analytics, trace)
        await check_statistics(analytics, trace)
        await check_trends(analytics, trace)
        assert await drift(analytics) == 0
