"""Leaf validators; each describes what it accepts, as text for users and as an OpenAPI schema.

JSON bodies are validated strictly: ``"5"``, ``5.0`` and ``true`` are not integers. Query strings
and actions contain text (a template renders to text), so for them the same validators are
``lenient`` and also parse numbers from text.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
import re
from typing import Any, Final, Never, override

import voluptuous as vol

from ..analytics import InvalidInputError, is_storable, metadata_text

type Schema = dict[str, Any]

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECONDS: Final = 10**11
# UTC offsets are irregular before, and date arithmetic is limited to the year 9999.
_YEARS: Final = range(1970, 3000)
_AFTER: Final = int(datetime(_YEARS.stop, 1, 1, tzinfo=UTC).timestamp())
_YEARS_PATTERN: Final = "^(19[7-9][0-9]|2[0-9]{3})-"
_DATE: Final = re.compile(r"\d{4}-\d{2}-\d{2}")
_DIGITS: Final = re.compile(r"[+-]?[0-9]{1,20}")
_NUMBER: Final = re.compile(r"[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]{1,3})?")
_LOST_PLUS: Final = re.compile(r"(T\S+) (\d{2}:?\d{2})$")
_SHOWN: Final = 60


def shown(value: object) -> str:
    """Return a short representation of a value for an error message."""
    text = str(value) if isinstance(value, Decimal) else repr(value)
    return text if len(text) <= _SHOWN else f"{text[: _SHOWN - 1]}…"


class Leaf(ABC):
    """Base of the validators of a single value."""

    lenient = False

    @abstractmethod
    def __call__(self, value: Any) -> Any:
        """Return the value in the format of the engine. Raises vol.Invalid."""

    @property
    @abstractmethod
    def accepts(self) -> str:
        """Return what is accepted, as text that follows "must be"."""

    @property
    @abstractmethod
    def openapi(self) -> Schema:
        """Return what is accepted as an OpenAPI schema."""

    def refuse(self, value: object) -> Never:
        """Raise vol.Invalid with what is accepted and what was given."""
        raise vol.Invalid(f"must be {self.accepts}, got {shown(value)}")


@dataclass(frozen=True)
class Whole(Leaf):
    """An integer within bounds."""

    minimum: int
    maximum: int
    lenient: bool = False

    @override
    def __call__(self, value: Any) -> int:
        if type(value) is int and self.minimum <= value <= self.maximum:
            return value
        number = value
        if self.lenient and (
            (isinstance(value, str) and _DIGITS.fullmatch(value))
            or (isinstance(value, float) and value.is_integer())
        ):
            number = int(value)
        if (
            not isinstance(number, int)
            or isinstance(number, bool)
            or not self.minimum <= number <= self.maximum
        ):
            self.refuse(value)
        return int(number)

    @property
    @override
    def accepts(self) -> str:
        return f"an integer from {self.minimum} to {self.maximum}"

    @property
    @override
    def openapi(self) -> Schema:
        return {"type": "integer", "minimum": self.minimum, "maximum": self.maximum}


@dataclass(frozen=True)
class Number(Leaf):
    """A number within bounds, as an exact decimal."""

    minimum: int
    maximum: int
    lenient: bool = False

    @override
    def __call__(self, value: Any) -> Decimal:
        if isinstance(value, Decimal):
            number = value
        elif isinstance(value, float):
            number = Decimal(repr(value))
        elif (isinstance(value, int) and not isinstance(value, bool)) or (
            self.lenient and isinstance(value, str) and _NUMBER.fullmatch(value)
        ):
            number = Decimal(value)
        else:
            self.refuse(value)
        if not number.is_finite() or not self.minimum <= number <= self.maximum:
            self.refuse(value)
        return number

    @property
    @override
    def accepts(self) -> str:
        return f"a number from {self.minimum} to {self.maximum}"

    @property
    @override
    def openapi(self) -> Schema:
        return {"type": "number", "minimum": self.minimum, "maximum": self.maximum}


_MICROSECONDS: Final = Decimal(1_000)
_NOT_HALFWAY: Final = 0.49


@dataclass(frozen=True)
class Milliseconds(Leaf):
    """A number of milliseconds, converted to microseconds and rounded half to even."""

    number: Number

    @override
    def __call__(self, value: Any) -> int:
        if type(value) is float and self.number.minimum <= value <= self.number.maximum:
            # The error of the float product is far below the margin; Decimal decides near a half.
            scaled = value * 1_000
            if abs(scaled - (nearest := round(scaled))) < _NOT_HALFWAY:
                return nearest
        return int((self.number(value) * _MICROSECONDS).to_integral_value())

    @property
    @override
    def accepts(self) -> str:
        return self.number.accepts

    @property
    @override
    def openapi(self) -> Schema:
        return self.number.openapi


@dataclass(frozen=True)
class Text(Leaf):
    """A text that can be stored, with a length within bounds."""

    minimum: int
    maximum: int

    @override
    def __call__(self, value: Any) -> str:
        if not isinstance(value, str) or not self.minimum <= len(value) <= self.maximum:
            self.refuse(value)
        if not is_storable(value):
            raise vol.Invalid("must not contain NUL or half of a surrogate pair")
        return str(value)

    @property
    @override
    def accepts(self) -> str:
        return f"a text of {self.minimum} to {self.maximum} characters"

    @property
    @override
    def openapi(self) -> Schema:
        # Excludes NUL. Lone surrogates cannot be expressed in a pattern, nor in UTF-8.
        return {
            "type": "string",
            "minLength": self.minimum,
            "maxLength": self.maximum,
            "pattern": "^[^\\u0000]*$",
        }


@dataclass(frozen=True)
class Choice(Leaf):
    """One of several words, returned as the item of ``words``, such as an enum member."""

    words: tuple[str, ...]

    @override
    def __call__(self, value: Any) -> str:
        if isinstance(value, str):
            for word in self.words:
                if word == value:
                    return word
        return self.refuse(value)

    @property
    @override
    def accepts(self) -> str:
        return f"one of {', '.join(self.words)}"

    @property
    @override
    def openapi(self) -> Schema:
        return {"type": "string", "enum": list(self.words)}


@dataclass(frozen=True)
class Flag(Leaf):
    """A boolean; ``lenient`` also accepts exactly the texts ``true`` and ``false``."""

    lenient: bool = False

    @override
    def __call__(self, value: Any) -> bool:
        if self.lenient and value in ("true", "false"):
            return bool(value == "true")
        if not isinstance(value, bool):
            self.refuse(value)
        return bool(value)

    @property
    @override
    def accepts(self) -> str:
        return "true or false"

    @property
    @override
    def openapi(self) -> Schema:
        return {"type": "boolean"}


@dataclass(frozen=True)
class Moment(Leaf):
    """An instant: ISO 8601 with a UTC offset, or seconds since 1970.

    With ``dates``, a date is also accepted and returned as a date. Digits beyond microseconds are
    truncated.
    """

    dates: bool = False
    lenient: bool = False

    @override
    def __call__(self, value: Any) -> datetime | date:
        moment = self._read(value)
        if moment.year not in _YEARS:
            raise vol.Invalid(f"is out of range ({_YEARS[0]} to {_YEARS[-1]}), got {shown(value)}")
        return moment.astimezone(UTC) if isinstance(moment, datetime) else moment

    def _read(self, value: Any) -> datetime | date:
        if isinstance(value, datetime):
            return self._aware(value)
        if self.dates and isinstance(value, date):
            return value
        if isinstance(value, str):
            if self.lenient and _NUMBER.fullmatch(value):
                return self._of_epoch(Decimal(value))
            return self._of_text(value)
        if isinstance(value, int | float | Decimal) and not isinstance(value, bool):
            return self._of_epoch(Decimal(repr(value)) if isinstance(value, float) else value)
        return self.refuse(value)

    def _of_text(self, value: str) -> datetime | date:
        text = _LOST_PLUS.sub(r"\1+\2", value) if self.lenient else value
        try:
            if self.dates and _DATE.fullmatch(text):
                return date.fromisoformat(text)
            if "T" not in text.upper() and " " not in text:
                raise ValueError(text)  # noqa: TRY301 - a date alone is not an instant
            return self._aware(datetime.fromisoformat(text))
        except ValueError:
            self.refuse(value)

    @staticmethod
    def _aware(value: datetime) -> datetime:
        if value.tzinfo is None:
            raise vol.Invalid(f"must have a UTC offset, got {shown(value.isoformat())}")
        return value

    def _of_epoch(self, value: int | Decimal) -> datetime:
        if not Decimal(value).is_finite() or not 0 <= value < 10**17:
            self.refuse(value)
        if value >= _MILLISECONDS:
            raise vol.Invalid(
                f"must be in seconds since 1970, not milliseconds, got {shown(value)}"
            )
        return _EPOCH + timedelta(microseconds=int(value * 1_000_000))

    @property
    @override
    def accepts(self) -> str:
        dates = ", a date" if self.dates else ""
        return f"an ISO 8601 time with UTC offset{dates} or seconds since 1970"

    @property
    @override
    def openapi(self) -> Schema:
        forms: list[dict[str, Any]] = [
            {"type": "string", "format": "date-time", "pattern": _YEARS_PATTERN},
            {"type": "number", "minimum": 0, "exclusiveMaximum": _AFTER},
        ]
        if self.dates:
            forms.append({"type": "string", "format": "date", "pattern": _YEARS_PATTERN})
        return {"anyOf": forms}


@dataclass(frozen=True)
class Day(Leaf):
    """A calendar date."""

    @override
    def __call__(self, value: Any) -> date:
        if isinstance(value, date) and not isinstance(value, datetime):
            return value
        if isinstance(value, str) and _DATE.fullmatch(value):
            try:
                day = date.fromisoformat(value)
            except ValueError:
                day = date.min
            if date(2000, 1, 1) <= day <= date(2999, 12, 31):
                return day
        return self.refuse(value)

    @property
    @override
    def accepts(self) -> str:
        return "a date (YYYY-MM-DD) from 2000 to 2999"

    @property
    @override
    def openapi(self) -> Schema:
        return {"type": "string", "format": "date", "pattern": "^2[0-9]{3}-[0-9]{2}-[0-9]{2}$"}


_TAG: Final = Text(1, 64)


@dataclass(frozen=True)
class Tags(Leaf):
    """A list of tags."""

    maximum: int

    @override
    def __call__(self, value: Any) -> tuple[str, ...]:
        if not isinstance(value, list | tuple):
            self.refuse(value)
        tags = tuple(dict.fromkeys(map(_TAG, value)))
        if len(tags) > self.maximum:
            raise vol.Invalid(f"must be at most {self.maximum} different tags, got {len(tags)}")
        return tags

    @property
    @override
    def accepts(self) -> str:
        return f"a list of at most {self.maximum} texts of 1 to 64 characters"

    @property
    @override
    def openapi(self) -> Schema:
        return {"type": "array", "items": _TAG.openapi, "maxItems": self.maximum}


@dataclass(frozen=True)
class JsonObject(Leaf):
    """A JSON object with limited size and depth, converted to compact text."""

    maximum: int

    @override
    def __call__(self, value: Any) -> str:
        if not isinstance(value, Mapping):
            self.refuse(value)
        try:
            text = metadata_text(value)
        except InvalidInputError as error:
            raise vol.Invalid(error.reason) from None
        size = len(text.encode())
        if size > self.maximum:
            raise vol.Invalid(f"must be at most {self.maximum} bytes as JSON, got {size}")
        return text

    @property
    @override
    def accepts(self) -> str:
        return "a JSON object"

    @property
    @override
    def openapi(self) -> Schema:
        return {
            "type": "object",
            "description": f"At most {self.maximum} bytes as JSON, with numbers of 64 bits.",
        }


@dataclass(frozen=True)
class Parameters(Leaf):
    """An object of named parameters, which the query itself validates."""

    @override
    def __call__(self, value: Any) -> dict[str, Any]:
        if not isinstance(value, Mapping):
            self.refuse(value)
        return {str(name): item for name, item in value.items()}

    @property
    @override
    def accepts(self) -> str:
        return "an object of parameters"

    @property
    @override
    def openapi(self) -> Schema:
        return {"type": "object"}


@dataclass(frozen=True)
class Checked(Leaf):
    """A text that a function of the engine validates and normalizes."""

    check: Any
    description: str
    schema: Schema

    @override
    def __call__(self, value: Any) -> str:
        if not isinstance(value, str):
            self.refuse(value)
        try:
            return str(self.check(value))
        except InvalidInputError as error:
            raise vol.Invalid(error.reason) from None

    @property
    @override
    def accepts(self) -> str:
        return self.description

    @property
    @override
    def openapi(self) -> Schema:
        return self.schema


@dataclass(frozen=True)
class Optional(Leaf):
    """A value or null."""

    leaf: Leaf

    @override
    def __call__(self, value: Any) -> Any:
        return None if value is None else self.leaf(value)

    @property
    @override
    def accepts(self) -> str:
        return f"{self.leaf.accepts}, or null"

    @property
    @override
    def openapi(self) -> Schema:
        return {"anyOf": [self.leaf.openapi, {"type": "null"}]}
