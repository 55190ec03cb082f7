"""Serialization of answers for JSON and for action responses."""

from decimal import Decimal
from typing import Any

import orjson

from ..analytics import Recorded


def receipt(recorded: Recorded, *, reads: bool) -> dict[str, Any]:
    """Return the answer to a recorded event: the event if ``reads``, otherwise only its ID."""
    return recorded.as_dict() if reads else {"id": recorded.event.id} | recorded.repeated


def plain_floats(value: Any) -> Any:
    """Return an answer with floats instead of exact decimals, as templates need them."""
    if isinstance(value, Decimal):
        return float(value)
    if isinstance(value, dict):
        return {key: plain_floats(item) for key, item in value.items()}
    if isinstance(value, list):
        return [plain_floats(item) for item in value]
    return value


def json_bytes(value: Any) -> bytes:
    """Return an answer as JSON with exact decimals, without exponents."""
    return orjson.dumps(value, default=_decimal)


def json_text(value: Any) -> str:
    """Return an answer as JSON text."""
    return json_bytes(value).decode()


def _decimal(value: Any) -> orjson.Fragment:
    if isinstance(value, Decimal):
        return orjson.Fragment(format(value, "f"))
    raise TypeError(f"cannot write {type(value)}")
