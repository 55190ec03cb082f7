"""What removed events leave in the table of requests: it finds nothing, and is swept."""

from contextlib import closing
from datetime import timedelta
from pathlib import Path
import sqlite3

from hypothesis import given, strategies as st
import pytest

from custom_components.llm_analytics.analytics.store import request_ids
from custom_components.llm_analytics.analytics.store.database import prepare
from custom_components.llm_analytics.analytics.store.request_ids import (
    store_requests,
    sweep_requests,
)

from ..helpers import DAY, NOON, Clock, ask, count, opened
from ..usage_events import usage

COLUMNS = (
    "time, series, prompt, response, cache_read, cache_write, cache_write_1h, reasoning,"
    " cost_source, priced_as, failed, tag_set, tier, error_type, origin"
)
INSERT = f"INSERT INTO event (id, {COLUMNS}) VALUES (?{', 0' * (COLUMNS.count(',') + 1)})"

type Entries = list[tuple[bytes, int]]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "ledger.db"


def entries(db: sqlite3.Connection) -> Entries:
    """Return all entries in their order."""
    return db.execute("SELECT hash, event FROM request ORDER BY hash, event").fetchall()


def filled(db: sqlite3.Connection, found: Entries, live: set[int]) -> None:
    """Write entries, and the events of some of them."""
    prepare(db)
    db.executemany(INSERT, [(event_id,) for event_id in live])
    store_requests(db, found)
    db.execute("UPDATE ledger SET last_event = ?", (len(found),))


@given(
    hashes=st.lists(st.binary(min_size=1, max_size=4), max_size=40),
    left=st.sets(st.integers(1, 40)),
    behind=st.integers(0, 5),
    removed=st.integers(1, 8),
)
def test_a_sweep_removes_what_has_no_event_and_nothing_else(
    hashes: list[bytes], left: set[int], behind: int, removed: int
) -> None:
    before = sorted((hashed, number) for number, hashed in enumerate(hashes, start=1))
    live = {number for number in left if number <= len(hashes)}
    oldest = sorted(live)
    beyond = oldest[behind] if behind < len(oldest) else len(hashes) + 1
    with (
        closing(sqlite3.connect(":memory:", isolation_level=None)) as db,
        pytest.MonkeyPatch.context() as patch,
    ):
        patch.setattr(request_ids, "_LEFT_BEHIND", behind)
        patch.setattr(request_ids, "_LOOKED_AT", 1)
        filled(db, before, live)
        for _ in range(len(before) // removed + 1):
            sweep_requests(db, removed)
            assert [entry for entry in before if entry[1] in live] == [
                entry for entry in entries(db) if entry[1] in live
            ]
        assert entries(db) == [
            (hashed, number) for hashed, number in before if number in live or number >= beyond
        ]


def test_a_sweep_looks_at_as_many_as_is_due_and_goes_on_there(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(request_ids, "_LOOKED_AT", 3)
    before = [(bytes([number, 0, 0, 0]), number) for number in range(1, 21)]
    ask(path, lambda db: filled(db, before, set()))
    for gone in (7, 14, 20, 20):
        ask(path, lambda db: sweep_requests(db, 2))
        assert ask(path, entries) == before[gone:]


@pytest.mark.parametrize("ahead", [0, 3], ids=["in order", "some dated ahead"])
async def test_entries_do_not_grow_however_long_events_come_and_go(path: Path, ahead: int) -> None:
    clock = Clock(NOON + 3_000 * DAY)
    each, kept = 12, 30
    async with opened(path, clock=clock) as analytics:
        if ahead:
            await analytics.tracker.record_many(
                [usage(request_id=f"ahead-{n}") for n in range(ahead)]
            )
        clock.now = NOON
        for day in range(200):
            await analytics.tracker.record_many(
                [usage(request_id=f"{day}-{n}") for n in range(each)]
            )
            assert (await analytics.maintenance.clean_up(kept)).complete
            assert count(path, "request") <= (count(path, "event") + each) / 0.9
            clock.now += DAY
        clock.now -= DAY
        assert count(path, "event") == (kept + 1) * each + ahead
        known = [f"{day}-{n}" for day in range(199 - kept, 200) for n in range(each)]
        known += [f"ahead-{n}" for n in range(ahead)]
        again = await analytics.tracker.record_many([usage(request_id=one) for one in known])
        assert again.duplicates == len(known)
        gone = await analytics.tracker.record_many(
            [usage(request_id=f"{day}-0") for day in range(169)]
        )
        assert gone.duplicates == 0


async def test_entries_of_events_deleted_singly_go_too(path: Path) -> None:
    clock = Clock()
    async with opened(path, clock=clock) as analytics:
        made = await analytics.tracker.record_many([usage(request_id=str(n)) for n in range(40)])
        for event_id in made.ids[10:30]:
            await analytics.tracker.delete_event(event_id)
        assert count(path, "request") == 40
        assert not (await analytics.tracker.record(usage(request_id="15"))).duplicate
        clock.now += timedelta(days=40)
        await analytics.tracker.record_many([usage(request_id=f"later-{n}") for n in range(5)])
        assert (await analytics.maintenance.clean_up(30)).events_deleted == 21
        assert count(path, "request") == 5


def test_a_sweep_reads_the_table_in_its_order_and_events_by_their_ids(path: Path) -> None:
    ask(path, prepare)

    def plan(statement: str, *values: object) -> list[str]:
        asked = f"EXPLAIN QUERY PLAN {statement}"
        return ask(path, lambda db: [row[3] for row in db.execute(asked, values)])

    assert plan(request_ids._SWEEP_TO, b"", 1) == ["SEARCH request USING PRIMARY KEY (hash>?)"]
    assert plan(request_ids._SWEEP, b"", b"", 1) == [
        "SEARCH request USING PRIMARY KEY (hash>? AND hash<?)",
        "CORRELATED SCALAR SUBQUERY 1",
        "SEARCH event USING INTEGER PRIMARY KEY (rowid=?)",
    ]
    assert "SCAN event" in plan(request_ids._SWEEP_FROM, 1)  # by id, no further than the offset
