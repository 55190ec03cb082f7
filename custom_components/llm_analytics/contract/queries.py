"""The queries of the REST API and of the action ``get_statistics``.

The name of a query is the path of its endpoint and the ``query`` of the action, so both validate
and answer in the same way. A new query is a row in ``QUERIES``; its answer is described in
``api.responses``.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Final

from ..analytics import (
    Analytics,
    By,
    Interval,
    InvalidInputError,
    Json,
    Metric,
    Status,
    breakdown_figures,
    daily_rows,
    model_statistics,
    window_statistics,
)
from . import schemas
from .arguments import bounds_from, device_from, filter_from, report_arguments
from .schemas import Fields

type Data = Mapping[str, Any]


@dataclass(frozen=True)
class Query:
    """A query: its parameters and its handler, which raises the errors of the engine."""

    fields: Fields
    ask: Callable[[Analytics, Data], Awaitable[Json]]


async def _dashboard(analytics: Analytics, data: Data) -> Json:
    return (await analytics.reports.dashboard(filter_from(data))).as_dict()


async def _summary(analytics: Analytics, data: Data) -> Json:
    return (await analytics.reports.summary(filter_from(data))).as_dict()


async def _events(analytics: Analytics, data: Data) -> Json:
    start, end = bounds_from(data, analytics.ledger.zone)
    page = await analytics.tracker.events(
        filter_from(data),
        start=start,
        end=end,
        status=Status(data["status"]) if "status" in data else None,
        limit=data["limit"],
        before=data.get("before"),
    )
    return page.as_dict()


async def _event(analytics: Analytics, data: Data) -> Json:
    return (await analytics.tracker.event(data["id"])).as_dict()


async def _device_day(analytics: Analytics, data: Data) -> Json:
    device = device_from(data)
    return (await analytics.reports.device_day(device, data.get("date"))).as_dict()


async def _device(analytics: Analytics, data: Data) -> Json:
    return (await analytics.reports.device_summary(data["device"], data["days"])).as_dict()


async def _devices(analytics: Analytics, data: Data) -> Json:
    return [
        row.as_dict() for row in await analytics.reports.top_devices(data["days"], data["limit"])
    ]


async def _statistics(analytics: Analytics, data: Data) -> Json:
    bounds = bounds_from(data, analytics.ledger.zone)
    return window_statistics(await analytics.reports.statistics(*bounds, filter_from(data)))


async def _models(analytics: Analytics, data: Data) -> Json:
    return model_statistics(
        await analytics.reports.models(*bounds_from(data, analytics.ledger.zone))
    )


async def _endpoints(analytics: Analytics, data: Data) -> Json:
    rows = await analytics.reports.endpoints(*bounds_from(data, analytics.ledger.zone))
    return {row.endpoint: breakdown_figures(row.totals) for row in rows}


async def _tags(analytics: Analytics, data: Data) -> Json:
    rows = await analytics.reports.tags(*bounds_from(data, analytics.ledger.zone))
    return {tag: breakdown_figures(totals) for tag, totals in rows}


async def _users(analytics: Analytics, data: Data) -> Json:
    rows = await analytics.reports.users(*bounds_from(data, analytics.ledger.zone))
    return {row.name: row.as_dict() for row in rows}


async def _top_users(analytics: Analytics, data: Data) -> Json:
    rows = await analytics.reports.users(*bounds_from(data, analytics.ledger.zone))
    return [{"user_id": row.name, **row.as_dict()} for row in rows[: data["limit"]]]


async def _daily(analytics: Analytics, data: Data) -> Json:
    return daily_rows(await analytics.reports.daily(data["days"]))


async def _hourly(analytics: Analytics, data: Data) -> Json:
    counts = await analytics.reports.hourly(data.get("days"))
    return {f"{hour:02}": count for hour, count in enumerate(counts)}


async def _breakdown(analytics: Analytics, data: Data) -> Json:
    start, end = bounds_from(data, analytics.ledger.zone)
    answer = await analytics.reports.breakdown(
        By(data["by"]),
        interval=Interval(data["interval"]),
        start=start,
        end=end,
        top=data["top"],
    )
    return answer.as_dict()


async def _heatmap(analytics: Analytics, data: Data) -> Json:
    return (await analytics.trends.heatmap(data["days"], filter_from(data))).as_dict()


async def _trend(analytics: Analytics, data: Data) -> Json:
    trend = await analytics.trends.trend(
        Metric(data["metric"]),
        days=data["days"],
        interval=Interval(data["interval"]),
        wanted=filter_from(data),
    )
    return trend.as_dict()


async def _peak_hours(analytics: Analytics, data: Data) -> Json:
    return (await analytics.trends.peak_hours(data["days"], filter_from(data))).as_dict()


async def _weekdays(analytics: Analytics, data: Data) -> Json:
    return (await analytics.trends.weekdays(data["days"], filter_from(data))).as_dict()


async def _anomalies(analytics: Analytics, data: Data) -> Json:
    answer = await analytics.trends.anomalies(
        data["days"], threshold=Fraction(data["threshold"]), wanted=filter_from(data)
    )
    return answer.as_dict()


async def _compare(analytics: Analytics, data: Data) -> Json:
    return (await analytics.trends.comparison(data["days"], filter_from(data))).as_dict()


async def _forecast(analytics: Analytics, _: Data) -> Json:
    return (await analytics.trends.forecast()).as_dict()


async def _report(analytics: Analytics, data: Data) -> Json:
    arguments = report_arguments(data, analytics.ledger.zone)
    return (await analytics.reports.report(**arguments)).as_dict()


async def _rates(analytics: Analytics, data: Data) -> Json:
    provider = filter_from(data).provider
    return (await analytics.costs.rates(provider, everything=data["all"])).as_dict()


async def _exchange_rates(analytics: Analytics, data: Data) -> Json:
    rates = await analytics.costs.exchange_rates(data.get("currency"), data["limit"])
    return {
        "home_currency": analytics.ledger.home_currency,
        "exchange_rates": [rate.as_dict(analytics.ledger.zone) for rate in rates],
    }


async def _health(analytics: Analytics, _: Data) -> Json:
    return (await analytics.maintenance.health()).as_dict()


# A fixed path must precede a path whose parameter would match it, too.
QUERIES: Final[dict[str, Query]] = {
    "dashboard": Query(schemas.FILTER, _dashboard),
    "summary": Query(schemas.FILTER, _summary),
    "usage": Query(schemas.LISTING, _events),
    "usage/daily": Query(schemas.DEVICE_DAY, _device_day),
    "usage/devices": Query(schemas.TOP_DEVICES, _devices),
    "usage/device/{device}": Query(schemas.DEVICE, _device),
    "usage/{id}": Query(schemas.event_id_fields(lenient=True), _event),
    "stats/summary": Query(schemas.BOUNDS | schemas.FILTER, _statistics),
    "stats/models": Query(schemas.BOUNDS, _models),
    "stats/endpoints": Query(schemas.BOUNDS, _endpoints),
    "stats/tags": Query(schemas.BOUNDS, _tags),
    "stats/users": Query(schemas.BOUNDS, _users),
    "stats/users/top": Query(schemas.TOP_USERS, _top_users),
    "stats/daily": Query(schemas.days(1, 365, 30), _daily),
    "stats/hourly": Query(schemas.days(1, 365), _hourly),
    "stats/breakdown": Query(schemas.BREAKDOWN, _breakdown),
    "stats/heatmap": Query(schemas.days(7, 90, 28) | schemas.SLOT_FILTER, _heatmap),
    "trends/peak-hours": Query(schemas.days(1, 90, 7) | schemas.SLOT_FILTER, _peak_hours),
    "trends/weekdays": Query(schemas.days(7, 90, 28) | schemas.FILTER, _weekdays),
    "trends/anomalies": Query(schemas.ANOMALIES, _anomalies),
    "trends/compare": Query(schemas.days(1, 30, 7) | schemas.FILTER, _compare),
    "trends/forecast": Query({}, _forecast),
    "trends/{metric}": Query(schemas.TREND, _trend),
    "reports": Query(schemas.REPORT, _report),
    "cost/rates": Query(schemas.RATES, _rates),
    "cost/exchange-rates": Query(schemas.EXCHANGE_RATES, _exchange_rates),
    "health": Query({}, _health),
}


def find_query(query: str) -> tuple[Query, dict[str, str]]:
    """Return the query for a path such as ``trends/usage``, and the parameters in the path.

    Raises InvalidInputError for an unknown path.
    """
    parts = query.strip("/").split("/")
    for path, question in QUERIES.items():
        names = path.split("/")
        if len(names) != len(parts):
            continue
        pairs = list(zip(names, parts, strict=True))
        if all(name == part or name.startswith("{") for name, part in pairs):
            return question, {
                name.strip("{}"): part for name, part in pairs if name.startswith("{")
            }
    raise InvalidInputError("query", f"must be one of {', '.join(QUERIES)}, got {query!r:.60}")
