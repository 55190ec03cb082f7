"""Rooms, names and the tool for agents in a running Home Assistant of the newest release."""

from typing import Any

import pytest

from scripts.home_assistant_client import DOMAIN
from scripts.real_home_assistant import RealHomeAssistant

pytestmark = pytest.mark.browser

API = "/api/llm_analytics"
COST = 0.25


def device_row(home: RealHomeAssistant, device_id: str) -> Any:
    """Return the device's row of today's report."""
    rows = home.get(f"{API}/reports?period=day")["by_device"]
    (row,) = [row for row in rows if row["device_id"] == device_id]
    return row


def test_a_device_is_where_it_is_put_and_called_as_it_is_named(home: RealHomeAssistant) -> None:
    devices = home.command("config/device_registry/list")
    (device,) = [one["id"] for one in devices if [key for key, _ in one["identifiers"]] == [DOMAIN]]
    event = {"device_id": device, "endpoint": "conversation", "provider": "openai"}
    event |= {"model": "gpt-4o", "tokens_prompt": 100, "tokens_response": 50, "cost_estimate": COST}
    assert home.post(f"{API}/usage", event)["device_name"] == "LLM Analytics"
    assert device_row(home, device)["area"] is None
    area = home.command("config/area_registry/create", name="Server room")
    home.command("config/device_registry/update", device_id=device, area_id=area["area_id"])
    assert device_row(home, device)["area"] == "Server room"
    (room,) = [
        row
        for row in home.get(f"{API}/reports?period=day")["by_area"]
        if row["area"] == "Server room"
    ]
    assert float(room["cost_estimate"]) == COST
    action = {"device_id": device, "name": "The books"}
    home.post("/api/services/llm_analytics/rename_device", action)
    assert device_row(home, device)["device_name"] == "The books"


def test_agents_are_offered_the_ledger(home: RealHomeAssistant) -> None:
    offered = {api["id"]: api["name"] for api in home.command("llm/api/list")["apis"]}
    assert offered[DOMAIN] == "LLM Analytics"
