"""The actions: the queries and commands of the REST API, for automations and scripts.

Input is validated with the same schemas, leniently because templates render to text. Errors are
translated and name the field. Every row of ``contract.commands.COMMANDS`` is an action.
"""

from collections.abc import Awaitable, Callable
from contextlib import aclosing
from dataclasses import dataclass
from enum import StrEnum
from functools import partial
import json
from pathlib import Path
from typing import Any, Final

from homeassistant.core import (
    HomeAssistant,
    ServiceCall,
    ServiceResponse,
    SupportsResponse,
    callback,
)
from homeassistant.exceptions import HomeAssistantError, ServiceValidationError, Unauthorized
from homeassistant.helpers import service
import voluptuous as vol

from .analytics import Analytics, AnalyticsError, Json
from .api.exports import ExportedFile, async_export_csv, async_export_json, async_write
from .const import DOMAIN
from .contract import schemas
from .contract.access import may_read, may_record
from .contract.commands import COMMANDS, Command
from .contract.queries import find_query
from .contract.schemas import Fields
from .contract.serialization import plain_floats, receipt
from .contract.usage_events import usage_event
from .contract.validation import validate
from .contract.validators import Choice, Flag, Parameters, Text
from .errors import translated

REPORTS_FOLDER: Final = "reports"
_MAX_RESPONSE: Final = 10_000_000


class Action(StrEnum):
    """Names of the actions."""

    RECORD_USAGE = "record_usage"
    GENERATE_REPORT = "generate_report"
    GET_STATISTICS = "get_statistics"
    ESTIMATE_COST = "estimate_cost"
    SET_RATE = "set_rate"
    SET_EXCHANGE_RATE = "set_exchange_rate"
    DELETE_RATE = "delete_rate"
    REPRICE = "reprice"
    CONVERT = "convert"
    CLEANUP = "cleanup"
    AGGREGATE = "aggregate"
    DELETE_EVENT = "delete_event"
    RENAME_DEVICE = "rename_device"
    FORGET = "forget"


GENERATE_REPORT: Final[Fields] = schemas.REPORT | {
    vol.Optional("format", default="json"): Choice(("json", "csv")),
    vol.Optional("detailed", default=False): Flag(lenient=True),
    vol.Optional("file"): Text(1, 255),
}

GET_STATISTICS: Final[Fields] = {
    vol.Required("query"): Text(1, 100),
    vol.Optional("parameters", default=dict): Parameters(),
}

type Answer = dict[str, Json] | None
type Handler = Callable[[ServiceCall, Analytics, dict[str, Any]], Awaitable[Answer]]


@dataclass(frozen=True)
class ActionDescription:
    """An action: its fields, its handler and who may call it.

    ``admin`` actions are for administrators, ``reads`` actions for users who may read the ledger.
    Calls without a user, which come from Home Assistant itself, are always allowed.
    """

    name: Action
    fields: Fields
    handle: Handler
    admin: bool = False
    reads: bool = False


async def _record_usage(call: ServiceCall, analytics: Analytics, data: dict[str, Any]) -> Answer:
    user_id = call.context.user_id
    if user_id is not None:
        user = await call.hass.auth.async_get_user(user_id)
        if user is not None and not may_record(user):
            raise Unauthorized(context=call.context)
        if data.get("user_id") is None:
            data["user_id"] = user_id
    event = usage_event(data, source="action", recorded_by=user_id)
    recorded = await analytics.tracker.record(event)
    return receipt(recorded, reads=await _async_may_read(call))


async def _async_may_read(call: ServiceCall) -> bool:
    """Return whether the caller may read the ledger."""
    if call.context.user_id is None:
        return True
    user = await call.hass.auth.async_get_user(call.context.user_id)
    entry = service.async_get_config_entry(call.hass, DOMAIN, None)
    return may_read(user, entry.options)


async def _generate_report(call: ServiceCall, analytics: Analytics, data: dict[str, Any]) -> Answer:
    path = await _report_path(call, data["file"]) if "file" in data else None
    export = async_export_csv if data["format"] == "csv" else async_export_json
    file = await export(analytics, data)
    if path is None:
        text = await _bounded_text(file)
        if data["format"] == "csv":
            return {"filename": file.name, "csv": text}
        answer: dict[str, Json] = json.loads(text)
        return answer
    try:
        size = await async_write(call.hass, path, file.chunks)
    except OSError as error:
        raise HomeAssistantError(
            translation_domain=DOMAIN,
            translation_key="report_not_written",
            translation_placeholders={"path": str(path), "error": str(error)},
        ) from error
    return {"file": str(path), "bytes": size}


async def _bounded_text(file: ExportedFile) -> str:
    """Return the text of a report. Raises ServiceValidationError if it is too large."""
    parts, size = [], 0
    async with aclosing(file.chunks) as chunks:
        async for chunk in chunks:
            parts.append(chunk)
            size += len(chunk)
            if size > _MAX_RESPONSE:
                raise ServiceValidationError(
                    translation_domain=DOMAIN, translation_key="report_too_large"
                )
    return "".join(parts)


async def _report_path(call: ServiceCall, name: str) -> Path:
    """Return the path of a report, below the reports folder or an allowed directory.

    Raises Unauthorized or ServiceValidationError.
    """
    hass = call.hass
    if call.context.user_id is not None:
        user = await hass.auth.async_get_user(call.context.user_id)
        if user is None or not user.is_admin:
            raise Unauthorized(context=call.context)

    def allowed() -> Path | None:
        home = Path(hass.config.path(DOMAIN, REPORTS_FOLDER)).resolve()
        path = (home / name).resolve()
        if path.is_relative_to(home) and path != home:
            return path
        # Everything below www is served without authentication.
        if path.is_relative_to(Path(hass.config.path("www")).resolve()):
            return None
        return path if hass.config.is_allowed_path(str(path)) else None

    path = await hass.async_add_executor_job(allowed)
    if path is None:
        raise ServiceValidationError(
            translation_domain=DOMAIN,
            translation_key="path_not_allowed",
            translation_placeholders={"path": name},
        )
    return path


async def _get_statistics(_: ServiceCall, analytics: Analytics, data: dict[str, Any]) -> Answer:
    question, parameters = find_query(data["query"])
    asked = validate(question.fields, data["parameters"] | parameters)
    answer = await question.ask(analytics, asked)
    return answer if isinstance(answer, dict) else {"result": answer}


def _changing(change: Command) -> Handler:
    async def handle(_: ServiceCall, analytics: Analytics, data: dict[str, Any]) -> Answer:
        return await change.act(analytics, data)

    return handle


ACTIONS: Final[tuple[ActionDescription, ...]] = (
    ActionDescription(Action.RECORD_USAGE, schemas.USAGE_ACTION, _record_usage),
    ActionDescription(Action.GENERATE_REPORT, GENERATE_REPORT, _generate_report, reads=True),
    ActionDescription(Action.GET_STATISTICS, GET_STATISTICS, _get_statistics, reads=True),
    *(
        ActionDescription(
            Action(name), change.fields(lenient=True), _changing(change), admin=change.admin
        )
        for name, change in COMMANDS.items()
    ),
)


async def _async_handle(description: ActionDescription, call: ServiceCall) -> ServiceResponse:
    """Validate the input and run an action; engine errors are raised translated."""
    entry = service.async_get_config_entry(call.hass, DOMAIN, None)
    analytics: Analytics = entry.runtime_data.analytics
    if description.reads and not await _async_may_read(call):
        raise Unauthorized(context=call.context)
    try:
        data = validate(description.fields, call.data)
        response = await description.handle(call, analytics, data)
    except AnalyticsError as error:
        raise translated(error) from error
    answer: ServiceResponse = plain_floats(response) if call.return_response else None
    return answer


@callback
def async_setup_services(hass: HomeAssistant) -> None:
    """Register the actions."""
    for description in ACTIONS:
        handler = partial(_async_handle, description)
        if description.admin:
            service.async_register_admin_service(
                hass,
                DOMAIN,
                description.name,
                handler,
                schema=vol.Schema({}, extra=vol.ALLOW_EXTRA),
                supports_response=SupportsResponse.OPTIONAL,
            )
        else:
            hass.services.async_register(
                DOMAIN,
                description.name,
                handler,
                supports_response=SupportsResponse.OPTIONAL,
            )
