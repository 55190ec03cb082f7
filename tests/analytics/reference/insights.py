"""Statistics, as the contract words them, from the reference ledger.

Where the contract leaves a choice open, this is what is expected: a bound that is left out reaches
to the ledger's own end, with an event that a clock a little ahead has dated tomorrow.
"""

from collections.abc import Iterable
from datetime import date, datetime
from decimal import Decimal

from .answers import Answer, by, endpoints
from .ledger import DAY, Entry, Ledger, Sums, Wanted, add_up, first_instant, local_date, mean
from .prices import PricedLedger
from .trends import Dated, by_day, each_day, hours, last_days

type Bounds = tuple[datetime | None, datetime | None]


def in_window(
    ledger: Ledger, bounds: Bounds, wanted: Wanted, *, now: datetime
) -> tuple[Dated, list[date]]:
    """Return what start <= time < end counts, with its day, and the days it may lie on."""
    ledger.check_instants(*bounds)
    today = local_date(now, ledger.zone)
    start = bounds[0] or first_instant(ledger.first_day() or today, ledger.zone)
    end = bounds[1] or first_instant(today + 2 * DAY, ledger.zone)
    if start >= end:
        return [], []
    touched = [local_date(start, ledger.zone)]
    while first_instant(touched[-1] + DAY, ledger.zone) < end:
        touched.append(touched[-1] + DAY)
    whole = [
        day
        for day in touched
        if start <= first_instant(day, ledger.zone) and first_instant(day + DAY, ledger.zone) <= end
    ]
    found = ledger.in_days(whole[0], whole[-1], wanted) if whole else []
    for day in (day for day in touched if day not in whole):
        low = max(start, first_instant(day, ledger.zone))
        high = min(end, first_instant(day + DAY, ledger.zone))
        if ledger.knows(wanted):
            ledger.check(low, "start")
            found += [(day, entry) for entry in ledger.present(wanted) if low <= entry.time < high]
    return found, touched


def counted(ledger: Ledger, bounds: Bounds, wanted: Wanted, *, now: datetime) -> list[Entry]:
    """Return what start <= time < end counts."""
    return [entry for _, entry in in_window(ledger, bounds, wanted, now=now)[0]]


# /stats


def per_priced(sums: Sums) -> Decimal:
    """Return the mean cost of the requests that have one."""
    return mean(sums.cost, sums.requests - sums.unpriced or 1, 12)


def latency(sums: Sums) -> Decimal | None:
    """Return the mean latency of the requests that gave one."""
    return mean(sums.latency_us, sums.timed * 1000, 2) if sums.timed else None


def statistics(ledger: Ledger, bounds: Bounds, wanted: Wanted, *, now: datetime) -> Answer:
    """Answer /stats/summary."""
    sums = add_up(counted(ledger, bounds, wanted, now=now))
    if not sums.requests:
        return {"total_requests": 0}
    return {
        "total_requests": sums.requests,
        "total_tokens": sums.tokens,
        "total_cost": sums.cost,
        "avg_latency_ms": latency(sums),
        "avg_cost_per_request": per_priced(sums),
        "unpriced_requests": sums.unpriced,
    }


def three(sums: Sums) -> Answer:
    """Return requests, tokens and cost."""
    return {"requests": sums.requests, "tokens": sums.tokens, "cost": sums.cost}


def four(sums: Sums) -> Answer:
    """Return requests, tokens, cost and unpriced requests."""
    return three(sums) | {"unpriced_requests": sums.unpriced}


def model_name(ledger: Ledger, key: tuple[str, str]) -> str:
    """Return provider/model as it is spelled."""
    return f"{key[0]}/{ledger.spellings[key] or 'unknown'}"


def models(ledger: Ledger, bounds: Bounds, *, now: datetime) -> Answer:
    """Answer /stats/models."""
    rows = by(counted(ledger, bounds, {}, now=now), lambda entry: entry.model_key)
    return {
        model_name(ledger, key): four(sums)
        | {"avg_latency_ms": latency(sums), "cost_per_request": per_priced(sums)}
        for key, sums in rows.items()
    }


def by_endpoint(ledger: Ledger, bounds: Bounds, *, now: datetime) -> Answer:
    """Answer /stats/endpoints."""
    return {name: four(sums) for name, sums in endpoints(counted(ledger, bounds, {}, now=now))}


def tags_of(entries: Iterable[Entry]) -> set[str]:
    """Return every tag there is."""
    return {tag for entry in entries for tag in entry.given.get("tags", ())}


def by_tag(ledger: Ledger, bounds: Bounds, *, now: datetime) -> Answer:
    """Answer /stats/tags."""
    entries = counted(ledger, bounds, {}, now=now)
    return {
        tag: four(add_up(entry for entry in entries if entry.matches({"tag": tag})))
        for tag in tags_of(entries)
    }


def users(ledger: Ledger, bounds: Bounds, *, now: datetime) -> list[Answer]:
    """Answer /stats/users/top without a limit; /stats/users is the same by user."""
    entries = counted(ledger, bounds, {}, now=now)
    rows = sorted(
        by(entries, lambda entry: entry.user).items(), key=lambda row: (-row[1].cost, row[0])
    )
    return [
        {"user_id": user, "user_name": ledger.user_name(user)}
        | three(sums)
        | {
            "models_used": sorted(
                {
                    model_name(ledger, entry.model_key)
                    for entry in entries
                    if entry.user == user and ledger.spellings[entry.model_key] is not None
                }
            )
        }
        for user, sums in rows
    ]


def daily(ledger: Ledger, count: int, *, now: datetime) -> list[Answer]:
    """Answer /stats/daily."""
    first, last = last_days(ledger, count, now)
    days = each_day(first, last)
    rows = by_day(ledger.in_days(first, last, {}), days)
    return [{"date": str(day)} | three(sums) for day, sums in zip(days, rows, strict=True)]


def hourly(ledger: PricedLedger, count: int | None, *, now: datetime) -> Answer:
    """Answer /stats/hourly."""
    days = last_days(ledger, count or 1, now)
    if count is None:
        times = [entry.time for entry in ledger.timed] or [now]
        days = min(times).date() - 2 * DAY, max(times).date() + 2 * DAY
    return {f"{hour:02}": sums.requests for hour, sums in enumerate(hours(ledger, days, {}))}
