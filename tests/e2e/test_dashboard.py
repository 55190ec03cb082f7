"""The dashboard of the documentation, with the sample household's figures, in a browser."""

from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
import time
from zoneinfo import ZoneInfo

from playwright.sync_api import Page, expect
import pytest

from scripts.real_home_assistant import RealHomeAssistant
from scripts.sample_dashboard import URL_PATH, add_dashboard, cards, load_dashboard
from scripts.sample_household import first_day, sample_household

from .conftest import OUTPUT

pytestmark = pytest.mark.browser

API = "/api/llm_analytics"
DASHBOARD = load_dashboard()
CUSTOM = "custom:"


def statistics(home: RealHomeAssistant, statistic_id: str) -> Decimal | None:
    """Return the sum that the recorder has of a statistic."""
    rows = home.command(
        "recorder/statistics_during_period",
        start_time="2020-01-01T00:00:00+00:00",
        statistic_ids=[statistic_id],
        period="hour",
        types=["sum"],
    )
    return Decimal(str(rows[statistic_id][-1]["sum"])) if rows.get(statistic_id) else None


def until_written(home: RealHomeAssistant, statistic_id: str) -> None:
    """Wait until the recorder has something of a statistic."""
    deadline = time.monotonic() + 120
    while statistics(home, statistic_id) is None:
        assert time.monotonic() < deadline, statistic_id
        time.sleep(1)


@pytest.fixture(scope="module")
def household(home: RealHomeAssistant) -> RealHomeAssistant:
    """Return a home with the sample household's ledger, the dashboard and its budget."""
    zone = ZoneInfo(home.time_zone)
    now = datetime.now(UTC)
    events = sample_household(1, now, zone, first=first_day(now, zone))
    for start in range(0, len(events), 1_000):
        home.post(f"{API}/usage", {"events": events[start : start + 1_000]})
    assert add_dashboard(home)
    return home


def test_the_recorder_has_the_whole_ledger(household: RealHomeAssistant) -> None:
    total = household.get(f"{API}/stats/summary")
    deadline = time.monotonic() + 120
    while (requests := statistics(household, "llm_analytics:total_requests")) != total[
        "total_requests"
    ]:
        assert time.monotonic() < deadline, f"{requests} of {total['total_requests']}"
        time.sleep(1)
    assert statistics(household, "llm_analytics:total_tokens") == total["total_tokens"]
    cost = statistics(household, "llm_analytics:total_cost")
    assert cost is not None
    assert abs(cost - total["total_cost"]) < Decimal("1e-9")  # the recorder keeps floats


def test_every_entity_of_the_dashboard_is_there(household: RealHomeAssistant) -> None:
    known = {state["entity_id"]: state["state"] for state in household.get("/api/states")}
    shown = [card for card in cards(DASHBOARD) if card["type"] != "heading"]
    assert len(shown) > 10
    for card in shown:
        assert not card["type"].startswith(CUSTOM)
        if card["type"] == "statistics-graph":
            for row in card["entities"]:
                until_written(household, row["entity"])
        else:
            assert known[card["entity"]] not in {"unknown", "unavailable"}, card["entity"]


def test_the_dashboard_shows_its_figures(household: RealHomeAssistant, page: Page) -> None:
    page.set_viewport_size({"width": 1440, "height": 790})
    page.goto(f"{household.url}/{URL_PATH}")
    graphs = page.locator("hui-statistics-graph-card canvas")
    shown = [card for card in cards(DASHBOARD) if card["type"] == "statistics-graph"]
    expect(graphs).to_have_count(len(shown), timeout=60_000)
    expect(page.locator("hui-gauge-card")).to_contain_text("Used")
    expect(page.locator("hui-warning, hui-error-card")).to_have_count(0)
    page.wait_for_timeout(3_000)  # the charts draw themselves in
    OUTPUT.mkdir(exist_ok=True)
    page.screenshot(path=OUTPUT / "dashboard.png")
    assert Path(OUTPUT / "dashboard.png").stat().st_size > 50_000
