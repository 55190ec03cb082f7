import re

from playwright.sync_api import Page, expect
import pytest

from scripts.real_home_assistant import RealHomeAssistant
from tests.e2e.conftest import OUTPUT

pytestmark = pytest.mark.browser

FIND_DEVICE = """() =>
    document.querySelector("home-assistant")
        ?.hass?.entities?.["sensor.llm_analytics_requests_today"]?.device_id ?? null
"""


def test_a_sensor_changes_on_the_screen_after_a_post(home: RealHomeAssistant, page: Page) -> None:
    page.goto(home.url)
    device = page.wait_for_function(FIND_DEVICE, timeout=60_000).json_value()
    page.goto(f"{home.url}/config/devices/device/{device}")
    rows = page.locator("hui-sensor-entity-row")
    requests = rows.filter(has_text=re.compile("Requests today"))
    expect(requests).to_contain_text("0", timeout=60_000)
    page.evaluate("window.neverReloaded = true")

    home.post(
        "/api/llm_analytics/usage",
        {
            "device_ip": "192.168.1.31",
            "device_name": "Anna's laptop",
            "endpoint": "chat",
            "provider": "openai",
            "model": "gpt-4o",
            "tokens_prompt": 123_456,
            "tokens_response": 7_890,
        },
    )

    expect(requests).to_contain_text("1", timeout=5_000)
    expect(rows.filter(has_text=re.compile("Tokens today"))).to_contain_text(
        "131,346", timeout=5_000
    )
    assert page.evaluate("window.neverReloaded")
    OUTPUT.mkdir(exist_ok=True)
    page.screenshot(path=OUTPUT / "device.png")
