"""A ledger of the first schema, with all that it can hold, brought up to date."""

import hashlib
from pathlib import Path
import sqlite3
from typing import Any

import pytest

from custom_components.llm_analytics.analytics.periods import to_us
from custom_components.llm_analytics.analytics.store import schema
from custom_components.llm_analytics.analytics.store.database import prepare

from ..helpers import NOON, ask, opened
from ..usage_events import usage

UUID = "5bcef505-054e-4422-a318-358c983c15b0"
REQUESTS = (UUID, UUID.upper(), "chatcmpl-1")
LABELS = ("kitchen agent", "automation.morning", "rest", "f00d", "timeout")
COLUMNS = (
    "id, time, series, prompt, response, cache_read, cache_write, cache_write_1h, reasoning, cost,"
    " cost_source, priced_as, latency, ttft, failed, tag_set, tier, error_type, agent, context,"
    " source, recorded_by, request_id, request_hash, metadata"
)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "ledger.db"


def first_schema(db: sqlite3.Connection) -> None:
    """Write a ledger as the first schema had it."""
    for statement in (*schema.CREATION_PRAGMAS, *schema.MIGRATIONS[0]):
        db.execute(statement)
    db.execute("PRAGMA user_version = 1")
    db.execute("INSERT INTO endpoint VALUES (1, 'conversation')")
    db.execute("INSERT INTO model VALUES (1, 'openai', 'gpt-4o', 'gpt-4o')")
    db.execute("INSERT INTO series VALUES (1, 0, 1, 1, 0)")
    db.executemany("INSERT INTO label (key) VALUES (?)", [(label,) for label in LABELS])
    for number, (request_id, agent) in enumerate(
        [(None, 0), *((request_id, 1) for request_id in REQUESTS)], start=1
    ):
        known = None if request_id is None else old_hash(request_id)
        row: tuple[Any, ...] = (number, to_us(NOON), 1, 100, 50, 10, 20, 5, 7, 10**9, 2, 0, 1_500)
        row += (None, 1, 0, 2, 5, agent, 2 * agent, 3, 4, request_id, known, '{"a":1}')
        marks = ", ".join("?" * len(row))
        db.execute(f"INSERT INTO event ({COLUMNS}) VALUES ({marks})", row)
    db.execute("UPDATE ledger SET events = 4, last_event = 4")


def old_hash(request_id: str) -> bytes:
    """Return the 16 bytes that the first schema kept of a request of OpenAI's."""
    return hashlib.blake2b(f"openai\0{request_id}".encode(), digest_size=16).digest()


async def test_every_field_of_an_event_is_kept(path: Path) -> None:
    ask(path, first_schema)
    async with opened(path) as analytics:
        for number, request_id in enumerate((None, *REQUESTS), start=1):
            event = (await analytics.tracker.event(number)).as_dict()
            assert event["request_id"] == request_id
            assert event["agent"] == (None if request_id is None else "kitchen agent")
            assert event["context"] == (None if request_id is None else "automation.morning")
            shown = {name: event[name] for name in ("source", "recorded_by", "error_type")}
            assert shown == {"source": "rest", "recorded_by": "f00d", "error_type": "timeout"}
            tokens = [event[name] for name in event if name.startswith("tokens_")]
            assert tokens == [100, 50, 10, 20, 5, 7]
            assert (event["status"], event["service_tier"]) == ("error", "batch")
            assert (event["metadata"], event["latency_ms"]) == ({"a": 1}, 1.5)
        assert (await analytics.maintenance.health()).events == 4


async def test_requests_are_found_again(path: Path) -> None:
    ask(path, first_schema)
    async with opened(path) as analytics:
        for number, request_id in enumerate(REQUESTS, start=2):
            again = await analytics.tracker.record(usage(request_id=request_id))
            assert (again.duplicate, again.event.id) == (True, number)
        assert not (
            await analytics.tracker.record(usage(provider="acme", request_id=UUID))
        ).duplicate


def test_request_ids_and_origins_take_less_room(path: Path) -> None:
    ask(path, first_schema)
    ask(path, prepare)
    stored = ask(path, lambda db: db.execute("SELECT request_id FROM event ORDER BY id").fetchall())
    assert stored == [
        (None,),
        (bytes.fromhex(UUID.replace("-", "")),),
        (UUID.upper(),),
        ("chatcmpl-1",),
    ]
    assert ask(path, lambda db: db.execute("SELECT COUNT(*) FROM origin").fetchone()) == (2,)
