"""A few words to say exactly what an answer looks like; each makes a JSON Schema.

``shape`` is an object with all of its keys and no others, ``rows`` a list, ``by_name`` an object
whose keys are names, ``maybe`` something or null.
"""

from typing import Any, Final

type Shape = dict[str, Any]

COUNT: Final[Shape] = {"type": "integer", "minimum": 0}
HOUR: Final[Shape] = {"type": "integer", "minimum": 0, "maximum": 23}
NUMBER: Final[Shape] = {"type": "number"}
# Exact decimals in USD (or in the price's own currency), never written with an exponent.
MONEY: Final[Shape] = {"type": "number", "minimum": 0}
TEXT: Final[Shape] = {"type": "string"}
FLAG: Final[Shape] = {"type": "boolean"}
DATE: Final[Shape] = {"type": "string", "format": "date"}
TIME: Final[Shape] = {"type": "string", "format": "date-time"}


def shape(*parts: dict[str, Shape], **keys: Shape) -> Shape:
    """Return an object of exactly these keys; ``parts`` are keys that several shapes share."""
    properties = {name: one for part in (*parts, keys) for name, one in part.items()}
    return {
        "type": "object",
        "properties": properties,
        "required": [*properties],
        "additionalProperties": False,
    }


def rows(one: Shape, count: int | None = None) -> Shape:
    """Return a list, of ``count`` items if that is fixed."""
    limits = {} if count is None else {"minItems": count, "maxItems": count}
    return {"type": "array", "items": one, **limits}


def by_name(one: Shape) -> Shape:
    """Return an object whose keys are names."""
    return {"type": "object", "additionalProperties": one}


def maybe(one: Shape) -> Shape:
    """Return something that may be null."""
    return {"anyOf": [one, {"type": "null"}]}


def word(*words: str) -> Shape:
    """Return one of some words."""
    return {"type": "string", "enum": [*words]}
