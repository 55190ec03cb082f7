"""Recording over HTTP, for the REST API and for the webhooks of recording clients.

Answers are JSON with exact decimals: no exponents and no rounded floats. Every kind of invalid
input gets a status below 500 and an error that names the field.
"""

import asyncio
from decimal import Decimal
from http import HTTPStatus
import json
from typing import Any, Final

from aiohttp import StreamReader, hdrs, web
from aiohttp.http_exceptions import HttpProcessingError

from ..analytics import Analytics, AnalyticsError, InvalidInputError, UsageEvent
from ..contract.serialization import json_bytes, receipt
from ..contract.usage_events import Origin
from ..errors import http_field, http_status

MAX_BODY: Final = 4 * 1024 * 1024
_CHUNK: Final = 64 * 1024
# Events of a batch that are converted before yielding to the event loop: half a millisecond.
_TURN: Final = 20
_JSON: Final = {hdrs.CONTENT_TYPE: "application/json; charset=utf-8"}


class RefusedError(Exception):
    """Raised for a request that does not reach the ledger; has the parts of the answer."""

    def __init__(self, message: str, status: HTTPStatus, field: str | None = None) -> None:
        """Store the parts of the answer."""
        super().__init__(message)
        self.status = status
        self.field = field


def json_response(value: Any, status: HTTPStatus = HTTPStatus.OK) -> web.Response:
    """Return a JSON response with exact decimals."""
    return web.Response(body=json_bytes(value), status=status, headers=_JSON)


def error_response(message: str, status: HTTPStatus, field: str | None = None) -> web.Response:
    """Return an error response; all errors of the API have this form."""
    return json_response({"message": message, "field": field}, status)


def not_loaded() -> RefusedError:
    """Return the error to raise while the integration is not loaded."""
    return RefusedError("LLM Analytics is not loaded", HTTPStatus.SERVICE_UNAVAILABLE)


def refusal(error: AnalyticsError | RefusedError) -> web.Response:
    """Return the error response for an exception."""
    if isinstance(error, AnalyticsError):
        return error_response(str(error), http_status(error), http_field(error))
    return error_response(str(error), error.status, error.field)


async def read_json(request: web.Request) -> Any:
    """Return the JSON body with exact numbers, or ``{}`` if it is empty.

    Raises InvalidInputError if it is not JSON, RefusedError if it is larger than MAX_BODY.
    """
    # A webhook can also be called over the WebSocket API, with a mock of a request.
    content = request.content
    try:
        body = await content.read(_CHUNK)
        if not isinstance(content, StreamReader) or not content.at_eof():
            body += await _rest(content, MAX_BODY - len(body))
        return _parsed(body) if body else {}
    except (ValueError, web.RequestPayloadError, HttpProcessingError, ConnectionError) as error:
        raise InvalidInputError("body", f"is no JSON: {error}") from None
    except RecursionError:
        raise InvalidInputError("body", "is nested too deeply") from None


async def _rest(content: StreamReader, most: int) -> bytes:
    body = bytearray()
    while chunk := await content.read(_CHUNK):
        body += chunk
        if len(body) > most:
            raise RefusedError(
                f"body: must be at most {MAX_BODY} bytes",
                HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
                "body",
            )
    return bytes(body)


def _no_constant(name: str) -> float:
    raise ValueError(f"{name} is not a number in JSON")


def _parsed(body: bytes) -> Any:
    """Parse JSON in UTF-8, with exact numbers."""
    return json.loads(body.decode(), parse_float=Decimal, parse_constant=_no_constant)


async def _async_converted(body: dict[str, Any], origin: Origin) -> list[UsageEvent]:
    """Return the events of a batch, yielding to the event loop in between."""
    events = []
    for event in origin.events(body):
        events.append(event)
        if not len(events) % _TURN:
            await asyncio.sleep(0)
    return events


async def async_record(
    analytics: Analytics, body: Any, origin: Origin, *, reads: bool
) -> web.Response:
    """Record an event or a batch and return the response.

    The response to a single event is the stored event if ``reads``, and otherwise only its ID.
    """
    if isinstance(body, dict) and "events" in body:
        batch = await analytics.tracker.record_many(await _async_converted(body, origin))
        fresh = batch.duplicates < len(batch.ids)
        return json_response(batch.as_dict(), HTTPStatus.CREATED if fresh else HTTPStatus.OK)
    event = origin.event(body)
    del body  # frees the memory while the event waits to be stored
    recorded = await analytics.tracker.record(event)
    return json_response(
        receipt(recorded, reads=reads),
        HTTPStatus.OK if recorded.duplicate else HTTPStatus.CREATED,
    )
