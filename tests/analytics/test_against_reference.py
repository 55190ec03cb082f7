"""The engine and the reference ledger live through the same history and answer the same."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from decimal import Decimal
import os
from pathlib import Path
import tempfile
from typing import Any, Self
from zoneinfo import ZoneInfo

from hypothesis import HealthCheck, given, settings
import pytest

from custom_components.llm_analytics.analytics import (
    Analytics,
    Directory,
    EventsRemovedError,
    ExchangeRate,
    Filter,
    NotFoundError,
    Period,
    Settings,
    Span,
    Status,
    UsageEvent,
)
from custom_components.llm_analytics.analytics.reports.csv_format import CSV_DETAILED, CSV_SUMMARY

from .helpers import PLAIN, Clock, drift
from .known_homes import Home
from .random_ledgers import FREE, PRICES, QUESTIONS, Drawn, History, Moment, Questions, histories
from .reference import answers as expected, reports
from .reference.ledger import DAY, Event, Ledger, RemovedError, Wanted, first_instant, local_date

EXAMPLES = int(os.environ.get("LEDGER_EXAMPLES", "60"))


def usage(event: Event) -> UsageEvent:
    return UsageEvent(**(event | {"status": Status(event["status"])}))


async def open_engine(
    path: Path, reference: Ledger, clock: Clock, chosen: Settings = PLAIN
) -> Analytics:
    """Open an engine that is told of devices and users what the reference's home knows."""

    def directory() -> Directory:
        return reference.home.directory()

    return await Analytics.open(
        path,
        zone=reference.zone,
        clock=clock,
        settings=chosen,
        directory=directory,
    )


@dataclass
class Comparison:
    """The engine and the reference, side by side."""

    engine: Analytics
    reference: Ledger
    clock: Clock
    path: Path

    @classmethod
    async def begin(cls, history: History, path: Path) -> Self:
        clock, reference = Clock(history.now), Ledger(history.zone, PRICES, FREE)
        engine = await open_engine(path, reference, clock)
        return cls(engine, reference, clock, path)

    async def live(self, name: str, argument: Any) -> None:
        """Let one thing happen to both, and compare what they say about it."""
        await getattr(self, f"_{name}")(argument)

    def _given(self, drawn: Drawn) -> Event:
        return drawn.at(self.reference.zone, self.clock.now)

    async def _record(self, drawn: Drawn) -> None:
        event = self._given(drawn)
        entry, duplicate = self.reference.record(event, now=self.clock.now)
        recorded = await self.engine.tracker.record(usage(event))
        assert recorded.duplicate == duplicate
        assert recorded.event.as_dict() == expected.event(self.reference, entry)

    async def _batch(self, drawn: list[Drawn]) -> None:
        events = [self._given(one) for one in drawn]
        pairs = [self.reference.record(event, now=self.clock.now) for event in events]
        recorded = await self.engine.tracker.record_many([usage(event) for event in events])
        assert list(recorded.ids) == [entry.id for entry, _ in pairs]
        assert recorded.duplicates == sum(duplicate for _, duplicate in pairs)

    async def _delete(self, event_id: int) -> None:
        if self.reference.delete(event_id):
            await self.engine.tracker.delete_event(event_id)
        else:
            with pytest.raises(NotFoundError):
                await self.engine.tracker.delete_event(event_id)

    async def _clean(self, argument: tuple[int, bool]) -> None:
        retention, keep = argument
        today = local_date(self.clock.now, self.reference.zone)
        deleted = self.reference.clean_up(today - timedelta(days=retention), keep_aggregates=keep)
        cleaned = await self.engine.maintenance.clean_up(retention, keep_aggregates=keep)
        assert cleaned.complete
        assert cleaned.events_deleted == deleted
        assert cleaned.as_dict()["events_from"] == expected.events_from(self.reference)

    async def _zone(self, zone: ZoneInfo) -> None:
        self.reference.set_zone(zone)
        await self.engine.maintenance.set_zone(zone)

    async def _restart(self, zone: ZoneInfo) -> None:
        self.reference.set_zone(zone)
        await self._reopen(self.engine.ledger.settings)

    async def _reopen(self, chosen: Settings) -> None:
        await self.engine.close()
        self.engine = await open_engine(self.path, self.reference, self.clock, chosen)

    async def _rename(self, argument: tuple[str, str | None]) -> None:
        if self.reference.rename(*argument):
            await self.engine.maintenance.rename_device(*argument)
        else:
            with pytest.raises(NotFoundError):
                await self.engine.maintenance.rename_device(*argument)

    async def _move(self, home: Home) -> None:
        self.reference.home = home

    async def _exchange(self, argument: tuple[str, Decimal, Moment]) -> None:
        currency, usd, moment = argument
        effective = moment(self.reference.zone, self.clock.now)
        self.reference.set_exchange_rate(currency, usd, effective, now=self.clock.now)
        await self.engine.costs.set_exchange_rate(ExchangeRate(currency, usd, effective))

    async def _currency(self, currency: str | None) -> None:
        self.reference.currency = currency
        await self._reopen(replace(self.engine.ledger.settings, home_currency=currency))

    async def _wait(self, seconds: int) -> None:
        self.clock.now += timedelta(seconds=seconds)

    async def agree[T](self, engine: Awaitable[T], reference: Callable[[], T]) -> None:
        """Check that both give the same answer or refuse for the same reason."""
        try:
            answer = reference()
        except RemovedError as error:
            reason = str(error)
        else:
            assert await engine == answer
            return
        with pytest.raises(EventsRemovedError) as refusal:
            await engine
        assert refusal.value.field == reason

    async def compare(self, questions: Questions) -> None:
        """Ask both everything."""
        await self._compare_ledger()
        for wanted in questions.filters:
            await self._compare_overview(wanted)
            await self._compare_listing(wanted, questions)
            await self._compare_reports(wanted, questions)
        assert await drift(self.engine) == 0

    async def _compare_ledger(self) -> None:
        health = (await self.engine.maintenance.health()).as_dict()
        first = self.reference.first_day()
        assert health["events"] == len(self.reference.present())
        assert health["first_day"] == (None if first is None else str(first))
        assert health["events_from"] == expected.events_from(self.reference)
        for entry in self.reference.entries:
            if entry.present:
                event = await self.engine.tracker.event(entry.id)
                assert event.as_dict() == expected.event(self.reference, entry)
            else:
                with pytest.raises(NotFoundError):
                    await self.engine.tracker.event(entry.id)

    async def _compare_overview(self, wanted: Wanted) -> None:
        chosen, now = Filter(**wanted), self.clock.now

        async def summary() -> Any:
            return (await self.engine.reports.summary(chosen)).as_dict()

        async def dashboard() -> Any:
            return (await self.engine.reports.dashboard(chosen)).as_dict()

        await self.agree(summary(), lambda: expected.summary(self.reference, wanted, now=now))
        await self.agree(dashboard(), lambda: expected.dashboard(self.reference, wanted, now=now))

    async def _compare_listing(self, wanted: Wanted, questions: Questions) -> None:
        start, end = questions.span(self.reference.zone, self.clock.now)
        status = questions.status

        async def pages(start: datetime | None = None, end: datetime | None = None) -> Any:
            found: list[Any] = []
            before = None
            while True:
                page = await self.engine.tracker.events(
                    Filter(**wanted),
                    start=start,
                    end=end,
                    status=None if status is None else Status(status),
                    limit=questions.limit,
                    before=before,
                )
                assert len(page.events) <= questions.limit
                found += page.as_dict()["events"]  # type: ignore[arg-type]
                before = page.next
                if before is None:
                    return found

        await self.agree(pages(), lambda: expected.listing(self.reference, wanted, status=status))
        await self.agree(
            pages(start, end),
            lambda: expected.listing(self.reference, wanted, start=start, end=end, status=status),
        )

    async def _compare_reports(self, wanted: Wanted, questions: Questions) -> None:
        now, zone = self.clock.now, self.reference.zone
        today = local_date(now, zone)
        day, span = questions.day(today), questions.span(zone, now)
        days = reports.period_days(self.reference, questions.period, day, today=today)
        whole = tuple(first_instant(bound, zone) for bound in (days[0], days[1] + DAY))
        await self._compare_report(wanted, Period(questions.period), day=day, days=days, span=None)
        await self._compare_report(wanted, Period.CUSTOM, day=None, days=None, span=span)
        await self._compare_csv(wanted, Period(questions.period), (whole[0], whole[1]), day=day)
        await self._compare_csv(wanted, Period.CUSTOM, span, day=None)

    async def _compare_report(
        self,
        wanted: Wanted,
        period: Period,
        *,
        day: date | None,
        days: expected.Days | None,
        span: tuple[datetime, datetime] | None,
    ) -> None:
        async def report() -> Any:
            found = await self.engine.reports.report(
                period, day=day, span=span and Span(*span), wanted=Filter(**wanted)
            )
            return {name: value for name, value in found.as_dict().items() if name != "report_id"}

        await self.agree(
            report(),
            lambda: reports.report(
                self.reference, wanted, period, days=days, span=span, now=self.clock.now
            ),
        )

    async def _compare_csv(
        self,
        wanted: Wanted,
        period: Period,
        span: tuple[datetime, datetime],
        *,
        day: date | None,
    ) -> None:
        async def rows(*, detailed: bool) -> list[list[str]]:
            _, pieces = await self.engine.exports.report_csv(
                period,
                day=day,
                span=Span(*span) if period is Period.CUSTOM else None,
                wanted=Filter(**wanted),
                detailed=detailed,
            )
            header, *found = reports.csv_rows("".join([piece async for piece in pieces]))
            assert header == list(CSV_DETAILED if detailed else CSV_SUMMARY)
            return found

        await self.agree(
            rows(detailed=False), lambda: reports.summary_csv(self.reference, wanted, *span)
        )
        await self.agree(
            rows(detailed=True),
            lambda: reports.detailed_csv(self.reference, wanted, *span, columns=CSV_DETAILED),
        )


@settings(
    max_examples=EXAMPLES,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
@given(history=histories(), questions=QUESTIONS)
async def test_engine_answers_like_the_reference(history: History, questions: Questions) -> None:
    with tempfile.TemporaryDirectory() as folder:
        comparison = await Comparison.begin(history, Path(folder, "ledger.db"))
        try:
            for name, argument in history.operations:
                await comparison.live(name, argument)
            await comparison.compare(questions)
        finally:
            await comparison.engine.close()
