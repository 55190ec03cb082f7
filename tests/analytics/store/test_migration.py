"""A ledger written by an earlier released schema answers as it did, and goes on.

``data/schema_1.sql`` is a dump of such a file, ``data/schema_1.json`` what the release that wrote
it answered; and so on. Later answers may say more, but nothing else.
"""

from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
import json
from pathlib import Path
from typing import Any

import pytest

from custom_components.llm_analytics.analytics import Json, Period
from custom_components.llm_analytics.analytics.store.schema import SCHEMA_VERSION

from ..helpers import PLAIN, Clock, ask, count, drift, opened
from ..usage_events import usage

DATA = Path(__file__).parents[1] / "data"
NOW = datetime(2026, 3, 18, 12, tzinfo=UTC)
_IN_EUROS = replace(PLAIN, home_currency="EUR")
SETTINGS = {1: PLAIN, 2: _IN_EUROS, 3: _IN_EUROS}


@pytest.fixture(params=range(1, SCHEMA_VERSION))
def schema(request: pytest.FixtureRequest) -> int:
    """Return the number of an earlier schema."""
    number: int = request.param
    return number


@pytest.fixture
def path(tmp_path: Path, schema: int) -> Path:
    path = tmp_path / "ledger.db"
    dump = (DATA / f"schema_{schema}.sql").read_text(encoding="utf-8")
    ask(path, lambda db: db.executescript(dump))
    return path


@pytest.fixture
def answered(schema: int) -> Any:
    """Return what was answered."""
    return exact(json.loads((DATA / f"schema_{schema}.json").read_text(encoding="utf-8")))


def exact(value: Any) -> Any:
    """Return a stored answer with its decimals as such."""
    if isinstance(value, str) and value.startswith("decimal:"):
        return Decimal(value.removeprefix("decimal:"))
    if isinstance(value, dict):
        return {key: exact(item) for key, item in value.items()}
    return [exact(item) for item in value] if isinstance(value, list) else value


def narrowed(value: Json, like: Any) -> Any:
    """Return an answer with only the keys that an earlier one has."""
    if isinstance(like, dict):
        assert isinstance(value, dict)
        return {key: narrowed(value[key], item) for key, item in like.items()}
    if isinstance(like, list):
        assert isinstance(value, list)
        assert len(value) == len(like)
        return [narrowed(item, other) for item, other in zip(value, like, strict=True)]
    return value


async def test_every_answer_is_what_it_was(path: Path, schema: int, answered: Any) -> None:
    async with opened(path, clock=Clock(NOW), settings=SETTINGS[schema]) as analytics:
        after: dict[str, Json] = {
            "report": (await analytics.reports.report(Period.ALL)).as_dict(),
            "dashboard": (await analytics.reports.dashboard()).as_dict(),
            "health": (await analytics.maintenance.health()).as_dict(),
            "events": (await analytics.tracker.events(limit=1000)).as_dict(),
        }
        assert await drift(analytics) == 0
    assert narrowed(after, answered) == answered
    version = ask(path, lambda db: db.execute("PRAGMA user_version").fetchone()[0])
    assert version == SCHEMA_VERSION


async def test_a_migration_is_announced_as_it_may_take_long(
    path: Path, schema: int, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    announced = f"is being brought from schema {schema} to {SCHEMA_VERSION}"
    async with opened(tmp_path / "new.db"):
        assert "is being brought" not in caplog.text
    async with opened(path):
        assert caplog.text.count(announced) == 1
    async with opened(path):
        assert caplog.text.count(announced) == 1


async def test_what_was_recorded_is_still_recorded_once(path: Path, answered: Any) -> None:
    known = [
        (row["id"], row["provider"], row["request_id"])
        for row in answered["events"]["events"]
        if row["request_id"] is not None
    ]
    assert len({len(request) for _, _, request in known}) > 1, "only one kind of request id"
    async with opened(path, clock=Clock(NOW)) as analytics:
        for event_id, provider, request_id in known:
            recorded = await analytics.tracker.record(
                usage(provider=provider, request_id=request_id)
            )
            assert (recorded.duplicate, recorded.event.id) == (True, event_id)
            assert recorded.event.usage.request_id == request_id
    assert count(path, "request") == len(known)


async def test_it_can_be_corrected_and_cleaned_up(path: Path) -> None:
    async with opened(path, clock=Clock(NOW)) as analytics:
        total = await analytics.reports.statistics()
        page = await analytics.tracker.events(limit=1000)
        for event in page.events[::7]:
            await analytics.tracker.delete_event(event.id)
        gone = sum(event.usage.tokens_prompt for event in page.events[::7])
        assert (await analytics.reports.statistics()).prompt == total.prompt - gone
        await analytics.maintenance.clean_up(30)
        assert (await analytics.reports.statistics()).prompt == total.prompt - gone
        assert await drift(analytics) == 0
