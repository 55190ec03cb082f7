"""Reports and their exports: any period, any size, constant memory."""

from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import partial
import sqlite3

from .checks import AHEAD
from .errors import InvalidInputError
from .models import StoredEvent
from .periods import Days, Period, Span, day_span, to_us
from .reader import ANYTHING, LedgerReader, check_order
from .reports import CSV_DETAILED, CSV_SUMMARY, Report, csv_lines, csv_summary
from .store import answers, export, queries
from .totals import Filter


@dataclass(frozen=True, slots=True)
class Export:
    """What an export covers: its name without extension, its span, and the last event then."""

    name: str
    span: Span
    last_event: int


class Reporting(LedgerReader):
    """Reports over calendar periods, the whole ledger, or any stretch of time."""

    async def report(
        self,
        period: Period = Period.WEEK,
        *,
        day: date | None = None,
        span: Span | None = None,
        wanted: Filter = ANYTHING,
    ) -> Report:
        """Return the report of the calendar period that ``day`` (default today) lies in.

        ``custom`` takes its bounds from ``span``. Raises InvalidInputError for a missing or empty
        span, EventsRemovedError where only single events can answer and they are gone.
        """
        now, zone, directory = self._clock(), self._zone, self._directory()
        return await self._read(
            lambda db: answers.report(
                db,
                wanted,
                period,
                self._bounds(db, period, day, span, now=now),
                now=now,
                zone=zone,
                directory=directory,
                currency=self.home_currency,
            )
        )

    def _bounds(
        self,
        db: sqlite3.Connection,
        period: Period,
        day: date | None,
        span: Span | None,
        *,
        now: datetime,
    ) -> Days | Span:
        if period is Period.CUSTOM:
            if span is None:
                raise InvalidInputError("start", "required, with end, for the period custom")
            check_order(span.start, span.end)
            return span
        if span is not None:
            raise InvalidInputError("start", "start and end go with the period custom only")
        return answers.report_days(db, period, day, today=now.astimezone(self._zone).date())

    async def export_scope(
        self, period: Period = Period.WEEK, *, day: date | None = None, span: Span | None = None
    ) -> Export:
        """Return what an export of a period covers, fixing the events that belong to it.

        Raises what ``report`` raises, so a stream need not fail once it has begun.
        """
        now, zone = self._clock(), self._zone

        def read(db: sqlite3.Connection) -> tuple[Days | Span, int]:
            bounds = self._bounds(db, period, day, span, now=now)
            if isinstance(bounds, Span):
                answers.check_bounds(db, bounds.start, bounds.end, zone)
            return bounds, queries.ledger(db).last_event

        bounds, last_event = await self._read(read)
        covered = bounds if isinstance(bounds, Span) else day_span(bounds, zone)
        stamp = covered.start.astimezone(zone).strftime("%Y%m%d")
        return Export(f"usage_report_{period}_{stamp}", covered, last_event)

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
        """
        covered = await self.export_scope(period, day=day, span=span)
        if not detailed:
            zone = self._zone
            await self._read(partial(export.check, wanted=wanted, span=covered.span, zone=zone))
        stream = self.detailed_csv if detailed else self.summary_csv
        return f"{covered.name}.csv", stream(covered, wanted)

    async def export_events(
        self, covered: Export, wanted: Filter = ANYTHING
    ) -> AsyncGenerator[Sequence[StoredEvent]]:
        """Yield an export's events in pages, oldest first; those recorded since are not in it.

        Clean-up waits until the last page was taken or the iterator is closed.
        """
        zone, directory = self._zone, self._directory()
        after = (0, 0)
        self._exports += 1
        try:
            while page := await self._read(
                partial(
                    export.events_after,
                    wanted=wanted,
                    span=covered.span,
                    after=after,
                    last_event=covered.last_event,
                    zone=zone,
                    directory=directory,
                )
            ):
                yield page
                after = (to_us(page[-1].timestamp), page[-1].id)
        finally:
            self._exports -= 1

    async def detailed_csv(self, covered: Export, wanted: Filter = ANYTHING) -> AsyncGenerator[str]:
        """Yield an export as CSV text, one row an event, made on the reading thread."""
        zone, directory = self._zone, self._directory()
        after = (0, 0)
        yield csv_lines([CSV_DETAILED])
        self._exports += 1
        try:
            while page := await self._read(
                partial(
                    export.csv_after,
                    wanted=wanted,
                    span=covered.span,
                    after=after,
                    last_event=covered.last_event,
                    zone=zone,
                    directory=directory,
                )
            ):
                text, after = page
                yield text
        finally:
            self._exports -= 1

    async def summary_csv(self, covered: Export, wanted: Filter = ANYTHING) -> AsyncGenerator[str]:
        """Yield an export as CSV text, one row a day, device, endpoint and provider."""
        zone, span, currency = self._zone, covered.span, self.home_currency
        yield csv_lines([CSV_SUMMARY])
        first = span.start.astimezone(zone).date()
        last = min(span.end, self._clock() + AHEAD).astimezone(zone).date()
        for day in Days(first, last).dates():
            whole = day_span(Days(day, day), zone)
            part = Span(max(span.start, whole.start), min(span.end, whole.end))
            if part.start < part.end:
                rows = await self._read(
                    partial(export.day_rows, wanted=wanted, span=part, zone=zone, currency=currency)
                )
                if rows:
                    yield csv_lines(csv_summary(day, *row, currency=currency) for row in rows)
