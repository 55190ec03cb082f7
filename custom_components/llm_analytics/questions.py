"""Every question that can be asked, once: its name, its parameters, and who answers it.

The name is the path of the REST endpoint and the ``query`` of the action alike, so both validate
and answer the same way. Adding a question is adding a row to ``QUESTIONS``.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Final

from . import conversion, schemas
from .analytics import (
    Analytics,
    By,
    Interval,
    InvalidInputError,
    Json,
    Metric,
    Status,
    by_model,
    daily,
    figures,
    statistics,
)
from .schemas import Fields

type Data = Mapping[str, Any]


@dataclass(frozen=True)
class Question:
    """One question: its parameters and how the ledger is asked. Raises what the ledger raises."""

    fields: Fields
    ask: Callable[[Analytics, Data], Awaitable[Json]]


async def _dashboard(analytics: Analytics, data: Data) -> Json:
    return (await analytics.dashboard(conversion.wanted(data))).as_dict()


async def _summary(analytics: Analytics, data: Data) -> Json:
    return (await analytics.summary(conversion.wanted(data))).as_dict()


async def _events(analytics: Analytics, data: Data) -> Json:
    start, end = conversion.bounds(data, analytics.zone)
    page = await analytics.events(
        conversion.wanted(data),
        start=start,
        end=end,
        status=Status(data["status"]) if "status" in data else None,
        limit=data["limit"],
        before=data.get("before"),
    )
    return page.as_dict()


async def _event(analytics: Analytics, data: Data) -> Json:
    return (await analytics.event(data["id"])).as_dict()


async def _device_day(analytics: Analytics, data: Data) -> Json:
    device = conversion.device(data)
    return (await analytics.device_day(device, data.get("date"))).as_dict()


async def _device(analytics: Analytics, data: Data) -> Json:
    return (await analytics.device_summary(data["device"], data["days"])).as_dict()


async def _devices(analytics: Analytics, data: Data) -> Json:
    return [row.as_dict() for row in await analytics.top_devices(data["days"], data["limit"])]


async def _statistics(analytics: Analytics, data: Data) -> Json:
    bounds = conversion.bounds(data, analytics.zone)
    return statistics(await analytics.statistics(*bounds, conversion.wanted(data)))


async def _models(analytics: Analytics, data: Data) -> Json:
    return by_model(await analytics.models(*conversion.bounds(data, analytics.zone)))


async def _endpoints(analytics: Analytics, data: Data) -> Json:
    rows = await analytics.endpoints(*conversion.bounds(data, analytics.zone))
    return {row.endpoint: figures(row.totals) for row in rows}


async def _tags(analytics: Analytics, data: Data) -> Json:
    rows = await analytics.tags(*conversion.bounds(data, analytics.zone))
    return {tag: figures(totals) for tag, totals in rows}


async def _users(analytics: Analytics, data: Data) -> Json:
    rows = await analytics.users(*conversion.bounds(data, analytics.zone))
    return {row.name: row.as_dict() for row in rows}


async def _top_users(analytics: Analytics, data: Data) -> Json:
    rows = await analytics.users(*conversion.bounds(data, analytics.zone))
    return [{"user_id": row.name, **row.as_dict()} for row in rows[: data["limit"]]]


async def _daily(analytics: Analytics, data: Data) -> Json:
    return daily(await analytics.daily(data["days"]))


async def _hourly(analytics: Analytics, data: Data) -> Json:
    counts = await analytics.hourly(data.get("days"))
    return {f"{hour:02}": count for hour, count in enumerate(counts)}


async def _breakdown(analytics: Analytics, data: Data) -> Json:
    start, end = conversion.bounds(data, analytics.zone)
    answer = await analytics.breakdown(
        By(data["by"]),
        interval=Interval(data["interval"]),
        start=start,
        end=end,
        top=data["top"],
    )
    return answer.as_dict()


async def _heatmap(analytics: Analytics, data: Data) -> Json:
    return (await analytics.heatmap(data["days"], conversion.wanted(data))).as_dict()


async def _trend(analytics: Analytics, data: Data) -> Json:
    trend = await analytics.trend(
        Metric(data["metric"]),
        days=data["days"],
        interval=Interval(data["interval"]),
        wanted=conversion.wanted(data),
    )
    return trend.as_dict()


async def _peak_hours(analytics: Analytics, data: Data) -> Json:
    return (await analytics.peak_hours(data["days"], conversion.wanted(data))).as_dict()


async def _weekdays(analytics: Analytics, data: Data) -> Json:
    return (await analytics.weekdays(data["days"], conversion.wanted(data))).as_dict()


async def _anomalies(analytics: Analytics, data: Data) -> Json:
    answer = await analytics.anomalies(
        data["days"], threshold=Fraction(data["threshold"]), wanted=conversion.wanted(data)
    )
    return answer.as_dict()


async def _compare(analytics: Analytics, data: Data) -> Json:
    return (await analytics.comparison(data["days"], conversion.wanted(data))).as_dict()


async def _forecast(analytics: Analytics, _: Data) -> Json:
    return (await analytics.forecast()).as_dict()


async def _report(analytics: Analytics, data: Data) -> Json:
    arguments = conversion.report_arguments(data, analytics.zone)
    return (await analytics.report(**arguments)).as_dict()


async def _rates(analytics: Analytics, data: Data) -> Json:
    provider = conversion.wanted(data).provider
    return (await analytics.rates(provider, everything=data["all"])).as_dict()


async def _exchange_rates(analytics: Analytics, data: Data) -> Json:
    rates = await analytics.exchange_rates(data.get("currency"), data["limit"])
    return {
        "home_currency": analytics.home_currency,
        "exchange_rates": [rate.as_dict(analytics.zone) for rate in rates],
    }


async def _health(analytics: Analytics, _: Data) -> Json:
    return (await analytics.health()).as_dict()


# A fixed path stands before one with a parameter that would match it as well.
QUESTIONS: Final[dict[str, Question]] = {
    "dashboard": Question(schemas.FILTER, _dashboard),
    "summary": Question(schemas.FILTER, _summary),
    "usage": Question(schemas.LISTING, _events),
    "usage/daily": Question(schemas.DEVICE_DAY, _device_day),
    "usage/devices": Question(schemas.TOP_DEVICES, _devices),
    "usage/device/{device}": Question(schemas.DEVICE, _device),
    "usage/{id}": Question(schemas.event_id_fields(lenient=True), _event),
    "stats/summary": Question(schemas.BOUNDS | schemas.FILTER, _statistics),
    "stats/models": Question(schemas.BOUNDS, _models),
    "stats/endpoints": Question(schemas.BOUNDS, _endpoints),
    "stats/tags": Question(schemas.BOUNDS, _tags),
    "stats/users": Question(schemas.BOUNDS, _users),
    "stats/users/top": Question(schemas.TOP_USERS, _top_users),
    "stats/daily": Question(schemas.days(1, 365, 30), _daily),
    "stats/hourly": Question(schemas.days(1, 365), _hourly),
    "stats/breakdown": Question(schemas.BREAKDOWN, _breakdown),
    "stats/heatmap": Question(schemas.days(7, 90, 28) | schemas.SLOT_FILTER, _heatmap),
    "trends/peak-hours": Question(schemas.days(1, 90, 7) | schemas.SLOT_FILTER, _peak_hours),
    "trends/weekdays": Question(schemas.days(7, 90, 28) | schemas.FILTER, _weekdays),
    "trends/anomalies": Question(schemas.ANOMALIES, _anomalies),
    "trends/compare": Question(schemas.days(1, 30, 7) | schemas.FILTER, _compare),
    "trends/forecast": Question({}, _forecast),
    "trends/{metric}": Question(schemas.TREND, _trend),
    "reports": Question(schemas.REPORT, _report),
    "cost/rates": Question(schemas.RATES, _rates),
    "cost/exchange-rates": Question(schemas.EXCHANGE_RATES, _exchange_rates),
    "health": Question({}, _health),
}


def find_question(query: str) -> tuple[Question, dict[str, str]]:
    """Return the question of a path such as ``trends/usage``, and the parameters in the path.

    Raises InvalidInputError for a path that is none.
    """
    parts = query.strip("/").split("/")
    for path, question in QUESTIONS.items():
        names = path.split("/")
        if len(names) != len(parts):
            continue
        pairs = list(zip(names, parts, strict=True))
        if all(name == part or name.startswith("{") for name, part in pairs):
            return question, {
                name.strip("{}"): part for name, part in pairs if name.startswith("{")
            }
    raise InvalidInputError("query", f"must be one of {', '.join(QUESTIONS)}, got {query!r:.60}")
