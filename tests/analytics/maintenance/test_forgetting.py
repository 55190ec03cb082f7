"""Forgetting a device or a user: re-assigned or deleted, and the name is nowhere in the file."""

from decimal import Decimal
from pathlib import Path
import sqlite3
from typing import Any

import pytest

from custom_components.llm_analytics.analytics import Analytics, Filter, NotFoundError, Status
from custom_components.llm_analytics.analytics.maintenance import forgetting

from ..helpers import DAY, NOON, ask, count, drift, everything, opened
from ..usage_events import usage

KITCHEN = "192.168.77.5"


async def household(analytics: Analytics) -> None:
    """Record what a device and a user called Ada did, alone, together and beside others."""
    parts: list[dict[str, Any]] = [
        {"device_ip": KITCHEN, "device_name": "Kitchen tablet", "user_id": "ada-7"},
        {"device_ip": KITCHEN},
        {"user_id": "ada-7", "model": "mystery", "recorded_by": "ada-7"},
        {},
        {"device_id": "speaker", "user_id": "ben", "recorded_by": "ada-7"},
    ]
    for ago in (40, 2, 0):
        for number, given in enumerate(parts):
            await analytics.tracker.record(
                usage(
                    timestamp=NOON - ago * DAY,
                    request_id=f"{ago}-{number}",
                    tags=("home",),
                    status=Status.ERROR if number == 1 else Status.OK,
                    **given,
                )
            )


def places(path: Path, *texts: str) -> list[str]:
    """Return every table and column that holds one of the texts."""

    def search(db: sqlite3.Connection) -> list[str]:
        found = []
        tables = db.execute("SELECT name FROM sqlite_schema WHERE type = 'table'").fetchall()
        for (table,) in tables:
            for row in db.execute(f"SELECT * FROM {table}"):
                found += [table for value in row if any(text in str(value) for text in texts)]
        return found

    return ask(path, search)


async def sums(analytics: Analytics) -> Any:
    """Return the ledger's totals and days."""
    report = await everything(analytics)
    return report["summary"], report["daily_breakdown"]


@pytest.mark.parametrize("frozen", [False, True])
async def test_a_forgotten_device_s_requests_belong_to_no_device(
    tmp_path: Path, *, frozen: bool
) -> None:
    path = tmp_path / "a.db"
    async with opened(path) as analytics:
        await household(analytics)
        if frozen:
            await analytics.maintenance.clean_up(retention_days=30)
        (summary, days) = await sums(analytics)
        answer = (await analytics.maintenance.forget(device=f"ip:{KITCHEN}")).as_dict()
        live = 4 if frozen else 6
        assert answer == {"status": "ok", "events_reassigned": live, "complete": True}
        assert await sums(analytics) == (summary | {"unique_devices": 1}, days)
        report: Any = await everything(analytics)
        assert [
            (row["device_id"], row["request_count"], row["total_tokens"])
            for row in report["by_device"]
        ] == [("speaker", 3, 450), (None, 12, 1_800)]
        ada = await analytics.reports.statistics(wanted=Filter(user="ada-7"))
        assert (ada.requests, ada.unpriced) == (6, 3)
        assert await drift(analytics) == 0
        unseen = await analytics.reports.statistics(wanted=Filter(device=f"ip:{KITCHEN}"))
        assert unseen.requests == 0
        with pytest.raises(NotFoundError) as refusal:
            await analytics.maintenance.forget(device=f"ip:{KITCHEN}")
        assert (refusal.value.thing, refusal.value.key) == ("device", KITCHEN)
    assert places(path, KITCHEN, "Kitchen") == []


@pytest.mark.parametrize("frozen", [False, True])
async def test_a_forgotten_user_s_requests_are_anonymous(tmp_path: Path, *, frozen: bool) -> None:
    path = tmp_path / "a.db"
    async with opened(path) as analytics:
        await household(analytics)
        if frozen:
            await analytics.maintenance.clean_up(retention_days=30)
        before = await sums(analytics)
        assert (await analytics.maintenance.forget(user="ada-7")).events == (4 if frozen else 6)
        assert await sums(analytics) == before
        users = {row.name: row.as_dict() for row in await analytics.reports.users()}
        cost = Decimal("0.00075")
        assert users == {
            "ben": {
                "user_name": None,
                "requests": 3,
                "tokens": 450,
                "cost": 3 * cost,
                "models_used": ["openai/gpt-4o"],
            },
            "anonymous": {
                "user_name": None,
                "requests": 12,
                "tokens": 1_800,
                "cost": 9 * cost,
                "models_used": ["openai/gpt-4o", "openai/mystery"],
            },
        }
        assert {event.usage.recorded_by for event in (await analytics.tracker.events()).events} == {
            None
        }
        assert await drift(analytics) == 0
        with pytest.raises(NotFoundError) as refusal:
            await analytics.maintenance.forget(user="ada-7")
        assert (refusal.value.thing, refusal.value.key) == ("user", "ada-7")
    assert places(path, "ada-7") == []


async def test_a_word_that_is_more_than_a_user_stays_where_it_is_something_else(
    tmp_path: Path,
) -> None:
    path = tmp_path / "a.db"
    async with opened(path) as analytics:
        await analytics.tracker.record(usage(user_id="night", recorded_by="night", agent="night"))
        await analytics.maintenance.forget(user="night")
        (event,) = (await analytics.tracker.events()).events
        assert (event.usage.agent, event.usage.recorded_by, event.usage.user_id) == (
            *("night", None),
            None,
        )


async def test_deleting_takes_live_events_out_of_every_sum(tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    async with opened(path) as analytics:
        await household(analytics)
        answer = (await analytics.maintenance.forget(device=f"ip:{KITCHEN}", delete=True)).as_dict()
        assert answer == {"status": "ok", "events_deleted": 6, "complete": True}
        report: Any = await everything(analytics)
        assert report["summary"]["request_count"] == 9
        assert report["summary"]["failed_requests"] == 0
        assert (await analytics.reports.statistics(wanted=Filter(user="ada-7"))).requests == 3
        assert await drift(analytics) == 0
    assert (count(path, "event"), places(path, KITCHEN, "Kitchen")) == (9, [])


async def test_of_days_whose_events_are_gone_the_sums_stay_without_the_name(
    tmp_path: Path,
) -> None:
    path = tmp_path / "a.db"
    async with opened(path) as analytics:
        await household(analytics)
        await analytics.maintenance.clean_up(retention_days=30)
        assert (await analytics.maintenance.forget(user="ada-7", delete=True)).events == 4
        users = {row.name: row.user.totals.requests for row in await analytics.reports.users()}
        assert users == {"anonymous": 8, "ben": 3}
        report: Any = await everything(analytics)
        assert report["daily_breakdown"][0]["request_count"] == 5
        assert await drift(analytics) == 0
    assert places(path, "ada-7") == []


async def test_what_is_recorded_afterwards_is_idempotent_and_begins_anew(tmp_path: Path) -> None:
    async with opened(tmp_path / "a.db") as analytics:
        await household(analytics)
        await analytics.maintenance.forget(device=f"ip:{KITCHEN}")
        again = await analytics.tracker.record(usage(device_ip=KITCHEN, request_id="0-1"))
        assert (again.duplicate, again.event.usage.device_ip) == (True, None)
        new = await analytics.tracker.record(
            usage(device_ip=KITCHEN, user_id="ada-7", request_id="new")
        )
        assert (new.duplicate, new.event.device_name) == (False, None)
        assert (
            await analytics.reports.statistics(wanted=Filter(device=f"ip:{KITCHEN}"))
        ).requests == 1
        await analytics.maintenance.forget(user="ada-7", delete=True)
        gone = await analytics.tracker.record(usage(user_id="ada-7", request_id="new"))
        assert (gone.duplicate, gone.event.usage.user_id) == (False, "ada-7")
        assert await drift(analytics) == 0


async def test_deleting_goes_on_where_the_budget_ended(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(forgetting, "BATCH", 4)
    path = tmp_path / "a.db"
    async with opened(path) as analytics:
        await household(analytics)
        answer = (await analytics.maintenance.forget(user="ada-7", delete=True, budget=0)).as_dict()
        assert answer == {"status": "incomplete", "events_deleted": 0, "complete": False}
        assert (await analytics.reports.statistics(wanted=Filter(user="ada-7"))).requests == 6
        # Six events in steps of four.
        assert (await analytics.maintenance.forget(user="ada-7", delete=True)).events == 6
        assert await drift(analytics) == 0
    assert places(path, "ada-7") == []


@pytest.mark.parametrize("name", [{"device": "ip:10.9.9.9"}, {"user": "nobody"}])
async def test_one_never_seen_is_not_found(tmp_path: Path, name: dict[str, str]) -> None:
    async with opened(tmp_path / "a.db") as analytics:
        await household(analytics)
        before = await everything(analytics)
        with pytest.raises(NotFoundError):
            await analytics.maintenance.forget(
                device=name.get("device"), user=name.get("user"), delete=True
            )
        assert await everything(analytics) == before
