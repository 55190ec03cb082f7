"""Hours as others write them down: what is told when, under which name, and what is kept."""

from contextlib import AsyncExitStack, aclosing
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
import sqlite3
from typing import Any

import pytest

from custom_components.llm_analytics.analytics import (
    Analytics,
    ClosedError,
    Directory,
    InvalidInputError,
    Known,
    NotFoundError,
    SeriesHours,
)
from custom_components.llm_analytics.analytics.long_term_statistics import changes
from custom_components.llm_analytics.analytics.long_term_statistics.hours import HourlySums, slugged
from custom_components.llm_analytics.analytics.store.schema import MIGRATIONS

from ..helpers import BERLIN, DAY, NOON, PLAIN, ask, count, opened
from ..usage_events import usage

HOUR = timedelta(hours=1)
KITCHEN = {"device_ip": "192.168.1.20", "device_name": "Kitchen"}


async def told(analytics: Analytics, since: datetime | None = None) -> list[SeriesHours]:
    """Return everything that is told, and confirm it."""
    return [one for page in await pages(analytics, since) for one in page]


async def pages(analytics: Analytics, since: datetime | None = None) -> list[list[SeriesHours]]:
    async with aclosing(analytics.hours.hourly_changes(since)) as changes:
        return [page async for page in changes]


def requests(found: list[SeriesHours]) -> dict[str, list[tuple[datetime, int, int]]]:
    """Return (start, requests of the hour, requests up to its end) by slug."""
    rows: dict[str, list[tuple[datetime, int, int]]] = {}
    for one in found:
        rows.setdefault(one.series.slug, []).extend(
            (hour.start, hour.own.requests, hour.total.requests) for hour in one.hours
        )
    return rows


async def test_every_series_is_told_once(tmp_path: Path) -> None:
    async with opened(tmp_path / "a.db") as analytics:
        assert await told(analytics) == []
        await analytics.tracker.record(usage(timestamp=NOON - 2 * HOUR, **KITCHEN))
        await analytics.tracker.record_many(
            [usage(), usage(model="mystery", cost_estimate=Decimal(1))]
        )
        found = await told(analytics)
        assert requests(found) == {
            "total": [(NOON - 2 * HOUR, 1, 1), (NOON, 2, 3)],
            "device_192_168_1_20": [(NOON - 2 * HOUR, 1, 1)],
            "model_openai_gpt_4o": [(NOON - 2 * HOUR, 1, 1), (NOON, 1, 2)],
            "model_openai_mystery": [(NOON, 1, 1)],
        }
        assert {one.series.slug: one.series.name for one in found} == {
            "total": None,
            "device_192_168_1_20": "Kitchen",
            "model_openai_gpt_4o": "openai/gpt-4o",
            "model_openai_mystery": "openai/mystery",
        }
        last = found[0].hours[-1]
        assert (last.own.tokens, last.own.usd) == (300, 1.00075)
        assert (last.total.tokens, last.total.usd) == (450, 1.0015)
        assert last.start.tzinfo is UTC
        assert await told(analytics) == []


async def test_from_the_earliest_change_on_everything_is_told_again(tmp_path: Path) -> None:
    async with opened(tmp_path / "a.db") as analytics:
        for ago in (3, 2, 1):
            await analytics.tracker.record(usage(timestamp=NOON - ago * HOUR))
        await told(analytics)
        late = await analytics.tracker.record(usage(timestamp=NOON - 2 * HOUR, request_id="late"))
        again = [(NOON - 2 * HOUR, 2, 3), (NOON - HOUR, 1, 4)]
        expected = {"total": again, "model_openai_gpt_4o": again}
        assert requests(await told(analytics)) == expected
        await analytics.tracker.record(
            usage(timestamp=NOON - 2 * HOUR, request_id="late")
        )  # a retry
        assert await told(analytics) == []
        await analytics.tracker.delete_event(late.event.id)
        again = [(NOON - 2 * HOUR, 1, 2), (NOON - HOUR, 1, 3)]
        assert requests(await told(analytics))["total"] == again


async def test_an_hour_that_is_emptied_is_told_as_empty(tmp_path: Path) -> None:
    async with opened(tmp_path / "a.db") as analytics:
        gone = await analytics.tracker.record(usage(timestamp=NOON - HOUR, **KITCHEN))
        await analytics.tracker.record(usage())
        await told(analytics)
        await analytics.tracker.delete_event(gone.event.id)
        found = requests(await told(analytics))
        assert found["total"] == [(NOON - HOUR, 0, 0), (NOON, 1, 1)]
        assert found["device_192_168_1_20"] == [(NOON - HOUR, 0, 0)]
        # It stays so, when something earlier changes and after the sums are built anew.
        assert (await analytics.maintenance.rebuild()).drift == 0
        await analytics.tracker.record(usage(timestamp=NOON - 2 * HOUR))
        found = requests(await told(analytics))
        assert found["total"] == [(NOON - 2 * HOUR, 1, 1), (NOON - HOUR, 0, 1), (NOON, 1, 2)]


async def test_a_device_without_requests_any_more_is_not_counted(tmp_path: Path) -> None:
    async with opened(tmp_path / "a.db") as analytics:
        gone = await analytics.tracker.record(usage(timestamp=NOON - DAY - HOUR, **KITCHEN))
        await analytics.tracker.record(usage(timestamp=NOON - DAY - HOUR, device_ip="192.168.1.21"))
        await analytics.tracker.delete_event(gone.event.id)
        (devices,) = [
            row
            for metric, row in (await analytics.trends.comparison(1))
            .as_dict()["comparison"]
            .items()  # type: ignore[union-attr]
            if metric == "devices"
        ]
        assert devices["previous_to_same_time"] == 1  # type: ignore[index,call-overload]


async def test_sums_that_are_put_right_are_told_again(tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    async with opened(path) as analytics:
        for ago in (3, 2, 1):
            await analytics.tracker.record(usage(timestamp=NOON - ago * HOUR))
        await told(analytics)
        slot = int((NOON - 2 * HOUR).timestamp()) // 900
        wrong = "UPDATE agg_slot SET requests = 5 WHERE dimension = 0 AND slot = ?"
        assert ask(path, lambda db: db.execute(wrong, (slot,)).rowcount) == 1
        assert (await analytics.maintenance.rebuild()).drift == 2
        assert requests(await told(analytics)) == {
            "total": [(NOON - 2 * HOUR, 1, 2), (NOON - HOUR, 1, 3)]
        }


async def test_only_recent_changes_are_told_when_asked_for(tmp_path: Path) -> None:
    async with opened(tmp_path / "a.db") as analytics:
        await analytics.tracker.record(usage(timestamp=NOON - DAY, model="mystery"))
        await analytics.tracker.record(usage(timestamp=NOON - HOUR))
        # "total" has an old change and waits with it.
        recent = requests(await told(analytics, NOON - HOUR))
        assert recent == {"model_openai_gpt_4o": [(NOON - HOUR, 1, 1)]}
        assert await told(analytics, NOON - HOUR) == []
        assert requests(await told(analytics)) == {
            "total": [(NOON - DAY, 1, 1), (NOON - HOUR, 1, 2)],
            "model_openai_mystery": [(NOON - DAY, 1, 1)],
        }


@pytest.mark.parametrize("restart", [False, True])
@pytest.mark.parametrize("later", [NOON - 2 * DAY, NOON])
async def test_what_is_not_confirmed_is_told_again(
    tmp_path: Path, later: datetime, *, restart: bool
) -> None:
    path = tmp_path / "a.db"
    async with opened(path) as analytics:
        await analytics.tracker.record_many([usage(timestamp=NOON - DAY), usage()])
        async with aclosing(analytics.hours.hourly_changes()) as changes:
            async for _ in changes:
                break
        await analytics.tracker.record(usage(timestamp=later))
        if not restart:
            found = await told(analytics)
    if restart:
        async with opened(path) as analytics:
            found = await told(analytics)
    expected = (
        [(NOON - DAY, 1, 1), (NOON, 2, 3)]
        if later == NOON
        else [(NOON - 2 * DAY, 1, 1), (NOON - DAY, 1, 2), (NOON, 1, 3)]
    )
    assert requests(found)["total"] == expected


async def test_the_earliest_of_many_changes_counts(tmp_path: Path) -> None:
    async with opened(tmp_path / "a.db") as analytics:
        await analytics.tracker.record_many([usage(timestamp=NOON - 2 * DAY), usage()])
        await told(analytics)
        await analytics.tracker.record(usage(timestamp=NOON - DAY))
        await analytics.tracker.delete_event(2)  # later than what is noted
        expected = [(NOON - DAY, 1, 2), (NOON, 0, 2)]
        assert requests(await told(analytics))["total"] == expected


async def test_a_refused_event_leaves_no_gap(tmp_path: Path) -> None:
    async with opened(tmp_path / "a.db") as analytics:
        dear = [usage(cost_estimate=Decimal(100_000), tokens_prompt=0) for _ in range(93)]
        await analytics.tracker.record_many(dear[:90])
        await told(analytics)
        with pytest.raises(InvalidInputError):  # its note is rolled back with it
            await analytics.tracker.record_many(dear)
        await analytics.tracker.record(usage())
        assert requests(await told(analytics))["total"] == [(NOON, 91, 91)]


async def test_months_come_in_pages_and_idle_times_cost_nothing(tmp_path: Path) -> None:
    async with opened(tmp_path / "a.db") as analytics:
        moments = [NOON - ago * DAY for ago in (900, 60, 59, 30, 1, 0)]
        await analytics.tracker.record_many([usage(timestamp=moment) for moment in moments])
        found = await pages(analytics)
        assert len(found) == 2 * 4
        both = [(moment, 1, number + 1) for number, moment in enumerate(moments)]
        assert requests([one for page in found for one in page]) == {
            "total": both,
            "model_openai_gpt_4o": both,
        }


async def test_sums_go_on_when_clean_up_removes_totals(tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    async with opened(path) as analytics:
        # Together more than 64 bits hold.
        dear = [
            usage(timestamp=NOON - ago * DAY, cost_estimate=Decimal(100_000), **KITCHEN)
            for ago in (50, 49, 48)
            for _ in range(90)
        ]
        await analytics.tracker.record_many(dear)
        await told(analytics)
        cleaned = await analytics.maintenance.clean_up(30, keep_aggregates=False)
        assert (cleaned.aggregates_deleted > 0, count(path, "agg_slot")) == (True, 0)
        assert await told(analytics) == []
        await analytics.tracker.record(
            usage(timestamp=NOON - 40 * DAY)
        )  # late, of a day that is kept
        await analytics.tracker.record(usage(timestamp=NOON - 49 * DAY))  # late, of one that is not
        found = await told(analytics)
        assert requests(found)["total"] == [(NOON - 40 * DAY, 1, 272)]
        cost = Decimal(27_000_000) + 2 * Decimal("0.00075")
        assert found[0].hours[0].total.usd == float(cost)
        await analytics.maintenance.clean_up(30, keep_aggregates=False)
        await analytics.tracker.record(usage())
        assert requests(await told(analytics))["total"] == [(NOON, 1, 273)]


async def test_an_emptied_hour_does_not_go_with_the_removed_ones(tmp_path: Path) -> None:
    async with opened(tmp_path / "a.db") as analytics:
        await analytics.tracker.record_many(
            [usage(timestamp=NOON - ago * DAY) for ago in (50, 40, 38)]
        )
        await analytics.tracker.delete_event(2)
        await told(analytics)
        await analytics.maintenance.clean_up(35)
        await analytics.maintenance.clean_up(45, keep_aggregates=False)
        await analytics.tracker.record(usage(timestamp=NOON - 40 * DAY))
        expected = [(NOON - 40 * DAY, 1, 2), (NOON - 38 * DAY, 1, 3)]
        assert requests(await told(analytics))["total"] == expected


async def test_series_go_on_each_from_where_it_was(tmp_path: Path) -> None:
    async with opened(tmp_path / "a.db") as analytics:
        for ago in (3, 2, 1):
            await analytics.tracker.record(usage(timestamp=NOON - ago * HOUR))
            await analytics.tracker.record(usage(timestamp=NOON - ago * HOUR, model="mystery"))
        await told(analytics)
        await analytics.tracker.record(usage(timestamp=NOON - 3 * HOUR, model="mystery"))
        await analytics.tracker.record(usage())
        found = requests(await told(analytics))
        assert found["model_openai_gpt_4o"] == [(NOON, 1, 4)]
        late = [(NOON - 3 * HOUR, 2, 2), (NOON - 2 * HOUR, 1, 3), (NOON - HOUR, 1, 4)]
        assert found["model_openai_mystery"] == late


async def test_what_was_never_told_is_not_kept(tmp_path: Path) -> None:
    async with opened(tmp_path / "a.db") as analytics:
        await analytics.tracker.record(usage(timestamp=NOON - 50 * DAY))
        await analytics.maintenance.clean_up(30, keep_aggregates=False)
        await analytics.tracker.record(usage())
        assert requests(await told(analytics))["total"] == [(NOON, 1, 1)]


async def test_a_removal_stops_the_telling_and_the_next_is_right(tmp_path: Path) -> None:
    async with opened(tmp_path / "a.db") as analytics:
        await analytics.tracker.record_many(
            [usage(timestamp=NOON - ago * DAY) for ago in (50, 40, 0)]
        )
        await told(analytics)
        await analytics.tracker.record(usage(timestamp=NOON - 45 * DAY))
        async with aclosing(analytics.hours.hourly_changes()) as changes:
            await anext(changes)
            await analytics.maintenance.clean_up(30, keep_aggregates=False)
            with pytest.raises(StopAsyncIteration):
                await anext(changes)
        assert requests(await told(analytics))["total"] == [(NOON, 1, 4)]


async def test_a_copy_that_has_lost_a_series_is_told_everything(tmp_path: Path) -> None:
    async with opened(tmp_path / "a.db") as analytics:
        await analytics.tracker.record_many([usage(timestamp=NOON - ago * DAY) for ago in (50, 1)])
        await told(analytics)
        await analytics.maintenance.clean_up(30, keep_aggregates=False)
        await analytics.hours.repeat_missing({"total", "model_openai_gpt_4o"})
        assert await told(analytics) == []
        await analytics.hours.repeat_missing({"total"})
        assert requests(await told(analytics)) == {"model_openai_gpt_4o": [(NOON - DAY, 1, 1)]}
        await analytics.tracker.record(usage())
        found = requests(await told(analytics))
        assert found == {"total": [(NOON, 1, 3)], "model_openai_gpt_4o": [(NOON, 1, 2)]}


@pytest.mark.parametrize("delete", [False, True])
async def test_a_forgotten_device_is_to_be_removed(tmp_path: Path, *, delete: bool) -> None:
    path = tmp_path / "a.db"
    async with opened(path) as analytics:
        await analytics.tracker.record_many(
            [usage(timestamp=NOON - HOUR, **KITCHEN), usage(**KITCHEN)]
        )
        await told(analytics)
        await analytics.tracker.record(usage(**KITCHEN))
        await analytics.maintenance.forget(device="ip:192.168.1.20", delete=delete)
        assert await analytics.hours.forgotten_series() == ["device_192_168_1_20"]
        found = requests(await told(analytics))
        total = [(NOON - HOUR, 0, 0), (NOON, 0, 0)] if delete else [(NOON, 2, 3)]
        assert found == {"total": total, "model_openai_gpt_4o": total}
        await analytics.hours.confirm_forgotten(["device_192_168_1_20"])
        assert await analytics.hours.forgotten_series() == []
        assert count(path, "hourly_gone") == 0
        # The next device gets its id, and nothing else of it.
        await analytics.tracker.record(usage(device_ip="192.168.1.21"))
        assert requests(await told(analytics))["device_192_168_1_21"] == [(NOON, 1, 1)]


async def test_a_device_never_told_leaves_nothing_to_remove(tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    async with opened(path) as analytics:
        await analytics.tracker.record(usage(**KITCHEN))
        await analytics.maintenance.forget(device="ip:192.168.1.20")
        assert await analytics.hours.forgotten_series() == []
        assert count(path, "slot_change WHERE dimension = 1") == 0
        assert "device_192_168_1_20" not in requests(await told(analytics))


async def test_names_follow_and_slugs_stay(tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    async with opened(path) as analytics:
        same: list[tuple[dict[str, str], str, str]] = [
            ({"device_ip": "fd00::7", "model": "gpt-4.1"}, "device_fd00_7", "gpt_4_1"),
            ({"device_ip": "fd00:7::", "model": "gpt-4-1"}, "device_fd00_7_2", "gpt_4_1_2"),
            ({"device_id": "9f3c", "model": "通义"}, "device_9f3c", ""),
        ]
        for given, device, model in same:
            await analytics.tracker.record(usage(**given))
            slugs = requests(await told(analytics)).keys()
            assert slugs == {"total", device, f"model_openai_{model}".rstrip("_")}
        for name in ("Attic", "Loft"):
            await analytics.tracker.record(usage(device_ip="fd00:7::", device_name=name))
            named = {one.series.slug: one.series.name for one in await told(analytics)}
            assert named["device_fd00_7_2"] == name
    async with opened(path) as analytics:
        await analytics.tracker.record(usage(device_ip="fd00:7::"))
        assert "device_fd00_7_2" in requests(await told(analytics))


async def test_a_name_of_the_household_is_told_at_once(tmp_path: Path) -> None:
    clerk = Directory(devices={"ha:9f3c": Known(name="Speaker"), "ip:192.168.1.20": Known("No")})
    analytics = await Analytics.open(
        tmp_path / "a.db",
        zone=BERLIN,
        clock=lambda: NOON,
        settings=PLAIN,
        directory=lambda: clerk,
    )
    async with AsyncExitStack() as stack:
        stack.push_async_callback(analytics.close)
        await analytics.tracker.record(usage(timestamp=NOON - DAY, **KITCHEN))
        await analytics.tracker.record(usage(device_id="9f3c"))
        names = {one.series.slug: one.series.name for one in await told(analytics)}
        assert (names["device_192_168_1_20"], names["device_9f3c"]) == ("Kitchen", "Speaker")
        await analytics.maintenance.rename_device("ip:192.168.1.20", "Cooking")
        (one,) = await told(analytics)
        assert (one.series.name, requests([one])) == (
            "Cooking",
            {"device_192_168_1_20": [(NOON - DAY, 1, 1)]},
        )
        with pytest.raises(NotFoundError):
            await analytics.maintenance.rename_device("ip:10.9.9.9", "Nobody")
        assert await told(analytics) == []


def test_slugs_are_valid_and_apart() -> None:
    assert slugged("model", "OpenAI/GPT-4o", ()) == "model_openai_gpt_4o"
    assert slugged("total", "", ()) == "total"
    assert slugged("model", "??", {"model"}) == "model_2"
    assert slugged("model", "a b", {"model_a_b", "model_a_b_2"}) == "model_a_b_3"


def test_sums_are_added_part_by_part() -> None:
    assert HourlySums(1, 2, 3) + HourlySums(10, 20, 30) == HourlySums(11, 22, 33)
    assert HourlySums(cost=10**12 // 3).usd == 0.333333333333


async def test_an_existing_ledger_has_all_of_its_hours_to_tell(tmp_path: Path) -> None:
    path = tmp_path / "a.db"

    def old(db: sqlite3.Connection) -> None:
        for statement in MIGRATIONS[0]:
            db.execute(statement)
        db.execute("INSERT INTO model VALUES (4, 'openai', 'gpt-4o', 'gpt-4o')")
        hour = int(NOON.timestamp()) // 900
        rows = [(dimension, slot, key) for dimension, key in ((0, 0), (3, 4)) for slot in (0, 1, 9)]
        db.executemany(
            "INSERT INTO agg_slot VALUES (?, ?, ?, 1, 100, 50, 0)",
            [(dimension, hour + slot, key) for dimension, slot, key in rows],
        )
        db.execute("PRAGMA user_version = 1")

    ask(path, old)
    async with opened(path) as analytics:
        both = [(NOON, 2, 2), (NOON + 2 * HOUR, 1, 3)]
        assert requests(await told(analytics)) == {"total": both, "model_openai_gpt_4o": both}


async def test_most_events_add_no_note(tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    async with opened(path) as analytics:
        written: list[str] = []
        await analytics.ledger.db.run(lambda db: db.set_trace_callback(written.append))
        for _ in range(5):
            await analytics.tracker.record(usage(**KITCHEN))
        await analytics.ledger.db.run(lambda db: db.set_trace_callback(None))
        assert sum("slot_change" in statement for statement in written) == 3
        # Where nobody asks for hours there is one note a series, however long.
        assert count(path, "slot_change") == 3


async def test_a_closed_ledger_tells_nothing(tmp_path: Path) -> None:
    async with opened(tmp_path / "a.db") as analytics:
        await analytics.tracker.record(usage())
        changes = analytics.hours.hourly_changes()
        await anext(changes)
    with pytest.raises(ClosedError):
        await anext(changes)
    for asked in (analytics.hours.repeat_missing(set()), analytics.hours.confirm_forgotten([])):
        with pytest.raises(ClosedError):
            await asked
    with pytest.raises(ClosedError):
        await anext(analytics.hours.hourly_changes())


async def test_added_up_hours_are_not_added_up_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The time that telling takes does not grow with the ledger's age."""
    async with opened(tmp_path / "a.db") as analytics:
        await analytics.tracker.record_many(
            [usage(timestamp=NOON - ago * DAY) for ago in range(100)]
        )
        await told(analytics)
        starts: list[object] = []
        advance = changes.advance

        def watched(*given: Any, **named: Any) -> Any:
            starts.append(named["slot"])
            return advance(*given, **named)

        monkeypatch.setattr(changes, "advance", watched)
        await analytics.tracker.record(usage())
        assert requests(await told(analytics))["total"] == [(NOON, 2, 101)]
        week = 7 * 24 * 4
        start = int(NOON.timestamp()) // 900
        assert starts == [start, start + week] * 2
