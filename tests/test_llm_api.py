"""What conversation agents can ask: the tool, as Home Assistant calls it for a model."""

from typing import Any

from freezegun.api import FrozenDateTimeFactory
from homeassistant.auth.const import GROUP_ID_USER
from homeassistant.core import Context, HomeAssistant
from homeassistant.exceptions import HomeAssistantError, Unauthorized
from homeassistant.helpers import area_registry as ar, device_registry as dr, llm
from homeassistant.setup import async_setup_component
from homeassistant.util import dt as dt_util
import orjson
import probatio
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry, MockUser
import voluptuous as vol

from custom_components.llm_analytics.const import CONF_READERS, DOMAIN
from custom_components.llm_analytics.contract.access import Readers
from custom_components.llm_analytics.coordinator import LlmAnalyticsCoordinator
from custom_components.llm_analytics.services import Action

from .helpers import Client, act, stored, usage

TOOL = "llm_analytics__get_usage"


def asked_by(user_id: str | None) -> llm.LLMContext:
    """Return the context in which an agent works for somebody."""
    return llm.LLMContext(
        platform="an_agent",
        context=Context(user_id=user_id),
        language="en",
        assistant="conversation",
        device_id=None,
    )


NOBODY = asked_by(None)


async def ask(
    hass: HomeAssistant, context: llm.LLMContext = NOBODY, **arguments: Any
) -> dict[str, Any]:
    """Call the tool as a conversation agent does."""
    api = await llm.async_get_api(hass, DOMAIN, context)
    result = await api.async_call_tool(llm.ToolInput(TOOL, arguments))
    assert not result.error
    orjson.dumps(result.data)  # as a model is told
    found: dict[str, Any] = dict(result.data)
    return found


async def test_what_did_ai_cost_today(hass: HomeAssistant, client: Client) -> None:
    await stored(client, cost_estimate=0.25)
    await stored(client, cost_estimate=0.5, status="error")
    await stored(client, model="nobody-knows-its-price")
    today = dt_util.now().date().isoformat()
    answer = await ask(hass, period="today")
    before = answer.pop("before")
    assert answer == {
        "period": "today",
        "first_day": today,
        "last_day": today,
        "requests": 3,
        "tokens": 450,
        "cost_usd": 0.75,
        "failed_requests": 1,
        "unpriced_requests": 1,
        "cost_change_percent": None,
    }
    assert (before["requests"], before["cost_usd"]) == (0, 0)
    for period in ("this_week", "this_month"):
        assert (await ask(hass, period=period))["cost_usd"] == 0.75
    for period in ("yesterday", "last_week", "last_month"):
        assert (await ask(hass, period=period))["requests"] == 0


async def test_a_period_is_set_against_the_one_before(
    hass: HomeAssistant, entry: MockConfigEntry, freezer: FrozenDateTimeFactory
) -> None:
    freezer.move_to("2026-11-18T20:00:00+00:00")
    for moment, cost in (
        ("2026-11-18T10:00:00-08:00", 0.5),
        ("2026-11-11T10:00:00-08:00", 0.25),
        ("2026-11-11T15:00:00-08:00", 0.75),
        ("2026-11-14T10:00:00-08:00", 8),
    ):
        await act(hass, Action.RECORD_USAGE, usage(timestamp=moment, cost_estimate=cost))
    answer = await ask(hass, period="this_week")
    assert (answer["cost_usd"], answer["cost_change_percent"]) == (0.5, 100)
    assert answer["before"] == {
        "first_day": "2026-11-09",
        "last_day": "2026-11-11",
        "up_to_the_same_time": True,
        "requests": 1,
        "tokens": 150,
        "cost_usd": 0.25,
    }
    answer = await ask(hass, period="last_week")
    assert (answer["cost_usd"], answer["before"]["up_to_the_same_time"]) == (9, False)


async def test_figures_are_split_by_room_and_the_rest(hass: HomeAssistant, client: Client) -> None:
    entry = MockConfigEntry(domain="toys")
    entry.add_to_hass(hass)
    devices = dr.async_get(hass)
    speaker = devices.async_get_or_create(
        config_entry_id=entry.entry_id, identifiers={("toys", "speaker")}, name="Speaker"
    )
    devices.async_update_device(speaker.id, area_id=ar.async_get(hass).async_create("Kitchen").id)
    await stored(client, device_ip=None, device_id=speaker.id, cost_estimate=0.5, user_id="alex")
    await stored(client, cost_estimate=0.25)
    figures = {"requests": 1, "tokens": 150}
    for by, first, second in (
        ("room", "Kitchen", "unknown"),
        ("device", "Speaker", "192.168.1.20"),
        ("user", "alex", "anonymous"),
    ):
        answer = await ask(hass, period="today", by=by)
        assert answer["by"] == by
        assert answer["rows"] == [
            {by: first, **figures, "cost_usd": 0.5},
            {by: second, **figures, "cost_usd": 0.25},
        ]
    both = {"requests": 2, "tokens": 300, "cost_usd": 0.75}
    assert (await ask(hass, period="today", by="model"))["rows"] == [
        {"model": "openai/gpt-4o", **both}
    ]
    assert (await ask(hass, period="today", by="person"))["rows"] == [{"person": "unknown", **both}]


async def test_a_long_list_ends_with_the_others_together(
    hass: HomeAssistant, client: Client
) -> None:
    for number in range(7):
        await stored(client, model=f"model-{number}", cost_estimate=number)
    rows = (await ask(hass, period="today", by="model"))["rows"]
    assert [row["cost_usd"] for row in rows] == [6, 5, 4, 3, 2, 1]
    assert rows[-1] == {"model": "other", "requests": 2, "tokens": 300, "cost_usd": 1}


@pytest.mark.parametrize(
    "arguments", [{}, {"period": "ever"}, {"period": "today", "by": "tag"}, {"periods": "today"}]
)
async def test_what_a_model_invents_is_refused(
    hass: HomeAssistant, entry: MockConfigEntry, arguments: dict[str, str]
) -> None:
    api = await llm.async_get_api(hass, DOMAIN, NOBODY)
    with pytest.raises(vol.Invalid):
        await api.async_call_tool(llm.ToolInput(TOOL, arguments))


async def test_a_closed_ledger_says_so(
    hass: HomeAssistant, coordinator: LlmAnalyticsCoordinator
) -> None:
    await coordinator.analytics.close()
    with pytest.raises(HomeAssistantError) as refused:
        await ask(hass, period="today")
    assert refused.value.translation_key == "closed"


async def test_the_tool_describes_itself(hass: HomeAssistant, entry: MockConfigEntry) -> None:
    api = await llm.async_get_api(hass, DOMAIN, NOBODY)
    assert api.api_prompt
    (tool,) = api.tools
    assert (tool.name, tool.integration, tool.annotations.read_only) == (TOOL, DOMAIN, True)
    described = probatio.to_openapi(tool.parameters, custom_serializer=api.custom_serializer)
    assert described["required"] == ["period"]
    assert described["properties"]["period"]["enum"] == [
        *("today", "yesterday", "this_week", "last_week", "this_month", "last_month")
    ]
    assert described["properties"]["by"]["enum"] == ["model", "device", "room", "person", "user"]
    assert all(part["description"] for part in described["properties"].values())


async def test_an_agent_has_it_beside_the_control_of_the_house(
    hass: HomeAssistant, entry: MockConfigEntry
) -> None:
    assert await async_setup_component(hass, "llm", {})
    await act(hass, Action.RECORD_USAGE, usage(cost_estimate=0.25))
    api = await llm.async_get_api(hass, [llm.LLM_API_ASSIST, DOMAIN], NOBODY)
    (name,) = [tool.name for tool in api.tools if tool.name.endswith(TOOL)]
    result = await api.async_call_tool(llm.ToolInput(name, {"period": "today"}))
    assert result.data["cost_usd"] == 0.25


@pytest.mark.parametrize("options", [{CONF_READERS: Readers.ADMINISTRATORS}])
async def test_only_who_may_read_is_answered(
    hass: HomeAssistant, entry: MockConfigEntry, hass_admin_user: MockUser, member: MockUser
) -> None:
    assert member.groups[0].id == GROUP_ID_USER
    assert (await ask(hass, asked_by(hass_admin_user.id), period="today"))["requests"] == 0
    nobody = asked_by(None)
    nobody.context = None
    for context in (asked_by(member.id), asked_by("removed"), NOBODY, nobody):
        with pytest.raises(Unauthorized):
            await ask(hass, context, period="today")


async def test_it_goes_with_the_integration(hass: HomeAssistant, entry: MockConfigEntry) -> None:
    def names() -> list[str]:
        return [api.name for api in llm.async_get_apis(hass) if api.id == DOMAIN]

    assert names() == ["LLM Analytics"]
    assert await hass.config_entries.async_unload(entry.entry_id)
    assert names() == []
    assert await hass.config_entries.async_setup(entry.entry_id)
    assert names() == ["LLM Analytics"]
