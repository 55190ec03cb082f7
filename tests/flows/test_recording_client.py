"""A recording client is added, shown, changed and given a new secret by the user's clicks."""

from typing import Any

from homeassistant.config_entries import SOURCE_USER, ConfigEntryState, ConfigSubentry
from homeassistant.core import HomeAssistant
from homeassistant.core_config import async_process_ha_core_config
from homeassistant.data_entry_flow import FlowResultType, InvalidData
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry, MockUser

from ..helpers import add_client, webhook_of

SETTINGS = {
    "name": " Gateway ",
    "local_only": False,
    "requests_per_minute": 30,
    "device_ip": "::FFFF:192.168.1.20",
    "user_id": "alex",
    "tags": ["gateway", "gateway", "voice"],
}
KEPT = {
    "local_only": False,
    "requests_per_minute": 30,
    "device_ip": "192.168.1.20",
    "user_id": "alex",
    "tags": ["gateway", "voice"],
}
DEFAULTS = {"local_only": True, "requests_per_minute": 600, "tags": []}
INTERNAL = "http://192.168.1.2:8123"
EXTERNAL = "https://home.example.org"


@pytest.fixture(autouse=True)
async def addresses(hass: HomeAssistant) -> None:
    """Let Home Assistant know its addresses."""
    await async_process_ha_core_config(hass, {"internal_url": INTERNAL, "external_url": EXTERNAL})


async def user_form(hass: HomeAssistant, entry: MockConfigEntry) -> Any:
    form = await hass.config_entries.subentries.async_init(
        (entry.entry_id, "client"), context={"source": SOURCE_USER}
    )
    assert form["type"] is FlowResultType.FORM
    assert form["step_id"] == "user"
    assert form["errors"] == {}
    return form


async def submitted(hass: HomeAssistant, form: Any, data: dict[str, Any]) -> Any:
    return await hass.config_entries.subentries.async_configure(form["flow_id"], data)


def suggested(form: Any) -> dict[str, Any]:
    """Return what a form is filled with when it opens, without what is empty."""
    filled = {
        str(marker): (marker.description or {}).get("suggested_value")
        for marker in form["data_schema"].schema
    }
    return {name: value for name, value in filled.items() if value is not None}


async def test_a_client_is_added_once_its_address_was_shown(
    hass: HomeAssistant, entry: MockConfigEntry
) -> None:
    before = entry.runtime_data
    form = await submitted(hass, await user_form(hass, entry), SETTINGS)
    assert form["step_id"] == "address"
    assert entry.subentries == {}

    result = await submitted(hass, form, {})
    await hass.async_block_till_done()
    assert result["type"] is FlowResultType.CREATE_ENTRY
    (subentry,) = entry.subentries.values()
    assert (subentry.subentry_type, subentry.title) == ("client", "Gateway")
    data = dict(subentry.data)
    assert len(data.pop("webhook_id")) == 64
    assert data == KEPT
    assert type(data["requests_per_minute"]) is int
    shown = form["description_placeholders"]
    assert shown["url"] == f"{EXTERNAL}{webhook_of(subentry)}"
    assert '"endpoint"' in shown["example"]
    assert "device_ip" not in shown["example"], "the device is fixed"
    assert entry.runtime_data is before, "recording goes on"


async def test_everything_but_the_name_has_a_default(
    hass: HomeAssistant, entry: MockConfigEntry
) -> None:
    with pytest.raises(InvalidData):
        await submitted(hass, await user_form(hass, entry), {})
    form = await submitted(hass, await user_form(hass, entry), {"name": "Proxy"})
    await submitted(hass, form, {})
    (subentry,) = entry.subentries.values()
    data = dict(subentry.data)
    del data["webhook_id"]
    assert data == DEFAULTS
    shown = form["description_placeholders"]
    assert shown["url"] == f"{INTERNAL}{webhook_of(subentry)}", "local only"
    assert "device_ip" in shown["example"]


async def test_without_an_address_the_path_is_shown(
    hass: HomeAssistant, entry: MockConfigEntry
) -> None:
    hass.config.internal_url = hass.config.external_url = hass.config.api = None
    form = await submitted(hass, await user_form(hass, entry), {"name": "Proxy"})
    await submitted(hass, form, {})
    (subentry,) = entry.subentries.values()
    assert form["description_placeholders"]["url"] == webhook_of(subentry)


async def test_every_client_has_a_secret_of_its_own(
    hass: HomeAssistant, entry: MockConfigEntry
) -> None:
    clients = [await add_client(hass, entry) for _ in range(5)]
    assert len({client.data["webhook_id"] for client in clients}) == 5


@pytest.mark.parametrize(
    ("given", "errors"),
    [
        ({"name": ""}, {"name": "invalid_name"}),
        ({"name": "  "}, {"name": "invalid_name"}),
        ({"name": "x" * 101}, {"name": "invalid_name"}),
        ({"device_ip": "kitchen"}, {"device_ip": "invalid_ip"}),
        ({"device_ip": "fe80::1%eth0"}, {"device_ip": "invalid_ip"}),
        ({"device_id": "no device"}, {"device_id": "invalid_device"}),
        ({"device_id": "abc", "device_ip": "::1"}, {"device_ip": "two_devices"}),
        ({"user_id": "x" * 256}, {"user_id": "invalid_user"}),
        ({"tags": ["x" * 65]}, {"tags": "invalid_tags"}),
        ({"tags": [""]}, {"tags": "invalid_tags"}),
        ({"tags": [str(number) for number in range(33)]}, {"tags": "invalid_tags"}),
        (
            {"name": "", "device_ip": "x", "tags": [""]},
            {"name": "invalid_name", "device_ip": "invalid_ip", "tags": "invalid_tags"},
        ),
    ],
)
async def test_what_is_wrong_is_told_by_field_and_can_be_corrected(
    hass: HomeAssistant, entry: MockConfigEntry, given: dict[str, Any], errors: dict[str, str]
) -> None:
    form = await submitted(hass, await user_form(hass, entry), {"name": "Gateway"} | given)
    assert (form["step_id"], form["errors"]) == ("user", errors)
    assert suggested(form).items() >= given.items()
    form = await submitted(hass, form, SETTINGS)
    assert form["step_id"] == "address"


@pytest.mark.parametrize("given", [0, 60_001, "many"])
async def test_a_rate_that_the_form_does_not_offer_is_refused(
    hass: HomeAssistant, entry: MockConfigEntry, given: Any
) -> None:
    form = await user_form(hass, entry)
    with pytest.raises(InvalidData):
        await submitted(hass, form, {"name": "Gateway", "requests_per_minute": given})


async def test_the_users_of_the_house_are_offered_and_others_taken(
    hass: HomeAssistant, entry: MockConfigEntry, member: MockUser
) -> None:
    form = await user_form(hass, entry)
    selector = form["data_schema"].schema["user_id"]
    offered = {option["value"]: option["label"] for option in selector.config["options"]}
    assert offered[member.id] == member.name
    assert not {user.id for user in await hass.auth.async_get_users() if user.system_generated} & {
        *offered
    }
    form = await submitted(hass, form, {"name": "Gateway", "user_id": "somebody else"})
    assert form["step_id"] == "address"


async def reconfigure_form(
    hass: HomeAssistant, entry: MockConfigEntry, client: ConfigSubentry
) -> Any:
    form = await entry.start_subentry_reconfigure_flow(hass, client.subentry_id)
    assert form["type"] is FlowResultType.FORM
    assert form["step_id"] == "reconfigure"
    return form


async def test_reconfiguring_shows_the_address_and_keeps_it(
    hass: HomeAssistant, entry: MockConfigEntry
) -> None:
    client = await add_client(hass, entry, **SETTINGS)
    before, secret = entry.runtime_data, client.data["webhook_id"]
    form = await reconfigure_form(hass, entry, client)
    assert form["description_placeholders"] == {"url": f"{EXTERNAL}/api/webhook/{secret}"}
    assert suggested(form) == {"name": "Gateway"} | KEPT

    form = await submitted(hass, form, {"name": "Proxy", "device_ip": "nowhere"})
    assert form["errors"] == {"device_ip": "invalid_ip"}
    assert form["description_placeholders"] == {"url": f"{EXTERNAL}/api/webhook/{secret}"}
    result = await submitted(hass, form, {"name": "Proxy", "device_id": "abc"})
    await hass.async_block_till_done()
    assert result["type"] is FlowResultType.ABORT
    assert result["reason"] == "reconfigure_successful"
    (changed,) = entry.subentries.values()
    assert changed.title == "Proxy"
    assert changed.data == DEFAULTS | {"webhook_id": secret, "device_id": "abc"}
    assert entry.runtime_data is before
    assert entry.state is ConfigEntryState.LOADED


async def test_a_new_secret_is_shown_before_the_old_one_goes(
    hass: HomeAssistant, entry: MockConfigEntry
) -> None:
    client = await add_client(hass, entry)
    secret = client.data["webhook_id"]
    form = await reconfigure_form(hass, entry, client)
    form = await submitted(hass, form, {"name": "Gateway", "new_secret": True})
    assert form["step_id"] == "address"
    shown = form["description_placeholders"]["url"]
    assert secret not in shown
    assert entry.subentries[client.subentry_id].data["webhook_id"] == secret

    result = await submitted(hass, form, {})
    assert result["reason"] == "reconfigure_successful"
    assert shown == f"{INTERNAL}{webhook_of(entry.subentries[client.subentry_id])}"
    assert "new_secret" not in entry.subentries[client.subentry_id].data
