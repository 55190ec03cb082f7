"""The blueprints are valid, can be imported, and do what they say."""

from collections.abc import AsyncGenerator, Awaitable, Callable
from pathlib import Path
import shutil
from typing import Any
from urllib.parse import parse_qs, urlsplit

from freezegun.api import FrozenDateTimeFactory
from homeassistant.components.automation.config import AUTOMATION_BLUEPRINT_SCHEMA
from homeassistant.components.blueprint import importer
from homeassistant.components.blueprint.models import Blueprint
from homeassistant.core import HomeAssistant, ServiceCall
from homeassistant.setup import async_setup_component
from homeassistant.util.yaml import load_yaml_dict
import pytest
from pytest_homeassistant_custom_component.common import (
    MockConfigEntry,
    async_fire_time_changed,
    async_mock_service,
)
from pytest_homeassistant_custom_component.test_util.aiohttp import AiohttpClientMocker

from .docs.pages import page
from .helpers import Client, post, stored, usage
from .subentries import budget
from .test_anomalies import NOON, settled, spent, usual_days
from .test_texts import HACS, MANIFEST, ROOT

FOLDER = ROOT / "blueprints" / "automation" / "llm_analytics"
FILES = sorted(FOLDER.glob("*.yaml"))
EVERY = pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)


def url(path: Path) -> str:
    return f"{MANIFEST['documentation']}/blob/main/{path.relative_to(ROOT).as_posix()}"


@EVERY
def test_home_assistant_finds_no_fault_with_it(path: Path) -> None:
    blueprint = Blueprint(
        load_yaml_dict(str(path)),
        path=path.name,
        expected_domain="automation",
        schema=AUTOMATION_BLUEPRINT_SCHEMA,
    )
    assert blueprint.validate() is None
    assert blueprint.metadata["homeassistant"]["min_version"] == HACS["homeassistant"]
    assert blueprint.metadata["source_url"] == url(path)
    for given in blueprint.inputs.values():
        assert given["name"]
        assert given["description"]
        assert "default" in given, "every input has a default"


@EVERY
async def test_the_page_has_a_link_that_imports_it(
    hass: HomeAssistant, path: Path, aioclient_mock: AiohttpClientMocker
) -> None:
    links = [
        parse_qs(urlsplit(link).query)["blueprint_url"][0]
        for link in page("automations").text.replace(")", " ").replace("(", " ").split()
        if link.startswith("https://my.home-assistant.io/redirect/blueprint_import/")
    ]
    assert url(path) in links
    assert len(links) == len(FILES)
    raw = url(path).replace("github.com", "raw.githubusercontent.com").replace("/blob/", "/")
    aioclient_mock.get(raw, text=path.read_text(encoding="utf-8"))
    imported = await importer.fetch_blueprint_from_url(hass, url(path))
    assert imported.suggested_filename == f"llm-analytics/{path.stem}"


@pytest.fixture
def clock(freezer: FrozenDateTimeFactory, hass: HomeAssistant) -> FrozenDateTimeFactory:
    """Stop the clock before anything is set up."""
    freezer.move_to(NOON)
    return freezer


@pytest.fixture
def calls(hass: HomeAssistant) -> list[ServiceCall]:
    """Return what a notification on a phone would be called with."""
    return async_mock_service(hass, "notify", "phone")


NOTIFICATION = [
    {"action": "notify.phone", "data": {"title": "{{ title }}", "message": "{{ message }}"}}
]


type Automate = Callable[..., Awaitable[None]]


@pytest.fixture
async def automate(hass: HomeAssistant) -> AsyncGenerator[Automate]:
    """Return how an automation is set up from a blueprint; it is off again at the end."""
    name_of = "automation.under_test"

    async def set_up(name: str, **inputs: Any) -> None:
        folder = Path(hass.config.path("blueprints", "automation", "llm_analytics"))
        await hass.async_add_executor_job(lambda: shutil.copytree(FOLDER, folder))
        use = {"path": f"llm_analytics/{name}.yaml", "input": inputs}
        config = {"alias": "under test", "use_blueprint": use}
        assert await async_setup_component(hass, "automation", {"automation": config})
        await hass.async_block_till_done()
        state = hass.states.get(name_of)
        assert state is not None
        assert state.state == "on"

    yield set_up
    await hass.services.async_call("automation", "turn_off", {"entity_id": name_of}, blocking=True)


def told(calls: list[ServiceCall]) -> list[tuple[str, str]]:
    return [(call.data["title"], call.data["message"]) for call in calls]


async def test_a_day_of_high_cost_is_told(
    clock: FrozenDateTimeFactory,
    hass: HomeAssistant,
    entry: MockConfigEntry,
    client: Client,
    calls: list[ServiceCall],
    automate: Automate,
) -> None:
    await automate("cost_anomaly_alert", notification=NOTIFICATION)
    await usual_days(client)
    await post(client, {"events": [usage(cost_estimate=0)] * 20})  # unusually many requests
    await settled(hass, clock)
    assert calls == []
    for _ in range(2):
        await spent(client, 4.125)
        await settled(hass, clock)
    assert told(calls) == [
        (
            "Language models cost unusually much",
            "4.12 USD on 2026-05-13; about 1.00 USD are usual.",
        )
    ]


@pytest.mark.parametrize(("minimum", "expected"), [(4.12, 1), (4.13, 0)])
async def test_a_day_that_cost_little_is_not_told(
    *,
    clock: FrozenDateTimeFactory,
    hass: HomeAssistant,
    entry: MockConfigEntry,
    client: Client,
    calls: list[ServiceCall],
    automate: Automate,
    minimum: float,
    expected: int,
) -> None:
    inputs = {"minimum_cost": minimum, "notification": NOTIFICATION}
    await automate("cost_anomaly_alert", **inputs)
    await usual_days(client)
    await spent(client, 4.12)
    await settled(hass, clock)
    assert len(calls) == expected


async def test_a_crossed_budget_is_told_and_reacted_to(
    clock: FrozenDateTimeFactory,
    hass: HomeAssistant,
    entry: MockConfigEntry,
    client: Client,
    calls: list[ServiceCall],
    automate: Automate,
) -> None:
    for one in (budget(), budget("Words", unit="tokens", amount=1_000)):
        hass.config_entries.async_add_subentry(entry, one)
    await hass.async_block_till_done()
    switched = async_mock_service(hass, "select", "select_option")
    local = {"entity_id": "select.kitchen_assistant", "option": "Local"}
    await automate(
        "budget_alert",
        notification=NOTIFICATION,
        reaction=[{"action": "select.select_option", "data": local}],
    )
    for cost in (6, 0, 6):
        await stored(client, cost_estimate=cost, tokens_prompt=500)
        await settled(hass, clock)
    assert told(calls) == [
        (
            "100 % of the budget Words",
            "1,100 of 1,000 tokens are used, the budget for this week.",
        ),
        (
            "100 % of the budget Weekly",
            "12.00 of 10.00 USD are used, the budget for this week.",
        ),
    ]
    assert [call.data for call in switched] == [local, local]


async def test_a_budget_and_a_threshold_can_be_chosen(
    clock: FrozenDateTimeFactory,
    hass: HomeAssistant,
    entry: MockConfigEntry,
    client: Client,
    calls: list[ServiceCall],
    automate: Automate,
) -> None:
    for one in (budget(), budget("Small", amount=1)):
        hass.config_entries.async_add_subentry(entry, one)
    await hass.async_block_till_done()
    inputs = {"budget": ["binary_sensor.weekly_over_budget"], "threshold": 50}
    await automate("budget_alert", notification=NOTIFICATION, **inputs)
    await stored(client, cost_estimate=6)
    await settled(hass, clock)
    assert [title for title, _ in told(calls)] == ["50 % of the budget Weekly"]


@pytest.fixture
def monday(freezer: FrozenDateTimeFactory, hass: HomeAssistant) -> FrozenDateTimeFactory:
    """Stop the clock a minute before eight on a Monday of the home."""
    freezer.move_to("2026-05-18T14:59:00+00:00")
    return freezer


async def reported(
    hass: HomeAssistant, clock: FrozenDateTimeFactory, calls: list[ServiceCall]
) -> str:
    """Let it be eight o'clock, and return what is reported then."""
    await hass.async_block_till_done()
    assert calls == []
    clock.move_to("2026-05-18T15:00:00.1+00:00")
    async_fire_time_changed(hass)
    await hass.async_block_till_done()
    ((title, message),) = told(calls)
    assert title == "Language models last week"
    return message


async def test_last_week_is_reported_on_monday(
    monday: FrozenDateTimeFactory,
    hass: HomeAssistant,
    entry: MockConfigEntry,
    client: Client,
    calls: list[ServiceCall],
    automate: Automate,
) -> None:
    await automate("weekly_report", notification=NOTIFICATION, models=2)
    for model, cost, moment in (
        ("gpt-4o", 50, "2026-05-11T06:59:59+00:00"),
        ("gpt-4o", 1.5, "2026-05-11T07:00:00+00:00"),
        ("gpt-4o-mini", 0.25, "2026-05-13T12:00:00+00:00"),
        (None, 1_000, "2026-05-13T12:00:00+00:00"),
        ("gpt-4o", 2, "2026-05-18T06:59:59+00:00"),
        ("gpt-4o", 60, "2026-05-18T07:00:00+00:00"),
    ):
        await stored(client, model=model, cost_estimate=cost, timestamp=moment, tokens_prompt=1_000)
    moment = "2026-05-17T12:00:00+00:00"
    await stored(client, provider="acme", model="sage-1", timestamp=moment)
    assert await reported(hass, monday, calls) == (
        "From 2026-05-11 on: 5 requests, 4,350 tokens, 1,003.75 USD, 1 without a known price.\n"
        "openai/unknown: 1,000.00 USD, 1,050 tokens\n"
        "openai/gpt-4o: 3.50 USD, 2,100 tokens"
    )


async def test_a_week_of_nothing_is_reported_too(
    monday: FrozenDateTimeFactory,
    hass: HomeAssistant,
    entry: MockConfigEntry,
    calls: list[ServiceCall],
    automate: Automate,
) -> None:
    await automate("weekly_report", notification=NOTIFICATION)
    message = await reported(hass, monday, calls)
    assert message == "From 2026-05-11 on: 0 requests, 0 tokens, 0.00 USD."


async def test_another_day_can_be_chosen(
    monday: FrozenDateTimeFactory,
    hass: HomeAssistant,
    entry: MockConfigEntry,
    calls: list[ServiceCall],
    automate: Automate,
) -> None:
    inputs = {"weekday": "tue", "time": "00:30:00", "notification": NOTIFICATION}
    await automate("weekly_report", **inputs)
    for moment, count in (("2026-05-18T15:00:01", 0), ("2026-05-19T07:30:00.1", 1)):
        monday.move_to(f"{moment}+00:00")
        async_fire_time_changed(hass)
        await hass.async_block_till_done()
        assert len(calls) == count


async def test_without_a_notification_of_one_s_own_home_assistant_shows_it(
    monday: FrozenDateTimeFactory, hass: HomeAssistant, entry: MockConfigEntry, automate: Automate
) -> None:
    assert await async_setup_component(hass, "persistent_notification", {})
    shown = async_mock_service(hass, "persistent_notification", "create")
    await automate("weekly_report")
    await reported(hass, monday, shown)
