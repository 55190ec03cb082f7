"""Every question that can be asked, once: its name, its parameters, and who answers it.

The name is the path of the REST endpoint and the ``query`` of the action alike, so both validate
and answer the same way.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from . import schemas
from .analytics import Analytics, Json, Status
from .schemas import Fields

type Data = Mapping[str, Any]


@dataclass(frozen=True)
class Question:
    """One question: its parameters and how the ledger is asked. Raises what the ledger raises."""

    fields: Fields
    ask: Callable[[Analytics, Data], Awaitable[Json]]


async def _dashboard(analytics: Analytics, data: Data) -> Json:
    return (await analytics.dashboard(schemas.wanted(data))).as_dict()


async def _summary(analytics: Analytics, data: Data) -> Json:
    return (await analytics.summary(schemas.wanted(data))).as_dict()


async def _events(analytics: Analytics, data: Data) -> Json:
    start, end = schemas.bounds(data, analytics.zone)
    page = await analytics.events(
        schemas.wanted(data),
        start=start,
        end=end,
        status=Status(data["status"]) if "status" in data else None,
        limit=data["limit"],
        before=data.get("before"),
    )
    return page.as_dict()


async def _event(analytics: Analytics, data: Data) -> Json:
    return (await analytics.event(data["id"])).as_dict()


async def _report(analytics: Analytics, data: Data) -> Json:
    arguments = schemas.report_arguments(data, analytics.zone)
    return (await analytics.report(**arguments)).as_dict()


async def _health(analytics: Analytics, _: Data) -> Json:
    return (await analytics.health()).as_dict()


QUESTIONS: Final[dict[str, Question]] = {
    "dashboard": Question(schemas.FILTER, _dashboard),
    "summary": Question(schemas.FILTER, _summary),
    "usage": Question(schemas.LISTING, _events),
    "usage/{id}": Question(schemas.EVENT_ID, _event),
    "reports": Question(schemas.REPORT, _report),
    "health": Question({}, _health),
}
