"""When entities write their states: promptly after a quiet time, rarely while requests come."""

from datetime import UTC, datetime, timedelta
from typing import Any, Final

from freezegun.api import FrozenDateTimeFactory
from homeassistant.components.recorder import Recorder
from homeassistant.components.recorder.db_schema import States, StatesMeta
from homeassistant.components.recorder.util import session_scope
from homeassistant.core import Event, EventStateChangedData, HomeAssistant, callback
from homeassistant.helpers.event import async_track_state_change_event
from homeassistant.setup import async_setup_component
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry, async_fire_time_changed
from sqlalchemy import func, select

from custom_components.llm_analytics.analytics import StorageError
from custom_components.llm_analytics.analytics.reports.reporter import UsageReporter
from custom_components.llm_analytics.const import DOMAIN
from custom_components.llm_analytics.entity import WRITE_INTERVAL
from custom_components.llm_analytics.services import Action

from .helpers import act, usage

NOW: Final = datetime(2026, 3, 18, 9, 30, tzinfo=UTC)
TODAY: Final = "sensor.llm_analytics_requests_today"
ANOMALY: Final = "binary_sensor.llm_analytics_cost_anomaly_today"


@pytest.fixture
async def clock(freezer: FrozenDateTimeFactory, hass: HomeAssistant) -> FrozenDateTimeFactory:
    """Stop the clock in the morning, before anything is set up."""
    freezer.move_to(NOW)
    return freezer


async def after(hass: HomeAssistant, clock: FrozenDateTimeFactory, seconds: float) -> None:
    """Let some seconds pass, and wait for what is due."""
    await hass.async_block_till_done(wait_background_tasks=True)
    clock.tick(seconds)
    async_fire_time_changed(hass)
    await hass.async_block_till_done(wait_background_tasks=True)


async def record(hass: HomeAssistant, **given: Any) -> None:
    await act(hass, Action.RECORD_USAGE, usage(**given))


def shown(hass: HomeAssistant, entity_id: str = TODAY) -> str:
    state = hass.states.get(entity_id)
    assert state is not None
    return state.state


def writes(hass: HomeAssistant, entity_id: str = TODAY) -> list[str]:
    """Return a list of the states that are written from now on."""
    seen: list[str] = []

    @callback
    def note(event: Event[EventStateChangedData]) -> None:
        state = event.data["new_state"]
        assert state is not None
        seen.append(state.state)

    async_track_state_change_event(hass, entity_id, note)
    return seen


async def test_the_first_change_shows_at_once_the_next_after_the_interval(
    clock: FrozenDateTimeFactory, hass: HomeAssistant, entry: MockConfigEntry
) -> None:
    seen = writes(hass)
    await record(hass)
    await after(hass, clock, 2)
    assert seen == ["1"]
    for _ in range(5):
        await record(hass)
        await after(hass, clock, 2)
    assert seen == ["1"]
    await after(hass, clock, WRITE_INTERVAL)
    assert seen == ["1", "6"], "the last one, once, after the requests have ended"
    await after(hass, clock, 10 * WRITE_INTERVAL)
    assert seen == ["1", "6"]
    await record(hass)
    await after(hass, clock, 2)
    assert seen == ["1", "6", "7"]


async def test_while_requests_come_an_entity_writes_every_thirty_seconds(
    clock: FrozenDateTimeFactory, hass: HomeAssistant, entry: MockConfigEntry
) -> None:
    seen = writes(hass)
    for _ in range(120):
        await record(hass)
        await after(hass, clock, 2.5)
    assert 10 <= len(seen) <= 11
    await after(hass, clock, WRITE_INTERVAL)
    assert seen[-1] == "120"


async def test_figures_that_did_not_change_are_not_written(
    clock: FrozenDateTimeFactory, hass: HomeAssistant, entry: MockConfigEntry
) -> None:
    failed, cost = (
        writes(hass, "sensor.llm_analytics_failed_requests_today"),
        writes(hass, "sensor.llm_analytics_cost_today"),
    )
    for _ in range(3):
        await record(hass, provider="ollama", model="llama3")
        await after(hass, clock, WRITE_INTERVAL + 1)
    assert shown(hass) == "3"
    assert (failed, cost) == ([], [])


async def test_an_anomaly_is_shown_at_once_and_its_figures_are_no_reason_to_write(
    clock: FrozenDateTimeFactory, hass: HomeAssistant, entry: MockConfigEntry
) -> None:
    for day in range(1, 15):
        await record(hass, timestamp=(NOW - timedelta(days=day)).isoformat(), cost_estimate=1)
    await after(hass, clock, WRITE_INTERVAL + 1)
    seen = writes(hass, ANOMALY)
    for _ in range(5):
        await record(hass, cost_estimate="0.01")
        await after(hass, clock, 3)
    assert seen == []
    await record(hass, cost_estimate=50)
    await after(hass, clock, 2)
    assert seen == ["on"]
    for _ in range(5):
        await record(hass, cost_estimate="0.01")
        await after(hass, clock, WRITE_INTERVAL)
    assert seen == ["on"]


async def test_a_new_day_and_trouble_are_shown_at_once(
    freezer: FrozenDateTimeFactory,
    hass: HomeAssistant,
    enable_custom_integrations: None,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    clock = freezer
    await hass.config.async_set_time_zone("UTC")
    clock.move_to("2026-03-18T23:59:50+00:00")
    entry = MockConfigEntry(domain=DOMAIN)
    entry.add_to_hass(hass)
    assert await async_setup_component(hass, DOMAIN, {})
    await hass.async_block_till_done()
    seen = writes(hass)
    await record(hass)
    await after(hass, clock, 2)
    await record(hass)
    await after(hass, clock, 9)
    assert seen == ["1", "0"], "the second belongs to the day that has ended"
    await record(hass)
    await after(hass, clock, 2)
    assert seen == ["1", "0", "1"]

    async def fail(*_: object) -> None:
        raise StorageError("disk I/O error")

    with monkeypatch.context() as patch:
        patch.setattr(UsageReporter, "figures", fail)
        await entry.runtime_data.async_refresh()
        assert shown(hass) == "unavailable"
    await entry.runtime_data.async_refresh()
    assert shown(hass) == "1"
    await hass.config_entries.async_unload(entry.entry_id)


async def test_an_entity_that_is_removed_writes_nothing_any_more(
    clock: FrozenDateTimeFactory, hass: HomeAssistant, entry: MockConfigEntry
) -> None:
    await record(hass)
    await after(hass, clock, 2)
    await record(hass)
    await after(hass, clock, 2)
    assert await hass.config_entries.async_unload(entry.entry_id)
    seen = writes(hass)
    await after(hass, clock, 2 * WRITE_INTERVAL)
    assert seen == []


@pytest.fixture
def hass_config_dir(request: pytest.FixtureRequest, tmp_path_factory: Any) -> str:
    """Prepare the recorder's database first where there is a recorder, as its plugin demands."""
    if "recorder_mock" in request.fixturenames:
        request.getfixturevalue("recorder_db_url")
    return str(tmp_path_factory.mktemp("config"))


async def test_a_day_of_a_thousand_requests_is_a_fifth_of_the_rows_of_before(
    recorder_mock: Recorder,
    hass: HomeAssistant,
    enable_custom_integrations: None,
    freezer: FrozenDateTimeFactory,
) -> None:
    """25 sessions of 40 requests, 2.5 s apart; each request wrote 13 rows."""
    await hass.config.async_set_time_zone("UTC")
    start = datetime(2026, 3, 18, 0, 1, tzinfo=UTC)
    moments = [
        start + session * timedelta(minutes=50) + number * timedelta(seconds=2.5)
        for session in range(25)
        for number in range(40)
    ]
    freezer.move_to(start)
    config_entry = MockConfigEntry(domain=DOMAIN, options={"statistics": False})
    config_entry.add_to_hass(hass)
    assert await async_setup_component(hass, DOMAIN, {})
    await hass.async_block_till_done()
    for number, moment in enumerate(moments):
        freezer.move_to(moment)
        async_fire_time_changed(hass)
        await record(hass, tokens_prompt=number, latency_ms=number)
        await hass.async_block_till_done()
    await after(hass, freezer, WRITE_INTERVAL + 1)
    await recorder_mock.async_block_till_done()

    def count() -> dict[str, int]:
        with session_scope(hass=hass, read_only=True) as session:
            rows = session.execute(
                select(StatesMeta.entity_id, func.count(States.state_id))
                .join(States, States.metadata_id == StatesMeta.metadata_id)
                .where(StatesMeta.entity_id.like("%llm_analytics%"))
                .group_by(StatesMeta.entity_id)
            )
            return {row[0]: row[1] for row in rows}

    rows = await recorder_mock.async_add_executor_job(count)
    assert sum(rows.values()) <= 13 * 1_000 / 5
    assert all(number <= 1_000 / 5 for number in rows.values())
    assert rows[ANOMALY] <= 3
    await hass.config_entries.async_unload(config_entry.entry_id)
