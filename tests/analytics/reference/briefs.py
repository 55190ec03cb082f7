"""Briefs from the reference ledger: a stretch of time as people call it, and the one before."""

from collections.abc import Callable
from datetime import datetime

from .answers import Answer, at_home, by
from .insights import model_name
from .ledger import DAY, Entry, Sums, add_up, local_date
from .maths import percent, shown
from .prices import PricedLedger
from .reports import period_days
from .trends import four_figures, to_same_time

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
        **three(ledger, sums),
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
    if ledger.currency is not None:
        unconverted = at_home(ledger, sums)["unconverted_requests"]
        answer |= {"home_currency": ledger.currency, "unconverted_requests": unconverted}
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
    sums = by(entries, parts[part])

    def name(key: str | None) -> str:
        if part == "device" and key is not None:
            return ledger.device_name(key) or key.partition(":")[2]
        if part == "user" and key is not None:
            return ledger.user_name(key) or key
        return key or "unknown"

    ranked = sorted(sums, key=lambda key: (-sums[key].cost, -sums[key].tokens, name(key)))
    found = [{part: name(key), **three(ledger, sums[key])} for key in ranked[:5]]
    if ranked[5:]:
        rest = add_up(entry for entry in entries if parts[part](entry) in ranked[5:])
        found.append({part: "other", **three(ledger, rest)})
    return found


def three(ledger: PricedLedger, sums: Sums) -> Answer:
    """Return requests, tokens and cost, in the household's own currency too if it has one."""
    figures = {"requests": sums.requests, "tokens": sums.tokens, "cost_usd": sums.cost}
    if ledger.currency is not None:
        figures["home_cost"] = at_home(ledger, sums)["home_cost"]
    return figures
