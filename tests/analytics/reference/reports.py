"""Reports and their CSV, as the contract words them, from the reference ledger."""

from collections.abc import Sequence
import csv
from datetime import date, datetime, timedelta
from decimal import Decimal
import io

from .answers import (
    Answer,
    Days,
    at_home,
    by,
    device,
    devices,
    endpoints,
    events_from,
    filter_device_ip,
    iso,
    listing,
    places,
    report_row,
    unique_devices,
)
from .ledger import DAY, Entry, Ledger, Sums, Wanted, add_up, first_instant, local_date, mean


def period_days(ledger: Ledger, period: str, day: date, *, today: date) -> Days:
    """Return the days of a report's period."""
    if period == "all":
        return min(ledger.first_day() or today, today), today
    first = last = day
    if period == "week":
        first = day - timedelta(days=day.weekday())
        last = first + 6 * DAY
    elif period == "month":
        first = last = day.replace(day=1)
        while (last + DAY).month == first.month:
            last += DAY
    elif period == "year":
        first, last = date(day.year, 1, 1), date(day.year, 12, 31)
    return first, last


def report(
    ledger: Ledger,
    wanted: Wanted,
    period: str,
    *,
    days: Days | None = None,
    span: tuple[datetime, datetime] | None = None,
    now: datetime,
) -> Answer:
    """Answer /reports for whole days or for a stretch of time."""
    if days is not None:
        start, end = (
            first_instant(days[0], ledger.zone),
            first_instant(days[1] + DAY, ledger.zone),
        )
        dated = ledger.in_days(*days, wanted, by_part=True)
    else:
        assert span is not None
        start, end = span
        dated = ledger.in_span(start, end, wanted, by_part=True)
    entries = [entry for _, entry in dated]
    sums = add_up(entries)
    models = by(entries, lambda entry: entry.model_key)
    users = by(entries, lambda entry: entry.user)
    home = at_home(ledger, sums)

    def row_of(row: Sums) -> Answer:
        return report_row(row) | at_home(ledger, row)

    shown = []
    day = local_date(start, ledger.zone)
    while first_instant(day, ledger.zone) < end and day <= local_date(now, ledger.zone):
        shown.append((day, add_up(entry for its_day, entry in dated if its_day == day)))
        day += DAY
    return {
        "generated_at": iso(ledger, now),
        "period": period,
        "period_start": iso(ledger, start),
        "period_end": iso(ledger, end),
        "events_from": events_from(ledger),
        "filter_device_ip": filter_device_ip(wanted),
        "summary": row_of(sums)
        | {
            "unique_devices": unique_devices(entries),
            "failed_requests": sums.failed,
            "avg_tokens_per_request": mean(sums.tokens, sums.requests, 2) if sums.requests else 0,
            "avg_latency_ms": mean(sums.latency_us, sums.timed * 1000, 2) if sums.timed else None,
        },
        "by_device": [device(ledger, key) | row_of(row) for key, row in devices(entries)],
        "by_endpoint": [{"endpoint": name} | row_of(row) for name, row in endpoints(entries)],
        "by_provider": [
            {"provider": key[0], "model": ledger.spellings[key]} | row_of(row)
            for key, row in sorted(
                models.items(),
                key=lambda one: (-one[1].requests, one[0][0], ledger.spellings[one[0]] or ""),
            )
        ],
        "by_user": [
            {"user_id": user, "user_name": ledger.user_name(user)} | row_of(row)
            for user, row in sorted(users.items(), key=lambda one: (-one[1].tokens, one[0]))
        ],
        "by_area": [{"area": name} | row_of(row) for name, row in places(entries, ledger.area)],
        "by_person": [
            {"person": name} | row_of(row) for name, row in places(entries, ledger.person)
        ],
        "daily_breakdown": [{"date": str(one)} | row_of(row) for one, row in shown],
        "cost_summary": {
            "total_cost_usd": sums.cost,
            "currency": "USD",
            "by_provider": {
                provider: row.cost
                for provider, row in by(entries, lambda entry: entry.model_key[0]).items()
            },
            "home": ledger.currency
            and {
                "currency": ledger.currency,
                "total": home["home_cost"],
                "unconverted_requests": home["unconverted_requests"],
            },
        },
    }


# CSV


def csv_rows(text: str) -> list[list[str]]:
    """Return the cells of CSV text."""
    return list(csv.reader(io.StringIO(text)))


def cell(value: object) -> str:
    """Return a value as it stands in a CSV cell."""
    if isinstance(value, Decimal):
        return format(value.normalize() if value else Decimal(0), "f")
    text = "" if value is None else str(value)
    return f"'{text}" if text.startswith(("=", "+", "-", "@", "\t", "\r")) else text


def summary_csv(ledger: Ledger, wanted: Wanted, start: datetime, end: datetime) -> list[list[str]]:
    """Return the rows of the CSV by day, device, endpoint and provider, without the header."""
    dated = ledger.in_span(start, end, wanted, by_part=True)
    grouped: dict[tuple[date, bool, str, str, str], list[Entry]] = {}
    for day, entry in dated:
        key = (
            day,
            entry.device is None,
            entry.device or "",
            entry.given["endpoint"],
            entry.given["provider"],
        )
        grouped.setdefault(key, []).append(entry)
    rows = []
    for (day, _, key_text, endpoint, provider), entries in sorted(grouped.items()):
        sums, named = add_up(entries), device(ledger, key_text)
        cost = None if sums.unpriced == sums.requests else sums.cost
        tokens = sums.prompt, sums.response, sums.tokens
        row = (day, named["device_ip"], endpoint, provider, sums.requests, *tokens, cost)
        currency = ledger.currency if sums.converted.get(ledger.currency or "") else None
        home = sums.home[currency] if currency else None
        added = (named["device_id"], sums.unpriced, home, currency)
        rows.append([cell(value) for value in (*row, *added)])
    return rows


def detailed_csv(
    ledger: Ledger, wanted: Wanted, start: datetime, end: datetime, *, columns: Sequence[str]
) -> list[list[str]]:
    """Return the rows of the CSV of single events, oldest first, without the header."""
    rows = []
    for answer in reversed(listing(ledger, wanted, start=start, end=end)):
        values = answer | {"tags": " ".join(answer["tags"])}
        rows.append([cell(values[name]) for name in columns])
    return rows
