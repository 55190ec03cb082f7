"""Briefs from the reference ledger: a stretch of time as people call it, and the one before."""

from collections.abc import Callable
from datetime import datetime

from .reference import DAY, Entry, Sums, add_up, local_date
from .reference_answers import Answer, by
from .reference_insights import model_name
from .reference_maths import percent, shown
from .reference_prices import PricedLedger
from .reference_reports import period_days
from .reference_trends import four_figures, to_same_time

STRETCHES = {
    "today": ("day", False),
    "yesterday": ("day", True),
    "this_week": ("week", False),
    "last_week": ("week", True),
    "this_month": ("month", False),
    "last_month": ("month", True),
}


def brief(ledger: PricedLedger, stretch: str, part: str | None, *, now: datetime) -> Answer:
    """Return a stretch of time in a few figures."""
    today = local_date(now, ledger.zone)
    period, over = STRETCHES[stretch]
    first, last = period_days(ledger, period, today, today=today)
    last = today
    if over:
        first, last = period_days(ledger, period, first - DAY, today=today)
    earlier, its_end = period_days(ledger, period, first - DAY, today=today)
    whole = over or its_end - earlier < last - first
    if not whole:
        its_end = earlier + (last - first)
    if whole:
        dated = ledger.in_days(earlier, its_end, {})
        before = four_figures([entry for _, entry in dated])
    else:
        before = to_same_time(ledger, (earlier, its_end), {}, now)
    entries = [entry for _, entry in ledger.in_days(first, last, {})]
    sums = add_up(entries)
    answer = {
        "period": stretch,
        "first_day": str(first),
        "last_day": str(last),
        **three(sums),
        "failed_requests": sums.failed,
        "unpriced_requests": sums.unpriced,
        "before": {
            "first_day": str(earlier),
            "last_day": str(its_end),
            "up_to_the_same_time": not whole,
            "requests": before["requests"],
            "tokens": before["tokens"],
            "cost_usd": shown(before["cost"], 12),
        },
        "cost_change_percent": None,
    }
    if before["cost"]:
        new = four_figures(entries)["cost"]
        answer["cost_change_percent"] = shown(percent(before["cost"], new))
    if part is not None:
        answer |= {"by": part, "rows": rows(ledger, part, entries)}
    return answer


def rows(ledger: PricedLedger, part: str, entries: list[Entry]) -> list[Answer]:
    """Return the five parts of the highest cost, and all others together."""
    parts: dict[str, Callable[[Entry], str | None]] = {
        "model": lambda entry: model_name(ledger, entry.model_key),
        "device": lambda entry: entry.device,
        "room": ledger.area,
        "person": ledger.person,
        "user": lambda entry: entry.user,
    }
    ranked = []
    for key, sums in by(entries, parts[part]).items():
        name = key
        if part == "device" and key is not None:
            name = ledger.device_name(key) or key.partition(":")[2]
        if part == "user" and key is not None:
            name = ledger.user_name(key) or key
        ranked.append((name or "unknown", sums))
    ranked.sort(key=lambda row: (-row[1].cost, -row[1].tokens, row[0]))
    found = [{part: name, **three(sums)} for name, sums in ranked[:5]]
    if ranked[5:]:
        rest = Sums()
        for _, sums in ranked[5:]:
            rest.requests += sums.requests
            rest.prompt += sums.prompt
            rest.response += sums.response
            rest.cost += sums.cost
        found.append({part: "other", **three(rest)})
    return found


def three(sums: Sums) -> Answer:
    """Return requests, tokens and cost."""
    return {"requests": sums.requests, "tokens": sums.tokens, "cost_usd": sums.cost}
