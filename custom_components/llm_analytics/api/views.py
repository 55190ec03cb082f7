"""The REST API: the table of routes, and the view class that serves them.

A new endpoint is a query in ``contract.queries``, or a command in ``contract.commands`` with a row
in ``ROUTES``; its answer is a row in ``responses.ANSWERS``. Every invalid request gets a status
below 500 and an error that names the field; 503 means that the integration is not loaded or that
its file cannot be used. A known user without permission gets 403, because a 401 would count
towards an IP ban.
"""

from collections.abc import Awaitable, Callable, Iterator
from contextlib import aclosing
from dataclasses import dataclass
from functools import cache, cached_property, lru_cache, partial
from http import HTTPStatus
import logging
from typing import Any, Final, NamedTuple

from aiohttp import web
from homeassistant.auth.models import User
from homeassistant.components.http import KEY_HASS, KEY_HASS_USER, HomeAssistantView
from homeassistant.core import HomeAssistant, callback

from ..analytics import Analytics, AnalyticsError, InvalidInputError
from ..const import DOMAIN
from ..contract import schemas
from ..contract.access import may_read, may_record
from ..contract.commands import COMMANDS, Command, Data
from ..contract.queries import QUERIES, Query
from ..contract.schemas import Fields
from ..contract.serialization import json_text
from ..contract.usage_events import Origin
from ..contract.validation import Validator, validate
from ..coordinator import loaded_entry
from .exports import ExportedFile, async_export_csv, async_export_json
from .openapi import document
from .recording import RefusedError, async_record, json_response, not_loaded, read_json, refusal

_LOGGER = logging.getLogger(__name__)

PREFIX: Final = f"/api/{DOMAIN}"
SEED_PREFIX: Final = "/api/analytics"
_SIGNATURE: Final = "authSig"

type Export = Callable[[Analytics, Data], Awaitable[ExportedFile]]


class Call(NamedTuple):
    """A request with its ledger and its validated parameters."""

    request: web.Request
    analytics: Analytics
    data: Data


type Answer = Callable[[Call], Awaitable[web.StreamResponse]]


@dataclass(frozen=True)
class Route:
    """A method of a path: its parameters, who may use it, and its handler.

    ``fields`` are read from path and query, ``body`` from a JSON body; a parameter that is in both
    may come from either. Without an ``answer`` the route records the events in the body, for all
    users except read-only ones. ``reads`` routes are for users who may read the ledger.
    """

    method: str
    path: str
    answer: Answer | None
    fields: Fields
    body: Fields | None = None
    admin: bool = False
    reads: bool = False

    @property
    def records(self) -> bool:
        """Return whether the route records events."""
        return self.answer is None

    @cached_property
    def validated(self) -> Validator:
        """Return the validator of path and query, for routes without a body of parameters."""
        return Validator(self.fields)


def read_query(request: web.Request) -> dict[str, Any]:
    """Return the parameters of the query. Raises InvalidInputError if one is given twice."""
    data: dict[str, Any] = {}
    for name, value in request.query.items():
        if name == _SIGNATURE:
            continue
        if name in data:
            raise InvalidInputError(name, "is given more than once")
        data[name] = value
    return data


async def _ask(question: Query, call: Call) -> web.Response:
    return json_response(await question.ask(call.analytics, call.data))


@lru_cache
def _origin(user_id: str) -> Origin:
    return Origin(source="rest", recorded_by=user_id)


async def _change(change: Command, call: Call) -> web.Response:
    return json_response(await change.act(call.analytics, call.data))


async def _export(export: Export, call: Call) -> web.StreamResponse:
    return await send_attachment(call.request, await export(call.analytics, call.data))


@cache
def described() -> str:
    """Return the OpenAPI document as JSON."""
    return json_text(document(ROUTES, (PREFIX, SEED_PREFIX)))


async def _describe(_: Call) -> web.Response:
    return web.Response(text=described(), content_type="application/json")


async def send_attachment(request: web.Request, file: ExportedFile) -> web.StreamResponse:
    """Stream a file as an attachment."""
    response = web.StreamResponse(
        headers={"Content-Disposition": f'attachment; filename="{file.name}"'}
    )
    response.content_type = file.content_type
    response.charset = "utf-8"
    await response.prepare(request)
    async with aclosing(file.chunks) as chunks:
        async for chunk in chunks:
            await response.write(chunk.encode())
    await response.write_eof()
    return response


def _questions() -> Iterator[Route]:
    for path, question in QUERIES.items():
        yield Route("get", path, partial(_ask, question), question.fields, reads=True)


def _download(path: str, export: Export) -> Route:
    return Route("get", path, partial(_export, export), schemas.EXPORT, reads=True)


def _of_body(method: str, path: str, name: str) -> Route:
    change = COMMANDS[name]
    body = change.fields(lenient=False)
    return Route(method, path, partial(_change, change), {}, body, admin=change.admin)


def _of_query(method: str, path: str, name: str) -> Route:
    change = COMMANDS[name]
    fields = change.fields(lenient=True)
    return Route(method, path, partial(_change, change), fields, admin=change.admin)


def _of_either(method: str, path: str, name: str) -> Route:
    change = COMMANDS[name]
    fields, body = change.fields(lenient=True), change.fields(lenient=False)
    return Route(method, path, partial(_change, change), fields, body, admin=change.admin)


# A fixed path must precede a path whose parameter would match it, too.
ROUTES: Final[tuple[Route, ...]] = (
    Route("get", "openapi.json", _describe, {}),
    Route("post", "usage", None, {}),
    _download("reports/export/csv", async_export_csv),
    _download("reports/export/json", async_export_json),
    *_questions(),
    _of_query("delete", "usage/{id}", "delete_event"),
    _of_body("post", "usage/devices/name", "rename_device"),
    _of_body("post", "cost/estimate", "estimate_cost"),
    _of_body("post", "cost/rates", "set_rate"),
    _of_query("delete", "cost/rates", "delete_rate"),
    _of_body("post", "cost/exchange-rates", "set_exchange_rate"),
    _of_either("post", "cost/reprice", "reprice"),
    _of_either("post", "cost/convert", "convert"),
    _of_either("post", "maintenance/cleanup", "cleanup"),
    _of_either("post", "maintenance/aggregate", "aggregate"),
)


async def read_parameters(route: Route, request: web.Request, path: dict[str, str]) -> Data:
    """Return the validated parameters of a request, from its path, query and body."""
    query = read_query(request) | path
    if route.body is None:
        return route.validated(query)
    body = await read_json(request)
    if not isinstance(body, dict):
        raise InvalidInputError("body", "must be a JSON object")
    for name in query:
        if name in body:
            raise InvalidInputError(name, "is given in the query and in the body")
    fields = route.body
    if route.fields:
        fields = {
            marker: route.fields[marker] if str(marker) in query else leaf
            for marker, leaf in route.body.items()
        }
    elif query:
        validate({}, query)
    return validate(fields, query | body)


def admit(route: Route, request: web.Request) -> tuple[Analytics, bool]:
    """Check permissions; return the ledger and whether the user may read it.

    Raises RefusedError.
    """
    user: User = request[KEY_HASS_USER]
    if route.admin and not user.is_admin:
        raise RefusedError("only administrators may do this", HTTPStatus.FORBIDDEN)
    if route.records and not may_record(user):
        raise RefusedError("read-only users may not do this", HTTPStatus.FORBIDDEN)
    if (entry := loaded_entry(request.app[KEY_HASS])) is None:
        raise not_loaded()
    reads = may_read(user, entry.options)
    if route.reads and not reads:
        raise RefusedError("only administrators may read", HTTPStatus.FORBIDDEN)
    return entry.runtime_data.analytics, reads


class AnalyticsView(HomeAssistantView):
    """View with all methods of a path."""

    def __init__(self, path: str, routes: tuple[Route, ...], extra_urls: list[str]) -> None:
        """Initialize the view with a handler for each route."""
        self.url = f"{PREFIX}/{path}"
        self.extra_urls = extra_urls
        self.name = f"api:{DOMAIN}:{path}"
        for route in routes:
            handle = _record if route.answer is None else partial(_answer, route.answer)
            setattr(self, route.method, partial(handle, route))


async def _record(route: Route, request: web.Request) -> web.Response:
    try:
        analytics, reads = admit(route, request)
        if request.query_string:
            validate(route.fields, read_query(request))
        origin = _origin(request[KEY_HASS_USER].id)
        return await async_record(analytics, await read_json(request), origin, reads=reads)
    except (AnalyticsError, RefusedError) as error:
        return refusal(error)


async def _answer(
    answer: Answer, route: Route, request: web.Request, **path: str
) -> web.StreamResponse:
    try:
        analytics, _ = admit(route, request)
        data = await read_parameters(route, request, path)
        return await answer(Call(request, analytics, data))
    except (AnalyticsError, RefusedError) as error:
        return refusal(error)


@callback
def async_register_views(hass: HomeAssistant) -> None:
    """Register all routes, also below ``SEED_PREFIX`` if the path is not in use."""
    taken = {resource.canonical for resource in hass.http.app.router.resources()}
    for path in dict.fromkeys(route.path for route in ROUTES):
        routes = tuple(route for route in ROUTES if route.path == path)
        alias = f"{SEED_PREFIX}/{path}"
        if alias in taken:
            _LOGGER.warning("%s is taken by another integration; use %s/%s", alias, PREFIX, path)
        hass.http.register_view(AnalyticsView(path, routes, [] if alias in taken else [alias]))
