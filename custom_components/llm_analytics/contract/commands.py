"""The commands of the REST API and the actions: everything that changes or calculates something.

The key in ``COMMANDS`` is the name of the action. ``fields`` makes the schema: strict for JSON
bodies, lenient for query strings and actions. A new command is a row in ``COMMANDS`` and in
``services.Action``; for an endpoint, it also needs a route in ``api.views``.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Protocol

from ..analytics import Analytics, InvalidInputError, Json, normal_provider
from . import schemas
from .arguments import (
    bounds_from,
    device_from,
    exchange_rate_from,
    filter_from,
    instant_from,
    rate_from,
)
from .schemas import Fields
from .usage_events import estimated_usage

type Data = Mapping[str, Any]
type Outcome = dict[str, Json]


class FieldsOf(Protocol):
    """A function that makes a schema."""

    def __call__(self, *, lenient: bool) -> Fields:
        """Return the schema for strict JSON or for text."""


@dataclass(frozen=True)
class Command:
    """A command: its fields, its handler, and whether it is for administrators only."""

    fields: FieldsOf
    act: Callable[[Analytics, Data], Awaitable[Outcome]]
    admin: bool = True


async def _estimate_cost(analytics: Analytics, data: Data) -> Outcome:
    return (await analytics.costs.estimate(estimated_usage(data))).as_dict()


async def _set_rate(analytics: Analytics, data: Data) -> Outcome:
    rate = rate_from(data, analytics.ledger.zone)
    repricing = await analytics.costs.set_rate(rate, reprice=data["reprice"])
    name = f"{rate.provider}/{rate.model}"
    if repricing is None:
        return {
            "status": "ok",
            "message": f"The price of {name} is set; recorded events keep theirs",
            "repriced_events": 0,
        }
    outcome = repricing.as_dict()
    return {
        "status": outcome["status"],
        "message": f"The price of {name} is set. {outcome['message']}",
        "repriced_events": outcome["repriced_events"],
    }


async def _set_exchange_rate(analytics: Analytics, data: Data) -> Outcome:
    rate = await analytics.costs.set_exchange_rate(exchange_rate_from(data, analytics.ledger.zone))
    return {
        "status": "ok",
        "message": f"1 {rate.currency} is {rate.usd:f} USD",
        "effective_date": rate.as_dict(analytics.ledger.zone)["effective_date"],
    }


async def _delete_rate(analytics: Analytics, data: Data) -> Outcome:
    effective = instant_from(data.get("effective_date"), analytics.ledger.zone)
    deleted = await analytics.costs.delete_rate(
        normal_provider(data["provider"]), data["model"], effective
    )
    return {"status": "ok", "deleted": deleted}


async def _reprice(analytics: Analytics, data: Data) -> Outcome:
    start, end = bounds_from(data, analytics.ledger.zone)
    repricing = await analytics.costs.reprice(start, end, only_unpriced=data["only_unpriced"])
    return repricing.as_dict()


async def _convert(analytics: Analytics, data: Data) -> Outcome:
    start, end = bounds_from(data, analytics.ledger.zone)
    done = await analytics.costs.convert(start, end, only_unconverted=data["only_unconverted"])
    return done.as_dict()


async def _cleanup(analytics: Analytics, data: Data) -> Outcome:
    cleaned = await analytics.maintenance.clean_up(
        data.get("retention_days"), keep_aggregates=data["keep_aggregates"]
    )
    return cleaned.as_dict()


async def _aggregate(analytics: Analytics, data: Data) -> Outcome:
    return (await analytics.maintenance.rebuild(data.get("date"))).as_dict()


async def _delete_event(analytics: Analytics, data: Data) -> Outcome:
    await analytics.tracker.delete_event(data["id"])
    return {"status": "ok", "id": data["id"]}


async def _rename_device(analytics: Analytics, data: Data) -> Outcome:
    device = device_from(data)
    name = data.get("name") or None
    await analytics.maintenance.rename_device(device, name)
    return {"status": "ok", "device_name": name}


async def _forget(analytics: Analytics, data: Data) -> Outcome:
    device, user = filter_from(data).device, data.get("user_id")
    if (device is None) == (user is None):
        raise InvalidInputError("user_id", "give a device or a user, one of the two")
    return (
        await analytics.maintenance.forget(device=device, user=user, delete=data["delete"])
    ).as_dict()


COMMANDS: Final[dict[str, Command]] = {
    "estimate_cost": Command(schemas.estimate_fields, _estimate_cost, admin=False),
    "set_rate": Command(schemas.rate_fields, _set_rate),
    "set_exchange_rate": Command(schemas.exchange_rate_fields, _set_exchange_rate),
    "delete_rate": Command(schemas.rate_key_fields, _delete_rate),
    "reprice": Command(schemas.reprice_fields, _reprice),
    "convert": Command(schemas.convert_fields, _convert),
    "cleanup": Command(schemas.cleanup_fields, _cleanup),
    "aggregate": Command(schemas.aggregate_fields, _aggregate),
    "delete_event": Command(schemas.event_id_fields, _delete_event),
    "rename_device": Command(schemas.rename_fields, _rename_device),
    "forget": Command(schemas.forget_fields, _forget),
}
