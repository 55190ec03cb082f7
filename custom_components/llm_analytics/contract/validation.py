"""Validation of what a client sent: the first error is raised as an InvalidInputError."""

from collections.abc import Mapping
from typing import Any

import voluptuous as vol

from ..analytics import InvalidInputError
from .schemas import Fields
from .validators import shown


class Validator:
    """Validates data: unknown fields, missing fields, then the values in the order of the data."""

    def __init__(self, fields: Fields) -> None:
        """Prepare the validators, the required fields and the defaults."""
        self._leaves = {str(marker): leaf for marker, leaf in fields.items()}
        self._required = [str(marker) for marker in fields if isinstance(marker, vol.Required)]
        self._defaults = {
            str(marker): default
            for marker in fields
            if callable(default := getattr(marker, "default", None))
        }

    def __call__(self, data: Any) -> dict[str, Any]:
        """Return the validated data. Raises InvalidInputError with the first field in error."""
        leaves = self._leaves
        if not isinstance(data, dict | Mapping):  # dict first: the usual case, and fast
            raise InvalidInputError("body", f"must be a JSON object, got {shown(data)}")
        if not data.keys() <= leaves.keys():
            name = next(name for name in data if name not in leaves)
            raise InvalidInputError(
                str(name)[:60], f"unknown field; known are {', '.join(sorted(leaves))}"
            )
        for name in self._required:
            if name not in data:
                raise InvalidInputError(name, f"required: {leaves[name].accepts}")
        validated: dict[str, Any] = {}
        try:
            for name, value in data.items():
                validated[name] = leaves[name](value)
        except vol.Invalid as error:
            raise InvalidInputError(name, error.error_message) from None
        for name, default in self._defaults.items():
            if name not in validated:
                validated[name] = leaves[name](default())
        return validated


def validate(fields: Fields, data: Any) -> dict[str, Any]:
    """Return the validated data. Raises InvalidInputError with the first field in error."""
    return Validator(fields)(data)
