"""Devices, rooms and persons of the home, from its registries into the answers."""

from typing import Any

import attr
from homeassistant.components.person import async_create_person
from homeassistant.core import HomeAssistant
from homeassistant.helpers import (
    area_registry as ar,
    device_registry as dr,
    entity_registry as er,
)
from homeassistant.setup import async_setup_component
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry, MockUser

from custom_components.llm_analytics.coordinator import LlmAnalyticsCoordinator
from custom_components.llm_analytics.services import Action

from ..helpers import Client, act, get, stored

IP = "192.168.1.20"
MAC = "aa:bb:cc:dd:ee:01"


class House:
    """A home to furnish."""

    def __init__(self, hass: HomeAssistant) -> None:
        """Take the registries."""
        self.hass = hass
        self.areas = ar.async_get(hass)
        self.devices = dr.async_get(hass)
        self.entities = er.async_get(hass)

    def device(self, name: str, area: str | None = None, **given: Any) -> dr.DeviceEntry:
        """Add a device of an integration of its own."""
        entry = MockConfigEntry(domain="toys")
        entry.add_to_hass(self.hass)
        device = self.devices.async_get_or_create(
            config_entry_id=entry.entry_id, identifiers={("toys", name)}, name=name, **given
        )
        if area is not None:
            room = self.areas.async_get_area_by_name(area) or self.areas.async_create(area)
            self.devices.async_update_device(device.id, area_id=room.id)
        found = self.devices.async_get(device.id, include_child_devices=False)
        assert found is not None
        return found

    def tracker(
        self,
        name: str,
        device: dr.DeviceEntry | None = None,
        state: str = "home",
        **attributes: Any,
    ) -> str:
        """Add a tracker, of a device or of none."""
        entity = self.entities.async_get_or_create(
            "device_tracker",
            "toys",
            name,
            device_id=None if device is None else device.id,
            suggested_object_id=name.lower().replace(" ", "_"),
        )
        self.hass.states.async_set(entity.entity_id, state, {"friendly_name": name} | attributes)
        return entity.entity_id

    async def person(self, name: str, *trackers: str, user: MockUser | None = None) -> None:
        """Let somebody live here."""
        user_id = None if user is None else user.id
        await async_create_person(self.hass, name, user_id=user_id, device_trackers=list(trackers))
        await self.hass.async_block_till_done()


@pytest.fixture
async def house(hass: HomeAssistant) -> House:
    assert await async_setup_component(hass, "person", {})
    return House(hass)


async def place(client: Client) -> tuple[str | None, str | None, str | None]:
    """Return name, area and person of the only device there is, wherever they are shown."""
    _, dashboard = await get(client, "dashboard")
    _, report = await get(client, "reports")
    _, devices = await get(client, "usage/devices")
    key = dashboard["top_devices"][0]["device_ip"] or dashboard["top_devices"][0]["device_id"]
    _, device = await get(client, f"usage/device/{key}")
    rows = [*dashboard["top_devices"], *report["by_device"], *devices, device]
    assert len(rows) == 4
    (found,) = {(row["device_name"], row["area"], row["person"]) for row in rows}
    _, page = await get(client, "usage")
    _, breakdown = await get(client, "stats/breakdown", by="device")
    names = {event["device_name"] for event in page["events"] + dashboard["recent_activity"]}
    assert names | {row["name"] for row in breakdown["series"]} == {found[0]}
    return found


async def test_a_home_assistant_device_has_its_name_its_room_and_its_person(
    hass: HomeAssistant, house: House, client: Client
) -> None:
    device = house.device("Speaker", "Kitchen")
    event = await stored(client, device_ip=None, device_id=device.id)
    assert event["device_name"] == "Speaker"
    assert await place(client) == ("Speaker", "Kitchen", None)
    await house.person("Anna", house.tracker("Anna's", device))
    assert await place(client) == ("Speaker", "Kitchen", "Anna")
    # The registries are asked anew after each change.
    house.devices.async_update_device(device.id, name_by_user="Nook speaker")
    assert await place(client) == ("Nook speaker", "Kitchen", "Anna")
    kitchen = house.areas.async_get_area_by_name("Kitchen")
    assert kitchen is not None
    house.areas.async_update(kitchen.id, name="Nook")
    await hass.async_block_till_done()
    assert await place(client) == ("Nook speaker", "Nook", "Anna")
    # What the household or its clients call a device comes before what Home Assistant does.
    await stored(client, device_ip=None, device_id=device.id, device_name="esp32-1")
    assert (await place(client))[0] == "esp32-1"
    await act(hass, Action.RENAME_DEVICE, {"device_id": device.id, "name": "Cook's speaker"})
    assert await place(client) == ("Cook's speaker", "Nook", "Anna")
    house.devices.async_remove_device(device.id)
    await hass.async_block_till_done()
    assert await place(client) == ("Cook's speaker", None, None)


async def test_a_part_of_a_device_is_where_the_device_is(house: House, client: Client) -> None:
    device = house.device("Panel", "Hall")
    child = house.devices.async_get_or_create_child(
        config_entry_id=device.config_entry_id,
        parent_device_id=device.id,
        identifiers={("toys", "left")},
        name="Left half",
    )
    await stored(client, device_ip=None, device_id=child.id)
    assert await place(client) == ("Left half", "Hall", None)


async def test_an_id_from_before_a_device_was_split_stands_for_all_its_parts(
    hass: HomeAssistant, house: House, client: Client
) -> None:
    parts = [house.device("Phone"), house.device("Phone of the router", "Study")]
    await house.person("Anna", house.tracker("Phone", parts[0], state="not_home"))
    for part in parts:  # as the registry keeps it after its own migration
        house.devices._devices[part.id] = attr.evolve(part, composite_device_id="before")
    await stored(client, device_ip=None, device_id="before")
    assert await place(client) == ("Phone", "Study", "Anna")


async def test_an_address_is_that_of_the_tracker_that_reports_it(
    hass: HomeAssistant, house: House, client: Client
) -> None:
    await stored(client)
    assert await place(client) == (None, None, None)
    tracker = house.tracker("Phone", ip=IP)
    await hass.async_block_till_done()
    assert await place(client) == ("Phone", None, None)
    device = house.device("Anna's phone", "Study")
    house.entities.async_update_entity(tracker, device_id=device.id)
    await hass.async_block_till_done()
    assert await place(client) == ("Anna's phone", "Study", None)
    await house.person("Anna", tracker)
    assert await place(client) == ("Anna's phone", "Study", "Anna")
    # A tracker may be somewhere else than its device.
    garden = house.areas.async_create("Garden")
    house.entities.async_update_entity(tracker, name="Phone", area_id=garden.id)
    await hass.async_block_till_done()
    assert await place(client) == ("Anna's phone", "Garden", "Anna")
    # The router gives the address to another.
    hass.states.async_set(tracker, "not_home", {"ip": "192.168.1.99"})
    await hass.async_block_till_done()
    assert await place(client) == (None, None, None)


@pytest.mark.parametrize("attribute", ["ip", "ip_address"])
async def test_an_address_written_otherwise_is_the_same(
    hass: HomeAssistant, house: House, client: Client, attribute: str
) -> None:
    await stored(client, device_ip="fd00::7")
    for name, address in (("No address", "unknown"), ("No text", 7), ("Tablet", "FD00:0:0::7")):
        given: dict[str, Any] = {attribute: address}
        house.tracker(name, **given)
    await hass.async_block_till_done()
    assert (await place(client))[0] == "Tablet"


async def test_who_is_at_home_has_the_address(
    hass: HomeAssistant, house: House, client: Client
) -> None:
    await stored(client)
    first = house.tracker("A guest's phone", ip=IP)
    second = house.tracker("Tablet", state="not_home", ip=IP)
    await hass.async_block_till_done()
    assert (await place(client))[0] == "A guest's phone"
    hass.states.async_set(first, "not_home", {"friendly_name": "A guest's phone", "ip": IP})
    hass.states.async_set(second, "home", {"friendly_name": "Tablet", "ip": IP})
    await hass.async_block_till_done()
    assert (await place(client))[0] == "Tablet"
    hass.states.async_remove(second)
    await hass.async_block_till_done()
    assert (await place(client))[0] == "A guest's phone"


async def test_devices_of_one_hardware_address_are_one(
    hass: HomeAssistant, house: House, client: Client
) -> None:
    await stored(client)
    house.device("Kiosk", "Kitchen", connections={(dr.CONNECTION_NETWORK_MAC, MAC)})
    house.tracker("android-17", house.device("android-17"), ip=IP, mac=MAC.upper())
    await hass.async_block_till_done()
    assert await place(client) == ("android-17", "Kitchen", None)


async def test_a_device_is_found_by_its_own_page_but_not_by_a_hub_s(
    hass: HomeAssistant, house: House, client: Client
) -> None:
    await stored(client)
    house.device("No page", configuration_url="homeassistant://config")
    house.device("Elsewhere", configuration_url="http://tablet.local")
    house.device("Kiosk", "Kitchen", configuration_url=f"http://{IP}:2323/admin")
    assert await place(client) == ("Kiosk", "Kitchen", None)
    tracker = house.tracker("android-17", ip=IP)
    await hass.async_block_till_done()
    assert await place(client) == ("Kiosk", "Kitchen", None)
    hass.states.async_remove(tracker)
    house.device("Lamp", "Hall", configuration_url=f"http://{IP}/lamp")
    await hass.async_block_till_done()
    assert await place(client) == (None, None, None)


async def test_a_report_sums_up_rooms_and_persons(
    hass: HomeAssistant, member: MockUser, hass_admin_user: MockUser, house: House, client: Client
) -> None:
    speaker = house.device("Speaker", "Kitchen")
    tablet = house.device("Tablet", "Kitchen")
    phone = house.device("Phone", "Study")
    await house.person("Anna", house.tracker("Anna's phone", phone), user=member)
    for given in (
        {"device_id": speaker.id, "cost_estimate": 0.1},
        {"device_id": tablet.id, "user_id": member.id, "cost_estimate": 0.2},
        {"device_id": phone.id, "user_id": hass_admin_user.id, "cost_estimate": 0.4},
        {"device_ip": "10.0.0.9", "user_id": "a gateway's", "cost_estimate": 0.8},
    ):
        await stored(client, **({"device_ip": None} | given))
    status, report = await get(client, "reports", period="day")
    assert status == 200

    def costs(part: str, name: str) -> dict[str | None, float]:
        return {row[name]: float(row["cost_estimate"]) for row in report[part]}

    assert costs("by_area", "area") == {"Kitchen": 0.3, "Study": 0.4, None: 0.8}
    assert report["by_area"][-1]["area"] is None
    assert costs("by_person", "person") == {"Anna": 0.6, None: 0.9}
    names = {row["user_id"]: row["user_name"] for row in report["by_user"]}
    assert names == {
        member.id: "Anna",
        hass_admin_user.id: hass_admin_user.name,
        "a gateway's": None,
        "anonymous": None,
    }
    by_action = await act(hass, Action.GENERATE_REPORT, {"period": "day"}, return_response=True)
    assert by_action["by_area"] == [
        {
            name: value if value is None or isinstance(value, str) else pytest.approx(float(value))
            for name, value in row.items()
        }
        for row in report["by_area"]
    ]
    _, users = await get(client, "stats/users")
    assert users[member.id]["user_name"] == "Anna"
    _, top = await get(client, "stats/users/top")
    assert {row["user_id"]: row["user_name"] for row in top} == names


async def test_a_user_s_new_name_shows_at_once(hass: HomeAssistant, client: Client) -> None:
    user = await hass.auth.async_create_user("Ben")
    await hass.async_block_till_done()
    await stored(client, user_id=user.id)

    async def shown() -> str | None:
        await hass.async_block_till_done()
        _, users = await get(client, "stats/users")
        name: str | None = users[user.id]["user_name"]
        return name

    assert await shown() == "Ben"
    await hass.auth.async_update_user(user, name="Benjamin")
    assert await shown() == "Benjamin"
    await hass.auth.async_remove_user(user)
    assert await shown() is None


async def test_nothing_is_read_again_where_somebody_only_moves(
    hass: HomeAssistant, house: House, coordinator: LlmAnalyticsCoordinator
) -> None:
    known = coordinator.analytics.ledger.directory
    tracker = house.tracker("Phone", state="Work", ip=IP, latitude=1)
    await hass.async_block_till_done()
    before = known()
    hass.states.async_set("light.lamp", "on")
    hass.states.async_set(tracker, "Gym", {"friendly_name": "Phone", "ip": IP, "latitude": 2})
    await hass.async_block_till_done()
    assert known() is before
    hass.states.async_set(tracker, "Gym", {"friendly_name": "Watch", "ip": IP})
    await hass.async_block_till_done()
    assert known().device(f"ip:{IP}").name == "Watch"


async def test_a_reload_leaves_no_listener_behind(
    hass: HomeAssistant, entry: MockConfigEntry
) -> None:
    before = hass.bus.async_listeners()
    assert await hass.config_entries.async_reload(entry.entry_id)
    await hass.async_block_till_done()
    assert hass.bus.async_listeners() == before
