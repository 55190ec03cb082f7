"""Trends, rhythms and comparisons, as the contract words them, from the reference ledger.

Where the contract leaves a choice open, this is what is expected:

- a point of a week or a month is labelled with the interval's first calendar day, which may lie
  before the window, and sums the days inside the window only;
- ``average_daily`` is the total over the local days from the first that counts up to today;
- what is summed from events is refused if the days that are summed begin before ``events_from``:
  for trends these begin with the ledger's first day, for weekdays and hours with the window;
- hours go by instants, days by the dates they are kept under: after a change of the zone the
  events of a frozen day keep their date, and their hours are those of the present zone;
- ``previous_to_same_time`` cuts the last of the earlier days at the time that its clock shows; a
  time that the clocks skip is read as if they had not changed yet, of one that they repeat the
  first is meant. Devices under a filter other than a device need that day's events.
"""

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from fractions import Fraction
from typing import Any

from .answers import Answer, Days, filter_device_ip, peak_hours as busiest_hours, unique_devices
from .ledger import DAY, Entry, Ledger, Sums, Wanted, add_up, first_instant, local_date
from .maths import average, figure, percent, sample_deviation, shown, written
from .prices import PricedLedger

METRICS = {"usage": "tokens", "cost": "cost", "requests": "requests"}
WEEKDAYS = ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"]
SLOT_FILTERS: list[set[str]] = [set(), {"device"}, {"model"}, {"provider"}, {"provider", "model"}]

type Dated = Sequence[tuple[date, Entry]]


def last_days(ledger: Ledger, count: int, now: datetime) -> Days:
    """Return the last days, today included."""
    today = local_date(now, ledger.zone)
    return today - (count - 1) * DAY, today


def seen_days(ledger: Ledger, days: Days) -> list[date]:
    """Return the days from the ledger's first day on."""
    first = ledger.first_day()
    if first is None:
        return []
    return each_day(max(first, days[0]), days[1])


def each_day(first: date, last: date) -> list[date]:
    """Return every day from the first to the last."""
    return [first + offset * DAY for offset in range((last - first).days + 1)]


def by_day(dated: Dated, days: Sequence[date]) -> list[Sums]:
    """Return the sums of each of the days."""
    found: dict[date, list[Entry]] = {day: [] for day in days}
    for day, entry in dated:
        if day in found:
            found[day].append(entry)
    return [add_up(entries) for entries in found.values()]


def point_of(interval: str, day: date) -> date:
    """Return the label of the point that a day belongs to."""
    if interval == "week":
        return day - timedelta(days=day.weekday())
    return day.replace(day=1) if interval == "month" else day


def trend(
    ledger: Ledger, metric: str, count: int, interval: str, wanted: Wanted, *, now: datetime
) -> Answer:
    """Answer /trends/{metric}."""
    window = last_days(ledger, count, now)
    days = seen_days(ledger, window)
    by_part = metric == "devices"
    dated = ledger.in_days(days[0], days[-1], wanted, by_part=by_part) if days else []
    points = {}
    for label in dict.fromkeys(point_of(interval, day) for day in days):
        entries = [entry for day, entry in dated if point_of(interval, day) == label]
        points[label] = (
            Fraction(unique_devices(entries))
            if by_part
            else figure(METRICS[metric], add_up(entries))
        )
    values = list(points.values())
    change, direction = tendency(values)
    total, mean = sum(values, Fraction(0)), average(values)
    # Ties go to the earliest date: max and min return the first of equals.
    peak, least = (
        chosen(points.items(), key=lambda point: point[1], default=(None, Fraction(0)))
        for chosen in (max, min)
    )
    return {
        "metric": metric,
        "period_days": count,
        "start_date": str(window[0]),
        "end_date": str(window[1]),
        "data_points": [
            {"date": str(label), "value": written(metric, value)} for label, value in points.items()
        ],
        "trend_direction": direction,
        "change_percent": shown(change),
        "average_daily": written(metric, total / max(len(days), 1)),
        "total": written(metric, total),
        "peak_value": written(metric, peak[1]),
        "peak_date": None if peak[0] is None else str(peak[0]),
        "min_value": written(metric, least[1]),
        "min_date": None if least[0] is None else str(least[0]),
        "volatility": shown(100 * sample_deviation(values) / mean if mean else Fraction(0)),
        "unpriced_requests": add_up(entry for _, entry in dated).unpriced,
        "filter_device_ip": filter_device_ip(wanted),
    }


def tendency(values: Sequence[Fraction]) -> tuple[Fraction, str]:
    """Return the change from the first half of the points to the second, and its direction."""
    half = len(values) // 2
    change = percent(average(values[:half]), average(values[half:])) if half else Fraction(0)
    return change, "up" if change > 10 else "down" if change < -10 else "stable"


# Rhythms


def by_instant(ledger: PricedLedger, start: datetime, end: datetime, wanted: Wanted) -> list[Entry]:
    """Return what start <= time < end counts; but for few filters, single events are needed."""
    if not ledger.knows(wanted):
        return []
    entries = ledger.timed
    if set(wanted) not in SLOT_FILTERS:
        ledger.check(start, "start")
        entries = ledger.present()
    return [entry for entry in entries if start <= entry.time < end and entry.matches(wanted)]


def hours(ledger: PricedLedger, days: Days, wanted: Wanted) -> list[Sums]:
    """Return the sums by the hour that the clock shows."""
    start, end = first_instant(days[0], ledger.zone), first_instant(days[1] + DAY, ledger.zone)
    entries = by_instant(ledger, start, end, wanted)
    shown_hours = [entry.time.astimezone(ledger.zone).hour for entry in entries]
    return [
        add_up(entry for entry, its in zip(entries, shown_hours, strict=True) if its == hour)
        for hour in range(24)
    ]


def peak_hours(ledger: PricedLedger, count: int, wanted: Wanted, *, now: datetime) -> Answer:
    """Answer /trends/peak-hours."""
    rows = hours(ledger, last_days(ledger, count, now), wanted)
    requests = [row.requests for row in rows]
    most_tokens = max(row.tokens for row in rows)
    used = any(requests)
    return {
        "period_days": count,
        "filter_device_ip": filter_device_ip(wanted),
        "hourly_data": [
            {
                "hour": hour,
                "hour_label": f"{hour:02d}:00",
                "request_count": row.requests,
                "total_tokens": row.tokens,
                "avg_tokens_per_request": shown(Fraction(row.tokens, max(row.requests, 1))),
            }
            for hour, row in enumerate(rows)
        ],
        "peak_hours_by_requests": busiest_hours(rows),
        "peak_hours_by_tokens": [
            hour for hour, row in enumerate(rows) if most_tokens and row.tokens == most_tokens
        ],
        "summary": {
            "most_active_hour": requests.index(max(requests)) if used else None,
            "least_active_hour": requests.index(min(requests)) if used else None,
        },
    }


def weekdays(ledger: Ledger, count: int, wanted: Wanted, *, now: datetime) -> Answer:
    """Answer /trends/weekdays."""
    dated = ledger.in_days(*last_days(ledger, count, now), wanted)
    rows = [
        add_up(entry for day, entry in dated if day.strftime("%A") == name) for name in WEEKDAYS
    ]
    requests = [row.requests for row in rows]
    weekend = requests[0] + requests[6]
    working = sum(requests[1:6])
    return {
        "period_days": count,
        "filter_device_ip": filter_device_ip(wanted),
        "weekday_data": [
            {
                "weekday": number,
                "weekday_name": WEEKDAYS[number],
                "request_count": row.requests,
                "total_tokens": row.tokens,
            }
            for number, row in enumerate(rows)
        ],
        "summary": {
            "busiest_day": WEEKDAYS[requests.index(max(requests))] if any(requests) else None,
            "quietest_day": WEEKDAYS[requests.index(min(requests))] if any(requests) else None,
            "weekday_total_requests": working,
            "weekend_total_requests": weekend,
            "weekday_vs_weekend_ratio": shown(
                Fraction(working, weekend) if weekend else Fraction()
            ),
        },
    }


def heatmap(ledger: PricedLedger, count: int, wanted: Wanted, *, now: datetime) -> Answer:
    """Answer /stats/heatmap."""
    first, last = last_days(ledger, count, now)
    start, end = first_instant(first, ledger.zone), first_instant(last + DAY, ledger.zone)
    cells: dict[tuple[str, int], list[Entry]] = {}
    for entry in by_instant(ledger, start, end, wanted):
        clock = entry.time.astimezone(ledger.zone)
        cells.setdefault((clock.strftime("%A"), clock.hour), []).append(entry)
    rows = [[add_up(cells.get((name, hour), ())) for hour in range(24)] for name in WEEKDAYS]
    return {
        metric: [[written(metric, figure(metric, cell)) for cell in row] for row in rows]
        for metric in ("requests", "tokens", "cost")
    }


# Comparison


def compare(ledger: PricedLedger, count: int, wanted: Wanted, *, now: datetime) -> Answer:
    """Answer /trends/compare."""
    current = last_days(ledger, count, now)
    previous = current[0] - count * DAY, current[0] - DAY
    ones, others = (
        [entry for _, entry in ledger.in_days(*days, wanted, by_part=True)]
        for days in (current, previous)
    )
    new, old = four_figures(ones), four_figures(others)
    cut = to_same_time(ledger, previous, wanted, now)
    return {
        "period_days": count,
        "filter_device_ip": filter_device_ip(wanted),
        "current_period": {"start": str(current[0]), "end": str(current[1])},
        "previous_period": {"start": str(previous[0]), "end": str(previous[1])},
        "comparison": {
            metric: {
                "current": written(metric, new[metric]),
                "previous": written(metric, old[metric]),
                "change": written(metric, new[metric] - old[metric]),
                "change_percent": shown(percent(old[metric], new[metric])),
                "previous_to_same_time": (written(metric, cut[metric]) if metric in cut else None),
                "change_percent_to_same_time": (
                    shown(percent(cut[metric], new[metric])) if metric in cut else None
                ),
            }
            for metric in new
        },
        "unpriced_requests": add_up(ones).unpriced,
    }


def four_figures(entries: Sequence[Entry]) -> dict[str, Fraction]:
    """Return requests, tokens, cost and devices."""
    sums = add_up(entries)
    figures: dict[str, Any] = {name: figure(name, sums) for name in ("requests", "tokens", "cost")}
    return figures | {"devices": Fraction(unique_devices(entries))}


def to_same_time(
    ledger: PricedLedger, days: Days, wanted: Wanted, now: datetime
) -> dict[str, Fraction]:
    """Return the figures up to the present time of day on the last day, but for those gone."""
    clock = now.astimezone(ledger.zone)
    quarter = clock.minute // 15 * 15
    last = days[1]
    cut = datetime(last.year, last.month, last.day, clock.hour, quarter, tzinfo=ledger.zone)
    midnight = first_instant(last, ledger.zone)
    gone = ledger.events_from is not None and midnight < ledger.events_from
    known = ledger.knows(wanted)
    if known and gone and set(wanted) not in SLOT_FILTERS:
        return {}
    entries = [entry for _, entry in ledger.in_days(days[0], last - DAY, wanted)]
    entries += by_instant(ledger, midnight, cut, wanted)
    figures = four_figures(entries)
    if known and gone and not set(wanted) <= {"device"}:
        del figures["devices"]
    return figures
