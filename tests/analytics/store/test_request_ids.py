"""Request ids in the file: small, given back as they came, and told apart whatever their hash."""

import hashlib
from pathlib import Path

from hypothesis import given, strategies as st
import pytest

from custom_components.llm_analytics.analytics.store import dimensions, recording, request_ids
from custom_components.llm_analytics.analytics.store.request_ids import (
    from_stored,
    request_hash,
    to_stored,
)

from ..helpers import ask, opened
from ..usage_events import usage

UUID = "5bcef505-054e-4422-a318-358c983c15b0"


@pytest.fixture
def database(tmp_path: Path) -> Path:
    return tmp_path / "ledger.db"


@given(st.uuids().map(str) | st.text(min_size=1, max_size=40))
def test_a_request_id_comes_back_as_it_was_given(request_id: str) -> None:
    assert from_stored(to_stored(request_id)) == request_id


def test_only_the_usual_form_of_a_uuid_is_kept_as_bytes() -> None:
    assert to_stored(UUID) == bytes.fromhex(UUID.replace("-", ""))
    for other in (UUID.upper(), UUID.replace("-", ""), f"{{{UUID}}}", f"{UUID}\n", "5bcef505"):
        assert to_stored(other) == other
    assert from_stored(None) is None


def test_hash_is_of_the_request_id_within_its_provider() -> None:
    slow = hashlib.blake2b(b"anthropic\x00r-1", digest_size=16).digest()
    assert request_hash("anthropic", "r-1") == slow[:4]
    assert request_hash("openai", "r-1") != slow[:4]
    assert request_hash("anthropic", "r-2") != slow[:4]


async def test_requests_that_share_a_hash_are_still_told_apart(
    database: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recording, "request_hash", lambda *_: b"same")
    given = [
        usage(provider=provider, request_id=request_id)
        for provider in ("openai", "anthropic")
        for request_id in (UUID, UUID.upper(), "r-1", "r-2")
    ]
    async with opened(database) as analytics:
        first = await analytics.tracker.record_many([*given, *given])
        assert (first.duplicates, first.ids) == (8, (*range(1, 9), *range(1, 9)))
        again = await analytics.tracker.record_many(given)
        assert (again.duplicates, again.ids) == (8, tuple(range(1, 9)))
        for event_id, one in enumerate(given, start=1):
            assert (await analytics.tracker.event(event_id)).usage.request_id == one.request_id


async def test_request_of_a_provider_beyond_the_cap_is_found_again(
    database: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(dimensions.CAPS, "model", 1)
    async with opened(database) as analytics:
        await analytics.tracker.record(usage(request_id="r"))
        first = await analytics.tracker.record(usage(provider="acme", request_id="r"))
        assert not first.duplicate
        again = await analytics.tracker.record(usage(provider="acme", request_id="r"))
        assert (again.duplicate, again.event.id) == (True, first.event.id)


async def test_finding_a_request_reads_one_row_at_most(database: Path) -> None:
    async with opened(database) as analytics:
        await analytics.tracker.record(usage(request_id="r"))
    plan = ask(
        database,
        lambda db: [
            row[3] for row in db.execute(f"EXPLAIN QUERY PLAN {request_ids._FIND}", (b"", "r", "p"))
        ],
    )
    assert plan == [
        "SEARCH request USING PRIMARY KEY (hash=?)",
        "SEARCH event USING INTEGER PRIMARY KEY (rowid=?)",
        "SEARCH series USING INTEGER PRIMARY KEY (rowid=?)",
        "SEARCH model USING INTEGER PRIMARY KEY (rowid=?)",
    ]
