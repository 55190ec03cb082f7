"""The REST API: one table of routes, one view class.

Answers are JSON with exact decimals (never an exponent, never a rounded float). Whatever a client
sends gets an answer below 500 that names the field; 503 is kept for "not loaded" and for trouble
with the file. A known user who lacks a right gets 403: a 401 would count towards an IP ban.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import partial
from http import HTTPStatus
import json
import logging
from typing import Any, Final

from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError
from homeassistant.auth.models import User
from homeassistant.components.http import KEY_HASS, KEY_HASS_USER, HomeAssistantView
from homeassistant.core import HomeAssistant, callback

from . import schemas
from .access import may_record
from .analytics import Analytics, AnalyticsError, InvalidInputError
from .const import DOMAIN
from .coordinator import LlmAnalyticsConfigEntry
from .errors import http_field, http_status
from .questions import QUESTIONS, Question
from .schemas import Fields, validate

_LOGGER = logging.getLogger(__name__)

PREFIX: Final = f"/api/{DOMAIN}"
SEED_PREFIX: Final = "/api/analytics"
MAX_BODY: Final = 4 * 1024 * 1024
_SIGNATURE: Final = "authSig"


class BodyTooLargeError(Exception):
    """Raised while reading a body beyond MAX_BODY."""


@dataclass(frozen=True)
class Call:
    """One request on its way to the ledger."""

    request: web.Request
    analytics: Analytics
    user: User
    data: Mapping[str, Any]


@dataclass(frozen=True)
class Route:
    """A method of a path: its parameters, who may use it, and who answers."""

    method: str
    path: str
    fields: Fields
    answer: Callable[[Call], Awaitable[web.StreamResponse]]
    admin: bool = False


def json_response(value: Any, status: HTTPStatus = HTTPStatus.OK) -> web.Response:
    """Return a JSON answer with its decimals written plainly and exactly."""
    return web.Response(
        text=schemas.json_text(value), status=status, content_type="application/json"
    )


def error_response(message: str, status: HTTPStatus, field: str | None = None) -> web.Response:
    """Return an error in the API's one form."""
    return json_response({"message": message, "field": field}, status)


async def read_json(request: web.Request) -> Any:
    """Return the body as JSON with exact numbers, ``{}`` if it is empty.

    Raises InvalidInputError for what is no JSON, BodyTooLargeError beyond MAX_BODY.
    """
    if (request.content_length or 0) > MAX_BODY:
        raise BodyTooLargeError
    body = bytearray()
    try:
        async for chunk in request.content.iter_any():
            body += chunk
            if len(body) > MAX_BODY:
                raise BodyTooLargeError
        if not body:
            return {}
        return json.loads(body.decode(), parse_float=Decimal, parse_constant=_no_constant)
    except (ValueError, web.RequestPayloadError, HttpProcessingError) as error:
        raise InvalidInputError("body", f"is no JSON: {error}") from None
    except RecursionError:
        raise InvalidInputError("body", "is nested too deeply") from None


def _no_constant(name: str) -> float:
    raise ValueError(f"{name} is not a number in JSON")


def read_query(request: web.Request) -> dict[str, Any]:
    """Return the query string's parameters. Raises InvalidInputError for one given twice."""
    data: dict[str, Any] = {}
    for name, value in request.query.items():
        if name == _SIGNATURE:
            continue
        if name in data:
            raise InvalidInputError(name, "is given more than once")
        data[name] = value
    return data


async def _ask(question: Question, call: Call) -> web.Response:
    return json_response(await question.ask(call.analytics, call.data))


async def _record(call: Call) -> web.Response:
    body = await read_json(call.request)
    if isinstance(body, dict) and "events" in body:
        events = schemas.usage_batch(body, recorded_by=call.user.id)
        batch = await call.analytics.record_many(events)
        fresh = batch.duplicates < len(batch.ids)
        return json_response(batch.as_dict(), HTTPStatus.CREATED if fresh else HTTPStatus.OK)
    event = schemas.rest_event(body, recorded_by=call.user.id)
    recorded = await call.analytics.record(event)
    status = HTTPStatus.OK if recorded.duplicate else HTTPStatus.CREATED
    return json_response(recorded.as_dict(), status)


async def _delete(call: Call) -> web.Response:
    await call.analytics.delete_event(call.data["id"])
    return json_response({"status": "ok", "id": call.data["id"]})


ROUTES: Final[tuple[Route, ...]] = (
    *(
        Route("get", path, question.fields, partial(_ask, question))
        for path, question in QUESTIONS.items()
    ),
    Route("post", "usage", {}, _record),
    Route("delete", "usage/{id}", schemas.EVENT_ID, _delete, admin=True),
)


class AnalyticsView(HomeAssistantView):
    """Every method of one path."""

    def __init__(self, path: str, routes: tuple[Route, ...], extra_urls: list[str]) -> None:
        """Offer the methods that have a route."""
        self.url = f"{PREFIX}/{path}"
        self.extra_urls = extra_urls
        self.name = f"api:{DOMAIN}:{path}"
        for route in routes:
            setattr(self, route.method, partial(self._handle, route))

    async def _handle(self, route: Route, request: web.Request, **path: str) -> web.StreamResponse:
        hass = request.app[KEY_HASS]
        user: User = request[KEY_HASS_USER]
        try:
            if route.admin and not user.is_admin:
                return error_response("only administrators may do this", HTTPStatus.FORBIDDEN)
            if route.method == "post" and not may_record(user):
                return error_response("read-only users may not do this", HTTPStatus.FORBIDDEN)
            if (analytics := loaded_analytics(hass)) is None:
                return error_response("LLM Analytics is not loaded", HTTPStatus.SERVICE_UNAVAILABLE)
            data = validate(route.fields, read_query(request) | path)
            return await route.answer(Call(request, analytics, user, data))
        except AnalyticsError as error:
            return error_response(str(error), http_status(error), http_field(error))
        except BodyTooLargeError:
            return error_response(
                f"body: must be at most {MAX_BODY} bytes",
                HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
                "body",
            )


def loaded_analytics(hass: HomeAssistant) -> Analytics | None:
    """Return the ledger, None while there is no loaded entry."""
    entries: list[LlmAnalyticsConfigEntry] = hass.config_entries.async_loaded_entries(DOMAIN)
    return entries[0].runtime_data.analytics if entries else None


@callback
def async_register_views(hass: HomeAssistant) -> None:
    """Register every route, under the seed's prefix too where the path is free."""
    taken = {resource.canonical for resource in hass.http.app.router.resources()}
    for path in dict.fromkeys(route.path for route in ROUTES):
        routes = tuple(route for route in ROUTES if route.path == path)
        alias = f"{SEED_PREFIX}/{path}"
        if alias in taken:
            _LOGGER.warning("%s is taken by another integration; use %s/%s", alias, PREFIX, path)
        hass.http.register_view(AnalyticsView(path, routes, [] if alias in taken else [alias]))
