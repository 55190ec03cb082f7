"""A day's real requests through the public API, added up twice: by the ledger and by this test."""

from collections.abc import Iterator
import csv
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
import logging
import os
from pathlib import Path
from random import Random
import re
import time
from zlib import crc32
from zoneinfo import ZoneInfo

import pytest

from scripts.real_home_assistant import REPOSITORY, RealHomeAssistant

pytestmark = pytest.mark.browser

# A sensor is written at most every 30 seconds; the rest is for a busy machine.
WAIT = 40
LOGGER = logging.getLogger(__name__)
API = "/api/llm_analytics"
TRACE = REPOSITORY.parent / "shared" / "data" / "azure_llm_2023_conv.csv"
ROWS = 19_366
DAYS = 40
BATCH = 1_000
# USD per million tokens; None: nobody knows.
PRICES: dict[tuple[str, str], tuple[Decimal, Decimal] | None] = {
    ("openai", "gpt-4o"): (Decimal("2.50"), Decimal(10)),
    ("openai", "gpt-4o-mini-2024-07-18"): (Decimal("0.15"), Decimal("0.60")),
    ("anthropic", "claude-3-haiku"): (Decimal("0.25"), Decimal("1.25")),
    ("mistral", "mistral-small"): (Decimal("0.20"), Decimal("0.60")),
    ("ollama", "llama3.2"): (Decimal(0), Decimal(0)),
    ("openai", "nobody-knows-its-price"): None,
}


@dataclass
class Sums:
    requests: int = 0
    tokens_prompt: int = 0
    tokens_response: int = 0
    cost: Decimal = Decimal(0)
    unpriced: int = 0

    def add(self, prompt: int, response: int, price: tuple[Decimal, Decimal] | None) -> None:
        self.requests += 1
        self.tokens_prompt += prompt
        self.tokens_response += response
        if price is None:
            self.unpriced += 1
        else:
            self.cost += (prompt * price[0] + response * price[1]) / 1_000_000


def trace() -> Iterator[tuple[int, int]]:
    """Yield prompt and response tokens: of the real trace, or of one that looks like it."""
    path = Path(os.environ.get("LLM_ANALYTICS_TRACE") or TRACE)
    if path.exists():
        with path.open(encoding="utf-8", newline="") as file:
            for row in csv.DictReader(file):
                yield int(row["ContextTokens"]), int(row["GeneratedTokens"])
        return
    random = Random(2023)
    for _ in range(ROWS):
        prompt = min(14_050, max(2, round(random.lognormvariate(6.7, 0.9))))
        yield prompt, min(1_000, max(1, round(random.lognormvariate(4.9, 0.9))))


def test_totals_equal_the_independent_sums_to_the_last_digit(home: RealHomeAssistant) -> None:
    zone = ZoneInfo(home.time_zone)
    today = datetime.now(zone).date()
    models = list(PRICES)
    sums: dict[date, Sums] = {}
    events: list[dict[str, object]] = []
    for number, (prompt, response) in enumerate(trace()):
        dice = crc32(str(number).encode())
        day = today - timedelta(days=dice % DAYS)
        provider, model = models[dice // DAYS % len(models)]
        midnight = datetime.combine(day, datetime.min.time(), zone)
        events.append(
            {
                "device_ip": f"192.168.1.{dice % 9 + 1}",
                "endpoint": "chat",
                "provider": provider,
                "model": model,
                "user_id": f"user {dice % 5}",
                "tokens_prompt": prompt,
                "tokens_response": response,
                "timestamp": (midnight + timedelta(seconds=2 * number)).isoformat(),
                "request_id": f"trace-{number}",
            }
        )
        sums.setdefault(day, Sums()).add(prompt, response, PRICES[provider, model])
    assert len(events) == ROWS

    started = time.monotonic()
    for start in range(0, len(events), BATCH):
        answer = home.post(f"{API}/usage", {"events": events[start : start + BATCH]})
        assert answer["duplicates"] == 0
    answered = time.monotonic()
    LOGGER.info("%d events in %.1f s", ROWS, answered - started)

    firsts = {
        "today": today,
        "week": today - timedelta(days=today.weekday()),
        "month": today.replace(day=1),
    }
    expected = {
        period: total(values for day, values in sums.items() if day >= first)
        for period, first in firsts.items()
    }
    names = {"today": "today", "week": "this_week", "month": "this_month"}
    wanted = {
        f"sensor.llm_analytics_{metric}_{names[period]}": value
        for period, sum_ in expected.items()
        for metric, value in (
            ("requests", Decimal(sum_.requests)),
            ("tokens", Decimal(sum_.tokens_prompt + sum_.tokens_response)),
            ("cost", sum_.cost),
        )
    }
    while (shown := states(home, wanted)) != wanted and time.monotonic() - answered < WAIT:
        time.sleep(0.05)
    assert shown == wanted
    LOGGER.info("the sensors followed within %.2f s", time.monotonic() - answered)

    dashboard = home.get(f"{API}/dashboard")
    summary = home.call("GET", f"{API}/summary")
    for period, sum_ in expected.items():
        answer = dashboard[period]
        assert answer["requests"] == summary.json[period]["requests"] == sum_.requests
        assert answer["tokens_prompt"] == sum_.tokens_prompt
        assert answer["tokens_response"] == sum_.tokens_response
        assert answer["tokens"] == sum_.tokens_prompt + sum_.tokens_response
        assert answer["unpriced_requests"] == sum_.unpriced
        assert answer["failed_requests"] == 0
        # Digit for digit: the answer's number is never read as a float, and has no exponent.
        assert digits(answer["cost_estimate"]) == digits(sum_.cost)
        assert digits(summary.json[period]["cost_estimate"]) == digits(sum_.cost)
    assert not re.search(r"\d[eE][+-]?\d", summary.text)


def total(parts: Iterator[Sums]) -> Sums:
    """Return the sum of the days' sums."""
    whole = Sums()
    for part in parts:
        whole.requests += part.requests
        whole.tokens_prompt += part.tokens_prompt
        whole.tokens_response += part.tokens_response
        whole.cost += part.cost
        whole.unpriced += part.unpriced
    return whole


def states(home: RealHomeAssistant, entities: dict[str, Decimal]) -> dict[str, Decimal]:
    """Return what the sensors show."""
    return {entity: Decimal(home.get(f"/api/states/{entity}")["state"]) for entity in entities}


def digits(value: Decimal | int) -> str:
    """Return a number as plain decimal text without zeros at its end."""
    text = f"{Decimal(value):f}"
    return text.rstrip("0").rstrip(".") if "." in text else text
