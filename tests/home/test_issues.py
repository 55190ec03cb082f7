"""What the household should look after: raised, mended to the end, and withdrawn."""

from collections.abc import Callable
from decimal import Decimal
from http import HTTPStatus
import itertools
import shutil
from types import SimpleNamespace
from typing import Any, NamedTuple

from freezegun.api import FrozenDateTimeFactory
from homeassistant.components.repairs import DOMAIN as REPAIRS
from homeassistant.config_entries import SOURCE_USER, ConfigEntryState
from homeassistant.core import HomeAssistant
from homeassistant.data_entry_flow import FlowResultType
from homeassistant.helpers import issue_registry as ir
from homeassistant.setup import async_setup_component
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry, async_fire_time_changed

from custom_components.llm_analytics.analytics import StorageError
from custom_components.llm_analytics.analytics.maintenance.maintainer import LedgerMaintenance
from custom_components.llm_analytics.analytics.pricing.calculator import CostCalculator
from custom_components.llm_analytics.analytics.store import dimensions
from custom_components.llm_analytics.const import DATABASE, DOMAIN

from ..conftest import ClientFactory
from ..helpers import Client, act, answer, database, get, stored

UNKNOWN = {"provider": "acme", "model": "sage-1"}
TOKENS = {"tokens_prompt": 1, "tokens_response": 1}
UNPRICED = "unpriced_model_acme/sage-1"


class Disk(NamedTuple):
    """What ``shutil.disk_usage`` returns."""

    total: int
    used: int
    free: int


def issue_ids(issue_registry: ir.IssueRegistry) -> set[str]:
    return {issue_id for domain, issue_id in issue_registry.issues if domain == DOMAIN}


async def later(hass: HomeAssistant, freezer: FrozenDateTimeFactory, seconds: float = 2.0) -> None:
    """Let what is due happen, and wait for it."""
    freezer.tick(seconds)
    async_fire_time_changed(hass)
    await hass.async_block_till_done(wait_background_tasks=True)


async def begin(client: Client, issue_id: str) -> dict[str, Any]:
    """Open an issue's flow as the user interface does."""
    response = await client.post(
        "/api/repairs/issues/fix", json={"handler": DOMAIN, "issue_id": issue_id}
    )
    assert response.status == HTTPStatus.OK, await response.text()
    step: dict[str, Any] = await response.json()
    return step


async def submit(client: Client, step: dict[str, Any], data: dict[str, Any]) -> dict[str, Any]:
    status, outcome = await answer(
        await client.post(f"/api/repairs/issues/fix/{step['flow_id']}", json=data)
    )
    assert status == HTTPStatus.OK, outcome
    found: dict[str, Any] = outcome
    return found


@pytest.fixture
async def repairs(hass: HomeAssistant) -> None:
    assert await async_setup_component(hass, REPAIRS, {})


async def test_a_model_without_a_price_is_priced_in_its_flow(
    hass: HomeAssistant,
    repairs: None,
    client: Client,
    issue_registry: ir.IssueRegistry,
    freezer: FrozenDateTimeFactory,
) -> None:
    event = await stored(client, **UNKNOWN, tokens_prompt=1_000_000, tokens_response=10_000)
    await stored(client)
    await later(hass, freezer)
    assert issue_ids(issue_registry) == {UNPRICED}
    issue = issue_registry.async_get_issue(DOMAIN, UNPRICED)
    assert issue is not None
    assert issue.translation_placeholders == {
        "model": "acme/sage-1",
        "requests": "1",
        "tokens": "1,010,000",
    }

    step = await begin(client, UNPRICED)
    assert step["step_id"] == "price"
    assert step["description_placeholders"]["model"] == "acme/sage-1"
    outcome = await submit(client, step, {"prompt_per_1m": 2.5})
    assert outcome["errors"] == {"response_per_1m": "price_missing"}
    outcome = await submit(client, step, {"prompt_per_1m": 2.5, "response_per_1m": 10.1})
    assert outcome["type"] == "create_entry"
    _, priced = await get(client, f"usage/{event['id']}")
    assert priced["cost_estimate"] == Decimal("2.601")
    assert priced["cost_source"] == "override"
    await later(hass, freezer)
    assert issue_ids(issue_registry) == set()

    # The price holds for what comes as well.
    assert (await stored(client, **UNKNOWN))["cost_source"] == "override"


async def test_a_price_set_elsewhere_withdraws_the_issue(
    hass: HomeAssistant,
    client: Client,
    issue_registry: ir.IssueRegistry,
    freezer: FrozenDateTimeFactory,
) -> None:
    await stored(client, **UNKNOWN)
    await later(hass, freezer)
    assert issue_ids(issue_registry) == {UNPRICED}
    price = {"prompt_per_1m": 0, "response_per_1m": 0, "reprice": True}
    await act(hass, "set_rate", UNKNOWN | price)
    await later(hass, freezer)
    assert issue_ids(issue_registry) == set()


async def test_the_models_with_most_requests_come_first_and_nameless_ones_never(
    hass: HomeAssistant,
    client: Client,
    issue_registry: ir.IssueRegistry,
    freezer: FrozenDateTimeFactory,
) -> None:
    await stored(client, provider="acme", model=None)
    for number in range(12):
        for _ in range(1 if number in {3, 7} else 2):
            await stored(client, provider="acme", model=f"m{number}")
    await later(hass, freezer)
    expected = {f"unpriced_model_acme/m{number}" for number in range(12) if number not in {3, 7}}
    assert issue_ids(issue_registry) == expected


async def test_a_long_repricing_is_gone_on_with_to_its_end(
    hass: HomeAssistant,
    repairs: None,
    client: Client,
    issue_registry: ir.IssueRegistry,
    freezer: FrozenDateTimeFactory,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("custom_components.llm_analytics.analytics.pricing.repricing.BATCH", 2)
    for _ in range(7):
        await stored(client, **UNKNOWN)
    await later(hass, freezer)
    step = await begin(client, UNPRICED)
    # So slow that every call does one batch and says that it is not complete.
    ticks = itertools.count(step=15)
    monkeypatch.setattr(
        "custom_components.llm_analytics.analytics.pricing.calculator.time",
        SimpleNamespace(monotonic=lambda: next(ticks)),
    )
    outcome = await submit(client, step, {"prompt_per_1m": 1, "response_per_1m": 1})
    assert outcome["type"] == "create_entry"
    _, rates = await get(client, "cost/rates")
    assert rates["unpriced"] == []


async def test_what_goes_wrong_is_said_in_the_flow(
    hass: HomeAssistant,
    repairs: None,
    client: Client,
    issue_registry: ir.IssueRegistry,
    freezer: FrozenDateTimeFactory,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    (entry,) = hass.config_entries.async_entries(DOMAIN)
    await stored(client, **UNKNOWN)
    await later(hass, freezer)
    step = await begin(client, UNPRICED)

    async def fail(*_: object, **__: object) -> None:
        raise StorageError("disk I/O error")

    with monkeypatch.context() as patch:
        patch.setattr(CostCalculator, "set_rate", fail)
        outcome = await submit(client, step, {"prompt_per_1m": 1, "response_per_1m": 2})
    assert outcome["errors"] == {"base": "not_priced"}
    assert "disk I/O error" in outcome["description_placeholders"]["error"]
    await hass.config_entries.async_unload(entry.entry_id)
    outcome = await submit(client, step, {"prompt_per_1m": 1, "response_per_1m": 2})
    assert (outcome["type"], outcome["reason"]) == ("abort", "not_loaded")
    assert issue_ids(issue_registry) == {UNPRICED}


async def test_a_disk_that_fills_up_is_seen_within_the_hour(
    hass: HomeAssistant,
    entry: MockConfigEntry,
    issue_registry: ir.IssueRegistry,
    freezer: FrozenDateTimeFactory,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    free = 400_000_000
    monkeypatch.setattr(shutil, "disk_usage", lambda _: Disk(10**10, 10**10 - free, free))
    await later(hass, freezer, 3601)
    issue = issue_registry.async_get_issue(DOMAIN, "disk_nearly_full")
    assert issue is not None
    assert issue.translation_placeholders == {"free": "400 MB"}
    free = 600_000_000
    await later(hass, freezer, 3601)
    assert issue_ids(issue_registry) == set()


@pytest.mark.parametrize(
    "case",
    [
        ("device", lambda number: {"device_ip": f"10.0.0.{number}"}, "too_many_devices"),
        ("endpoint", lambda number: {"endpoint": f"e{number}"}, "too_many_endpoints"),
        ("model", lambda number: {"provider": "ollama", "model": f"m{number}"}, "too_many_models"),
        ("user", lambda number: {"user_id": f"u{number}"}, "too_many_users"),
        ("tag", lambda number: {"tags": [f"t{number}"]}, "too_many_tags"),
        ("tag_set", lambda number: {"tags": [f"t{number}"]}, "too_many_tags"),
        ("label", lambda number: {"agent": f"a{number}"}, "too_many_labels"),
    ],
)
async def test_a_dimension_without_room_is_told(
    hass: HomeAssistant,
    client: Client,
    issue_registry: ir.IssueRegistry,
    freezer: FrozenDateTimeFactory,
    monkeypatch: pytest.MonkeyPatch,
    case: tuple[str, Callable[[int], dict[str, Any]], str],
) -> None:
    dimension, given, issue_id = case
    monkeypatch.setitem(dimensions.CAPS, dimension, 5)
    for number in range(1, 9):
        await stored(client, **given(number))
    await later(hass, freezer, 3601)
    assert issue_ids(issue_registry) == {issue_id}


async def test_a_ledger_that_cannot_be_read_leaves_the_issues_as_they_are(
    hass: HomeAssistant,
    client: Client,
    issue_registry: ir.IssueRegistry,
    freezer: FrozenDateTimeFactory,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    await stored(client, **UNKNOWN)
    await later(hass, freezer)

    async def fail(*_: object) -> None:
        raise StorageError("disk I/O error")

    monkeypatch.setattr(LedgerMaintenance, "attention", fail)
    await later(hass, freezer, 3601)
    assert issue_ids(issue_registry) == {UNPRICED}


@pytest.fixture
async def removed(
    hass: HomeAssistant, enable_custom_integrations: None, repairs: None
) -> MockConfigEntry:
    """Return an entry that was set up, has recorded something, and was removed."""
    config_entry = MockConfigEntry(domain=DOMAIN)
    config_entry.add_to_hass(hass)
    assert await async_setup_component(hass, DOMAIN, {})
    await act(hass, "record_usage", {"endpoint": "chat", **UNKNOWN, **TOKENS})
    await hass.async_block_till_done(wait_background_tasks=True)
    assert issue_ids(ir.async_get(hass)) == {UNPRICED}
    await hass.config_entries.async_remove(config_entry.entry_id)
    await hass.async_block_till_done(wait_background_tasks=True)
    return config_entry


async def test_a_removed_ledger_is_told_of_and_deleted_on_request(
    hass: HomeAssistant,
    removed: MockConfigEntry,
    hass_client: ClientFactory,
    issue_registry: ir.IssueRegistry,
) -> None:
    client = await hass_client()
    assert issue_ids(issue_registry) == {"ledger_left"}
    assert database(hass).exists()

    step = await begin(client, "ledger_left")
    assert step["step_id"] == "confirm"
    assert step["description_placeholders"]["path"] == str(database(hass))
    outcome = await submit(client, step, {})
    assert outcome["type"] == "create_entry"
    assert issue_ids(issue_registry) == set()
    assert list(database(hass).parent.glob(f"{DATABASE}*")) == []


async def test_a_ledger_that_was_left_is_found_again_and_can_no_longer_be_deleted(
    hass: HomeAssistant,
    removed: MockConfigEntry,
    hass_client: ClientFactory,
    issue_registry: ir.IssueRegistry,
) -> None:
    client = await hass_client()
    step = await begin(client, "ledger_left")
    found = await hass.config_entries.flow.async_init(DOMAIN, context={"source": SOURCE_USER})
    assert found["step_id"] == "found"
    assert found["description_placeholders"] is not None
    assert found["description_placeholders"]["size"].endswith(" MB")
    done = await hass.config_entries.flow.async_configure(
        found["flow_id"], {"retention_days": 0, "keep_details": True, "keep_metadata": True}
    )
    assert done["type"] is FlowResultType.CREATE_ENTRY
    await hass.async_block_till_done(wait_background_tasks=True)
    assert issue_ids(issue_registry) == {UNPRICED}
    outcome = await submit(client, step, {})
    assert (outcome["type"], outcome["reason"]) == ("abort", "in_use")
    _, summary = await get(client, "stats/summary")
    assert summary["total_requests"] == 1
    await hass.config_entries.async_unload(done["result"].entry_id)


async def test_removing_an_entry_whose_file_has_gone_tells_nothing(
    hass: HomeAssistant, enable_custom_integrations: None, issue_registry: ir.IssueRegistry
) -> None:
    config_entry = MockConfigEntry(domain=DOMAIN)
    config_entry.add_to_hass(hass)
    assert await async_setup_component(hass, DOMAIN, {})
    await hass.config_entries.async_unload(config_entry.entry_id)
    database(hass).unlink()
    await hass.config_entries.async_remove(config_entry.entry_id)
    assert issue_ids(issue_registry) == set()


async def test_an_entry_of_a_later_version_is_not_touched(
    hass: HomeAssistant, enable_custom_integrations: None
) -> None:
    later_entry = MockConfigEntry(domain=DOMAIN, version=2)
    later_entry.add_to_hass(hass)
    assert not await hass.config_entries.async_setup(later_entry.entry_id)
    assert later_entry.state is ConfigEntryState.MIGRATION_ERROR
    assert not database(hass).exists()


async def test_an_entry_of_a_later_minor_version_is_taken_as_it_is(
    hass: HomeAssistant, enable_custom_integrations: None
) -> None:
    later_entry = MockConfigEntry(domain=DOMAIN, minor_version=9)
    later_entry.add_to_hass(hass)
    assert await hass.config_entries.async_setup(later_entry.entry_id)
    await hass.config_entries.async_unload(later_entry.entry_id)
