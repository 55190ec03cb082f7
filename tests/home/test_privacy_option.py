"""The option about persons, from the form to what every door answers."""

import json
from pathlib import Path
from typing import Any

from homeassistant.components.diagnostics import DOMAIN as DIAGNOSTICS, REDACTED
from homeassistant.core import Context, HomeAssistant
from homeassistant.setup import async_setup_component
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry, MockUser

from ..conftest import ClientFactory
from ..helpers import Client, act, add_client, database, get, post, stored, usage, webhook_of


async def choose(hass: HomeAssistant, entry: MockConfigEntry, keep: str) -> None:
    """Choose what is kept of a person in the options."""
    form = await hass.config_entries.options.async_init(entry.entry_id)
    await hass.config_entries.options.async_configure(form["flow_id"], {"keep_person": keep})
    await hass.async_block_till_done()
    assert entry.options["keep_person"] == keep


def in_files(hass: HomeAssistant, text: str) -> bool:
    """Return whether a text stands anywhere in the ledger's files."""
    path: Path = database(hass)
    return any(text.encode() in file.read_bytes() for file in path.parent.glob(f"{path.name}*"))


async def test_everybody_is_kept_by_name_unless_the_household_chooses_otherwise(
    entry: MockConfigEntry, client: Client, hass_admin_user: MockUser
) -> None:
    event = await stored(client, user_id="alex")
    assert (event["user_id"], event["recorded_by"]) == ("alex", hass_admin_user.id)
    assert entry.data == {}, "there is no key until one is needed"


async def test_pseudonyms_are_the_same_through_every_door_and_for_ever(
    hass: HomeAssistant,
    entry: MockConfigEntry,
    client: Client,
    member: MockUser,
    member_client: Client,
) -> None:
    await choose(hass, entry, "pseudonyms")
    key = entry.data["person_key"]
    assert len(bytes.fromhex(key)) == 32
    first = await stored(client, user_id="alex")
    assert first["user_id"].startswith("person-")
    assert first["recorded_by"].startswith("person-")

    gateway = await add_client(hass, entry, user_id="alex")
    response = await client.post(webhook_of(gateway), json=usage())
    assert response.status == 201
    second = (await get(client, "usage/2"))[1]
    assert second["user_id"] == first["user_id"]
    assert second["recorded_by"].startswith("person-")

    third = await act(
        hass,
        "record_usage",
        usage(),
        context=Context(user_id=member.id),
        return_response=True,
    )
    assert third["user_id"] == third["recorded_by"]
    fourth = (await post(member_client, usage(user_id="kim")))[1]
    assert fourth["recorded_by"] == third["user_id"]

    assert await hass.config_entries.async_reload(entry.entry_id)
    for keep in ("everything", "pseudonyms"):
        await choose(hass, entry, keep)
    assert entry.data["person_key"] == key
    assert (await stored(client, user_id="alex"))["user_id"] == first["user_id"]

    users = (await get(client, "stats/users"))[1]
    assert {name: sums["requests"] for name, sums in users.items()} == {
        first["user_id"]: 3,
        third["user_id"]: 1,
        fourth["user_id"]: 1,
    }
    assert (await get(client, "summary", user_id="alex"))[1]["today"]["requests"] == 0
    assert not in_files(hass, "alex")
    assert not in_files(hass, member.id)
    assert not in_files(hass, gateway.subentry_id)


async def test_nothing_is_kept_of_anybody(
    hass: HomeAssistant, entry: MockConfigEntry, client: Client, hass_admin_user: MockUser
) -> None:
    await choose(hass, entry, "nothing")
    event = await stored(client, user_id="alex", agent="Assist", context="a script")
    assert (event["user_id"], event["recorded_by"]) == ("anonymous", None)
    assert (event["agent"], event["context"]) == ("Assist", "a script")
    assert entry.data == {}
    assert not in_files(hass, "alex")
    assert not in_files(hass, hass_admin_user.id)


async def test_what_is_stored_already_stays_and_is_forgotten_by_name(
    hass: HomeAssistant, entry: MockConfigEntry, client: Client
) -> None:
    await stored(client, user_id="alex")
    await choose(hass, entry, "pseudonyms")
    await stored(client, user_id="alex")
    users = (await get(client, "stats/users"))[1]
    assert len(users) == 2
    assert "alex" in users
    for _ in range(2):
        told = await act(hass, "forget", {"user_id": "alex"}, return_response=True)
        assert told["complete"]
    assert set((await get(client, "stats/users"))[1]) == {"anonymous"}


@pytest.mark.parametrize("keep", ["everything", "pseudonyms", "nothing"])
async def test_neither_key_nor_secret_is_in_the_diagnostics(
    hass: HomeAssistant, entry: MockConfigEntry, hass_client: ClientFactory, keep: str
) -> None:
    assert await async_setup_component(hass, DIAGNOSTICS, {})
    client = await hass_client()
    await choose(hass, entry, keep)
    gateway = await add_client(
        hass, entry, name="Gateway of Kim", user_id="kim", device_ip="192.168.77.7", tags=["diary"]
    )
    response = await client.get(f"/api/diagnostics/config_entry/{entry.entry_id}")
    assert response.status == 200
    told: dict[str, Any] = (await response.json())["data"]
    text = json.dumps(told)
    words = ["Kim", "kim", "192.168.77.7", "diary", gateway.data["webhook_id"]]
    for word in [*words, *entry.data.values()]:
        assert word not in text
    assert told["options"]["keep_person"] == keep
    (subentry,) = told["subentries"]
    hidden = dict.fromkeys(("webhook_id", "device_ip", "user_id", "tags"), REDACTED)
    shown = {"local_only": True, "requests_per_minute": 600}
    assert subentry == {"type": "client", "data": hidden | shown}
