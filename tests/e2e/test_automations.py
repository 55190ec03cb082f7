"""Automations of the real Home Assistant are triggered once, also across a restart."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
import re
import shutil
import time
from typing import Any

import pytest
import yaml

from scripts.home_assistant_client import DOMAIN
from scripts.real_home_assistant import REPOSITORY, RealHomeAssistant, free_port

from .conftest import noon_zone

pytestmark = pytest.mark.browser

API = f"/api/{DOMAIN}"
OVER = "binary_sensor.household_over_budget"
TRIGGERS: dict[str, dict[str, Any]] = {
    "anomaly": {"trigger": "llm_analytics.anomaly_detected", "options": {"type": "cost"}},
    "budget": {
        "trigger": "llm_analytics.budget_crossed",
        "options": {"budget": OVER, "threshold": 100},
    },
    "unpriced": {"trigger": "llm_analytics.unpriced_model"},
}
BLUEPRINTS: dict[str, dict[str, Any]] = {
    "cost_anomaly_alert": {"minimum_cost": 1},
    "budget_alert": {"budget": [OVER], "threshold": 100},
}
COUNTERS = [*TRIGGERS, *BLUEPRINTS]
# Automations begin to listen ten seconds after the start.
LISTENING = 15


def counted(name: str) -> list[dict[str, Any]]:
    return [{"action": "counter.increment", "target": {"entity_id": f"counter.{name}"}}]


def automations() -> list[dict[str, Any]]:
    """Return an automation for each trigger and blueprint; each counts how often it ran."""
    cost: dict[str, Any] = {"condition": "llm_analytics.cost_above", "options": {"amount": 5}}
    over: dict[str, Any] = {"condition": "llm_analytics.over_budget", "options": {"budget": OVER}}
    written = [
        {
            "id": name,
            "alias": name,
            "triggers": trigger,
            "conditions": [cost, over] if name == "budget" else [],
            "actions": counted(name),
        }
        for name, trigger in TRIGGERS.items()
    ]
    used = [(name, inputs | {"notification": counted(name)}) for name, inputs in BLUEPRINTS.items()]
    return written + [
        {
            "id": name,
            "alias": name,
            "use_blueprint": {"path": f"llm_analytics/{name}.yaml", "input": inputs},
        }
        for name, inputs in [*used, ("weekly_report", {})]
    ]


def states(home: RealHomeAssistant) -> dict[str, str]:
    return {state["entity_id"]: state["state"] for state in home.get("/api/states")}


def until(condition: Callable[[], bool], seconds: float = 60) -> bool:
    """Wait until something is so, at most as long as that."""
    deadline = time.monotonic() + seconds
    while not (met := condition()) and time.monotonic() < deadline:
        time.sleep(0.2)
    return met


@pytest.fixture
def home(tmp_path: Path) -> Iterator[RealHomeAssistant]:
    """Return a Home Assistant with a budget and automations that has been started anew."""
    home = RealHomeAssistant(tmp_path / "home", port=free_port(), time_zone=noon_zone(), say=print)
    with home:
        home.add_subentry(
            "budget",
            {"scope": "all", "unit": "cost"},
            {"name": "Household", "amount": 10, "period": "day", "thresholds": ["50", "100"]},
        )
        assert until(lambda: OVER in states(home))
        home.stop()
        shutil.copytree(REPOSITORY / "blueprints", home.folder / "blueprints", dirs_exist_ok=True)
        with (home.folder / "configuration.yaml").open("a", encoding="utf-8") as file:
            yaml.safe_dump(
                {"counter": {name: {} for name in COUNTERS}, "automation": automations()}, file
            )
        home.start()
        yield home


def counts(home: RealHomeAssistant) -> dict[str, int]:
    shown = states(home)
    return {name: int(shown[f"counter.{name}"]) for name in COUNTERS}


def record(home: RealHomeAssistant, **given: Any) -> None:
    event = {"device_ip": "10.0.0.1", "endpoint": "chat", "tokens_prompt": 10, "tokens_response": 1}
    home.post(f"{API}/usage", event | {"provider": "openai", "model": "gpt-4o"} | given)


def logbook(home: RealHomeAssistant, since: datetime) -> set[str]:
    """Return the lines of the integration; the recorder writes them some seconds later."""
    entries = home.get(f"/api/logbook/{since.isoformat()[:19]}Z")
    return {entry["message"] for entry in entries if entry.get("domain") == DOMAIN}


def test_every_trigger_fires_once(home: RealHomeAssistant) -> None:
    shown = states(home)
    assert {shown[f"automation.{name}"] for name in [*COUNTERS, "weekly_report"]} == {"on"}
    assert set(counts(home).values()) == {0}

    now = datetime.now(UTC)
    for ago in range(1, 9):
        moment = (now - timedelta(days=ago)).isoformat()
        record(home, cost_estimate=1, timestamp=moment)
    for _ in range(2):
        record(home, cost_estimate=6)
        record(home, provider="acme", model="sage-1")
        time.sleep(2)
    once = dict.fromkeys(COUNTERS, 1)
    assert until(lambda: set(counts(home).values()) == {1}), counts(home)
    told = states(home)["event.llm_analytics_anomaly"]
    assert states(home)[OVER] == "on"

    # The default notification of the blueprint, told on demand.
    home.post("/api/services/automation/trigger", {"entity_id": "automation.weekly_report"})
    assert until(lambda: bool(home.command("persistent_notification/get")))
    (notification,) = home.command("persistent_notification/get")
    assert notification["title"] == "Language models last week"
    assert re.match(r"From \d{4}-\d\d-\d\d on: \d+ requests, ", notification["message"])

    expected = [
        "found unusually high cost on ",
        "knows no price of acme/sage-1",
        "reached 100 % of the day's budget Household: ",
    ]
    assert until(
        lambda: all(
            any(line.startswith(start) for line in logbook(home, now)) for start in expected
        )
    ), logbook(home, now)
    assert home.get(f"{API}/summary")["today"]["cost_estimate"] == 12

    home.stop()
    home.start()
    time.sleep(LISTENING)
    record(home, cost_estimate=6)
    record(home, provider="acme", model="sage-1")
    time.sleep(5)
    assert home.get(f"{API}/summary")["today"]["requests"] == 6
    assert counts(home) == once
    assert states(home)["event.llm_analytics_anomaly"] == told

    log = home.log_file.read_text(encoding="utf-8")
    assert "ERROR" not in log, re.findall(r".*ERROR.*", log)
