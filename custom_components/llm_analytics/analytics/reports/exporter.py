"""``ReportExporter``: reports as CSV and JSON."""

from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from datetime import date
from functools import partial
import sqlite3

from ..ledger import Ledger
from ..limits import AHEAD
from ..models import StoredEvent
from ..periods import Days, Period, Span, day_span
from ..store.counters import check_bounds, read_counters
from ..totals import ANYTHING, Filter, Json
from . import export_queries
from .csv_format import CSV_DETAILED, CSV_SUMMARY, csv_event, csv_lines
from .report import read_bounds, read_report


@dataclass(frozen=True, slots=True)
class _Scope:
    """What an export covers: its name without extension, its span, and the last event then."""

    name: str
    span: Span
    last_event: int


class ReportExporter:
    """Reports as text in pieces: any period, any size, constant memory."""

    def __init__(self, ledger: Ledger) -> None:
        """Work with an open ledger."""
        self._ledger = ledger

    async def report_csv(
        self,
        period: Period = Period.WEEK,
        *,
        day: date | None = None,
        span: Span | None = None,
        wanted: Filter = ANYTHING,
        detailed: bool = False,
    ) -> tuple[str, AsyncGenerator[str]]:
        """Return a report's file name and its CSV text in pieces, memory staying constant.

        ``detailed`` gives one row per event, else one per day, device, endpoint and provider.
        Raises what ``UsageReporter.report`` raises, so the text need not fail once it has begun.
        """
        scope, zone = self._scope(period, day, span), self._ledger.zone

        def read(db: sqlite3.Connection) -> _Scope:
            covered = scope(db)
            if not detailed:
                export_queries.check_summary(db, wanted, covered.span, zone)
            return covered

        covered = await self._ledger.read(read)
        if detailed:
            text = self._detailed_csv(covered, wanted)
        else:
            text = self._summary_days(covered, wanted)
        return f"{covered.name}.csv", text

    async def report_json(
        self,
        period: Period = Period.WEEK,
        *,
        day: date | None = None,
        span: Span | None = None,
        wanted: Filter = ANYTHING,
        detailed: bool = False,
        write: Callable[[dict[str, Json]], str],
    ) -> tuple[str, AsyncGenerator[str]]:
        """Return a report's file name and its JSON text in pieces, memory staying constant.

        ``write`` makes JSON of a report, on the reading thread; ``detailed`` adds ``events``, all
        of them of the moment that the report is of. Raises what ``UsageReporter.report`` raises.
        """
        scope, ledger = self._scope(period, day, span), self._ledger
        asked = partial(
            read_report,
            wanted=wanted,
            period=period,
            day=day,
            span=span,
            now=ledger.clock(),
            zone=ledger.zone,
            directory=ledger.directory(),
            currency=ledger.home_currency,
        )
        covered, report = await self._ledger.read(
            lambda db: (scope(db), write(asked(db).as_dict()))
        )
        text = self._detailed_json(report, covered, wanted, write) if detailed else _whole(report)
        return f"{covered.name}.json", text

    def _scope(
        self, period: Period, day: date | None, span: Span | None
    ) -> Callable[[sqlite3.Connection], _Scope]:
        """Return what reads what an export covers, fixing the events that belong to it."""
        now, zone = self._ledger.clock(), self._ledger.zone

        def read(db: sqlite3.Connection) -> _Scope:
            bounds = read_bounds(db, period, day, span, today=now.astimezone(zone).date())
            if isinstance(bounds, Span):
                check_bounds(db, bounds.start, bounds.end, zone)
            covered = bounds if isinstance(bounds, Span) else day_span(bounds, zone)
            stamp = covered.start.astimezone(zone).strftime("%Y%m%d")
            last_event = read_counters(db).last_event
            return _Scope(f"usage_report_{period}_{stamp}", covered, last_event)

        return read

    async def _detailed_csv(self, covered: _Scope, wanted: Filter) -> AsyncGenerator[str]:
        yield csv_lines([CSV_DETAILED])
        pages = self._event_pages(
            covered,
            wanted,
            lambda events: csv_lines(csv_event(event.as_dict()) for event in events),
        )
        async with aclosing(pages):
            async for text in pages:
                yield text

    async def _detailed_json(
        self,
        report: str,
        covered: _Scope,
        wanted: Filter,
        write: Callable[[dict[str, Json]], str],
    ) -> AsyncGenerator[str]:
        yield f'{report.removesuffix("}")},"events":['
        pages = self._event_pages(
            covered, wanted, lambda events: ",".join(write(event.as_dict()) for event in events)
        )
        between = ""
        async with aclosing(pages):
            async for text in pages:
                yield between + text
                between = ","
        yield "]}"

    async def _event_pages(
        self, covered: _Scope, wanted: Filter, write: Callable[[Sequence[StoredEvent]], str]
    ) -> AsyncGenerator[str]:
        """Yield an export's events in pages, oldest first; those recorded since are not in it.

        Each page is written on the reading thread, where others read between two of them. Clean-up
        waits until the last was taken or the iterator is closed.
        """
        zone, directory = self._ledger.zone, self._ledger.directory()
        after: tuple[int, int] | None = (0, 0)
        self._ledger.exports += 1
        try:
            while after is not None:
                position = after

                def read(
                    db: sqlite3.Connection, position: tuple[int, int] = position
                ) -> tuple[str, tuple[int, int] | None]:
                    events, following = export_queries.read_event_page(
                        db,
                        wanted,
                        covered.span,
                        after=position,
                        last_event=covered.last_event,
                        zone=zone,
                        directory=directory,
                    )
                    return write(events) if events else "", following

                text, after = await self._ledger.read_events(read)
                if text:
                    yield text
        finally:
            self._ledger.exports -= 1

    async def _summary_days(self, covered: _Scope, wanted: Filter) -> AsyncGenerator[str]:
        """Yield an export as CSV text, one row a day, device, endpoint and provider."""
        zone, span, currency = self._ledger.zone, covered.span, self._ledger.home_currency
        yield csv_lines([CSV_SUMMARY])
        first = span.start.astimezone(zone).date()
        last = min(span.end, self._ledger.clock() + AHEAD).astimezone(zone).date()
        for day in Days(first, last).dates():
            whole = day_span(Days(day, day), zone)
            part = Span(max(span.start, whole.start), min(span.end, whole.end))
            if part.start < part.end:
                text = await self._ledger.read(
                    partial(
                        export_queries.read_day_csv,
                        day=day,
                        wanted=wanted,
                        span=part,
                        zone=zone,
                        currency=currency,
                    )
                )
                if text:
                    yield text


async def _whole(text: str) -> AsyncGenerator[str]:
    yield text
