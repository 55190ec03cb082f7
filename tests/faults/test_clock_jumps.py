"""A clock that jumps, years back and forth: nothing is lost, and every total is right."""

from datetime import timedelta
from pathlib import Path
import random

import pytest

from custom_components.llm_analytics.analytics import InvalidInputError, Period
from tests.analytics.helpers import NOON, Clock, exported_json, opened
from tests.analytics.usage_events import usage

from .audit import audit
from .conftest import rounds


async def test_a_jumping_clock_loses_nothing(tmp_path: Path, seed: str) -> None:
    luck, clock = random.Random(seed), Clock()
    path = tmp_path / "ledger.db"
    recorded = 0
    async with opened(path, clock=clock) as analytics:
        for _ in range(rounds(60)):
            clock.now = NOON + luck.choice(
                (
                    timedelta(days=luck.randint(-3_000, 3_000)),
                    timedelta(seconds=luck.randint(-7_200, 7_200)),
                    timedelta(0),
                )
            )
            for _ in range(5):
                recorded += 1
                stored = await analytics.tracker.record(usage(tokens_prompt=recorded))
                assert stored.event.id == recorded
                assert stored.event.timestamp == clock.now
            today = (await analytics.reports.summary()).today.totals.requests
            assert 5 <= today <= recorded
            await analytics.reports.dashboard()
            await analytics.reports.report(Period.MONTH)
        assert (await analytics.maintenance.rebuild()).drift == 0
        clock.now = NOON + timedelta(days=3_001)  # a report ends with the present day
        exported = await exported_json(analytics, period=Period.ALL)
        assert sorted(event["id"] for event in exported["events"]) == list(range(1, recorded + 1))
    found = audit(path)
    assert len(found.events) == found.counted == recorded


async def test_a_clock_that_was_never_set_refuses_rather_than_misdates(tmp_path: Path) -> None:
    clock = Clock(NOON.replace(year=1970))
    async with opened(tmp_path / "ledger.db", clock=clock) as analytics:
        with pytest.raises(InvalidInputError, match="from 2015-01-01"):
            await analytics.tracker.record(usage())
        clock.now = NOON
        assert (await analytics.tracker.record(usage())).event.id == 1
