"""A recording client of the real Home Assistant: added by its forms, tokenless, revoked."""

from http import HTTPStatus
import time
from typing import Any

import pytest

from scripts.home_assistant_client import DOMAIN
from scripts.real_home_assistant import RealHomeAssistant

pytestmark = pytest.mark.browser

API = "/api/llm_analytics"
USAGE = {
    "endpoint": "chat",
    "model": "openai/gpt-4o-mini",
    "tokens_prompt": 1_200,
    "tokens_response": 150,
}


def webhooks(home: RealHomeAssistant) -> dict[str, str]:
    """Return the paths of the clients' webhooks by the clients' names."""
    return {
        one["name"]: f"/api/webhook/{one['webhook_id']}"
        for one in home.command("webhook/list")
        if one["domain"] == DOMAIN
    }


def record(home: RealHomeAssistant, path: str, **given: Any) -> tuple[int, str]:
    """Post an event without a token, and return what is answered."""
    answer = home.call("POST", path, USAGE | given, token=None)
    return answer.status, answer.text


def revoke(home: RealHomeAssistant, title: str) -> None:
    """Remove a recording client as the user interface does."""
    (entry,) = home.get(f"/api/config/config_entries/entry?domain={DOMAIN}")
    of_entry = {"entry_id": entry["entry_id"]}
    (subentry_id,) = [
        one["subentry_id"]
        for one in home.command("config_entries/subentries/list", **of_entry)
        if one["title"] == title
    ]
    home.command("config_entries/subentries/delete", **of_entry, subentry_id=subentry_id)


def test_a_client_records_waits_survives_a_restart_and_is_revoked(home: RealHomeAssistant) -> None:
    fixed = {"device_ip": "192.168.1.20", "user_id": "alex", "tags": ["gateway"]}
    home.add_subentry("client", {"name": "Gateway", **fixed}, {})
    home.add_subentry("client", {"name": "Slow", "requests_per_minute": 30}, {})
    gateway, slow = webhooks(home)["Gateway"], webhooks(home)["Slow"]

    assert record(home, gateway, request_id="one") == (HTTPStatus.CREATED, '{"id":1}')
    (event,) = home.get(f"{API}/usage")["events"]
    assert event["source"] == "webhook"
    assert {name: event[name] for name in fixed} == fixed

    batch = {"events": [USAGE | {"device_ip": "192.168.1.30"}] * 31}
    assert home.call("POST", slow, batch, token=None).status == HTTPStatus.CREATED
    status, _ = record(home, slow, device_ip="192.168.1.30")
    assert status == HTTPStatus.TOO_MANY_REQUESTS
    time.sleep(4)
    status, _ = record(home, slow, device_ip="192.168.1.30")
    assert status == HTTPStatus.CREATED

    home.stop()
    home.start()
    repeated = '{"id":1,"duplicate":true}'
    assert record(home, gateway, request_id="one") == (HTTPStatus.OK, repeated)
    for method in ("GET", "PUT", "DELETE"):
        answer = home.call(method, gateway, USAGE, token=None)
        assert answer.status == HTTPStatus.METHOD_NOT_ALLOWED

    revoke(home, "Gateway")
    assert record(home, gateway) == (HTTPStatus.OK, "")
    assert record(home, f"/api/webhook/{'0' * 64}") == (HTTPStatus.OK, "")
    assert [*webhooks(home)] == ["Slow"]
    assert home.get(f"{API}/summary")["today"]["requests"] == 33
