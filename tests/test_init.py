"""Set-up, unloading, Home Assistant's own end, and files that are not as they should be."""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
import sqlite3
import threading

from freezegun.api import FrozenDateTimeFactory
from homeassistant.config_entries import ConfigEntryState
from homeassistant.core import HomeAssistant
from homeassistant.helpers import issue_registry as ir
from homeassistant.setup import async_setup_component
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry, async_fire_time_changed

from custom_components.llm_analytics import async_unload_entry
from custom_components.llm_analytics.analytics import Analytics, ClosedError, StorageError
from custom_components.llm_analytics.analytics.maintenance.integrity import IntegrityCheck
from custom_components.llm_analytics.analytics.reports.reporter import UsageReporter
from custom_components.llm_analytics.const import DATABASE, DOMAIN
from custom_components.llm_analytics.coordinator import LlmAnalyticsCoordinator
from custom_components.llm_analytics.sensor import SENSORS
from custom_components.llm_analytics.services import Action

from .helpers import Client, act, database, get, post, rows, stored, usage

EVENT = {"endpoint": "chat", "provider": "openai", "tokens_prompt": 1, "tokens_response": 1}


@pytest.fixture
def config_entry(hass: HomeAssistant, enable_custom_integrations: None) -> MockConfigEntry:
    """Return an entry that is not set up yet."""
    config_entry = MockConfigEntry(domain=DOMAIN, title="LLM Analytics")
    config_entry.add_to_hass(hass)
    return config_entry


async def set_up(hass: HomeAssistant, config_entry: MockConfigEntry) -> ConfigEntryState:
    """Set the integration up as Home Assistant does, and return what became of the entry."""
    assert await async_setup_component(hass, DOMAIN, {})
    await hass.async_block_till_done()
    return config_entry.state


def database_threads() -> list[threading.Thread]:
    return [one for one in threading.enumerate() if "_connection_worker_thread" in one.name]


async def test_set_up_unload_and_set_up_again_keeps_the_ledger(
    hass: HomeAssistant, config_entry: MockConfigEntry
) -> None:
    assert await set_up(hass, config_entry) is ConfigEntryState.LOADED
    await act(hass, Action.RECORD_USAGE, EVENT)
    assert len(database_threads()) == 2

    assert await hass.config_entries.async_unload(config_entry.entry_id)
    assert config_entry.state is ConfigEntryState.NOT_LOADED
    assert database_threads() == []
    states = hass.states.async_all("sensor")
    enabled = [sensor for sensor in SENSORS if sensor.entity_registry_enabled_default]
    assert len(states) == len(enabled)
    assert {state.state for state in states} == {"unavailable"}
    assert sorted(path.name for path in database(hass).parent.glob(f"{DATABASE}*")) == [DATABASE]

    assert await hass.config_entries.async_setup(config_entry.entry_id)
    await hass.async_block_till_done()
    state = hass.states.get("sensor.llm_analytics_requests_today")
    assert state is not None
    assert state.state == "1"
    await hass.config_entries.async_unload(config_entry.entry_id)


async def test_a_reload_opens_the_file_anew(hass: HomeAssistant, entry: MockConfigEntry) -> None:
    before: LlmAnalyticsCoordinator = entry.runtime_data
    assert await hass.config_entries.async_reload(entry.entry_id)
    assert entry.state is ConfigEntryState.LOADED
    assert entry.runtime_data is not before
    with pytest.raises(ClosedError):
        await before.analytics.maintenance.health()
    assert len(database_threads()) == 2


async def test_platforms_that_stay_keep_the_ledger_open(
    hass: HomeAssistant, entry: MockConfigEntry, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def refuse(*_: object) -> bool:
        return False

    with monkeypatch.context() as patch:
        patch.setattr(hass.config_entries, "async_unload_platforms", refuse)
        assert not await async_unload_entry(hass, entry)
    assert (await entry.runtime_data.analytics.maintenance.health()).status == "ok"


async def test_home_assistants_stop_closes_the_file_without_unloading(
    hass: HomeAssistant, config_entry: MockConfigEntry
) -> None:
    assert await set_up(hass, config_entry) is ConfigEntryState.LOADED
    await act(hass, Action.RECORD_USAGE, EVENT)
    await hass.async_stop(force=True)
    assert config_entry.state is ConfigEntryState.LOADED
    assert database_threads() == []
    assert [path.name for path in database(hass).parent.glob(f"{DATABASE}*")] == [DATABASE]
    file = rows(hass)
    assert len(file["event"]) == 1
    assert file["ledger"][0][5] == 1, "not marked as closed cleanly"


async def test_removing_the_integration_leaves_the_ledger_which_is_found_again(
    hass: HomeAssistant, config_entry: MockConfigEntry
) -> None:
    assert await set_up(hass, config_entry) is ConfigEntryState.LOADED
    await act(hass, Action.RECORD_USAGE, EVENT)
    await hass.config_entries.async_remove(config_entry.entry_id)
    await hass.async_block_till_done()
    assert hass.states.async_all("sensor") == []
    assert len(rows(hass)["event"]) == 1

    again = MockConfigEntry(domain=DOMAIN)
    again.add_to_hass(hass)
    assert await hass.config_entries.async_setup(again.entry_id)
    await hass.async_block_till_done()
    state = hass.states.get("sensor.llm_analytics_requests_today")
    assert state is not None
    assert state.state == "1"
    await hass.config_entries.async_unload(again.entry_id)


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold the file as a program of somebody else's might."""
    with closing(sqlite3.connect(path)) as db:
        db.execute("PRAGMA locking_mode = EXCLUSIVE")
        db.execute("PRAGMA journal_mode = DELETE")
        db.execute("BEGIN EXCLUSIVE")
        yield


async def test_a_locked_file_is_tried_again(
    hass: HomeAssistant,
    config_entry: MockConfigEntry,
    monkeypatch: pytest.MonkeyPatch,
    freezer: FrozenDateTimeFactory,
) -> None:
    monkeypatch.setattr(
        "custom_components.llm_analytics.analytics.store.database.CONNECTION_PRAGMAS",
        ("PRAGMA busy_timeout = 10", "PRAGMA journal_mode = WAL", "PRAGMA synchronous = FULL"),
    )
    with locked(database(hass)):
        assert await set_up(hass, config_entry) is ConfigEntryState.SETUP_RETRY
        assert config_entry.error_reason_translation_key == "storage_error"
        assert config_entry.reason == "The ledger's database cannot be used: database is locked"
        assert database_threads() == []
    freezer.tick(60)
    async_fire_time_changed(hass)
    await hass.async_block_till_done(wait_background_tasks=True)
    assert config_entry.state is ConfigEntryState.LOADED
    await hass.config_entries.async_unload(config_entry.entry_id)


async def test_a_path_that_is_no_file_is_tried_again(
    hass: HomeAssistant, config_entry: MockConfigEntry
) -> None:
    database(hass).mkdir()
    assert await set_up(hass, config_entry) is ConfigEntryState.SETUP_RETRY
    assert config_entry.error_reason_translation_key == "storage_error"
    assert database_threads() == []


async def test_a_first_answer_that_fails_closes_the_file_and_is_tried_again(
    hass: HomeAssistant, config_entry: MockConfigEntry, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fail(*_: object) -> None:
        raise StorageError("disk I/O error")

    monkeypatch.setattr(UsageReporter, "figures", fail)
    assert await set_up(hass, config_entry) is ConfigEntryState.SETUP_RETRY
    assert config_entry.reason == "The ledger's database cannot be used: disk I/O error"
    assert database_threads() == []


async def test_a_newer_schema_is_left_untouched(
    hass: HomeAssistant, config_entry: MockConfigEntry
) -> None:
    with closing(sqlite3.connect(database(hass))) as db:
        db.execute("CREATE TABLE of_tomorrow (id INTEGER)")
        db.execute("PRAGMA user_version = 99")
        db.commit()
    before = database(hass).read_bytes()
    assert await set_up(hass, config_entry) is ConfigEntryState.SETUP_ERROR
    assert config_entry.error_reason_translation_key == "newer_schema"
    assert config_entry.reason is not None
    assert "schema 99" in config_entry.reason
    assert database(hass).read_bytes() == before
    assert database_threads() == []


async def test_a_damaged_file_is_set_aside_and_a_new_one_started(
    hass: HomeAssistant,
    config_entry: MockConfigEntry,
    issue_registry: ir.IssueRegistry,
    caplog: pytest.LogCaptureFixture,
) -> None:
    garbage = b"this has never been a database " * 200
    database(hass).write_bytes(garbage)
    assert await set_up(hass, config_entry) is ConfigEntryState.LOADED
    (kept,) = database(hass).parent.glob(f"{DATABASE}.damaged-*")
    assert kept.read_bytes() == garbage
    assert "The database is damaged" in caplog.text
    issue = issue_registry.async_get_issue(DOMAIN, "damaged_database")
    assert issue is not None
    assert issue.severity is ir.IssueSeverity.ERROR
    assert issue.is_fixable is False
    assert issue.translation_key == "damaged_database"
    assert issue.translation_placeholders == {"path": str(kept)}

    await act(hass, Action.RECORD_USAGE, EVENT)
    assert len(rows(hass)["event"]) == 1
    await hass.config_entries.async_unload(config_entry.entry_id)


async def test_a_file_found_damaged_in_the_background_is_replaced_by_a_reload(
    hass: HomeAssistant,
    config_entry: MockConfigEntry,
    issue_registry: ir.IssueRegistry,
) -> None:
    assert await set_up(hass, config_entry) is ConfigEntryState.LOADED
    await act(hass, Action.RECORD_USAGE, EVENT)
    await hass.config_entries.async_unload(config_entry.entry_id)
    with closing(sqlite3.connect(database(hass))) as db, db:
        db.execute("UPDATE ledger SET clean_stop = 0")
        db.execute("CREATE TABLE odd (value)")
        db.execute("INSERT INTO odd VALUES (NULL)")
        db.execute("PRAGMA writable_schema = ON")
        db.execute(
            "UPDATE sqlite_schema SET sql = 'CREATE TABLE odd (value NOT NULL)' WHERE name = 'odd'"
        )

    assert await hass.config_entries.async_setup(config_entry.entry_id)
    before = config_entry.runtime_data
    await act(hass, Action.RECORD_USAGE, EVENT | {"request_id": "meanwhile"})
    await hass.async_block_till_done(wait_background_tasks=True)
    assert config_entry.state is ConfigEntryState.LOADED
    assert config_entry.runtime_data is not before
    (kept,) = database(hass).parent.glob(f"{DATABASE}.damaged-*")
    issue = issue_registry.async_get_issue(DOMAIN, "damaged_database")
    assert issue is not None
    assert issue.translation_placeholders == {"path": str(kept)}
    page = await config_entry.runtime_data.analytics.tracker.events()
    assert [event.usage.request_id for event in page.events] == ["meanwhile"]
    assert not config_entry.runtime_data.analytics.integrity.unchecked
    await hass.config_entries.async_unload(config_entry.entry_id)


async def test_a_file_that_cannot_be_checked_stays_in_use(
    hass: HomeAssistant,
    config_entry: MockConfigEntry,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def fail(_: Analytics) -> None:
        raise StorageError("disk I/O error")

    monkeypatch.setattr(IntegrityCheck, "check", fail)
    monkeypatch.setattr(IntegrityCheck, "unchecked", True)
    assert await set_up(hass, config_entry) is ConfigEntryState.LOADED
    await hass.async_block_till_done(wait_background_tasks=True)
    assert "The ledger could not be checked: disk I/O error" in caplog.text
    await act(hass, Action.RECORD_USAGE, EVENT)
    assert len(rows(hass)["event"]) == 1
    await hass.config_entries.async_unload(config_entry.entry_id)


async def test_a_sound_file_raises_no_issue(
    hass: HomeAssistant, entry: MockConfigEntry, issue_registry: ir.IssueRegistry
) -> None:
    assert [key for key in issue_registry.issues if key[0] == DOMAIN] == []


async def test_a_file_that_becomes_read_only_answers_503_and_says_why(
    hass: HomeAssistant, client: Client, entry: MockConfigEntry
) -> None:
    event = await stored(client)
    writer = entry.runtime_data.analytics.ledger.db
    await writer.run(lambda db: db.execute("PRAGMA query_only = ON"))
    status, told = await post(client, usage())
    assert status == 503
    assert "readonly" in told["message"]
    assert (await client.delete(f"/api/llm_analytics/usage/{event['id']}")).status == 503
    status, page = await get(client, "usage")
    assert (status, [one["id"] for one in page["events"]]) == (200, [event["id"]])
    await writer.run(lambda db: db.execute("PRAGMA query_only = OFF"))
    assert (await post(client, usage()))[0] == 201
