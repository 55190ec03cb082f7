"""The bound on names: beyond it they fall under "other", and no total is ever wrong."""

from contextlib import closing
from decimal import Decimal
from pathlib import Path
import sqlite3
from typing import Any

import pytest

from custom_components.llm_analytics.analytics import Analytics, Filter, InvalidInputError, Period
from custom_components.llm_analytics.analytics.store import dimensions
from custom_components.llm_analytics.analytics.store.database import prepare

from ..helpers import count, drift, opened
from ..usage_events import usage

MANY = Decimal(100_000)  # 93 of them leave 64 bits


@pytest.fixture
def database(tmp_path: Path) -> Path:
    return tmp_path / "ledger.db"


def cap(monkeypatch: pytest.MonkeyPatch, **caps: int) -> None:
    for table, limit in caps.items():
        monkeypatch.setitem(dimensions.CAPS, table, limit)


async def report(analytics: Analytics) -> dict[str, Any]:
    return (await analytics.reports.report(Period.DAY)).as_dict()


@pytest.mark.parametrize(
    ("table", "field", "rows"),
    [
        ("endpoint", "endpoint", "by_endpoint"),
        ("user", "user_id", "by_user"),
        ("model", "model", "by_provider"),
    ],
)
async def test_names_beyond_the_cap_are_counted_as_other(
    database: Path,
    monkeypatch: pytest.MonkeyPatch,
    table: str,
    field: str,
    rows: str,
) -> None:
    cap(monkeypatch, **{table: 2})
    async with opened(database) as analytics:
        for value in ("a", "b", "c", "d"):
            await analytics.tracker.record(usage(**{field: value}))
        assert analytics.ledger.events.dimensions.full == {table}
        answer = await report(analytics)
        counted = {row[field]: row["request_count"] for row in answer[rows]}
        assert counted == {"a": 1, "b": 1, "other": 2}
        assert answer["summary"]["request_count"] == 4
        assert await drift(analytics) == 0
    assert count(database, table) == 3


async def test_devices_beyond_the_cap_are_one_nameless_device(
    database: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cap(monkeypatch, device=1)
    async with opened(database) as analytics:
        await analytics.tracker.record(usage(device_ip="10.0.0.1", device_name="Hall"))
        for number in (2, 3):
            recorded = await analytics.tracker.record(
                usage(device_ip=f"10.0.0.{number}", device_name="Attic")
            )
            assert recorded.event.device_name is None
        answer = await report(analytics)
        assert answer["summary"]["unique_devices"] == 2
        rows = [
            (row["device_ip"], row["device_name"], row["request_count"])
            for row in answer["by_device"]
        ]
        assert rows == [(None, None, 2), ("10.0.0.1", "Hall", 1)]


async def test_full_set_of_models_is_answered_as_it_is_kept(
    database: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cap(monkeypatch, model=1)
    async with opened(database) as analytics:
        await analytics.tracker.record(usage())
        recorded = await analytics.tracker.record(usage(model="new"))
        assert (recorded.event.usage.provider, recorded.event.usage.model) == ("other", "other")
        assert (await analytics.tracker.event(2)).as_dict() == recorded.event.as_dict()


async def test_tags_beyond_the_cap_count_once_as_other(
    database: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cap(monkeypatch, tag=1)
    async with opened(database) as analytics:
        await analytics.tracker.record(usage(tags=("home",)))
        await analytics.tracker.record(usage(tags=("new", "home", "newer")))
        assert (await analytics.tracker.event(2)).usage.tags == ("other", "home")
        for tag, requests in (("home", 2), ("other", 1)):
            assert (
                await analytics.reports.summary(Filter(tag=tag))
            ).today.totals.requests == requests
        assert await drift(analytics) == 0


async def test_sets_of_tags_beyond_the_cap_are_kept_as_other(
    database: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cap(monkeypatch, tag_set=1)
    async with opened(database) as analytics:
        await analytics.tracker.record(usage(tags=("home",)))
        for tags in (("home", "night"), ("night",), ("other",)):
            await analytics.tracker.record(usage(tags=tags))
        page = await analytics.tracker.events()
        assert [event.usage.tags for event in page.events] == [("other",)] * 3 + [("home",)]
        assert (await analytics.reports.summary(Filter(tag="other"))).today.totals.requests == 3
        assert (await analytics.reports.summary()).today.totals.requests == 4
        assert await drift(analytics) == 0
    assert count(database, "tag_set") == 2


async def test_small_words_beyond_the_cap_become_other(
    database: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cap(monkeypatch, label=2)
    async with opened(database) as analytics:
        for agent in ("one", "two"):
            await analytics.tracker.record(usage(provider="acme", agent=agent, source="api"))
        assert [(await analytics.tracker.event(n)).usage.agent for n in (1, 2)] == ["one", "other"]
        assert analytics.ledger.events.dimensions.full == {"label"}


async def test_origins_beyond_the_cap_are_other_agents_in_other_contexts(
    database: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cap(monkeypatch, origin=1)
    origins = [
        ("one", "a", "rest"),
        ("two", "b", "rest"),
        ("three", None, "rest"),
        (None, "c", "rest"),
        (None, None, "rest"),
        ("two", "b", "rest"),
    ]
    async with opened(database) as analytics:
        for agent, context, source in origins:
            await analytics.tracker.record(usage(agent=agent, context=context, source=source))
        kept = [(await analytics.tracker.event(number)).usage for number in range(1, 7)]
        assert [(one.agent, one.context, one.source) for one in kept] == [
            ("one", "a", "rest"),
            ("other", "other", "rest"),
            ("other", None, "rest"),
            (None, "other", "rest"),
            (None, None, "rest"),
            ("other", "other", "rest"),
        ]
        assert "origin" in analytics.ledger.events.dimensions.full
    assert count(database, "origin") == 5


async def test_other_itself_is_a_name_like_any(database: Path) -> None:
    async with opened(database) as analytics:
        await analytics.tracker.record(usage(endpoint="other", provider="other", model="other"))
        assert analytics.ledger.events.dimensions.full == set()
        assert (await analytics.tracker.event(1)).usage.endpoint == "other"


async def test_names_of_a_rolled_back_transaction_are_forgotten(database: Path) -> None:
    values = {"endpoint": "new", "user_id": "new", "model": "new", "tags": ("new",), "agent": "new"}
    device = {"device_ip": "10.0.0.9", "device_name": "New"}
    async with opened(database) as analytics:
        with pytest.raises(InvalidInputError):
            await analytics.tracker.record_many(
                [usage(**values, **device, cost_estimate=MANY) for _ in range(93)]
            )
        for table in dimensions.CAPS:
            assert count(database, table) == 0
        recorded = await analytics.tracker.record(usage(**values, **device))
        assert recorded.event.id == 1
        assert (await analytics.tracker.event(1)).as_dict() == recorded.event.as_dict()
        assert await drift(analytics) == 0


async def test_names_are_counted_with_those_of_earlier_days(
    database: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cap(monkeypatch, endpoint=2, tag_set=2)
    for value in ("a", "b", "c", "b"):  # each time the ledger is opened anew
        async with opened(database) as analytics:
            await analytics.tracker.record(usage(endpoint=value, tags=(value,)))
            full = analytics.ledger.events.dimensions.full
            assert full == ({"endpoint", "tag_set"} if value == "c" else set())
            answer = await report(analytics)
    counted = {row["endpoint"]: row["request_count"] for row in answer["by_endpoint"]}
    assert counted == {"a": 1, "b": 2, "other": 1}


async def test_a_forgotten_name_makes_room(database: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cap(monkeypatch, user=2)
    async with opened(database) as analytics:
        await analytics.tracker.record(usage(user_id="a"))
        await analytics.tracker.record(usage(user_id="b"))
        await analytics.maintenance.forget(user="a")
        await analytics.tracker.record(usage(user_id="c"))
        assert (await analytics.tracker.event(3)).usage.user_id == "c"
        await analytics.tracker.record(usage(user_id="d"))
        assert (await analytics.tracker.event(4)).usage.user_id == "other"


def test_names_are_counted_when_a_new_one_comes(tmp_path: Path) -> None:
    read: list[str] = []
    with closing(sqlite3.connect(tmp_path / "ledger.db", isolation_level=None)) as db:
        prepare(db)
        first = dimensions.Dimensions(db)
        first.of(usage(endpoint="known"))
        db.set_trace_callback(read.append)
        again = dimensions.Dimensions(db)
        assert read == []
        again.of(usage(endpoint="known"))
        assert not any("COUNT" in statement for statement in read)
        again.of(usage(endpoint="new"))
        again.of(usage(endpoint="newer"))
        assert [statement for statement in read if "COUNT" in statement] == [
            "SELECT COUNT(*) FROM endpoint"
        ]


async def test_memory_of_names_is_bounded(database: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dimensions, "_NAMES_LIMIT", 3)
    async with opened(database) as analytics:
        for number in range(6):
            await analytics.tracker.record(usage(endpoint=f"e{number % 3}"))
            assert len(analytics.ledger.events.dimensions._known) <= 8
        answer = await report(analytics)
        assert [row["request_count"] for row in answer["by_endpoint"]] == [2, 2, 2]
    assert count(database, "endpoint") == 3


async def test_memory_of_how_events_are_named_is_bounded(
    database: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dimensions, "_EVENTS_LIMIT", 2)
    async with opened(database) as analytics:
        for number in range(6):
            await analytics.tracker.record(
                usage(endpoint=f"e{number % 4}", device_name=f"d{number}")
            )
            assert len(analytics.ledger.events.dimensions._events) <= 3
    assert count(database, "endpoint") == 4


async def test_name_that_arrived_last_is_shown_everywhere(database: Path) -> None:
    async with opened(database) as analytics:
        await analytics.tracker.record(usage(device_ip="10.0.0.1", device_name="Old"))
        await analytics.tracker.record(usage(device_ip="10.0.0.1"))
        assert (await analytics.tracker.event(2)).device_name == "Old"
    async with opened(database) as analytics:
        recorded = await analytics.tracker.record(usage(device_ip="10.0.0.1"))
        assert recorded.event.device_name == "Old"
        await analytics.tracker.record(usage(device_ip="10.0.0.1", device_name="New"))
        names_shown = {event.device_name for event in (await analytics.tracker.events()).events}
        assert names_shown == {"New"}
