"""The recorder's long-term statistics, asked for through the recorder's own websocket."""

from collections.abc import Callable, Coroutine
from datetime import UTC, datetime, timedelta
from typing import Any

from freezegun.api import FrozenDateTimeFactory
from homeassistant.auth.models import Credentials
from homeassistant.components.recorder import Recorder, get_instance
from homeassistant.config_entries import ConfigEntryState
from homeassistant.core import HomeAssistant
from homeassistant.setup import async_setup_component
import pytest
from pytest_homeassistant_custom_component.common import (
    CLIENT_ID,
    MockConfigEntry,
    MockUser,
    async_fire_time_changed,
)

from custom_components.llm_analytics import statistics
from custom_components.llm_analytics.analytics import StorageError, UsageEvent
from custom_components.llm_analytics.const import DOMAIN
from custom_components.llm_analytics.coordinator import LlmAnalyticsCoordinator

from .helpers import act, usage

type Rows = dict[str, list[tuple[datetime, float, float]]]
type Ask = Callable[..., Coroutine[Any, Any, Any]]

NOW = datetime(2026, 3, 18, 12, 20, tzinfo=UTC)
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
ALL = [
    f"{DOMAIN}:{slug}_{metric}"
    for slug in ("device_192_168_1_20", "model_openai_gpt_4o", "total")
    for metric in ("cost", "requests", "tokens")
]


@pytest.fixture(autouse=True)
def now(freezer: FrozenDateTimeFactory) -> FrozenDateTimeFactory:
    freezer.move_to(NOW)
    return freezer


@pytest.fixture
def hass_config_dir(recorder_db_url: str, hass_config_dir: str) -> str:
    """Prepare the recorder's database before Home Assistant is there, as its plugin demands."""
    return hass_config_dir


@pytest.fixture
async def running(
    recorder_mock: Recorder,
    hass: HomeAssistant,
    enable_custom_integrations: None,
    options: dict[str, Any],
) -> MockConfigEntry:
    """Return the entry, set up with a recorder."""
    entry = MockConfigEntry(domain=DOMAIN, options=options)
    entry.add_to_hass(hass)
    assert await async_setup_component(hass, DOMAIN, {})
    await settled(hass)
    return entry


@pytest.fixture
async def ask(
    running: MockConfigEntry,
    hass: HomeAssistant,
    hass_ws_client: Any,
    hass_admin_user: MockUser,
    hass_admin_credential: Credentials,
) -> Ask:
    await hass.auth.async_link_user(hass_admin_user, hass_admin_credential)

    async def answer(kind: str, **question: Any) -> Any:
        # Neither a connection nor its token outlives a leap of the clock.
        token = await hass.auth.async_create_refresh_token(
            hass_admin_user, CLIENT_ID, credential=hass_admin_credential
        )
        client = await hass_ws_client(hass, hass.auth.async_create_access_token(token))
        await client.send_json_auto_id({"type": f"recorder/{kind}", **question})
        message = await client.receive_json()
        await client.close()
        hass.auth.async_remove_refresh_token(token)
        assert message["success"], message
        return message["result"]

    return answer


async def settled(hass: HomeAssistant) -> None:
    await hass.async_block_till_done(wait_background_tasks=True)


async def record(hass: HomeAssistant, ago: timedelta = timedelta(0), **given: Any) -> None:
    await act(hass, "record_usage", usage(timestamp=(NOW - ago).isoformat(), **given))


async def tick(hass: HomeAssistant, freezer: FrozenDateTimeFactory, hour: int, minute: int) -> None:
    """Let the clock show a time, and wait for what then happens."""
    freezer.move_to(NOW.replace(hour=hour, minute=minute, second=41))
    async_fire_time_changed(hass)
    await settled(hass)


async def listed(ask: Ask) -> list[str]:
    found = await ask("list_statistic_ids")
    return sorted(one["statistic_id"] for one in found if one["source"] == DOMAIN)


async def rows(ask: Ask, *ids: str, period: str = "hour", value: str = "state") -> Rows:
    """Return (start, value, sum) of statistics."""
    found = await ask(
        "statistics_during_period",
        start_time=(NOW - 400 * DAY).isoformat(),
        statistic_ids=[f"{DOMAIN}:{one}" for one in ids],
        period=period,
        types=[value, "sum"],
    )
    return {
        one.partition(":")[2]: [
            (datetime.fromtimestamp(row["start"] / 1_000, UTC), row[value], row["sum"])
            for row in some
        ]
        for one, some in found.items()
    }


async def test_back_dated_requests_are_in_the_recorder(
    hass: HomeAssistant, ask: Ask, freezer: FrozenDateTimeFactory
) -> None:
    for ago in (300 * DAY, 2 * DAY, 2 * DAY, HOUR):
        await record(hass, ago, device_name="Kitchen")
    await tick(hass, freezer, 13, 0)
    assert await listed(ask) == ALL
    hours = [(NOW - ago).replace(minute=0) for ago in (300 * DAY, 2 * DAY, HOUR)]
    found = await rows(
        ask, "total_tokens", "device_192_168_1_20_requests", "model_openai_gpt_4o_cost"
    )
    each, sums = (1, 2, 1), (1, 3, 4)
    assert found == {
        "total_tokens": [
            (hour, 150 * own, 150 * total)
            for hour, own, total in zip(hours, each, sums, strict=True)
        ],
        "device_192_168_1_20_requests": list(zip(hours, each, sums, strict=True)),
        "model_openai_gpt_4o_cost": [
            (hour, pytest.approx(0.00075 * own), pytest.approx(0.00075 * total))
            for hour, own, total in zip(hours, each, sums, strict=True)
        ],
    }
    # What the cards draw: the change by day, also over days without a row.
    days = await rows(ask, "total_requests", period="day", value="change")
    assert [change for _, change, _ in days["total_requests"]] == [1, 2, 1]


async def test_units_and_names(
    hass: HomeAssistant, ask: Ask, freezer: FrozenDateTimeFactory
) -> None:
    await record(hass, device_name="Kitchen")
    await tick(hass, freezer, 13, 0)

    async def named() -> dict[str, tuple[Any, ...]]:
        return {
            one["statistic_id"].partition(":")[2]: (
                one["name"],
                one["statistics_unit_of_measurement"],
            )
            for one in await ask("list_statistic_ids")
            if one["has_sum"]
        }

    found = await named()
    assert found["total_tokens"] == ("LLM Analytics tokens", "tokens")
    assert found["total_requests"] == ("LLM Analytics requests", "requests")
    assert found["model_openai_gpt_4o_cost"] == ("openai/gpt-4o cost", "USD")
    assert found["device_192_168_1_20_tokens"] == ("Kitchen tokens", "tokens")
    await record(hass, device_name="Hall")
    await tick(hass, freezer, 13, 5)
    assert (await named())["device_192_168_1_20_tokens"] == ("Hall tokens", "tokens")
    assert await listed(ask) == ALL


async def test_this_hour_comes_within_minutes_and_late_ones_within_the_hour(
    hass: HomeAssistant, ask: Ask, freezer: FrozenDateTimeFactory
) -> None:
    await record(hass)
    await tick(hass, freezer, 12, 25)
    hour = NOW.replace(minute=0)
    assert (await rows(ask, "total_requests"))["total_requests"] == [(hour, 1, 1)]
    await record(hass, 5 * DAY)
    await tick(hass, freezer, 12, 30)
    assert (await rows(ask, "total_requests"))["total_requests"] == [(hour, 1, 1)]
    await tick(hass, freezer, 13, 0)
    found = await rows(ask, "total_requests")
    assert found["total_requests"] == [(hour - 5 * DAY, 1, 1), (hour, 1, 2)]


async def test_repricing_deleting_and_clean_up(
    hass: HomeAssistant, ask: Ask, freezer: FrozenDateTimeFactory
) -> None:
    for ago in (60 * DAY, DAY, HOUR):
        await record(hass, ago, model="mystery")
    await tick(hass, freezer, 13, 0)
    hours = [(NOW - ago).replace(minute=0) for ago in (60 * DAY, DAY, HOUR)]
    free = [(hour, 0, 0) for hour in hours]
    assert (await rows(ask, "model_openai_mystery_cost"))["model_openai_mystery_cost"] == free
    price = {"provider": "openai", "model": "mystery", "prompt_per_1m": 10, "response_per_1m": 0}
    await act(hass, "set_rate", {**price, "reprice": True})
    await act(hass, "delete_event", {"id": 2})
    await tick(hass, freezer, 14, 0)
    cost = pytest.approx(0.001)
    expected: list[Any] = [
        (hours[0], cost, cost),
        (hours[1], 0, cost),
        (hours[2], cost, pytest.approx(0.002)),
    ]
    assert (await rows(ask, "total_cost"))["total_cost"] == expected
    await act(hass, "cleanup", {"retention_days": 30, "keep_aggregates": False})
    await tick(hass, freezer, 15, 0)
    assert (await rows(ask, "total_cost"))["total_cost"] == expected
    await record(hass, -2 * HOUR, cost_estimate=1)
    await tick(hass, freezer, 15, 5)
    expected.append((NOW.replace(hour=14, minute=0), 1, pytest.approx(1.002)))
    assert (await rows(ask, "total_cost"))["total_cost"] == expected


async def test_what_is_right_is_not_written_again(
    hass: HomeAssistant,
    ask: Ask,
    freezer: FrozenDateTimeFactory,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    await record(hass)
    await tick(hass, freezer, 13, 0)
    before = await rows(ask, "total_tokens")
    written: list[Any] = []
    monkeypatch.setattr(statistics, "async_add_external_statistics", written.append)
    for hour in (14, 15):
        await tick(hass, freezer, hour, 0)
    assert (written, await rows(ask, "total_tokens")) == ([], before)


async def test_a_forgotten_device_goes_from_the_recorder(
    hass: HomeAssistant, ask: Ask, freezer: FrozenDateTimeFactory
) -> None:
    await record(hass)
    await tick(hass, freezer, 13, 0)
    await act(hass, "forget", {"device_ip": "192.168.1.20"})
    await tick(hass, freezer, 13, 5)
    assert await listed(ask) == [one for one in ALL if "device" not in one]
    assert (await rows(ask, "total_requests"))["total_requests"][0][1] == 1


async def test_statistics_that_were_lost_are_written_anew(
    hass: HomeAssistant, ask: Ask, freezer: FrozenDateTimeFactory
) -> None:
    await record(hass, 100 * DAY)
    await record(hass)
    await tick(hass, freezer, 13, 0)
    before = await rows(ask, "total_cost", "total_tokens")
    get_instance(hass).async_clear_statistics([f"{DOMAIN}:total_cost"])
    await settled(hass)
    await tick(hass, freezer, 13, 24)
    await record(hass, -HOUR)
    assert list(await rows(ask, "total_cost", "total_tokens")) == ["total_tokens"]
    await tick(hass, freezer, 14, 0)
    after = await rows(ask, "total_cost", "total_tokens")
    assert {name: found[:2] for name, found in after.items()} == before
    assert all(len(found) == 3 for found in after.values())


async def test_a_reload_writes_at_once(
    hass: HomeAssistant, running: MockConfigEntry, ask: Ask
) -> None:
    await record(hass, DAY)
    assert await listed(ask) == []
    await hass.config_entries.async_reload(running.entry_id)
    await settled(hass)
    assert await listed(ask) == ALL


async def test_closing_in_the_middle_loses_nothing(
    hass: HomeAssistant,
    running: MockConfigEntry,
    ask: Ask,
    freezer: FrozenDateTimeFactory,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Unload while hundreds of days wait to be written."""
    coordinator: LlmAnalyticsCoordinator = running.runtime_data
    await coordinator.analytics.tracker.record_many(
        [
            UsageEvent(
                endpoint="chat",
                provider="openai",
                model="gpt-4o",
                tokens_prompt=1,
                tokens_response=0,
                timestamp=NOW - days * DAY,
            )
            for days in range(300)
        ]
    )
    freezer.move_to(NOW.replace(hour=13, minute=0, second=41))
    async_fire_time_changed(hass)
    async_fire_time_changed(hass, NOW.replace(hour=13, minute=5, second=41))  # one is running
    while not await listed(ask):
        pass
    assert await hass.config_entries.async_unload(running.entry_id)
    await settled(hass)
    assert "could not be brought up to date" not in caplog.text
    assert await hass.config_entries.async_setup(running.entry_id)
    await settled(hass)
    found = await rows(ask, "total_requests", "model_openai_gpt_4o_requests")
    assert [[total for *_, total in some] for some in found.values()] == [list(range(1, 301))] * 2


async def test_a_ledger_that_was_just_closed_is_no_trouble(
    hass: HomeAssistant,
    running: MockConfigEntry,
    ask: Ask,
    freezer: FrozenDateTimeFactory,
    caplog: pytest.LogCaptureFixture,
) -> None:
    await record(hass)
    await running.runtime_data.analytics.close()
    await tick(hass, freezer, 12, 25)
    assert "could not be brought up to date" not in caplog.text
    assert await listed(ask) == []


async def test_trouble_is_logged_and_tried_again(
    hass: HomeAssistant,
    running: MockConfigEntry,
    ask: Ask,
    freezer: FrozenDateTimeFactory,
    caplog: pytest.LogCaptureFixture,
) -> None:
    await record(hass)
    analytics = running.runtime_data.analytics
    with pytest.MonkeyPatch.context() as patch:

        async def full(_: object) -> None:
            raise StorageError("disk full")

        patch.setattr(analytics.hours, "repeat_missing", full)
        await tick(hass, freezer, 12, 25)
    assert "The statistics could not be brought up to date: disk full" in caplog.text
    await tick(hass, freezer, 12, 30)
    assert await listed(ask) == ALL


@pytest.mark.parametrize("options", [{"statistics": False}])
async def test_the_option_switches_them_off(
    hass: HomeAssistant, ask: Ask, freezer: FrozenDateTimeFactory
) -> None:
    await record(hass)
    await tick(hass, freezer, 13, 0)
    assert await listed(ask) == []


async def test_without_a_recorder_everything_else_works(
    hass: HomeAssistant, entry: MockConfigEntry, freezer: FrozenDateTimeFactory
) -> None:
    await record(hass)
    await tick(hass, freezer, 13, 0)
    assert entry.state is ConfigEntryState.LOADED
    assert hass.states.get("sensor.llm_analytics_requests_today").state == "1"  # type: ignore[union-attr]
