from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from http.client import HTTPException
from itertools import count
import logging
from pathlib import Path
import time

import pytest

from scripts.real_home_assistant import RealHomeAssistant, free_port
from tests.e2e.conftest import noon_zone

pytestmark = pytest.mark.browser

LOGGER = logging.getLogger(__name__)
API = "/api/llm_analytics"
POSTERS = 12
SECONDS = 2.0


@pytest.fixture
def home(tmp_path: Path) -> Iterator[RealHomeAssistant]:
    """Return a running Home Assistant of its own for every test, as it will be ended."""
    home = RealHomeAssistant(tmp_path / "home", port=free_port(), time_zone=noon_zone(), say=print)
    with home:
        yield home


class Load:
    """Posts from several threads until the server is gone; keeps what was acknowledged."""

    def __init__(self, home: RealHomeAssistant) -> None:
        self.home = home
        self.numbers = count()
        self.acknowledged: dict[int, str] = {}
        self.refused: set[int] = set()

    def post_until_gone(self) -> None:
        while True:
            number = next(self.numbers)
            event = {
                "device_ip": f"10.0.0.{number % 7 + 1}",
                "endpoint": "chat",
                "provider": "openai",
                "model": "gpt-4o",
                "tokens_prompt": number,
                "tokens_response": 1,
                "request_id": f"load-{number}",
            }
            try:
                answer = self.home.call("POST", f"{API}/usage", event)
            except OSError, HTTPException:
                return
            if answer.status == 201:
                self.acknowledged[answer.json["id"]] = f"load-{number}"
            else:
                self.refused.add(answer.status)

    def run(self, end: Callable[[], object]) -> None:
        """Post for a while, then end the server in the midst of it."""
        assert self.home.token  # one log-in for all
        with ThreadPoolExecutor(POSTERS) as pool:
            posters: list[Future[None]] = [
                pool.submit(self.post_until_gone) for _ in range(POSTERS)
            ]
            time.sleep(SECONDS)
            assert not any(poster.done() for poster in posters)
            end()
        for poster in posters:
            poster.result()


def all_events(home: RealHomeAssistant) -> dict[int, str]:
    """Return id and request id of every event, page by page."""
    events: dict[int, str] = {}
    before = ""
    while True:
        page = home.get(f"{API}/usage?limit=1000{before}")
        events |= {event["id"]: event["request_id"] for event in page["events"]}
        if page["next"] is None:
            return events
        before = f"&before={page['next']}"


def check(home: RealHomeAssistant, load: Load) -> None:
    """Everything acknowledged is there, and the totals are those of the rows."""
    LOGGER.info("%d events were acknowledged", len(load.acknowledged))
    assert len(load.acknowledged) > 50
    rows = all_events(home)
    assert load.acknowledged.items() <= rows.items()
    # At most one request of every poster was under way when the server went.
    assert len(rows) <= len(load.acknowledged) + POSTERS
    for number in list(load.acknowledged)[-50:]:
        stored = home.get(f"{API}/usage/{number}")
        assert stored["request_id"] == load.acknowledged[number]

    prompt = sum(int(request.removeprefix("load-")) for request in rows.values())
    dashboard = home.get(f"{API}/dashboard")
    for period in ("today", "week", "month"):
        assert dashboard[period]["requests"] == len(rows)
        assert dashboard[period]["tokens_prompt"] == prompt
        assert dashboard[period]["tokens_response"] == len(rows)
    sensor = home.get("/api/states/sensor.llm_analytics_requests_today")
    assert int(sensor["state"]) == len(rows)


def test_a_power_cut_loses_nothing_acknowledged(home: RealHomeAssistant) -> None:
    load = Load(home)
    load.run(home.kill)
    home.start()
    assert not load.refused
    check(home, load)


def test_a_stop_in_the_midst_of_a_burst_loses_nothing_acknowledged(home: RealHomeAssistant) -> None:
    load = Load(home)
    load.run(home.stop)
    home.start()
    assert load.refused <= {503}
    check(home, load)
