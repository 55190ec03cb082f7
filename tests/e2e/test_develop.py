from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
import json
import logging
from pathlib import Path
import re
import shlex
import shutil
import signal
import subprocess
import time
from typing import Any
from zoneinfo import ZoneInfo

from playwright.sync_api import Browser, Page, expect
import pytest

from scripts.demo import SEED
from scripts.home_assistant_client import HomeAssistantClient
from scripts.real_home_assistant import REPOSITORY, RealHomeAssistant, free_port, is_free
from scripts.sample_dashboard import BUDGET, URL_PATH, cards, load_dashboard
from scripts.sample_household import DAYS, Event, sample_household

from .conftest import OUTPUT, noon_zone

pytestmark = pytest.mark.browser

LOGGER = logging.getLogger(__name__)
API = "/api/llm_analytics"
ZONE = ZoneInfo("Europe/Berlin")
READY = "Ctrl-C ends Home Assistant"


@dataclass
class Running:
    """A scripts/develop that has said everything it says at its start."""

    home: HomeAssistantClient
    output: str

    @property
    def curl(self) -> str:
        line = re.search(r"^ *(curl .*)$", self.output, re.MULTILINE)
        assert line
        return line[1]


@contextmanager
def develop(folder: Path, *options: str) -> Iterator[Running]:
    """Run scripts/develop until it is ready; end it as a terminal or a service manager does."""
    port = free_port()
    command: list[str | Path] = [
        REPOSITORY / "scripts" / "develop",
        "--port",
        str(port),
        "--config",
        folder,
    ]
    with subprocess.Popen(
        [*command, *options], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as process:
        assert process.stdout is not None
        output = ""
        try:
            for line in process.stdout:
                LOGGER.info("%s", line.rstrip())
                output += line
                if READY in line:
                    break
            assert READY in output, output
            home = HomeAssistantClient(port)
            home.sign_in()
            yield Running(home, output)
            process.send_signal(signal.SIGTERM)
            rest = process.stdout.read()
            assert process.wait(60) == 0, rest
            assert "stopped" in rest
            assert is_free(port)
        finally:
            process.terminate()
            process.communicate()


def away_from_midnight() -> None:
    """Wait while the household's day is about to end, so that "today" stays the same day."""
    while (now := datetime.now(ZONE)).hour == 23 and now.minute >= 56:
        time.sleep(10)


def recorded(folder: Path) -> list[Event]:
    """Generate again what the program says it has recorded."""
    progress = json.loads((folder / "sample_household.json").read_text(encoding="utf-8"))
    until = datetime.fromisoformat(progress["until"])
    first = datetime.fromisoformat(progress["first"]).date()
    return sample_household(SEED, until, ZONE, first=first)


def figures(events: list[Event]) -> dict[str, dict[str, int]]:
    """Add the events of today, this week and this month up."""
    today = datetime.now(ZONE).date()
    firsts = {
        "today": today,
        "week": today - timedelta(days=today.weekday()),
        "month": today.replace(day=1),
    }
    sums = {}
    for period, first in firsts.items():
        inside = [
            event
            for event in events
            if datetime.fromisoformat(str(event["timestamp"])).astimezone(ZONE).date() >= first
        ]
        sums[period] = {
            "requests": len(inside),
            "tokens": sum(
                int(str(event[name]))
                for event in inside
                for name in ("tokens_prompt", "tokens_response")
            ),
            "unpriced_requests": sum(event["model"] == "homework-preview" for event in inside),
        }
    return sums


def without_cost(summary: dict[str, Any]) -> dict[str, dict[str, int]]:
    """Return the summary's counts."""
    return {
        period: {
            name: summary[period][name] for name in ("requests", "tokens", "unpriced_requests")
        }
        for period in ("today", "week", "month")
    }


def stored(home: HomeAssistantClient) -> list[dict[str, Any]]:
    """Return every event of the ledger."""
    events = []
    before = ""
    while True:
        page = home.get(f"{API}/usage?limit=1000{before}")
        events += page["events"]
        if page["next"] is None:
            return events
        before = f"&before={page['next']}"


def first_page(browser: Browser, home: HomeAssistantClient, width: int) -> Page:
    """Sign in by the form, as somebody does whom this browser has never seen."""
    page = browser.new_context(viewport={"width": width, "height": 900}).new_page()
    page.goto(f"{home.url}/")
    page.locator("input[name=username]").fill(home.username, timeout=60_000)
    page.locator("input[name=password]").fill(home.password)
    page.keyboard.press("Enter")
    page.wait_for_selector("hui-root", timeout=60_000)
    return page


def test_shows_the_sample_household_and_keeps_it(tmp_path: Path) -> None:
    away_from_midnight()
    folder = tmp_path / "config"
    with develop(folder) as first:
        sample = recorded(folder)
        # Shortly after midnight nobody has asked anything today.
        assert len({str(event["timestamp"])[:10] for event in sample}) >= DAYS - 1
        summary = first.home.get(f"{API}/summary")
        assert without_cost(summary) == figures(sample)
        rows = stored(first.home)
        assert len(rows) == len(sample)
        month = datetime.now(ZONE).strftime("%Y-%m")
        costs = [
            row["cost_estimate"]
            for row in rows
            if row["timestamp"].startswith(month) and row["cost_estimate"] is not None
        ]
        assert summary["month"]["cost_estimate"] == sum(costs) > Decimal(0)
        if shutil.which("curl"):
            shown = subprocess.run(shlex.split(first.curl), capture_output=True, check=True)
            assert json.loads(shown.stdout)["month"]["requests"] == summary["month"]["requests"]

    away_from_midnight()
    with develop(folder) as second:
        assert second.curl.split("'")[1] == first.curl.split("'")[1]  # the same token still works
        sample = recorded(folder)
        assert without_cost(second.home.get(f"{API}/summary")) == figures(sample)
        assert len(stored(second.home)) == len(sample)


def test_opens_on_the_dashboard_with_all_its_figures(tmp_path: Path, browser: Browser) -> None:
    folder = tmp_path / "config"
    # Shortly after midnight there is no "today" to show anything of.
    RealHomeAssistant(folder, port=free_port(), time_zone=noon_zone()).prepare()
    shown = [card for card in cards(load_dashboard()) if card["type"] != "heading"]
    graphs = [card for card in shown if card["type"] == "statistics-graph"]
    with develop(folder) as running:
        states = {row["entity_id"]: row["state"] for row in running.home.get("/api/states")}
        for card in shown:
            if card not in graphs:
                assert states[card["entity"]] not in {"unknown", "unavailable"}, card
        for width in (1400, 390):
            page = first_page(browser, running.home, width)
            expect(page).to_have_url(re.compile(f"/{URL_PATH}(/|$)"))
            expect(page.locator("hui-statistics-graph-card canvas")).to_have_count(
                len(graphs), timeout=60_000
            )
            expect(page.locator("hui-tile-card, hui-gauge-card")).to_have_count(
                len(shown) - len(graphs)
            )
            expect(page.locator("hui-warning, hui-error-card")).to_have_count(0)
            expect(page.locator("hui-root")).not_to_contain_text(
                re.compile("unknown|unavailable|not found", re.IGNORECASE)
            )
            assert page.evaluate("document.documentElement.scrollWidth") <= width
            page.wait_for_timeout(3_000)  # the charts draw themselves in
            OUTPUT.mkdir(exist_ok=True)
            page.screenshot(path=OUTPUT / f"develop_{width}.png")


def test_a_second_start_keeps_what_was_changed(tmp_path: Path, browser: Browser) -> None:
    folder = tmp_path / "config"
    changed = load_dashboard()
    changed["views"][0]["sections"][0]["cards"][0]["heading"] = "Since midnight"
    with develop(folder) as first:
        first.home.command("lovelace/config/save", url_path=URL_PATH, config=changed)
    with develop(folder) as second:
        page = first_page(browser, second.home, 1400)
        expect(page.locator("hui-heading-card").first).to_contain_text("Since midnight")
        assert second.home.command("lovelace/config", url_path=URL_PATH) == changed
        assert second.home.subentries("budget") == [BUDGET]
        core = {"default_panel": "map", "other": 1}
        second.home.command("frontend/set_system_data", key="core", value=core)
    with develop(folder) as third:
        kept = third.home.command("frontend/get_system_data", key="core")
        assert kept == {"value": core}


def test_without_a_sample_the_ledger_is_empty_and_reset_removes_the_folder(tmp_path: Path) -> None:
    folder = tmp_path / "config"
    folder.mkdir()
    (folder / "left.txt").write_text("over", encoding="utf-8")
    with develop(folder, "--no-sample", "--reset") as running:
        assert stored(running.home) == []
        assert not (folder / "left.txt").exists()
        known = running.home.command("lovelace/dashboards/list")
        assert URL_PATH not in {dashboard["url_path"] for dashboard in known}
        assert running.home.subentries("budget") == []
        assert not running.home.command("frontend/get_system_data", key="core")["value"]


def test_says_what_it_can_do_without_doing_it(tmp_path: Path) -> None:
    command: list[str | Path] = [
        REPOSITORY / "scripts" / "develop",
        "--help",
        "--config",
        tmp_path / "none",
    ]
    shown = subprocess.run(command, capture_output=True, text=True, check=True)
    for option in ("--port", "--no-sample", "--reset", "--config"):
        assert option in shown.stdout
    assert not (tmp_path / "none").exists()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--port", "many"), "--port: not a port from 1 to 65535: 'many'"),
        (("--port", "65536"), "--port: not a port from 1 to 65535: '65536'"),
        (("--config", __file__), f"--config: {__file__} is not a folder"),
        (("--config", f"{__file__}/below"), "Not a directory"),
    ],
)
def test_says_what_is_wrong_with_an_option(options: tuple[str, ...], message: str) -> None:
    command: list[str | Path] = [
        REPOSITORY / "scripts" / "develop",
        "--port",
        str(free_port()),
        *options,
    ]
    ended = subprocess.run(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False
    )
    assert ended.returncode in {1, 2}
    assert message in ended.stdout
    assert "Traceback" not in ended.stdout
