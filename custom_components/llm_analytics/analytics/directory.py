"""Who and where: what the home knows of devices and users.

Nothing of it is ever stored. The home is asked anew for each answer, so a moved device or a
renamed person shows at once, and who leaves the home's registries leaves the answers.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final


@dataclass(frozen=True, slots=True)
class Known:
    """What the home knows of a device; None is unknown."""

    name: str | None = None
    area: str | None = None
    person: str | None = None


UNKNOWN: Final = Known()


@dataclass(frozen=True, slots=True, kw_only=True)
class Directory:
    """What the home knows: devices by key (``ip:…``, ``ha:…``), and users by id.

    ``persons`` are the names of the users who are persons of the home, ``users`` those of all.
    """

    devices: Mapping[str, Known] = field(default_factory=dict)
    persons: Mapping[str, str] = field(default_factory=dict)
    users: Mapping[str, str] = field(default_factory=dict)

    def device(self, key: str | None) -> Known:
        """Return what is known of a device."""
        return self.devices.get(key or "", UNKNOWN)

    def user_name(self, user: str | None) -> str | None:
        """Return a user's name, as a person if there is one."""
        return self.persons.get(user or "") or self.users.get(user or "")

    def person(self, user: str | None, device: str | None) -> str | None:
        """Return whose request it was: the user's, else the device's person."""
        return self.persons.get(user or "") or self.device(device).person

    @property
    def knows_persons(self) -> bool:
        """Return whether any request can have a person."""
        return bool(self.persons) or any(known.person for known in self.devices.values())


NOBODY: Final = Directory()
