"""Everything that can be changed or worked out, once, for the REST API and the actions alike.

The key of ``CHANGES`` is the action's name. ``fields`` makes the schema: strict for JSON bodies,
lenient for query strings and actions. Adding a change is adding a row.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Protocol

from . import conversion, schemas
from .analytics import Analytics, InvalidInputError, Json, normal_provider
from .schemas import Fields
from .usage import estimated_usage

type Data = Mapping[str, Any]
type Outcome = dict[str, Json]


class FieldsOf(Protocol):
    """Makes a schema."""

    def __call__(self, *, lenient: bool) -> Fields:
        """Return the schema for strict JSON or for text."""


@dataclass(frozen=True)
class Change:
    """One change: its fields, how it is made, and whether only administrators may make it."""

    fields: FieldsOf
    act: Callable[[Analytics, Data], Awaitable[Outcome]]
    admin: bool = True


async def _estimate_cost(analytics: Analytics, data: Data) -> Outcome:
    return (await analytics.estimate(estimated_usage(data))).as_dict()


async def _set_rate(analytics: Analytics, data: Data) -> Outcome:
    rate = conversion.dated_rate(data, analytics.zone)
    repricing = await analytics.set_rate(rate, reprice=data["reprice"])
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
    rate = await analytics.set_exchange_rate(conversion.exchange_rate(data, analytics.zone))
    return {
        "status": "ok",
        "message": f"1 {rate.currency} is {rate.usd:f} USD",
        "effective_date": rate.as_dict(analytics.zone)["effective_date"],
    }


async def _delete_rate(analytics: Analytics, data: Data) -> Outcome:
    effective = conversion.instant(data.get("effective_date"), analytics.zone)
    deleted = await analytics.delete_rate(
        normal_provider(data["provider"]), data["model"], effective
    )
    return {"status": "ok", "deleted": deleted}


async def _reprice(analytics: Analytics, data: Data) -> Outcome:
    start, end = conversion.bounds(data, analytics.zone)
    repricing = await analytics.reprice(start, end, only_unpriced=data["only_unpriced"])
    return repricing.as_dict()


async def _convert(analytics: Analytics, data: Data) -> Outcome:
    start, end = conversion.bounds(data, analytics.zone)
    done = await analytics.convert(start, end, only_unconverted=data["only_unconverted"])
    return done.as_dict()


async def _cleanup(analytics: Analytics, data: Data) -> Outcome:
    cleaned = await analytics.clean_up(
        data.get("retention_days"), keep_aggregates=data["keep_aggregates"]
    )
    return cleaned.as_dict()


async def _aggregate(analytics: Analytics, data: Data) -> Outcome:
    return (await analytics.rebuild(data.get("date"))).as_dict()


async def _delete_event(analytics: Analytics, data: Data) -> Outcome:
    await analytics.delete_event(data["id"])
    return {"status": "ok", "id": data["id"]}


async def _rename_device(analytics: Analytics, data: Data) -> Outcome:
    device = conversion.device(data)
    name = data.get("name") or None
    await analytics.rename_device(device, name)
    return {"status": "ok", "device_name": name}


async def _forget(analytics: Analytics, data: Data) -> Outcome:
    device, user = conversion.wanted(data).device, data.get("user_id")
    if (device is None) == (user is None):
        raise InvalidInputError("user_id", "give a device or a user, one of the two")
    return (await analytics.forget(device=device, user=user, delete=data["delete"])).as_dict()


CHANGES: Final[dict[str, Change]] = {
    "estimate_cost": Change(schemas.estimate_fields, _estimate_cost, admin=False),
    "set_rate": Change(schemas.rate_fields, _set_rate),
    "set_exchange_rate": Change(schemas.exchange_rate_fields, _set_exchange_rate),
    "delete_rate": Change(schemas.rate_key_fields, _delete_rate),
    "reprice": Change(schemas.reprice_fields, _reprice),
    "convert": Change(schemas.convert_fields, _convert),
    "cleanup": Change(schemas.cleanup_fields, _cleanup),
    "aggregate": Change(schemas.aggregate_fields, _aggregate),
    "delete_event": Change(schemas.event_id_fields, _delete_event),
    "rename_device": Change(schemas.rename_fields, _rename_device),
    "forget": Change(schemas.forget_fields, _forget),
}
