"""Homes that know their devices and users, in words and as the engine takes them."""

from dataclasses import dataclass, field

from custom_components.llm_analytics.analytics import Directory, Known

type Place = tuple[str | None, str | None, str | None]


@dataclass(frozen=True)
class Home:
    """A home: (name, area, person) by device key, persons by user id, names by user id."""

    devices: dict[str, Place] = field(default_factory=dict)
    persons: dict[str, str] = field(default_factory=dict)
    users: dict[str, str] = field(default_factory=dict)

    def directory(self) -> Directory:
        """Return the home as the engine takes it."""
        return Directory(
            devices={key: Known(*place) for key, place in self.devices.items()},
            persons=self.persons,
            users=self.users,
        )


FAMILY = Home(
    devices={
        "ip:192.168.1.20": ("Tablet", "Kitchen", None),
        "ip:fd00::7": (None, "Attic", "Ben"),
        "ha:9f3c0a": ("Speaker", "Kitchen", "Anna"),
        "ip:10.9.9.9": ("Never used", "Cellar", "Nobody"),
    },
    persons={"anna": "Anna"},
    users={"anna": "anna's log-in", "-ben": "=Ben"},
)
ROOMS = Home(devices={"ip:192.168.1.20": (None, "Hall", None), "ha:9f3c0a": (None, "Attic", None)})
# Nothing known, only rooms, only persons who are users, and everything.
HOMES = [Home(), ROOMS, Home(persons={"-ben": "Ben"}), FAMILY]
