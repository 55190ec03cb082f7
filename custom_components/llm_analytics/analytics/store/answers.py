"""Whole answers, each read in one hop and from one snapshot of the database."""

from collections.abc import Callable
from datetime import date, datetime
import sqlite3
from typing import Final
import uuid
from zoneinfo import ZoneInfo

from ..breakdowns import model_name
from ..overview import Dashboard, Summary, running_days, summary_of
from ..periods import (
    MICROSECOND,
    Days,
    LocalHours,
    Period,
    Span,
    day_span,
    from_us,
    last_days,
    midnight,
    period_days,
    to_date,
    to_us,
)
from ..places import NOBODY, Directory
from ..reports import (
    DeviceTotals,
    EndpointTotals,
    ModelTotals,
    Report,
    UserTotals,
    by_place,
    by_requests,
    by_tokens,
)
from ..totals import Filter, Totals, sum_totals
from ..trends import busiest
from . import filters, listing, queries
from .aggregates import Dimension
from .daily import day_totals
from .filters import Chosen
from .names import NONE
from .queries import Window

_TOP: Final = 5
_RECENT: Final = 10
_RANKING_DAYS: Final = 7
_EVERYTHING: Final = Chosen()
_FOREVER: Final = 2**62


def snapshot[T](
    db: sqlite3.Connection, read: Callable[[], T], seen: Callable[[], None] = lambda: None
) -> T:
    """Call ``read`` within one read transaction, so that all it sees is of one moment.

    ``seen`` is called when that moment is settled, which SQLite does with the first read.
    """
    db.execute("BEGIN")
    try:
        db.execute("SELECT 1 FROM sqlite_schema LIMIT 1").fetchall()
        seen()
        return read()
    finally:
        db.execute("ROLLBACK")


def total(
    db: sqlite3.Connection,
    window: Window,
    chosen: Chosen | None,
    zone: ZoneInfo,
    currency: str | None = None,
) -> Totals:
    """Return the sums of a window under a filter, in the household's own ``currency`` too."""
    return sum_totals(queries.sums(db, window, chosen, zone=zone, currency=currency).values())


def summary(
    db: sqlite3.Connection,
    wanted: Filter,
    *,
    now: datetime,
    zone: ZoneInfo,
    currency: str | None = None,
) -> Summary:
    """Return the sums of today, this week and this month."""
    today = now.astimezone(zone).date()
    sums = day_totals(db, running_days(today), filters.choose(db, wanted), zone, currency)
    return summary_of(sums, wanted, today=today, zone=zone, currency=currency)


def dashboard(
    db: sqlite3.Connection,
    wanted: Filter,
    *,
    now: datetime,
    zone: ZoneInfo,
    directory: Directory = NOBODY,
    currency: str | None = None,
) -> Dashboard:
    """Return the dashboard. Raises EventsRemovedError where a filter needs removed events."""
    chosen = filters.choose(db, wanted)
    today = now.astimezone(zone).date()
    days = last_days(_RANKING_DAYS, today=today)
    week = Window(days)
    return Dashboard(
        summary=summary(db, wanted, now=now, zone=zone, currency=currency),
        unique_devices={
            period: unique_devices(db, Window(to_date(period, today=today)), chosen, zone)
            for period in (Period.DAY, Period.WEEK, Period.MONTH)
        },
        top_devices=devices(db, week, _EVERYTHING, zone, directory)[:_TOP],
        top_endpoints=endpoints(db, week, chosen, zone)[:_TOP],
        peak_hours=peak_hours(hours(db, days, chosen, zone)),
        recent_activity=listing.events(
            db, chosen, start=0, end=_FOREVER, limit=_RECENT, zone=zone, directory=directory
        ),
        generated_at=now.astimezone(zone),
    )


def unique_devices(
    db: sqlite3.Connection, window: Window, chosen: Chosen | None, zone: ZoneInfo
) -> int:
    """Return how many devices have an event in the window."""
    rows = queries.sums(db, window, chosen, group=Dimension.DEVICE, zone=zone)
    return sum(key != NONE for _, key in rows)


def devices(
    db: sqlite3.Connection,
    window: Window,
    chosen: Chosen | None,
    zone: ZoneInfo,
    directory: Directory = NOBODY,
    currency: str | None = None,
) -> list[DeviceTotals]:
    """Return the sums by device, most tokens first."""
    rows = queries.sums(db, window, chosen, group=Dimension.DEVICE, zone=zone, currency=currency)
    names = filters.names(db, "device")
    found = [(names.get(key or NONE, (None, None)), totals) for (_, key), totals in rows.items()]
    return by_tokens(
        DeviceTotals(key, name, totals, directory.device(key)) for (key, name), totals in found
    )


def endpoints(
    db: sqlite3.Connection,
    window: Window,
    chosen: Chosen | None,
    zone: ZoneInfo,
    currency: str | None = None,
) -> list[EndpointTotals]:
    """Return the sums by endpoint, most requests first."""
    rows = queries.sums(db, window, chosen, group=Dimension.ENDPOINT, zone=zone, currency=currency)
    known = filters.names(db, "endpoint")
    return by_requests(
        EndpointTotals(known[key][0], totals)
        for (_, key), totals in rows.items()
        if key is not None
    )


def models(
    db: sqlite3.Connection,
    window: Window,
    chosen: Chosen | None,
    zone: ZoneInfo,
    currency: str | None = None,
) -> list[ModelTotals]:
    """Return the sums by model."""
    rows = queries.sums(db, window, chosen, group=Dimension.MODEL, zone=zone, currency=currency)
    known = filters.names(db, "model")
    return [
        ModelTotals(*(*known[key], totals)) for (_, key), totals in rows.items() if key is not None
    ]


def users(
    db: sqlite3.Connection,
    window: Window,
    chosen: Chosen | None,
    zone: ZoneInfo,
    directory: Directory = NOBODY,
    currency: str | None = None,
) -> list[UserTotals]:
    """Return the sums by user."""
    rows = queries.sums(db, window, chosen, group=Dimension.USER, zone=zone, currency=currency)
    names = filters.names(db, "user")
    found = [(names[key][0] if key else None, totals) for (_, key), totals in rows.items()]
    return [UserTotals(user, totals, directory.user_name(user)) for user, totals in found]


def persons(
    db: sqlite3.Connection,
    window: Window,
    chosen: Chosen | None,
    zone: ZoneInfo,
    directory: Directory,
    currency: str | None = None,
) -> list[tuple[str | None, Totals]]:
    """Return the sums by person: the user's, else the device's; None where neither has one."""
    rows = queries.sums(db, window, chosen, group=Dimension.SERIES, zone=zone, currency=currency)
    owners = {
        series: directory.person(user, device)
        for series, device, user in db.execute(
            """
            SELECT series.id, device.key, user.key FROM series
            LEFT JOIN device ON device.id = series.device
            LEFT JOIN user ON user.id = series.user
            """
        )
    }
    return by_place((owners[key], totals) for (_, key), totals in rows.items())


def hours(
    db: sqlite3.Connection, days: Days, chosen: Chosen | None, zone: ZoneInfo
) -> list[tuple[int, int]]:
    """Return (requests, tokens) for each of the 24 hours that a clock in the zone shows."""
    return span_hours(db, day_span(days, zone), chosen, zone)


def span_hours(
    db: sqlite3.Connection, span: Span, chosen: Chosen | None, zone: ZoneInfo
) -> list[tuple[int, int]]:
    """Return (requests, tokens) by local hour over a span of whole quarters of an hour."""
    requests, tokens = [0] * 24, [0] * 24
    clock = LocalHours(zone)
    for time, count, prompt, response, _ in queries.slots(db, chosen, span, zone):
        hour = clock.hour(time)
        requests[hour] += count
        tokens[hour] += prompt + response
    return list(zip(requests, tokens, strict=True))


def peak_hours(rows: list[tuple[int, int]]) -> list[int]:
    """Return every hour that reaches the most requests, none if there are no requests."""
    return busiest([count for count, _ in rows])


def unpriced_models(db: sqlite3.Connection, since: date = date.min) -> list[str]:
    """Return provider/model of everything recorded without a price from a local day on."""
    rows = db.execute(
        "SELECT DISTINCT provider, name FROM agg_day JOIN model ON model.id = agg_day.key"
        f" WHERE dimension = {Dimension.MODEL:d} AND day >= ? AND unpriced > 0"
        " ORDER BY provider, name",
        (since.toordinal(),),
    )
    return [model_name(provider, name) for provider, name in rows]


def report_days(db: sqlite3.Connection, period: Period, day: date | None, *, today: date) -> Days:
    """Return the days of a calendar period, or the whole ledger's."""
    if period is Period.ALL:
        first = queries.first_day(db) or today
        return Days(min(first, today), today)
    return period_days(period, day or today)


def report(
    db: sqlite3.Connection,
    wanted: Filter,
    period: Period,
    span: Span | Days,
    *,
    now: datetime,
    zone: ZoneInfo,
    directory: Directory = NOBODY,
    currency: str | None = None,
) -> Report:
    """Return the report of whole local days or of a stretch of time."""
    chosen = filters.choose(db, wanted)
    if isinstance(span, Days):
        window = Window(span)
        span = day_span(span, zone)
    else:
        check_bounds(db, span.start, span.end, zone)
        window = queries.window(span, zone)
    days = queries.sums(db, window, chosen, by_day=True, zone=zone, currency=currency)
    by_day = {key: totals for (key, _), totals in days.items()}
    first, last = (
        span.start.astimezone(zone).date(),
        (span.end - MICROSECOND).astimezone(zone).date(),
    )
    shown = Days(first, min(last, now.astimezone(zone).date()))
    events_from = queries.ledger(db).events_from
    by_device = devices(db, window, chosen, zone, directory, currency)
    return Report(
        report_id=uuid.uuid4().hex,
        generated_at=now.astimezone(zone),
        period=period,
        start=span.start.astimezone(zone),
        end=span.end.astimezone(zone),
        events_from=None if events_from is None else from_us(events_from, zone),
        filter=wanted,
        unique_devices=unique_devices(db, window, chosen, zone),
        devices=by_device,
        endpoints=endpoints(db, window, chosen, zone, currency),
        models=models(db, window, chosen, zone, currency),
        users=users(db, window, chosen, zone, directory, currency),
        areas=by_place((row.known.area, row.totals) for row in by_device),
        persons=(
            persons(db, window, chosen, zone, directory, currency)
            if directory.knows_persons
            else by_place((None, row.totals) for row in by_device)
        ),
        days=[(day, by_day.get(day.toordinal(), Totals())) for day in shown.dates()],
        totals=sum_totals(days.values()),
        currency=currency,
    )


def check_bounds(
    db: sqlite3.Connection, start: datetime | None, end: datetime | None, zone: ZoneInfo
) -> None:
    """Raise EventsRemovedError if an instant inside a day whose events are gone is a bound."""
    for field, moment in (("start", start), ("end", end)):
        if moment is not None and midnight(moment.astimezone(zone).date(), zone) != moment:
            queries.check_events(db, to_us(moment), zone, field)
