from datetime import UTC, datetime, timedelta
from typing import Any

from playwright.sync_api import Page, expect
import pytest

from scripts.real_home_assistant import RealHomeAssistant
from tests.e2e.conftest import OUTPUT

pytestmark = pytest.mark.browser

WEEKS = 6
STATISTICS = [f"llm_analytics:model_{model}_tokens" for model in ("openai_gpt_4o", "ollama_llama3")]
# Tokens a day on weekdays and in weekends.
USE = [("gpt-4o", "openai", 40_000, 5_000), ("llama3", "ollama", 2_000, 30_000)]
CARD = {
    "type": "statistics-graph",
    "title": "Tokens by model",
    "chart_type": "bar",
    "period": "day",
    "days_to_show": 7 * WEEKS,
    "stat_types": ["change"],
    "entities": STATISTICS,
}
ASK = "message => document.querySelector('home-assistant').hass.callWS(message)"


def event(model: str, provider: str, moment: datetime, tokens: int) -> dict[str, Any]:
    return {
        "device_ip": "192.168.1.31",
        "endpoint": "chat",
        "provider": provider,
        "model": model,
        "tokens_prompt": tokens,
        "tokens_response": 0,
        "timestamp": moment.isoformat(),
    }


def test_a_card_draws_what_was_recorded_weeks_late(home: RealHomeAssistant, page: Page) -> None:
    now = datetime.now(UTC).replace(microsecond=0)
    days = [now - timedelta(days=ago) for ago in range(7 * WEEKS)]
    # A household that works on weekdays and plays in the weekend; it rests every eighth day.
    used = [day for index, day in enumerate(days) if index % 8 != 7]
    events = [
        event(model, provider, day, weekday if day.weekday() < 5 else weekend)
        for model, provider, weekday, weekend in USE
        for day in used
    ]
    home.post("/api/llm_analytics/usage", {"events": events})
    page.goto(home.url)
    page.wait_for_function("document.querySelector('home-assistant')?.hass", timeout=60_000)

    def ask(**message: Any) -> Any:
        return page.evaluate(ASK, message)

    ask(type="lovelace/dashboards/create", url_path="llm-usage", title="LLM usage")
    view = {"title": "Usage", "type": "panel", "cards": [CARD]}
    ask(type="lovelace/config/save", url_path="llm-usage", config={"views": [view]})
    (entry,) = ask(type="config_entries/get", domain="llm_analytics")
    home.post(f"/api/config/config_entries/entry/{entry['entry_id']}/reload", {})

    def totals() -> dict[str, float]:
        found = ask(
            type="recorder/statistics_during_period",
            start_time=(now - timedelta(days=7 * WEEKS)).isoformat(),
            statistic_ids=STATISTICS,
            period="day",
            types=["change"],
        )
        return {name: sum(row["change"] for row in rows) for name, rows in found.items()}

    weekdays = sum(day.weekday() < 5 for day in used)
    weekends = len(used) - weekdays
    expected = {
        name: weekday * weekdays + weekend * weekends
        for name, (*_, weekday, weekend) in zip(STATISTICS, USE, strict=True)
    }
    for _ in range(100):
        if totals() == expected:
            break
        page.wait_for_timeout(100)
    assert totals() == expected

    page.goto(f"{home.url}/llm-usage/0")
    card = page.locator("hui-statistics-graph-card")
    expect(card).to_contain_text("openai/gpt-4o tokens", timeout=60_000)
    expect(card).to_contain_text("ollama/llama3 tokens")
    expect(card.locator("canvas")).to_be_visible()
    page.wait_for_timeout(2_000)  # the bars grow
    OUTPUT.mkdir(exist_ok=True)
    page.screenshot(path=OUTPUT / "statistics.png")
