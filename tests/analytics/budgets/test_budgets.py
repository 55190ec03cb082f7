"""Budgets stand as the reference says, and their crossings are told once, whatever happens."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, timedelta
from decimal import Decimal
from fractions import Fraction
import os
from pathlib import Path
import tempfile
from typing import Any

from hypothesis import HealthCheck, given, settings, strategies as st
import pytest

from custom_components.llm_analytics.analytics import (
    Analytics,
    Budget,
    BudgetUnit,
    Crossing,
    Filter,
    InvalidInputError,
    Period,
    Watch,
)

from ..compare_prices import PriceComparison
from ..helpers import BERLIN, Clock, berlin, count, opened
from ..random_analyses import Story, big_stories, small_stories
from ..random_ledgers import SINGLE_FILTERS
from ..reference.budgets import Limit, standing
from ..reference.ledger import local_date
from ..usage_events import usage

EXAMPLES = int(os.environ.get("LEDGER_EXAMPLES", "60"))
LIMITS = st.builds(
    Limit,
    metric=st.sampled_from(["cost", "tokens"]),
    amount=st.sampled_from([Decimal(1), Decimal(100), Decimal(2_000), Decimal(100_000)]),
    period=st.sampled_from(["day", "week", "month"]),
    thresholds=st.lists(st.sampled_from([1, 50, 80, 100, 120, 1_000]), max_size=3),
    wanted=st.sampled_from(SINGLE_FILTERS),
)
BUDGET = Budget(
    name="Weekly",
    unit=BudgetUnit.COST,
    amount=Decimal(10),
    period=Period.WEEK,
    thresholds=(100, 50, 100),
)


def budget(limit: Limit) -> Budget:
    return Budget(
        name="Any",
        unit=BudgetUnit(limit.metric),
        amount=limit.amount,
        period=Period(limit.period),
        thresholds=tuple(limit.thresholds),
        filter=Filter(**limit.wanted),
    )


# Against the reference


@dataclass
class BudgetComparison(PriceComparison):
    """The engine and the reference, side by side, with budgets."""

    limits: Sequence[Limit] = ()
    told: frozenset[tuple[int, date, int]] = frozenset()
    looked: date | None = None

    async def look(self) -> None:
        """Let both look at the budgets and compare what they tell."""
        watch = Watch(budgets={str(key): budget(one) for key, one in enumerate(self.limits)})
        figures = await self.engine.reports.figures(watch)
        new = await self.engine.notices.announce([one.notice for one in figures.crossings])
        await self.engine.notices.looked(figures.budgets, figures.day)
        found = [
            (int(one.key), one.day, one.threshold, Fraction(one.budget.shown(one.used)))
            for one in figures.crossings
            if one.notice in new
        ]
        assert sorted(found) == sorted(self.expected())
        for key, limit in enumerate(self.limits):
            state = figures.budgets[str(key)]
            assert standing(self.priced, limit, now=self.clock.now) == {
                "start": state.start,
                "used": state.used_amount,
                "remaining": state.remaining_amount,
                "percent": state.used_percent,
                "over": state.exceeded,
                "projected": state.projected_amount,
            }

    def expected(self) -> list[tuple[int, date, int, Fraction]]:
        """Return what is to be told now."""
        today = local_date(self.clock.now, self.priced.zone)
        fresh = []
        for key, limit in enumerate(self.limits):
            days = [today]
            if self.looked is not None and limit.last(self.looked) < today:
                days.insert(0, self.looked)
            for day in days:
                for first, threshold, used in limit.crossed(self.priced, day, today):
                    if (key, first, threshold) not in self.told:
                        self.told |= {(key, first, threshold)}
                        fresh.append((key, first, threshold, used))
        self.looked = today
        return fresh


async def live_and_look(story: Story, limits: list[Limit], looks: list[bool]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        comparison = await BudgetComparison.start(story, Path(folder, "ledger.db"))
        comparison.limits = limits
        try:
            await comparison.look()
            for (name, argument), look in zip(story.operations, looks, strict=False):
                await comparison.live(name, argument)
                # A midnight is looked at before anything else happens.
                if look or name in {"wait", "zone", "restart"}:
                    await comparison.look()
            await comparison.look()
        finally:
            await comparison.engine.close()


UNHURRIED = settings(
    deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large]
)
LOOKS = st.lists(st.sampled_from([False, False, True]), min_size=40, max_size=40)


@settings(UNHURRIED, max_examples=EXAMPLES)
@given(story=small_stories(), limits=st.lists(LIMITS, min_size=1, max_size=4), looks=LOOKS)
async def test_budgets_of_small_ledgers(
    story: Story, limits: list[Limit], looks: list[bool]
) -> None:
    await live_and_look(story, limits, looks)


@settings(UNHURRIED, max_examples=EXAMPLES // 2)
@given(big=big_stories(), limits=st.lists(LIMITS, min_size=1, max_size=4), looks=LOOKS)
async def test_budgets_of_big_ledgers(
    big: tuple[Story, int], limits: list[Limit], looks: list[bool]
) -> None:
    await live_and_look(big[0], limits, looks)


# One by one


async def crossed(analytics: Analytics, **budgets: Budget) -> list[Crossing]:
    """Look at the budgets, and return what is told."""
    figures = await analytics.reports.figures(Watch(budgets=budgets))
    new = await analytics.notices.announce([one.notice for one in figures.crossings])
    await analytics.notices.looked(figures.budgets, figures.day)
    return [one for one in figures.crossings if one.notice in new]


def costs(amount: str, **given: Any) -> Any:
    return usage(cost_estimate=Decimal(amount), **given)


async def test_a_threshold_is_crossed_when_it_is_reached_and_the_budget_over_beyond(
    tmp_path: Path,
) -> None:
    async with opened(tmp_path / "ledger.db", clock=Clock()) as analytics:
        await analytics.tracker.record(costs("4.999999999999"))
        assert await crossed(analytics, weekly=BUDGET) == []
        await analytics.tracker.record(costs("0.000000000001"))
        (half,) = await crossed(analytics, weekly=BUDGET)
        assert (half.threshold, half.used, half.day) == (50, 5 * 10**12, date(2026, 3, 16))
        await analytics.tracker.record(costs("5"))
        (full,) = await crossed(analytics, weekly=BUDGET)
        assert full.threshold == 100
        watch = Watch(budgets={"weekly": BUDGET})
        state = (await analytics.reports.figures(watch)).budgets["weekly"]
        assert (int(state.used_percent), state.remaining_amount) == (100, 0)
        assert not state.exceeded
        await analytics.tracker.record(costs("0.000000000001"))
        state = (await analytics.reports.figures(watch)).budgets["weekly"]
        assert state.exceeded
        assert state.remaining_amount == Decimal("-0.000000000001")


async def test_one_request_crosses_all_thresholds_lowest_first(tmp_path: Path) -> None:
    async with opened(tmp_path / "ledger.db", clock=Clock()) as analytics:
        await analytics.tracker.record(costs("11"))
        assert [one.threshold for one in await crossed(analytics, weekly=BUDGET)] == [50, 100]


async def test_a_lower_figure_untells_nothing(tmp_path: Path) -> None:
    async with opened(tmp_path / "ledger.db", clock=Clock()) as analytics:
        recorded = await analytics.tracker.record(costs("6"))
        assert len(await crossed(analytics, weekly=BUDGET)) == 1
        await analytics.tracker.delete_event(recorded.event.id)
        assert await crossed(analytics, weekly=BUDGET) == []
        await analytics.tracker.record(costs("7"))
        assert await crossed(analytics, weekly=BUDGET) == []


@pytest.mark.parametrize("restart", [False, True])
async def test_what_was_recorded_by_a_periods_end_crosses_it_after_its_end(
    tmp_path: Path, *, restart: bool
) -> None:
    clock, path = Clock(), tmp_path / "ledger.db"
    monday = berlin(2026, 3, 23)
    async with opened(path, clock=clock) as analytics:
        assert await crossed(analytics, weekly=BUDGET) == []
        clock.now = monday - timedelta(milliseconds=100)
        await analytics.tracker.record(costs("5"))
        if not restart:
            clock.now = monday + timedelta(milliseconds=100)
            assert [one.day for one in await crossed(analytics, weekly=BUDGET)] == [
                date(2026, 3, 16)
            ]
            await analytics.tracker.record(costs("20", timestamp=monday - timedelta(seconds=1)))
            assert await crossed(analytics, weekly=BUDGET) == []
    clock.now = monday + timedelta(days=2)
    async with opened(path, clock=clock) as analytics:
        told = await crossed(analytics, weekly=BUDGET)
        assert [one.threshold for one in told] == ([50] if restart else [])
        await analytics.tracker.record(costs("20", timestamp=monday - timedelta(seconds=1)))
        assert await crossed(analytics, weekly=BUDGET) == []


async def test_a_budget_that_is_changed_can_be_crossed_again(tmp_path: Path) -> None:
    async with opened(tmp_path / "ledger.db", clock=Clock()) as analytics:
        await analytics.tracker.record(costs("12", user_id="alex"))
        for changed in (
            BUDGET,
            replace(BUDGET, amount=Decimal(11)),
            replace(BUDGET, period=Period.MONTH),
            replace(BUDGET, filter=Filter(user="alex")),
            replace(BUDGET, thresholds=(50, 100), unit=BudgetUnit.TOKENS),
        ):
            assert len(await crossed(analytics, one=changed)) == 2, changed
            assert await crossed(analytics, one=changed) == []
        assert await crossed(analytics, one=replace(BUDGET, name="Called otherwise")) == []
        assert len(await crossed(analytics, one=replace(BUDGET, thresholds=(50, 60)))) == 1


async def test_notices_name_nobody_and_go_with_their_budget(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    async with opened(path, clock=Clock()) as analytics:
        await analytics.tracker.record(costs("12", user_id="alex"))
        mine = replace(BUDGET, filter=Filter(user="alex"))
        told = await crossed(analytics, mine=mine, everyones=BUDGET)
        assert len(told) == 4
        assert not any("alex" in one.notice.key for one in told)
        assert count(path, "notice") == 4
        await crossed(analytics, everyones=BUDGET)
        assert count(path, "notice") == 2
        await crossed(analytics)
        assert count(path, "notice") == 0


async def test_a_new_budget_is_not_crossed_by_the_past(tmp_path: Path) -> None:
    clock, path = Clock(), tmp_path / "ledger.db"
    async with opened(path, clock=clock) as analytics:
        await analytics.tracker.record(costs("12"))
        await crossed(analytics)
        clock.now += timedelta(days=7)
        assert await crossed(analytics) == []
        assert await crossed(analytics, weekly=BUDGET) == []


async def test_a_day_goes_on_as_days_do_at_this_time(tmp_path: Path) -> None:
    daily = replace(BUDGET, period=Period.DAY)
    clock = Clock(berlin(2026, 3, 18).astimezone(UTC) + timedelta(hours=12, minutes=7))
    async with opened(tmp_path / "ledger.db", clock=clock) as analytics:

        async def projected() -> Decimal:
            return (
                (await analytics.reports.figures(Watch(budgets={"d": daily})))
                .budgets["d"]
                .projected_amount
            )

        assert await projected() == 0
        await analytics.tracker.record(costs("1"))
        assert await projected() == 1, "the first day is all there is"
        for ago in range(1, 15):
            noon = berlin(2026, 3, 18) - timedelta(days=ago) + timedelta(hours=12)
            for hours, amount in ((-3, "2"), (3, "6")):
                moment = noon.replace(tzinfo=BERLIN) + timedelta(hours=hours)
                await analytics.tracker.record(costs(amount, timestamp=moment))
        assert await projected() == 7
        clock.now += timedelta(hours=6)
        assert await projected() == 1


async def test_the_days_of_a_scope_are_read_once_for_all_that_watches_it(tmp_path: Path) -> None:
    mine = replace(BUDGET, filter=Filter(user="alex"), period=Period.MONTH)
    alone = Watch(budgets={"mine": mine})
    shared = Watch(
        budgets={
            "mine": mine,
            "weekly": replace(mine, period=Period.WEEK),
            "tokens": replace(mine, unit=BudgetUnit.TOKENS),
            "everyones": BUDGET,
        },
        tracked={"alex": Filter(user="alex")},
    )
    async with opened(tmp_path / "ledger.db", clock=Clock()) as analytics:
        for ago in range(40):
            moment = Clock().now - timedelta(days=ago)
            await analytics.tracker.record(costs("1", user_id="alex", timestamp=moment))
            await analytics.tracker.record(costs("2", timestamp=moment))
        read: list[str] = []
        await analytics.ledger.reader.run(lambda db: db.set_trace_callback(read.append))
        one = await analytics.reports.figures(alone)
        needed, read[:] = sorted(read), []
        all_of_them = await analytics.reports.figures(shared)
        assert sorted(read) == needed
        await analytics.ledger.reader.run(lambda db: db.set_trace_callback(None))
        assert all_of_them.budgets["mine"] == one.budgets["mine"]
        assert all_of_them.tracked["alex"] == await analytics.reports.summary(Filter(user="alex"))
        assert all_of_them.tracked["alex"].month.totals.cost == 18 * 10**12
        assert all_of_them.summary == await analytics.reports.summary()
        assert all_of_them.forecast == await analytics.trends.forecast()


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"amount": Decimal(0)}, "amount"),
        ({"amount": Decimal(-1)}, "amount"),
        ({"amount": Decimal("nan")}, "amount"),
        ({"amount": Decimal("inf")}, "amount"),
        ({"amount": Decimal("1e-13")}, "amount"),
        ({"amount": Decimal("1e16")}, "amount"),
        ({"amount": Decimal("0.5"), "unit": BudgetUnit.TOKENS}, "amount"),
        ({"period": Period.YEAR}, "period"),
        ({"thresholds": (0,)}, "thresholds"),
        ({"thresholds": (50, 1_001)}, "thresholds"),
    ],
)
def test_what_cannot_be_a_budget_is_refused(given: dict[str, Any], field: str) -> None:
    with pytest.raises(InvalidInputError) as refusal:
        replace(BUDGET, **given)
    assert refusal.value.field == field


def test_the_least_and_the_most_are_budgets() -> None:
    assert replace(BUDGET, amount=Decimal("1e-12")).limit == 1
    assert replace(BUDGET, amount=Decimal("1e15"), unit=BudgetUnit.TOKENS).limit == 10**15
    assert replace(BUDGET, thresholds=(1, 1_000)).thresholds == (1, 1_000)


def test_a_budget_is_shown_in_its_unit() -> None:
    assert BUDGET.unit_name == "USD"
    assert replace(BUDGET, unit=BudgetUnit.TOKENS).unit_name == "tokens"


def test_a_share_of_a_budget_is_exact() -> None:
    third = replace(BUDGET, amount=Decimal(3), unit=BudgetUnit.TOKENS, thresholds=(33, 34, 67))
    assert third.crossed(1) == [33]
    assert third.crossed(2) == [33, 34]
    assert Fraction(2, 3) < Fraction(67, 100)
