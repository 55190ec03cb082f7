"""The API's answers but for reports, as the contract words them, from the reference ledger."""

from collections.abc import Callable, Hashable, Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

from .ledger import DAY, Entry, Ledger, Sums, Wanted, add_up, first_instant, local_date

type Answer = dict[str, Any]
type Days = tuple[date, date]


def iso(ledger: Ledger, moment: datetime) -> str:
    """Return an instant as the API writes it."""
    return moment.astimezone(ledger.zone).isoformat()


def events_from(ledger: Ledger) -> str | None:
    """Return the clean-up's instant as the API writes it."""
    return None if ledger.events_from is None else iso(ledger, ledger.events_from)


def event(ledger: Ledger, entry: Entry) -> Answer:
    """Return one event as the API writes it."""
    given = entry.given
    parts = ("cache_read", "cache_write", "cache_write_1h", "reasoning")
    texts = ("agent", "context", "request_id", "service_tier", "error_type", "metadata")
    return {
        "id": entry.id,
        "timestamp": iso(ledger, entry.time),
        "device_ip": given.get("device_ip"),
        "device_id": given.get("device_id"),
        "device_name": ledger.device_name(entry.device),
        "endpoint": given["endpoint"],
        "provider": given["provider"],
        "model": ledger.spellings[entry.model_key],
        "tokens_prompt": given["tokens_prompt"],
        "tokens_response": given["tokens_response"],
        "total_tokens": given["tokens_prompt"] + given["tokens_response"],
        **{f"tokens_{part}": given.get(f"tokens_{part}", 0) for part in parts},
        "latency_ms": milliseconds(given.get("latency_us")),
        "ttft_ms": milliseconds(given.get("ttft_us")),
        "user_id": entry.user,
        **{name: given.get(name) for name in texts},
        "tags": list(given.get("tags", ())),
        "status": given.get("status", "ok"),
        "cost_estimate": entry.cost,
        "cost_source": entry.cost_source,
        "priced_as": entry.priced_as,
        "source": given.get("source", "api"),
        "recorded_by": given.get("recorded_by"),
        "home_cost": None if entry.home is None else entry.home[0],
        "home_currency": None if entry.home is None else entry.home[1],
    }


def milliseconds(microseconds: int | None) -> Decimal | None:
    """Return microseconds as milliseconds."""
    return None if microseconds is None else Decimal(microseconds) / 1000


def listing(
    ledger: Ledger,
    wanted: Wanted,
    *,
    start: datetime | None = None,
    end: datetime | None = None,
    status: str | None = None,
) -> list[Answer]:
    """Return every event with start <= time < end, newest first; pages are its slices."""
    ledger.check_instants(start, end)
    return [
        event(ledger, entry)
        for entry in reversed(ledger.present(wanted))
        if (start is None or start <= entry.time)
        and (end is None or entry.time < end)
        and (status is None or entry.given.get("status", "ok") == status)
    ]


# Sums in parts


def by[Part: Hashable](entries: Sequence[Entry], part: Callable[[Entry], Part]) -> dict[Part, Sums]:
    """Return the sums by a part of each entry."""
    return {
        one: add_up(entry for entry in entries if part(entry) == one)
        for one in {part(entry) for entry in entries}
    }


def device(ledger: Ledger, key: str | None) -> Answer:
    """Return how the API names a device."""
    kind, _, value = (key or "").partition(":")
    _, area, person = ledger.home.devices.get(key or "", (None, None, None))
    return {
        "device_ip": value if kind == "ip" else None,
        "device_id": value if kind == "ha" else None,
        "device_name": ledger.device_name(key),
        "area": area,
        "person": person,
    }


def devices(entries: Sequence[Entry]) -> list[tuple[str | None, Sums]]:
    """Return devices, most tokens first; what belongs to none comes last."""
    rows = by(entries, lambda entry: entry.device).items()
    return sorted(rows, key=lambda row: (row[0] is None, -row[1].tokens, row[0] or ""))


def places(
    entries: Sequence[Entry], place: Callable[[Entry], str | None]
) -> list[tuple[str | None, Sums]]:
    """Return areas or persons, most tokens first; what has none comes last."""
    rows = by(entries, place).items()
    return sorted(rows, key=lambda row: (row[0] is None, -row[1].tokens, row[0] or ""))


def endpoints(entries: Sequence[Entry]) -> list[tuple[str, Sums]]:
    """Return endpoints, most requests first."""
    rows = by(entries, lambda entry: str(entry.given["endpoint"])).items()
    return sorted(rows, key=lambda row: (-row[1].requests, row[0]))


def unique_devices(entries: Sequence[Entry]) -> int:
    """Return how many devices there are, without "none"."""
    return len({entry.device for entry in entries} - {None})


def ranking(sums: Sums) -> Answer:
    """Return the figures of a ranking's row."""
    return {
        "request_count": sums.requests,
        "total_tokens": sums.tokens,
        "cost_estimate": sums.cost,
    }


def report_row(sums: Sums) -> Answer:
    """Return the contract's R."""
    return ranking(sums) | {
        "tokens_prompt": sums.prompt,
        "tokens_response": sums.response,
        "unpriced_requests": sums.unpriced,
    }


def at_home(ledger: Ledger, sums: Sums) -> Answer:
    """Return the figures in the household's own currency."""
    if ledger.currency is None:
        return {"home_cost": None, "unconverted_requests": None}
    return {
        "home_cost": sums.home.get(ledger.currency, 0),
        "unconverted_requests": sums.requests - sums.converted.get(ledger.currency, 0),
    }


# Dashboard and summary


def running(name: str, today: date) -> Days:
    """Return the days of the running today, week or month."""
    first = {
        "today": today,
        "week": today - timedelta(days=today.weekday()),
        "month": today.replace(day=1),
    }[name]
    return first, today


def summary(ledger: Ledger, wanted: Wanted, *, now: datetime) -> Answer:
    """Answer /summary."""
    answer: Answer = {
        "home_currency": ledger.currency,
        "filter_device_ip": filter_device_ip(wanted),
    }
    for name in ("today", "week", "month"):
        days = running(name, local_date(now, ledger.zone))
        sums = add_up(entry for _, entry in ledger.in_days(*days, wanted))
        answer[name] = {
            "requests": sums.requests,
            "tokens": sums.tokens,
            "cost_estimate": sums.cost,
            "unpriced_requests": sums.unpriced,
            **at_home(ledger, sums),
        }
    return answer


def filter_device_ip(wanted: Wanted) -> str | None:
    """Return the address that a filter names."""
    kind, _, value = wanted.get("device", "").partition(":")
    return value if kind == "ip" else None


def dashboard(ledger: Ledger, wanted: Wanted, *, now: datetime) -> Answer:
    """Answer /dashboard."""
    answer = summary(ledger, wanted, now=now)
    today = local_date(now, ledger.zone)
    for name, period in (("today", "day"), ("week", "week"), ("month", "month")):
        days = running(name, today)
        entries = [entry for _, entry in ledger.in_days(*days, wanted, by_part=True)]
        sums = add_up(entries)
        answer[name] |= {
            "period": period,
            "start_date": iso(ledger, first_instant(days[0], ledger.zone)),
            "end_date": iso(ledger, now),
            "tokens_prompt": sums.prompt,
            "tokens_response": sums.response,
            "failed_requests": sums.failed,
            "unique_devices": unique_devices(entries),
        }
    week = today - 6 * DAY, today
    everybody = [entry for _, entry in ledger.in_days(*week, {})]
    wanted_ones = [entry for _, entry in ledger.in_days(*week, wanted, by_part=True)]
    return answer | {
        "top_devices": [
            device(ledger, key) | ranking(sums) for key, sums in devices(everybody)[:5]
        ],
        "top_endpoints": [
            {"endpoint": name} | ranking(sums) for name, sums in endpoints(wanted_ones)[:5]
        ],
        "peak_hours": peak_hours(hours(ledger, week, wanted)),
        "recent_activity": listing(ledger, wanted)[:10],
        "generated_at": iso(ledger, now),
    }


def hours(ledger: Ledger, days: Days, wanted: Wanted) -> list[Sums]:
    """Return the sums by the hour that the clock shows."""
    if not ledger.knows(wanted):
        return [Sums()] * 24
    start = first_instant(days[0], ledger.zone)
    end = first_instant(days[1] + DAY, ledger.zone)
    entries = [entry for entry in ledger.entries if entry.counted]
    if set(wanted) not in (set(), {"device"}, {"model"}, {"provider"}, {"provider", "model"}):
        ledger.check(start, "start")
        entries = ledger.present()
    return [
        add_up(
            entry
            for entry in entries
            if start <= entry.time < end
            and entry.matches(wanted)
            and entry.time.astimezone(ledger.zone).hour == hour
        )
        for hour in range(24)
    ]


def peak_hours(rows: Sequence[Sums]) -> list[int]:
    """Return all hours that reach the most requests, unless there are none."""
    most = max(row.requests for row in rows)
    return [hour for hour, row in enumerate(rows) if most and row.requests == most]
