"""Every analysis of the engine agrees with the reference ledger, whatever happened before."""

from datetime import UTC, datetime, timedelta
from functools import partial
import os
from pathlib import Path
import tempfile
from zoneinfo import ZoneInfo

from hypothesis import HealthCheck, given, settings

from ..compare_analyses import AnalysisComparison
from ..random_analyses import ASKED, Asked, Operation, Story, big_stories, small_stories
from ..random_ledgers import Drawn
from ..reference.prices import PricedLedger

CI = os.environ.get("CI") == "true"
EXAMPLES = int(os.environ.get("LEDGER_EXAMPLES", "500" if CI else "100"))
BIG = EXAMPLES * 2 // 5


async def live_and_compare(story: Story, asked: Asked, *, days: int = 0) -> None:
    with tempfile.TemporaryDirectory() as folder:
        comparison = await AnalysisComparison.start(story, Path(folder, "ledger.db"))
        try:
            for index, (name, argument) in enumerate(story.operations):
                await comparison.live(name, argument)
                if not index and days:
                    assert_big(comparison.priced, days)
            await comparison.compare_all(asked)
        finally:
            await comparison.engine.close()


def assert_big(ledger: PricedLedger, days: int) -> None:
    entries = ledger.present()
    assert len(entries) >= 100
    assert len({entry.device for entry in entries}) >= 5
    assert len({ledger.day_of(entry) for entry in entries}) >= days >= 20


UNHURRIED = settings(
    deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large]
)


@settings(UNHURRIED, max_examples=EXAMPLES - BIG)
@given(story=small_stories(), asked=ASKED)
async def test_small_ledgers_give_the_analyses_of_the_reference(story: Story, asked: Asked) -> None:
    await live_and_compare(story, asked)


@settings(UNHURRIED, max_examples=BIG)
@given(big=big_stories(), asked=ASKED)
async def test_big_ledgers_give_the_analyses_of_the_reference(
    big: tuple[Story, int], asked: Asked
) -> None:
    story, days = big
    await live_and_compare(story, asked, days=days)


async def test_hours_go_with_their_days_though_the_zone_has_changed() -> None:
    zone, now = ZoneInfo("Pacific/Chatham"), datetime(2024, 4, 7, 9, 13, tzinfo=UTC)
    events = [
        Drawn(
            {"provider": "acme", "model": "m", "endpoint": "e"}
            | {"tokens_prompt": hours, "tokens_response": 0, "status": "ok"},
            partial(hours_ago, hours),
        )
        for hours in range(1, 30 * 24, 3)
    ]
    operations: list[Operation] = [
        ("batch", events),
        ("clean", (15, True)),
        ("zone", ZoneInfo("Europe/Berlin")),
        ("clean", (10, False)),
    ]
    asked = Asked(
        filters=[{}],
        device="ip:10.0.0.2",
        bounds=(no_bound, no_bound),
        dates=False,
        days=30,
        long_days=90,
        interval="day",
        threshold="2",
        top=8,
        provider=None,
    )
    story = Story(zone, now, keep_details=True, operations=operations)
    await live_and_compare(story, asked)


def hours_ago(hours: int, _: ZoneInfo, now: datetime) -> datetime:
    return now - timedelta(hours=hours)


def no_bound(_: ZoneInfo, __: datetime) -> None:
    return None
