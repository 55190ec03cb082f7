"""Functions that build the JSON Schemas of the answers.

``shape`` is an object with exactly the given keys, ``rows`` a list, ``by_name`` an object whose
keys are names, ``maybe`` a nullable value, ``word`` an enumeration.
"""

from typing import Any, Final

type Shape = dict[str, Any]

COUNT: Final[Shape] = {"type": "integer", "minimum": 0}
HOUR: Final[Shape] = {"type": "integer", "minimum": 0, "maximum": 23}
NUMBER: Final[Shape] = {"type": "number"}
# Exact decimals in USD (or in the currency of a price), written without an exponent.
MONEY: Final[Shape] = {"type": "number", "minimum": 0}
TEXT: Final[Shape] = {"type": "string"}
FLAG: Final[Shape] = {"type": "boolean"}
DATE: Final[Shape] = {"type": "string", "format": "date"}
TIME: Final[Shape] = {"type": "string", "format": "date-time"}


def shape(*parts: dict[str, Shape], **keys: Shape) -> Shape:
    """Return the schema of an object with exactly these keys; ``parts`` are shared keys."""
    properties = {name: one for part in (*parts, keys) for name, one in part.items()}
    return {
        "type": "object",
        "properties": properties,
        "required": [*properties],
        "additionalProperties": False,
    }


def rows(one: Shape, count: int | None = None) -> Shape:
    """Return the schema of a list, with exactly ``count`` items if given."""
    limits = {} if count is None else {"minItems": count, "maxItems": count}
    return {"type": "array", "items": one, **limits}


def by_name(one: Shape) -> Shape:
    """Return the schema of an object whose keys are names."""
    return {"type": "object", "additionalProperties": one}


def maybe(one: Shape) -> Shape:
    """Return the schema of a nullable value."""
    return {"anyOf": [one, {"type": "null"}]}


def word(*words: str) -> Shape:
    """Return the schema of an enumeration."""
    return {"type": "string", "enum": [*words]}
