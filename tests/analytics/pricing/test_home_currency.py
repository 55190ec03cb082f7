"""The cost in the household's own currency: frozen at its day's rate, and every sum follows."""

from dataclasses import dataclass, replace
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
import tempfile
from typing import Any, ClassVar, cast

from hypothesis import HealthCheck, given, settings, strategies as st
import pytest

from custom_components.llm_analytics.analytics import (
    Analytics,
    EventsRemovedError,
    ExchangeRate,
    Filter,
    InvalidInputError,
    NotFoundError,
    Rate,
)
from custom_components.llm_analytics.analytics.pricing import calculator, conversion

from ..compare_prices import PriceComparison
from ..helpers import DAY, NOON, PLAIN, Clock, ask, count, drift, opened
from ..maintenance.test_clean_up import Ticks
from ..random_analyses import CARE, Operation, Story, in_order, presents
from ..random_ledgers import (
    CURRENCIES,
    EXCHANGE,
    OPERATIONS,
    QUESTIONS,
    ZONES,
    Moment,
    Questions,
    moments,
)
from ..reference.currency import HomeLedger
from ..reference.prices import PricedLedger
from ..test_against_reference import EXAMPLES
from ..usage_events import usage

EURO = replace(PLAIN, home_currency="EUR")
PICO = 10**12


async def euro(analytics: Analytics, usd: str, ago: int | None = None) -> None:
    effective = None if ago is None else NOON - ago * DAY
    await analytics.costs.set_exchange_rate(ExchangeRate("EUR", Decimal(usd), effective))


async def spent(analytics: Analytics, usd: str = "1", ago: int = 0, **given: Any) -> int:
    """Record what cost some dollars some days ago and return the event's id."""
    event = usage(timestamp=NOON - ago * DAY, cost_estimate=Decimal(usd), **given)
    return (await analytics.tracker.record(event)).event.id


async def figures(analytics: Analytics) -> list[tuple[Any, Any]]:
    """Return amount and currency of every event, oldest id first."""
    events = sorted(
        (await analytics.tracker.events(limit=1_000)).events, key=lambda event: event.id
    )
    answers = [event.as_dict() for event in events]
    return [(answer["home_cost"], answer["home_currency"]) for answer in answers]


async def month(analytics: Analytics, **wanted: str) -> tuple[Any, Any]:
    """Return the month's sum and how many requests are not in it."""
    answer: Any = (await analytics.reports.summary(Filter(**wanted))).as_dict()
    return answer["month"]["home_cost"], answer["month"]["unconverted_requests"]


# At random


@dataclass
class CurrencyComparison(PriceComparison):
    """The engine and the reference, side by side, converting and forgetting."""

    ledger: ClassVar[type[PricedLedger]] = HomeLedger

    @property
    def home(self) -> HomeLedger:
        return cast("HomeLedger", self.reference)

    async def _convert(self, argument: tuple[Moment, Moment, bool]) -> None:
        first, second, missing = argument
        start, end = in_order((first, second), self.reference.zone, self.clock.now)

        async def converted() -> Any:
            done = await self.engine.costs.convert(start, end, only_unconverted=missing)
            return self._figures(done.as_dict())

        if self.home.currency is None:
            with pytest.raises(InvalidInputError):
                await self.engine.costs.convert(start, end, only_unconverted=missing)
        else:
            await self.agree(
                converted(), lambda: self.home.convert(start, end, only_unconverted=missing)
            )

    async def _forget(self, argument: tuple[str, str, bool]) -> None:
        name, key, delete = argument
        touched = self.home.forget(name, key, delete=delete)
        if touched is None:
            with pytest.raises(NotFoundError):
                await self.engine.maintenance.forget(**{name: key}, delete=delete)  # type: ignore[arg-type]
        else:
            done = await self.engine.maintenance.forget(**{name: key}, delete=delete)  # type: ignore[arg-type]
            assert (done.events, done.complete) == (touched, True)


HOME = st.one_of(
    st.tuples(st.just("convert"), st.tuples(moments(), moments(), st.booleans())),
    st.tuples(
        st.just("forget"),
        st.sampled_from([("device", "ip:192.168.1.20"), ("user", "anna")]).flatmap(
            lambda who: st.tuples(st.just(who[0]), st.just(who[1]), st.booleans())
        ),
    ),
    st.tuples(
        st.just("exchange"),
        st.tuples(st.sampled_from(CURRENCIES), st.sampled_from(EXCHANGE), moments()),
    ),
)


@st.composite
def stories(draw: st.DrawFn) -> Story:
    """Draw a story that begins with a currency and perhaps a rate."""
    zone = draw(st.sampled_from(ZONES))
    begin: list[Operation] = [("currency", draw(st.sampled_from(CURRENCIES)))]
    rate = draw(st.sampled_from([None, *EXCHANGE]))
    if rate is not None:
        begin.append(("exchange", (begin[0][1], rate, lambda _zone, _now: None)))
    operations = draw(st.lists(st.one_of(OPERATIONS, HOME, CARE), min_size=3, max_size=14))
    return Story(zone, draw(presents(zone)), keep_details=True, operations=begin + operations)


@settings(
    max_examples=EXAMPLES,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
@given(story=stories(), questions=QUESTIONS)
async def test_home_figures_are_the_reference_s(story: Story, questions: Questions) -> None:
    with tempfile.TemporaryDirectory() as folder:
        comparison = await CurrencyComparison.start(story, Path(folder, "ledger.db"))
        try:
            for name, argument in story.operations:
                await comparison.live(name, argument)
            await comparison.compare(questions)
        finally:
            await comparison.engine.close()


# One by one


async def test_a_new_rate_changes_nothing_that_was_recorded(tmp_path: Path) -> None:
    clock = Clock()
    async with opened(tmp_path / "a.db", settings=EURO, clock=clock) as analytics:
        await euro(analytics, "1.25")
        await spent(analytics)
        clock.now += DAY
        await euro(analytics, "2")  # from now on
        await spent(analytics, ago=-1)
        await spent(analytics, tags=("late",))  # yesterday, at yesterday's rate
        await euro(analytics, "4", ago=3)  # back-dated
        assert await figures(analytics) == [
            (Decimal("0.8"), "EUR"),
            (Decimal("0.5"), "EUR"),
            (Decimal("0.8"), "EUR"),
        ]
        assert await month(analytics) == (Decimal("2.1"), 0)
        summary = await analytics.reports.summary()
        assert summary.today.home_cost == Decimal("0.5")
        assert summary.month.cost == 3
        assert await drift(analytics) == 0


async def test_an_amount_is_rounded_half_to_even_once(tmp_path: Path) -> None:
    async with opened(tmp_path / "a.db", settings=EURO) as analytics:
        await euro(analytics, "2")
        for picos in (1, 3, 5):
            await spent(analytics, f"0.{picos:012}")
        assert [amount * PICO for amount, _ in await figures(analytics)] == [0, 2, 2]
        await euro(analytics, "0.000000000003")
        await spent(analytics, "0.000000000001")
        assert (await figures(analytics))[-1][0] == Decimal("0.333333333333")


async def test_what_has_no_price_or_no_rate_is_not_converted(tmp_path: Path) -> None:
    async with opened(tmp_path / "a.db", settings=EURO) as analytics:
        await spent(analytics)
        await euro(analytics, "1.25", ago=2)
        await spent(analytics, ago=3)
        await spent(analytics, "0")
        await analytics.tracker.record(usage(model="mystery"))
        nothing = (None, None)
        assert await figures(analytics) == [nothing, nothing, (0, "EUR"), nothing]
        assert await month(analytics) == (0, 3)


async def test_a_home_without_a_currency_has_no_such_figure(tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    async with opened(path) as analytics:
        await euro(analytics, "1.25")
        await spent(analytics)
        assert await figures(analytics) == [(None, None)]
        assert await month(analytics) == (None, None)
        report: Any = (await analytics.reports.report()).as_dict()
        assert report["cost_summary"]["home"] is None
        with pytest.raises(InvalidInputError) as refusal:
            await analytics.costs.convert()
        assert refusal.value.field == "currency"
    assert count(path, "agg_home") == 0


async def test_another_currency_keeps_what_was_recorded_in_the_first(tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    async with opened(path, settings=EURO) as analytics:
        await euro(analytics, "1.25")
        await spent(analytics)
    async with opened(path, settings=replace(PLAIN, home_currency="CHF")) as analytics:
        await analytics.costs.set_exchange_rate(ExchangeRate("CHF", Decimal("1.6")))
        await spent(analytics)
        assert await figures(analytics) == [(Decimal("0.8"), "EUR"), (Decimal("0.625"), "CHF")]
        assert await month(analytics) == (Decimal("0.625"), 1)
        # Those that have a figure are converted only when that is asked for.
        assert (await analytics.costs.convert()).as_dict()["message"] == (
            "Nothing changed: the events that are left have no cost or no exchange rate"
        )
        assert (await analytics.costs.convert(only_unconverted=False)).converted == 1
        assert await month(analytics) == (Decimal("1.25"), 0)
        assert await drift(analytics) == 0


async def test_a_repriced_event_is_converted_anew_into_its_own_currency(tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    async with opened(path, settings=EURO) as analytics:
        await euro(analytics, "1.25")
        await analytics.tracker.record(
            usage(model="gpt-4o", tokens_prompt=10**6, tokens_response=0)
        )
        await analytics.tracker.record(
            usage(model="mystery", tokens_prompt=10**6, tokens_response=0)
        )
        await euro(analytics, "2", ago=1)
        # As the cost stays, the figure stays.
        await analytics.costs.reprice(only_unpriced=False)
        assert await figures(analytics) == [(2, "EUR"), (None, None)]
    async with opened(path, settings=replace(PLAIN, home_currency="CHF")) as analytics:
        await analytics.costs.set_exchange_rate(ExchangeRate("CHF", Decimal("1.6")))
        for model in ("gpt-4o", "mystery"):
            await analytics.costs.set_rate(rate(model), reprice=True)
        assert await figures(analytics) == [(4, "EUR"), (5, "CHF")]
        await analytics.costs.delete_rate("openai", "mystery")
        await analytics.costs.reprice(only_unpriced=False)
        assert (await figures(analytics))[1] == (None, None)
        assert await drift(analytics) == 0


def rate(model: str, price: str = "8") -> Rate:
    return Rate(
        provider="openai", model=model, prompt_per_1m=Decimal(price), response_per_1m=Decimal(0)
    )


async def test_a_price_by_another_name_leaves_the_figure_as_it_is(tmp_path: Path) -> None:
    async with opened(tmp_path / "a.db", settings=EURO) as analytics:
        await euro(analytics, "1.25")
        await analytics.tracker.record(
            usage(model="gpt-4o", tokens_prompt=10**6, tokens_response=0)
        )
        await euro(analytics, "2", ago=1)
        done = await analytics.costs.set_rate(rate("gpt-4o", "2.5"), reprice=True)
        assert done is not None
        assert done.repriced == 1  # it has another source, but costs the same
        assert await figures(analytics) == [(2, "EUR")]


async def test_what_was_recorded_before_is_converted_when_asked_for(tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    async with opened(path) as analytics:
        for ago in (40, 3, 2, 1, 0):
            await spent(analytics, ago=ago, tags=("t",), user_id="ada")
        await analytics.tracker.record(usage(model="mystery"))
        await analytics.maintenance.clean_up(retention_days=30)
    async with opened(path, settings=EURO) as analytics:
        assert (await analytics.costs.convert()).as_dict() == {
            "status": "ok",
            "message": "Nothing changed: the events that are left have no cost or no exchange rate",
            "currency": "EUR",
            "converted_events": 0,
            "still_unconverted": 5,
            "skipped": ["2026-02-06"],
            "complete": True,
        }
        await euro(analytics, "1.25", ago=2)
        await euro(analytics, "2", ago=0)
        done = await analytics.costs.convert(NOON - 3 * DAY, NOON)
        assert (done.converted, done.left) == (2, 1)
        assert done.as_dict()["message"] == "2 events now have a cost in EUR"
        assert (await analytics.costs.convert()).converted == 1
        half, most, nothing = (Decimal("0.5"), "EUR"), (Decimal("0.8"), "EUR"), (None, None)
        assert await figures(analytics) == [nothing, most, most, half, nothing]
        for wanted in ({"user": "ada"}, {"tag": "t"}, {"model": "gpt-4o", "user": "ada"}):
            assert (await month(analytics, **wanted))[0] == Decimal("2.1")
        # A rate that was wrong is put right for those that have a figure too.
        await euro(analytics, "4", ago=0)
        assert (await analytics.costs.convert(only_unconverted=False)).converted == 1
        assert (await analytics.costs.convert(NOON)).as_dict()["still_unconverted"] == 1
        assert await month(analytics) == (Decimal("1.85"), 2)
        assert await drift(analytics) == 0
        with pytest.raises(InvalidInputError):
            await analytics.costs.convert(NOON, NOON)
        with pytest.raises(EventsRemovedError):
            await analytics.costs.convert(NOON - 40 * DAY)


async def test_everything_converted_is_said(tmp_path: Path) -> None:
    async with opened(tmp_path / "a.db", settings=EURO) as analytics:
        await euro(analytics, "1.25")
        await spent(analytics)
        assert (await analytics.costs.convert(only_unconverted=False)).as_dict()["message"] == (
            "Nothing changed: every event already has its cost in EUR"
        )


async def test_a_conversion_goes_on_where_it_stopped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a.db"
    async with opened(path) as analytics:
        for _ in range(5):
            await spent(analytics)
    monkeypatch.setattr(conversion, "BATCH", 2)
    monkeypatch.setattr(calculator, "time", Ticks())  # a budget of n seconds lasts n - 1 steps
    async with opened(path, settings=EURO) as analytics:
        await euro(analytics, "1.25")
        done = [await analytics.costs.convert(budget=2) for _ in range(3)]
        assert [(one.converted, one.complete) for one in done] == [
            (2, False),
            (2, False),
            (1, True),
        ]
        assert "more to do" in str(done[0].as_dict()["message"])
        assert [amount for amount, _ in await figures(analytics)] == [Decimal("0.8")] * 5


async def test_what_64_bits_cannot_hold_is_recorded_without_the_figure(tmp_path: Path) -> None:
    async with opened(tmp_path / "a.db", settings=EURO) as analytics:
        await euro(analytics, "0.00001")
        await spent(analytics, "80")
        await spent(analytics, "80")  # the day's sum would be 16 million
        await spent(analytics, "100")  # and this alone 10 million
        assert await figures(analytics) == [(8_000_000, "EUR"), (None, None), (None, None)]
        assert (await analytics.reports.summary()).today.cost == 260
        with pytest.raises(InvalidInputError):
            await analytics.costs.convert()
        with pytest.raises(InvalidInputError):  # what cannot be recorded at all still is not
            await analytics.tracker.record_many([usage(cost_estimate=Decimal(100_000))] * 93)
        assert await drift(analytics) == 0


@pytest.mark.parametrize("usd", ["0", "-1", "0.0000000000004"])
def test_a_rate_is_more_than_nothing(usd: str) -> None:
    with pytest.raises(InvalidInputError) as refusal:
        ExchangeRate("EUR", Decimal(usd))
    assert refusal.value.field == "usd"


async def test_a_rate_of_nothing_in_an_older_file_is_passed_over(tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    async with opened(path):
        pass
    ask(path, lambda db: db.execute("INSERT INTO exchange_rate VALUES ('EUR', 0, 0)"))
    async with opened(path, settings=EURO) as analytics:
        await spent(analytics)
        assert await figures(analytics) == [(None, None)]
        assert await analytics.costs.exchange_rates() == []
        assert not (await analytics.reports.figures()).rate_known


async def test_rates_are_listed_newest_first(tmp_path: Path) -> None:
    clock = Clock()
    async with opened(tmp_path / "a.db", clock=clock) as analytics:
        assert await analytics.costs.exchange_rates() == []
        await euro(analytics, "1.1")
        clock.now += timedelta(hours=1)
        kept = await analytics.costs.set_exchange_rate(ExchangeRate("EUR", Decimal("1.20")))
        assert kept.effective == clock.now
        await analytics.costs.set_exchange_rate(ExchangeRate("CHF", Decimal("1.3"), NOON))
        rows = [
            rate.as_dict(analytics.ledger.zone) for rate in await analytics.costs.exchange_rates()
        ]
        assert rows == [
            {
                "currency": "CHF",
                "usd": Decimal("1.3"),
                "effective_date": "2026-03-18T13:00:00+01:00",
            },
            {
                "currency": "EUR",
                "usd": Decimal("1.2"),
                "effective_date": "2026-03-18T14:00:00+01:00",
            },
            {"currency": "EUR", "usd": Decimal("1.1"), "effective_date": None},
        ]
        assert len(await analytics.costs.exchange_rates("EUR")) == 2
        assert [rate.usd for rate in await analytics.costs.exchange_rates("EUR", 1)] == [
            Decimal("1.2")
        ]


async def test_it_is_known_whether_there_is_a_rate_now(tmp_path: Path) -> None:
    clock = Clock()
    async with opened(tmp_path / "a.db", settings=EURO, clock=clock) as analytics:
        assert not (await analytics.reports.figures()).rate_known
        await euro(analytics, "1.1", ago=-1)
        assert not (await analytics.reports.figures()).rate_known
        clock.now += DAY
        assert (await analytics.reports.figures()).rate_known
    async with opened(tmp_path / "b.db", settings=replace(PLAIN, home_currency="USD")) as analytics:
        assert (await analytics.reports.figures()).rate_known
        await spent(analytics)
        assert await figures(analytics) == [(1, "USD")]
