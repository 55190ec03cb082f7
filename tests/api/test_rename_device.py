"""Devices are renamed by administrators, over REST and by an action, for good."""

from homeassistant.core import Context, HomeAssistant
from homeassistant.exceptions import ServiceValidationError, Unauthorized
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry, MockUser

from custom_components.llm_analytics.services import Action

from ..helpers import Client, act, get, post, stored, unchanged

IP = {"device_ip": "192.168.1.20"}
PATH = "usage/devices/name"


async def name_shown(client: Client) -> set[str | None]:
    """Return what the only device is called."""
    _, dashboard = await get(client, "dashboard")
    _, report = await get(client, "reports")
    _, devices = await get(client, "usage/devices")
    rows = dashboard["top_devices"] + dashboard["recent_activity"] + report["by_device"] + devices
    assert len(rows) > 3
    return {row["device_name"] for row in rows}


async def test_a_new_name_stays_whatever_clients_say(hass: HomeAssistant, client: Client) -> None:
    await stored(client, device_name="tablet-7")
    renamed = await act(
        hass, Action.RENAME_DEVICE, IP | {"name": "Kitchen tablet"}, return_response=True
    )
    assert renamed == {"status": "ok", "device_name": "Kitchen tablet"}
    event = await stored(client, device_name="tablet-8")
    assert event["device_name"] == "Kitchen tablet"
    assert await name_shown(client) == {"Kitchen tablet"}
    assert await post(client, IP | {"name": "Nook"}, PATH) == (
        200,
        {"status": "ok", "device_name": "Nook"},
    )
    assert await name_shown(client) == {"Nook"}


@pytest.mark.parametrize("none", [{}, {"name": None}, {"name": ""}])
async def test_without_a_name_a_device_is_called_as_its_clients_do(
    client: Client, none: dict[str, str | None]
) -> None:
    await stored(client, device_name="tablet-7")
    await post(client, IP | {"name": "Nook"}, PATH)
    await stored(client, device_name="tablet-8")
    assert (await post(client, IP | none, PATH))[1] == {"status": "ok", "device_name": None}
    assert await name_shown(client) == {"tablet-8"}


async def test_a_home_assistant_device_is_renamed(client: Client) -> None:
    await stored(client, device_ip=None, device_id="9f3c0a")
    assert (await post(client, {"device_id": "9f3c0a", "name": "Speaker"}, PATH))[0] == 200
    assert await name_shown(client) == {"Speaker"}


async def test_only_administrators_rename(
    hass: HomeAssistant, client: Client, member: MockUser, member_client: Client
) -> None:
    await stored(client)
    async with unchanged(hass):
        assert (await post(member_client, IP | {"name": "Mine"}, PATH))[0] == 403
        with pytest.raises(Unauthorized):
            await act(
                hass,
                Action.RENAME_DEVICE,
                IP | {"name": "Mine"},
                context=Context(user_id=member.id),
            )


@pytest.mark.parametrize(
    ("body", "status", "field"),
    [
        ({"name": "Nobody's"}, 400, "device_ip"),
        (IP | {"device_id": "9f3c0a"}, 400, "device_id"),
        (IP | {"name": "n" * 256}, 400, "name"),
        (IP | {"name": 5}, 400, "name"),
        (IP | {"title": "Nook"}, 400, "title"),
        ({"device_ip": "10.9.9.9", "name": "Nook"}, 404, "device"),
    ],
)
async def test_what_cannot_be_renamed_is_named(
    hass: HomeAssistant, client: Client, body: dict[str, object], status: int, field: str
) -> None:
    await stored(client)
    async with unchanged(hass):
        told = await post(client, body, PATH)
        assert (told[0], told[1]["field"]) == (status, field)


async def test_a_device_never_seen_is_not_found_by_the_action(
    hass: HomeAssistant, entry: MockConfigEntry
) -> None:
    with pytest.raises(ServiceValidationError) as refused:
        await act(hass, Action.RENAME_DEVICE, {"device_id": "never", "name": "Nook"})
    assert refused.value.translation_key == "not_found"
