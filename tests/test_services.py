"""The actions: answers, refusals, rights, and where report files may go."""

import json
from typing import Any

from homeassistant.core import Context, HomeAssistant
from homeassistant.exceptions import HomeAssistantError, ServiceValidationError, Unauthorized
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry, MockUser

from custom_components.llm_analytics import services
from custom_components.llm_analytics.analytics import StorageError
from custom_components.llm_analytics.const import DOMAIN
from custom_components.llm_analytics.services import ACTIONS, Action

from .helpers import act, rows, unchanged, usage

OLD = "2020-02-01T12:00:00+00:00"


async def record(hass: HomeAssistant, **given: Any) -> dict[str, Any]:
    event: dict[str, Any] = await act(
        hass, Action.RECORD_USAGE, usage(**given), return_response=True
    )
    return event


@pytest.mark.parametrize("description", ACTIONS, ids=lambda one: one.name)
async def test_every_action_is_registered_even_while_nothing_is_loaded(
    hass: HomeAssistant, entry: MockConfigEntry, description: services.ActionDescription
) -> None:
    assert hass.services.has_service(DOMAIN, description.name)
    await hass.config_entries.async_unload(entry.entry_id)
    assert hass.services.has_service(DOMAIN, description.name)
    with pytest.raises(ServiceValidationError):
        await act(hass, description.name, {})


async def test_recording_answers_only_when_asked(
    hass: HomeAssistant, entry: MockConfigEntry
) -> None:
    assert await act(hass, Action.RECORD_USAGE, usage()) is None
    event = await record(hass)
    assert event["id"] == 2
    assert event["tokens_prompt"] == 100
    assert event["cost_source"] == "catalogue"
    assert type(event["cost_estimate"]) is float
    assert len(rows(hass)["event"]) == 2


async def test_recording_again_is_a_duplicate(hass: HomeAssistant, entry: MockConfigEntry) -> None:
    first = await record(hass, request_id="req-1")
    assert await record(hass, request_id="req-1") == first | {"duplicate": True}


async def test_an_answer_survives_json(hass: HomeAssistant, entry: MockConfigEntry) -> None:
    event = await record(hass, metadata={"a": [1, {"b": None}]}, latency_ms=1.5)
    assert json.loads(json.dumps(event)) == event
    report = await act(hass, Action.GENERATE_REPORT, {}, return_response=True)
    assert json.loads(json.dumps(report)) == report


# The action, its data, and the placeholders of the translated error.
REFUSED: list[tuple[Action, dict[str, Any], dict[str, str]]] = [
    (
        Action.RECORD_USAGE,
        usage(tokens_prompt="many"),
        {
            "field": "tokens_prompt",
            "reason": "must be an integer from 0 to 1000000000, got 'many'",
        },
    ),
    (
        Action.RECORD_USAGE,
        usage(tokens_prompt=1.5),
        {"field": "tokens_prompt", "reason": "must be an integer from 0 to 1000000000, got 1.5"},
    ),
    (
        Action.RECORD_USAGE,
        usage(cost_estimate="NaN"),
        {"field": "cost_estimate", "reason": "must be a number from 0 to 100000, got 'NaN'"},
    ),
    (
        Action.RECORD_USAGE,
        usage(cost_estimate="free"),
        {"field": "cost_estimate", "reason": "must be a number from 0 to 100000, got 'free'"},
    ),
    (
        Action.RECORD_USAGE,
        usage(device_id="abc"),
        {"field": "device_id", "reason": "give device_ip or device_id, not both"},
    ),
    (
        Action.GENERATE_REPORT,
        {"period": "decade"},
        {
            "field": "period",
            "reason": "must be one of day, week, month, year, all, custom, got 'decade'",
        },
    ),
    (
        Action.GENERATE_REPORT,
        {"detailed": "yes"},
        {"field": "detailed", "reason": "must be true or false, got 'yes'"},
    ),
    (
        Action.GENERATE_REPORT,
        {"start": "2026-01-01"},
        {"field": "end", "reason": "start and end go together"},
    ),
    (
        Action.CLEANUP,
        {"retention_days": 29},
        {"field": "retention_days", "reason": "must be an integer from 30 to 730, got 29"},
    ),
    (
        Action.CLEANUP,
        {"keep_aggregates": "no"},
        {"field": "keep_aggregates", "reason": "must be true or false, got 'no'"},
    ),
]


@pytest.mark.parametrize(("action", "data", "placeholders"), REFUSED)
async def test_bad_data_is_refused_in_the_users_language_and_changes_nothing(
    hass: HomeAssistant,
    entry: MockConfigEntry,
    action: Action,
    data: dict[str, Any],
    placeholders: dict[str, str],
) -> None:
    await record(hass)
    async with unchanged(hass):
        with pytest.raises(ServiceValidationError) as told:
            await act(hass, action, data)
    assert told.value.translation_domain == DOMAIN
    assert told.value.translation_key == "invalid_input"
    assert told.value.translation_placeholders == placeholders
    assert str(told.value) == f"{placeholders['field']}: {placeholders['reason']}"


@pytest.mark.parametrize("description", ACTIONS, ids=lambda one: one.name)
async def test_an_unknown_field_is_refused_by_name(
    hass: HomeAssistant, entry: MockConfigEntry, description: services.ActionDescription
) -> None:
    with pytest.raises(ServiceValidationError) as told:
        await act(hass, description.name, {"surprise": 1})
    assert told.value.translation_placeholders is not None
    assert told.value.translation_placeholders["field"] == "surprise"


async def test_asking_for_removed_events_is_refused_with_the_instant(
    hass: HomeAssistant, entry: MockConfigEntry
) -> None:
    await record(hass, timestamp=OLD)
    await act(hass, Action.CLEANUP, {})
    with pytest.raises(ServiceValidationError) as told:
        await act(
            hass,
            Action.GENERATE_REPORT,
            {"period": "custom", "start": OLD, "end": "2020-02-05"},
            return_response=True,
        )
    assert told.value.translation_key == "events_removed"
    assert told.value.translation_placeholders == {
        "field": "start",
        "events_from": "2020-02-02T00:00:00-08:00",
    }
    assert "2020-02-02" in str(told.value)


async def test_a_ledger_that_is_closing_says_so(
    hass: HomeAssistant, entry: MockConfigEntry
) -> None:
    await entry.runtime_data.analytics.close()
    with pytest.raises(HomeAssistantError) as told:
        await record(hass)
    assert told.value.translation_key == "closed"
    assert not isinstance(told.value, ServiceValidationError)
    assert str(told.value) == "The ledger is closed"


async def test_trouble_with_the_file_is_said(hass: HomeAssistant, entry: MockConfigEntry) -> None:
    writer = entry.runtime_data.analytics.ledger.db
    await writer.run(lambda db: db.execute("PRAGMA query_only = ON"))
    with pytest.raises(HomeAssistantError) as told:
        await record(hass)
    await writer.run(lambda db: db.execute("PRAGMA query_only = OFF"))
    assert told.value.translation_key == "storage_error"
    assert isinstance(told.value.__cause__, StorageError)
    assert "readonly" in str(told.value)


async def test_who_may_only_read_may_not_record(
    hass: HomeAssistant, entry: MockConfigEntry, hass_read_only_user: MockUser, member: MockUser
) -> None:
    await record(hass)
    async with unchanged(hass):
        with pytest.raises(Unauthorized):
            await act(
                hass,
                Action.RECORD_USAGE,
                usage(),
                context=Context(user_id=hass_read_only_user.id),
            )
    context = Context(user_id=hass_read_only_user.id)
    report = await act(hass, Action.GENERATE_REPORT, {}, context=context, return_response=True)
    assert report["summary"]["request_count"] == 1
    await act(hass, Action.RECORD_USAGE, usage(), context=Context(user_id=member.id))
    assert len(rows(hass)["event"]) == 2


@pytest.mark.parametrize(
    "description", [one for one in ACTIONS if one.admin], ids=lambda one: one.name
)
async def test_what_is_for_administrators_is_refused_to_others(
    hass: HomeAssistant,
    entry: MockConfigEntry,
    member: MockUser,
    description: services.ActionDescription,
) -> None:
    await record(hass, timestamp=OLD)
    async with unchanged(hass):
        with pytest.raises(Unauthorized):
            await act(hass, description.name, {}, context=Context(user_id=member.id))


async def test_cleaning_up_is_for_administrators_and_automations(
    hass: HomeAssistant, entry: MockConfigEntry, hass_admin_user: MockUser
) -> None:
    for how in ({"context": Context(user_id=hass_admin_user.id)}, {}):
        await record(hass, timestamp=OLD)
        done = await act(hass, Action.CLEANUP, {}, return_response=True, **how)
        assert done["status"] == "ok"
        assert done["events_deleted"] == 1
        assert done["events_from"] == "2020-02-02T00:00:00-08:00"
        assert rows(hass)["event"] == []
    report = await act(hass, Action.GENERATE_REPORT, {"period": "all"}, return_response=True)
    assert report["summary"]["request_count"] == 2


async def test_cleaning_up_can_take_the_totals_along(
    hass: HomeAssistant, entry: MockConfigEntry
) -> None:
    await record(hass, timestamp=OLD)
    assert await act(hass, Action.CLEANUP, {"keep_aggregates": "false"}) is None
    report = await act(hass, Action.GENERATE_REPORT, {"period": "all"}, return_response=True)
    assert report["summary"]["request_count"] == 0


async def test_cleaning_up_keeps_what_is_younger(
    hass: HomeAssistant, entry: MockConfigEntry
) -> None:
    await record(hass)
    done = await act(hass, Action.CLEANUP, {"retention_days": "30"}, return_response=True)
    assert done["events_deleted"] == 0
    assert len(rows(hass)["event"]) == 1


@pytest.mark.parametrize("options", [{"retention_days": 0}])
async def test_cleaning_up_for_ever_removes_nothing(
    hass: HomeAssistant, entry: MockConfigEntry
) -> None:
    await record(hass, timestamp=OLD)
    done = await act(hass, Action.CLEANUP, {}, return_response=True)
    assert done["cutoff_date"] is None
    assert len(rows(hass)["event"]) == 1
