"""Names, areas and persons of devices and users, from Home Assistant's registries.

They are read from the registries and from the states of persons and device trackers on first use
after a change, and cached until the next change. An IP address belongs to

- the device whose tracker reports it, and any other device with the same MAC address,
- otherwise the only device whose configuration URL has that address.

A device belongs to a person if one of its trackers does. If there are several sources, the first
that has a value is used.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from homeassistant.auth import EVENT_USER_ADDED, EVENT_USER_REMOVED, EVENT_USER_UPDATED
from homeassistant.config_entries import ConfigEntry
from homeassistant.const import ATTR_FRIENDLY_NAME, EVENT_STATE_CHANGED, STATE_HOME
from homeassistant.core import Event, EventStateChangedData, HomeAssistant, State, callback
from homeassistant.helpers import (
    area_registry as ar,
    device_registry as dr,
    entity_registry as er,
)
from yarl import URL

from ..analytics import Directory, InvalidInputError, Known, normal_ip

_PERSON: Final = "person"
_TRACKER: Final = "device_tracker"
_ADDRESSES: Final = ("ip", "ip_address")
# The attributes that the directory depends on; those of the location are not among them.
_TELLING: Final = {
    _PERSON: (ATTR_FRIENDLY_NAME, "device_trackers", "user_id"),
    _TRACKER: (ATTR_FRIENDLY_NAME, "mac", *_ADDRESSES),
}
_USERS: Final = (EVENT_USER_ADDED, EVENT_USER_UPDATED, EVENT_USER_REMOVED)

type Device = dr.DeviceEntry | dr.ChildDeviceEntry


class HomeRegistry:
    """Provides the current directory of devices and users."""

    def __init__(self, hass: HomeAssistant) -> None:
        """Initialize; ``async_start`` subscribes to changes."""
        self._hass = hass
        self._users: dict[str, str] = {}
        self._directory: Directory | None = None

    def __call__(self) -> Directory:
        """Return the current directory. Must be called in the event loop."""
        if self._directory is None:
            self._directory = _Survey(self._hass).directory(self._users)
        return self._directory

    async def async_start(self, entry: ConfigEntry) -> None:
        """Subscribe to all changes while the entry is loaded."""
        listen = self._hass.bus.async_listen
        entry.async_on_unload(listen(ar.EVENT_AREA_REGISTRY_UPDATED, self._forget))
        entry.async_on_unload(listen(dr.EVENT_DEVICE_REGISTRY_UPDATED, self._forget))
        entry.async_on_unload(listen(er.EVENT_ENTITY_REGISTRY_UPDATED, self._forget))
        entry.async_on_unload(listen(EVENT_STATE_CHANGED, self._forget, event_filter=_tells))
        for event_type in _USERS:
            entry.async_on_unload(listen(event_type, self._async_read_users))
        await self._async_read_users()

    @callback
    def _forget(self, _: Event[Any]) -> None:
        self._directory = None

    async def _async_read_users(self, _: Event | None = None) -> None:
        users = await self._hass.auth.async_get_users()
        self._users = {user.id: user.name for user in users if user.name}
        self._directory = None


@callback
def _tells(change: EventStateChangedData) -> bool:
    """Return whether a state change affects the directory."""
    names = _TELLING.get(change["entity_id"].partition(".")[0])
    if names is None:
        return False
    old, new = change["old_state"], change["new_state"]
    if old is None or new is None:
        return True
    if _at_home(old) != _at_home(new):
        return True
    return any(old.attributes.get(name) != new.attributes.get(name) for name in names)


def _at_home(state: State) -> bool:
    return state.state == STATE_HOME


class _Survey:
    """A snapshot of the registries."""

    def __init__(self, hass: HomeAssistant) -> None:
        """Read the areas, the persons, and the owners of trackers and of their devices."""
        self._hass = hass
        self._devices = dr.async_get(hass)
        self._entities = er.async_get(hass)
        self._areas = {area.id: area.name for area in ar.async_get(hass).async_list_areas()}
        self._persons = sorted(hass.states.async_all(_PERSON), key=lambda state: state.entity_id)
        self._owners: dict[str, str] = {}
        for person in self._persons:
            for tracker in person.attributes.get("device_trackers") or ():
                self._owners.setdefault(tracker, person.name)
                if (device := self._device_of(tracker)) is not None:
                    self._owners.setdefault(device.id, person.name)

    def directory(self, users: Mapping[str, str]) -> Directory:
        """Return the directory."""
        persons = [(person.attributes.get("user_id"), person.name) for person in self._persons]
        pages = self._by_page()
        return Directory(
            devices=dict(self._by_id()) | pages | dict(self._by_tracker(pages)),
            persons={user: name for user, name in persons if user},
            users=users,
        )

    def _by_id(self) -> Iterator[tuple[str, Known]]:
        """Yield every device by its ID; the ID from before a split stands for all its parts."""
        parts: defaultdict[str, list[Device]] = defaultdict(list)
        for device in self._devices.devices:
            yield f"ha:{device.id}", self._known([device])
            if device.composite_device_id is not None:
                parts[device.composite_device_id].append(device)
        for before, split in parts.items():
            yield f"ha:{before}", self._known(split)
        for entry_id in {device.config_entry_id for device in self._devices.devices}:
            for child in dr.async_child_entries_for_config_entry(self._devices, entry_id):
                yield f"ha:{child.id}", self._known([child])

    def _by_page(self) -> dict[str, Known]:
        """Return the devices by the address of their configuration URL, if no others have it.

        The URL of a hub, for example, can be that of many devices.
        """
        found: defaultdict[str, list[Device]] = defaultdict(list)
        for device in self._devices.devices:
            if device.configuration_url and (host := URL(device.configuration_url).host):
                for key in _keys([host]):
                    found[key].append(device)
        return {key: self._known(devices) for key, devices in found.items() if len(devices) == 1}

    def _by_tracker(self, pages: Mapping[str, Known]) -> Iterator[tuple[str, Known]]:
        """Yield what is known of the addresses that trackers report, the best of each last.

        A tracker at home wins over one that is away, whose address may have been reassigned.
        """
        trackers = self._hass.states.async_all(_TRACKER)
        for state in sorted(trackers, key=lambda state: (_at_home(state), state.entity_id)):
            for key in _keys(state.attributes.get(name) for name in _ADDRESSES):
                yield key, self._tracked(state, pages.get(key, Known()))

    def _tracked(self, state: State, page: Known) -> Known:
        devices: list[Device] = []
        if (device := self._device_of(state.entity_id)) is not None:
            devices.append(device)
        if isinstance(mac := state.attributes.get("mac"), str):
            connection = (dr.CONNECTION_NETWORK_MAC, dr.format_mac(mac))
            devices += self._devices.async_get_devices(connections={connection})
        known = self._known(devices)
        entry = self._entities.async_get(state.entity_id)
        own = entry and entry.area_id and self._areas.get(entry.area_id)
        return Known(
            name=known.name or page.name or state.name,
            area=own or known.area or page.area,
            person=self._owners.get(state.entity_id) or known.person or page.person,
        )

    def _device_of(self, entity_id: str) -> Device | None:
        entry = self._entities.async_get(entity_id)
        if entry is None or entry.device_id is None:
            return None
        return self._devices.async_get(entry.device_id)

    def _known(self, devices: Iterable[Device]) -> Known:
        """Return what is known of a device that may have several registry entries."""
        names, areas, persons = [], [], []
        for device in devices:
            names.append(device.name_by_user or device.name)
            areas.append(self._areas.get(dr.async_get_effective_area_id(self._hass, device) or ""))
            persons.append(self._owners.get(device.id))
        return Known(*(next(filter(None, told), None) for told in (names, areas, persons)))


def _keys(addresses: Iterable[object]) -> Iterator[str]:
    """Yield the device keys of those values that are IP addresses."""
    for address in addresses:
        if isinstance(address, str):
            try:
                yield f"ip:{normal_ip(address)}"
            except InvalidInputError:
                continue
