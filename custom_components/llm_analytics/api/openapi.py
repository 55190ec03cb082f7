"""The OpenAPI 3.1 document, generated from the routes, their schemas and the answers.

Parameters and bodies are the schemas that validate them, converted by probatio as Home Assistant
converts its own; each leaf describes what it accepts. Answers are the table in ``responses``.
Nothing is described twice, so the document cannot become outdated.
"""

from collections.abc import Iterable, Iterator, Mapping
from http import HTTPStatus
import re
from typing import Any, Final, Protocol

import probatio
import voluptuous as vol

from ..analytics import MAX_BATCH
from ..contract import schemas
from ..contract.schemas import Fields
from ..contract.validators import Leaf
from .json_schema import Shape
from .responses import ANSWERS, COMPONENTS, Answer, component


class Operation(Protocol):
    """The attributes of a route that the document is generated from."""

    @property
    def method(self) -> str:
        """Return the HTTP method in lower case."""

    @property
    def path(self) -> str:
        """Return the path, relative to the prefix."""

    @property
    def fields(self) -> Fields:
        """Return the parameters of path and query."""

    @property
    def body(self) -> Fields | None:
        """Return the fields of the body."""

    @property
    def admin(self) -> bool:
        """Return whether only administrators may do this."""

    @property
    def records(self) -> bool:
        """Return whether read-only users may not do this."""

    @property
    def reads(self) -> bool:
        """Return whether an option can restrict this to administrators."""


_REFUSALS: Final[dict[HTTPStatus, str]] = {
    HTTPStatus.BAD_REQUEST: "The request is not understood; field names what is wrong",
    HTTPStatus.UNAUTHORIZED: "There is no valid access token",
    HTTPStatus.FORBIDDEN: "The user may not do this",
    HTTPStatus.NOT_FOUND: "There is no such thing",
    HTTPStatus.CONFLICT: "A clean-up has removed the events that would answer",
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: "The body is over 4 MiB",
    HTTPStatus.SERVICE_UNAVAILABLE: "The integration is not loaded, is stopping, or has no disk",
}
# Home Assistant's own errors are plain text: a missing token or a blocked malicious request.
_IN_WORDS: Final = {"text/plain": {"schema": {"type": "string"}}}
_EXAMPLES: Final[dict[str, Any]] = {
    "by": "model",
    "days": 14,
    "device": "192.168.1.20",
    "device_ip": "192.168.1.20",
    "id": 1,
    "metric": "usage",
    "model": "gpt-4o",
    "provider": "openai",
    "threshold": 2.5,
}
_EXAMPLE_EVENT: Final[dict[str, Any]] = {
    "device_ip": "192.168.1.20",
    "device_name": "Kitchen tablet",
    "endpoint": "conversation",
    "provider": "openai",
    "model": "gpt-4o",
    "tokens_prompt": 1200,
    "tokens_response": 150,
    "tokens_cache_read": 1000,
    "latency_ms": 820.5,
    "tags": ["voice"],
}
_EXAMPLE_BODIES: Final[dict[str, Any]] = {
    "usage": _EXAMPLE_EVENT,
    "usage/devices/name": {"device_ip": "192.168.1.20", "name": "Kitchen tablet"},
    "cost/estimate": {
        "provider": "openai",
        "model": "gpt-4o",
        "tokens_prompt": 1200,
        "tokens_response": 150,
    },
    "cost/rates": {
        "provider": "openai",
        "model": "gpt-4o",
        "prompt_per_1m": 2.5,
        "response_per_1m": 10,
        "notes": "From our contract",
    },
    "cost/exchange-rates": {"currency": "EUR", "usd": 1.25, "effective_date": "2026-12-01"},
    "cost/reprice": {"only_unpriced": True},
    "cost/convert": {"start": "2026-11-01"},
    "maintenance/cleanup": {"retention_days": 365},
    "maintenance/aggregate": {},
}


def object_of(fields: Fields) -> dict[str, Any]:
    """Return the JSON Schema of an object with these fields."""
    rendered: dict[str, Any] = probatio.to_openapi(
        vol.Schema(dict(fields)), custom_serializer=_leaf, openapi_version="3.1.0"
    )
    return rendered


def _leaf(validator: object) -> Any:
    # A copy, because the default of the field is added and fields share validators.
    return {**validator.openapi} if isinstance(validator, Leaf) else probatio.UNSUPPORTED


def document(operations: Iterable[Operation], servers: Iterable[str]) -> dict[str, Any]:
    """Return the OpenAPI document of the operations, which each of the servers offers."""
    paths: dict[str, dict[str, Any]] = {}
    for operation in operations:
        paths.setdefault(f"/{operation.path}", {})[operation.method] = _described(operation)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "LLM Analytics",
            "version": "1",
            "description": "The household's ledger of language-model usage. Days, weeks and hours"
            " are those of Home Assistant's time zone; money is in USD, exact.",
        },
        "servers": [{"url": server} for server in servers],
        "security": [{"token": []}],
        "paths": paths,
        "components": {
            "securitySchemes": {
                "token": {
                    "type": "http",
                    "scheme": "bearer",
                    "description": "An access token of Home Assistant",
                }
            },
            "schemas": COMPONENTS | _told(),
            "responses": {
                status.name: _refusal(status, sentence) for status, sentence in _REFUSALS.items()
            },
        },
    }


def _told() -> dict[str, Shape]:
    """Return the component schemas of request bodies."""
    event = object_of(schemas.USAGE) | {"anyOf": [{"required": [name]} for name in _DEVICES]}
    events = {"type": "array", "items": component("Usage"), "minItems": 1, "maxItems": MAX_BATCH}
    batch = {
        "type": "object",
        "properties": {"events": events},
        "required": ["events"],
        "additionalProperties": False,
    }
    return {"Usage": event, "UsageBatch": batch}


_DEVICES: Final = ("device_ip", "device_id")
_USAGE_BODY: Final[Shape] = {"anyOf": [component("Usage"), component("UsageBatch")]}


def _refusal(status: HTTPStatus, sentence: str) -> dict[str, Any]:
    content: dict[str, Any] = {"application/json": {"schema": component("Error")}}
    if status is HTTPStatus.UNAUTHORIZED:
        content = {}
    if status in {HTTPStatus.BAD_REQUEST, HTTPStatus.UNAUTHORIZED}:
        content |= _IN_WORDS
    return {"description": sentence, "content": content}


def _described(operation: Operation) -> dict[str, Any]:
    answer = ANSWERS[operation.method, operation.path]
    words = re.findall(r"\w+", operation.path)
    described: dict[str, Any] = {
        "operationId": "_".join((operation.method, *words)),
        "summary": answer.summary,
        "tags": [words[0] if "/" in operation.path or words[0] == "usage" else "overview"],
    }
    rules = [answer.rule, "Administrators only." if operation.admin else ""]
    if any(rules):
        described["description"] = " ".join(filter(None, rules))
    if operation.fields:
        described["parameters"] = list(_parameters(operation))
    if (body := _body(operation)) is not None:
        described["requestBody"] = body
    described["responses"] = dict(_responses(operation, answer))
    return described


def _parameters(operation: Operation) -> Iterator[dict[str, Any]]:
    rendered = object_of(operation.fields)
    for name, schema in rendered["properties"].items():
        in_path = f"{{{name}}}" in operation.path
        parameter = {
            "name": name,
            "in": "path" if in_path else "query",
            "required": in_path or name in rendered.get("required", ()),
            "schema": schema,
        }
        yield parameter | ({"example": _EXAMPLES[name]} if name in _EXAMPLES else {})


def _body(operation: Operation) -> dict[str, Any] | None:
    if operation.records:
        schema = _USAGE_BODY
    elif operation.body is not None:
        schema = object_of(operation.body)
    else:
        return None
    return {
        # The body is optional if its parameters may be in the query.
        "required": not operation.fields,
        "content": {
            "application/json": {"schema": schema, "example": _EXAMPLE_BODIES[operation.path]}
        },
    }


def _responses(operation: Operation, answer: Answer) -> Iterator[tuple[str, Mapping[str, Any]]]:
    yield "200", _success("Done", answer.shape, answer.media)
    if answer.created is not None:
        yield "201", _success("Recorded", answer.created, answer.media)
    refused = {
        HTTPStatus.BAD_REQUEST,
        HTTPStatus.UNAUTHORIZED,
        HTTPStatus.SERVICE_UNAVAILABLE,
        *answer.errors,
    }
    if operation.admin or operation.records or operation.reads:
        refused.add(HTTPStatus.FORBIDDEN)
    if operation.records or operation.body is not None:
        refused.add(HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
    for status in sorted(refused):
        yield str(int(status)), {"$ref": f"#/components/responses/{status.name}"}


def _success(sentence: str, schema: Shape, media: str) -> dict[str, Any]:
    return {"description": sentence, "content": {media: {"schema": schema}}}
