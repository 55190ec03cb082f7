"""Who and where: names of the household and of the home, areas, persons."""

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from custom_components.llm_analytics.analytics import (
    Analytics,
    By,
    Directory,
    InvalidInputError,
    Known,
    NotFoundError,
    Period,
)
from custom_components.llm_analytics.analytics.directory import NOBODY

from .helpers import NOON, PLAIN, Clock, opened
from .known_homes import FAMILY, Home
from .usage_events import usage

TABLET, LAPTOP = "192.168.1.20", "192.168.1.30"
EUR = Decimal("0.25")


class Moving:
    """A home whose registries change."""

    def __init__(self) -> None:
        """Begin with nothing known."""
        self.directory = NOBODY

    def __call__(self) -> Directory:
        """Return what is known now."""
        return self.directory


async def shown(analytics: Analytics) -> set[str | None]:
    """Return every name that any answer shows of the one device there is."""
    event = await analytics.tracker.event(1)
    page = await analytics.tracker.events()
    dashboard: Any = (await analytics.reports.dashboard()).as_dict()
    report: Any = (await analytics.reports.report(Period.DAY)).as_dict()
    breakdown: Any = (await analytics.reports.breakdown(By.DEVICE)).as_dict()
    _, pieces = await analytics.exports.report_csv(Period.DAY, detailed=True)
    csv = "".join([piece async for piece in pieces]).splitlines()[1].split(",")
    named = [
        *dashboard["top_devices"],
        *dashboard["recent_activity"],
        *report["by_device"],
        *(row.as_dict() for row in await analytics.reports.top_devices()),
        (await analytics.reports.device_summary(f"ip:{TABLET}")).as_dict(),
    ]
    return {
        event.device_name,
        *(one.device_name for one in page.events),
        *(row["device_name"] for row in named),
        breakdown["series"][0]["name"],
        csv[2] or None,
    }


async def test_the_household_s_name_comes_first_and_the_home_s_last(tmp_path: Path) -> None:
    moving = Moving()
    async with opened(tmp_path / "a.db", directory=moving) as analytics:
        recorded = await analytics.tracker.record(usage(device_ip=TABLET))
        assert recorded.event.device_name is None
        assert await shown(analytics) == {None}
        moving.directory = Directory(devices={f"ip:{TABLET}": Known("Registry's name")})
        assert await shown(analytics) == {"Registry's name"}
        recorded = await analytics.tracker.record(usage(device_ip=TABLET))
        assert recorded.event.device_name == "Registry's name"
        await analytics.tracker.record(usage(device_ip=TABLET, device_name="Client's name"))
        assert await shown(analytics) == {"Client's name"}
        await analytics.maintenance.rename_device(f"ip:{TABLET}", "Nook")
        assert await shown(analytics) == {"Nook"}
    async with opened(tmp_path / "a.db", directory=moving) as analytics:
        recorded = await analytics.tracker.record(
            usage(device_ip=TABLET, device_name="Another name")
        )
        assert recorded.event.device_name == "Nook"
        assert await shown(analytics) == {"Nook"}
        await analytics.maintenance.rename_device(f"ip:{TABLET}", None)
        assert await shown(analytics) == {"Another name"}


async def test_a_new_name_is_announced_and_a_bad_one_is_refused(tmp_path: Path) -> None:
    changes: list[None] = []
    async with opened(tmp_path / "a.db", committed=lambda: changes.append(None)) as analytics:
        await analytics.tracker.record(usage(device_ip=TABLET, device_name="Tablet"))
        changes.clear()
        await analytics.maintenance.rename_device(f"ip:{TABLET}", "n" * 255)
        assert len(changes) == 1
        for name in ("", "n" * 256, "\0"):
            with pytest.raises(InvalidInputError) as refused:
                await analytics.maintenance.rename_device(f"ip:{TABLET}", name)
            assert refused.value.field == "name"
        with pytest.raises(NotFoundError) as unknown:
            await analytics.maintenance.rename_device("ip:10.9.9.9", "Nook")
        assert (unknown.value.thing, unknown.value.key) == ("device", "10.9.9.9")
        assert len(changes) == 1
        assert (await analytics.tracker.event(1)).device_name == "n" * 255


async def test_rooms_and_persons_have_the_sums_of_their_devices(tmp_path: Path) -> None:
    home = Home(
        devices={
            f"ip:{TABLET}": (None, "Kitchen", None),
            f"ip:{LAPTOP}": (None, "Study", "Ben"),
            "ha:speaker": ("Speaker", "Kitchen", None),
        },
        persons={"anna": "Anna"},
        users={"anna": "anna-7", "guest": "A guest"},
    )
    async with opened(tmp_path / "a.db", directory=home.directory) as analytics:
        for given in (
            {"device_ip": TABLET, "user_id": "anna"},
            {"device_ip": TABLET, "user_id": "guest"},
            {"device_ip": LAPTOP, "user_id": "guest", "tokens_prompt": 900},
            {"device_ip": LAPTOP, "user_id": "anna"},
            {"device_id": "speaker"},
            {"device_ip": "10.0.0.9"},
            {},
        ):
            await analytics.tracker.record(usage(**given, cost_estimate=EUR))
        answer: Any = (await analytics.reports.report(Period.DAY)).as_dict()
        assert rows(answer["by_area"], "area") == [
            ("Study", 2, 2 * EUR),
            ("Kitchen", 3, 3 * EUR),
            (None, 2, 2 * EUR),
        ]
        # A user who is a person is that person on any device; else a device's person counts.
        assert rows(answer["by_person"], "person") == [
            ("Ben", 1, EUR),
            ("Anna", 2, 2 * EUR),
            (None, 4, 4 * EUR),
        ]
        assert [(row["user_id"], row["user_name"]) for row in answer["by_user"]] == [
            ("guest", "A guest"),
            ("anonymous", None),
            ("anna", "Anna"),
        ]
        users = {row.name: row.as_dict()["user_name"] for row in await analytics.reports.users()}
        assert users == {"guest": "A guest", "anna": "Anna", "anonymous": None}
        breakdown: Any = (await analytics.reports.breakdown(By.USER)).as_dict()
        named = {row["key"]: row["name"] for row in breakdown["series"]}
        assert named == {"guest": "A guest", "anna": "Anna", "anonymous": "anonymous"}


def rows(listed: list[dict[str, Any]], name: str) -> list[tuple[str | None, int, Decimal]]:
    return [(row[name], row["request_count"], row["cost_estimate"]) for row in listed]


async def test_nothing_of_the_home_s_names_is_in_the_file(tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    async with opened(path, clock=Clock(NOON), settings=PLAIN, directory=FAMILY.directory) as it:
        await it.tracker.record(usage(device_ip=TABLET, user_id="anna"))
        await it.reports.report(Period.ALL)
    written = path.read_bytes()
    assert b"anna" in written
    assert not [name for name in (b"Tablet", b"Kitchen", b"Anna", b"log-in") if name in written]
