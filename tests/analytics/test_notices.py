"""What is announced is announced once."""

from datetime import date
from decimal import Decimal
from pathlib import Path

from custom_components.llm_analytics.analytics import Notice, NoticeKind, Rate

from .helpers import DAY, NOON, Clock, count, opened
from .usage_events import usage

CROSSED = Notice(NoticeKind.BUDGET, "week:80", date(2026, 3, 16))
UNUSUAL = Notice(NoticeKind.ANOMALY, "cost", date(2026, 3, 16))
UNPRICED = Notice(NoticeKind.UNPRICED_MODEL, "acme/sage-1")


async def test_only_what_is_new_is_announced(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    async with opened(path) as analytics:
        assert await analytics.notices.announce([CROSSED, UNPRICED]) == [CROSSED, UNPRICED]
        assert await analytics.notices.announce([CROSSED, UNUSUAL, UNUSUAL]) == [UNUSUAL]
    async with opened(path) as analytics:
        assert await analytics.notices.announce([CROSSED, UNUSUAL, UNPRICED]) == []
        next_week = Notice(CROSSED.kind, CROSSED.key, date(2026, 3, 23))
        assert await analytics.notices.announce([next_week]) == [next_week]


async def test_notices_of_long_ago_are_dropped_but_not_those_without_a_day(tmp_path: Path) -> None:
    clock = Clock()
    path = tmp_path / "ledger.db"
    async with opened(path, clock=clock) as analytics:
        await analytics.notices.announce([CROSSED, UNPRICED])
        clock.now = NOON.replace(year=2028)
        for day in range(2):
            await analytics.tracker.record(usage(timestamp=clock.now - day * DAY))
        assert await analytics.notices.announce([UNPRICED]) == []
    assert count(path, "notice") == 1


async def test_a_night_in_another_year_has_nothing_announced_again(tmp_path: Path) -> None:
    clock = Clock()
    async with opened(tmp_path / "ledger.db", clock=clock) as analytics:
        for day in range(2):
            await analytics.tracker.record(usage(timestamp=NOON - day * DAY))
        await analytics.notices.announce([CROSSED, UNUSUAL])
        clock.now = NOON.replace(year=2040)
        await analytics.tracker.record(usage())
        await analytics.notices.announce([Notice(CROSSED.kind, "other:80", date(2040, 3, 16))])
        clock.now = NOON
        assert await analytics.notices.announce([CROSSED, UNUSUAL]) == []


async def test_a_price_lets_only_its_own_model_be_announced_again(tmp_path: Path) -> None:
    other = Notice(NoticeKind.UNPRICED_MODEL, "acme/sage-2")
    async with opened(tmp_path / "ledger.db") as analytics:
        await analytics.notices.announce([UNPRICED, other])
        rate = Rate(
            provider="acme", model="sage-2", prompt_per_1m=Decimal(1), response_per_1m=Decimal(1)
        )
        await analytics.costs.set_rate(rate)
        assert await analytics.notices.announce([UNPRICED, other]) == [other]
