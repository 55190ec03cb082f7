"""A day ends while requests come in.

The clock is the machine's own; what is moved is the household: it lives in a time zone of its own
making, where the day is about to end. MIDNIGHT_MINUTES sets for how long requests are recorded;
with 10 or more this is an ordinary stretch of a home's day, without it about a minute.
"""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
import logging
import os
from pathlib import Path
import re
import struct
import time
from typing import Any

import pytest

from scripts.home_assistant_client import DOMAIN
from scripts.real_home_assistant import RealHomeAssistant, free_port

pytestmark = pytest.mark.browser

LOGGER = logging.getLogger(__name__)
API = "/api/llm_analytics"
ZONE = "Test/Day_s_end"
MINUTES = float(os.environ.get("MIDNIGHT_MINUTES", "1"))
# Time to start and to record something before the day ends.
BEFORE = timedelta(seconds=65)
DAY = timedelta(days=1)


def time_zone(offset: timedelta) -> bytes:
    """Return a time zone file (RFC 8536, version 1) of one offset for ever."""
    header = struct.pack(">4sc15x6l", b"TZif", b"\0", 0, 0, 0, 0, 1, 4)
    return header + struct.pack(">lbb", int(offset.total_seconds()), 0, 0) + b"DAY\0"


@pytest.fixture
def midnight() -> datetime:
    """Return when the household's day ends: at a full minute, soon."""
    return (datetime.now(UTC) + BEFORE).replace(second=0, microsecond=0) + timedelta(minutes=1)


@pytest.fixture
def home(tmp_path: Path, midnight: datetime) -> Iterator[RealHomeAssistant]:
    zones = tmp_path / "zones"
    file = zones / ZONE
    file.parent.mkdir(parents=True)
    seconds = (midnight - midnight.replace(hour=0, minute=0)) % DAY
    offset = -seconds if seconds <= DAY / 2 else DAY - seconds
    file.write_bytes(time_zone(offset))
    home = RealHomeAssistant(
        tmp_path / "home",
        port=free_port(),
        time_zone=ZONE,
        say=print,
        environment={"PYTHONTZPATH": str(zones)},
    )
    with home:
        yield home


def entity_ids(home: RealHomeAssistant) -> set[str]:
    """Return every entity of the integration that has a state."""
    listed = home.command("config/entity_registry/list")
    ours = {row["entity_id"] for row in listed if row["platform"] == DOMAIN}
    return ours & {state["entity_id"] for state in home.get("/api/states")}


def states(home: RealHomeAssistant) -> dict[str, str]:
    return {state["entity_id"]: state["state"] for state in home.get("/api/states")}


def record(home: RealHomeAssistant, number: int) -> dict[str, Any]:
    event: dict[str, Any] = home.post(
        f"{API}/usage",
        {
            "device_ip": f"10.0.0.{number % 5 + 1}",
            "endpoint": "chat",
            "provider": "openai",
            "model": ("gpt-4o", "gpt-4o-mini")[number % 2],
            "user_id": ("anna", "ben")[number % 2],
            "tags": ["work"],
            "tokens_prompt": 1_000 + number,
            "tokens_response": 100,
        },
    )
    return event


def test_the_day_ends_without_a_word_and_the_figures_begin_anew(
    home: RealHomeAssistant, midnight: datetime
) -> None:
    home.add_subentry("tracked", {"scope": "device"}, {"scope_name": "10.0.0.1", "name": "Tablet"})
    home.add_subentry(
        "budget",
        {"scope": "user", "unit": "tokens"},
        {
            "scope_name": "anna",
            "amount": 500,
            "period": "day",
            "thresholds": ["100"],
            "name": "Anna",
        },
    )
    first = entity_ids(home)
    assert {"sensor.llm_analytics_requests_today", "binary_sensor.anna_over_budget"} <= first
    assert "sensor.tablet_cost_today" in first
    assert datetime.now(UTC) < midnight, "the machine is too slow: the day is over already"

    until = time.monotonic() + MINUTES * 60
    days: dict[str, int] = {}
    number = 0
    while time.monotonic() < until or len(days) == 1:
        day = record(home, number)["timestamp"][:10]
        days[day] = days.get(day, 0) + 1
        number += 1
        if number % 50 == 0:
            assert entity_ids(home) == first
        time.sleep(0.1)
    LOGGER.info("requests by day: %s", days)
    assert len(days) == 2

    # A sensor is written at most every 30 seconds; the rest is for a busy machine.
    deadline = time.monotonic() + 60
    today = str(days[max(days)])
    while (shown := states(home)["sensor.llm_analytics_requests_today"]) != today:
        assert time.monotonic() < deadline, f"{shown} requests today instead of {today}"
        time.sleep(0.2)
    assert entity_ids(home) == first
    reset = [
        state["attributes"]["last_reset"]
        for state in home.get("/api/states")
        if state["entity_id"] == "sensor.llm_analytics_requests_today"
    ]
    assert [datetime.fromisoformat(one) for one in reset] == [midnight]

    log = home.log_file.read_text(encoding="utf-8")
    assert "Home Assistant" in log or "WARNING" in log, "there is no log to look at"
    said = [
        line
        for line in log.splitlines()
        if re.search(rf"(INFO|WARNING|ERROR|CRITICAL).*\[custom_components\.{DOMAIN}", line)
    ]
    assert said == []
