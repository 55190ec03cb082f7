"""Breakdowns and devices, as the contract words them, from the reference ledger.

Where the contract leaves a choice open, this is what is expected:

- a breakdown, as every chart, ends with today, and what a clock a little ahead has dated tomorrow
  is not in it;
- the series of a breakdown are ranked by the tokens that are shown, whatever they are of;
- the points of a breakdown begin with the later of the window's first day and the ledger's first
  day, and are labelled as those of trends;
- what belongs to no device is the last series, so the first to be part of ``other``;
- a device that was ever recorded is known, even when all its events are deleted.
"""

from collections.abc import Sequence
from datetime import date, datetime
from fractions import Fraction

from .answers import Answer, device, devices, endpoints, peak_hours, ranking, report_row
from .insights import Bounds, in_window, model_name
from .ledger import Entry, Ledger, add_up, local_date
from .maths import shown
from .prices import PricedLedger
from .trends import Dated, by_day, each_day, hours, last_days, point_of, seen_days, tendency


def parts_of(ledger: Ledger, what: str, entry: Entry) -> list[tuple[str | None, str | None]]:
    """Return (key, name) of every series that an event belongs to."""
    if what == "tag":
        return [(tag, tag) for tag in entry.given.get("tags", ())]
    if what == "device":
        return [(entry.device, ledger.device_name(entry.device))]
    if what == "user":
        return [(entry.user, ledger.user_name(entry.user) or entry.user)]
    value = {
        "provider": entry.given["provider"],
        "model": model_name(ledger, entry.model_key),
        "endpoint": entry.given["endpoint"],
    }[what]
    return [(value, value)]


def breakdown(
    ledger: Ledger, what: str, interval: str, bounds: Bounds, top: int, *, now: datetime
) -> Answer:
    """Answer /stats/breakdown."""
    dated, touched = in_window(ledger, bounds, {}, now=now)
    first, today = ledger.first_day(), local_date(now, ledger.zone)
    days = [day for day in touched if first is not None and first <= day <= today]
    points = list(dict.fromkeys(point_of(interval, day) for day in days))
    series: dict[tuple[str | None, str | None], list[tuple[date, Entry]]] = {}
    for day, entry in dated:
        for part in parts_of(ledger, what, entry) if day in days else ():
            series.setdefault(part, []).append((point_of(interval, day), entry))

    def rank(part: tuple[str | None, str | None]) -> tuple[bool, int, str]:
        sums = add_up(entry for _, entry in series[part])
        return part[0] is None, -sums.tokens, part[0] or ""

    ranked = sorted(series, key=rank)
    rows = [line(part, series[part], points) for part in ranked[:top]]
    rest = [one for part in ranked[top:] for one in series[part]]
    if rest:
        rows.append(line(("other", "other"), rest, points))
    return {
        "by": what,
        "interval": interval,
        "points": [str(point) for point in points],
        "series": rows,
    }


def line(part: tuple[str | None, str | None], dated: Dated, points: Sequence[date]) -> Answer:
    """Return one series."""
    sums = by_day(dated, points)
    return {
        "key": part[0],
        "name": part[1],
        "requests": [one.requests for one in sums],
        "tokens": [one.tokens for one in sums],
        "cost": [one.cost for one in sums],
    }


# /usage


def device_day(ledger: Ledger, key: str, day: date) -> Answer:
    """Answer /usage/daily."""
    entries = [entry for _, entry in ledger.in_days(day, day, {"device": key}, by_part=True)]
    sums, named = add_up(entries), device(ledger, key)
    return {
        "date": str(day),
        "device_ip": named["device_ip"],
        "device_id": named["device_id"],
        "request_count": sums.requests,
        "total": sums.tokens,
        "prompt": sums.prompt,
        "response": sums.response,
        "cost_estimate": sums.cost,
        "unpriced_requests": sums.unpriced,
        "by_endpoint": {
            name: {"count": row.requests, "tokens": row.tokens} for name, row in endpoints(entries)
        },
    }


def device_summary(ledger: PricedLedger, key: str, count: int, *, now: datetime) -> Answer:
    """Answer /usage/device/{device}; LookupError for one never seen."""
    wanted = {"device": key}
    if not ledger.knows(wanted):
        raise LookupError(key)
    window = last_days(ledger, count, now)
    days = each_day(*window)
    dated = ledger.in_days(*window, wanted)
    rows = dict(zip(days, by_day(dated, days), strict=True))
    sums = report_row(add_up(entry for _, entry in dated))
    seen = seen_days(ledger, window)
    tokens = [Fraction(rows[day].tokens) for day in seen]
    change, direction = tendency(tokens)
    by_hour = hours(ledger, window, wanted)
    return (
        device(ledger, key)
        | sums
        | {
            "period_days": count,
            "start_date": str(window[0]),
            "end_date": str(window[1]),
            "stats": sums,
            "daily": [
                {
                    "date": str(day),
                    "requests": row.requests,
                    "tokens": row.tokens,
                    "cost_estimate": row.cost,
                }
                for day, row in rows.items()
            ],
            "trend": {
                "direction": direction,
                "change_percent": shown(change),
                "average_daily_tokens": shown(sum(tokens, Fraction(0)) / max(len(seen), 1)),
            },
            "peak_hours": peak_hours(by_hour),
            "hourly_distribution": [
                {"hour": hour, "request_count": row.requests, "total_tokens": row.tokens}
                for hour, row in enumerate(by_hour)
            ],
        }
    )


def top_devices(ledger: Ledger, count: int, limit: int, *, now: datetime) -> list[Answer]:
    """Answer /usage/devices."""
    dated = ledger.in_days(*last_days(ledger, count, now), {})
    rows = devices([entry for _, entry in dated])[:limit]
    return [device(ledger, key) | ranking(sums) for key, sums in rows]
