"""The mapping of engine errors to Home Assistant exceptions and HTTP statuses."""

from http import HTTPStatus

from homeassistant.exceptions import HomeAssistantError, ServiceValidationError

from .analytics import (
    AnalyticsError,
    ClosedError,
    EventsRemovedError,
    InvalidInputError,
    NotFoundError,
)
from .const import DOMAIN


def http_status(error: AnalyticsError) -> HTTPStatus:
    """Return the HTTP status of an error."""
    match error:
        case InvalidInputError():
            return HTTPStatus.BAD_REQUEST
        case NotFoundError():
            return HTTPStatus.NOT_FOUND
        case EventsRemovedError():
            return HTTPStatus.CONFLICT
        case _:
            return HTTPStatus.SERVICE_UNAVAILABLE


def http_field(error: AnalyticsError) -> str | None:
    """Return the field that an error is about, or None."""
    match error:
        case InvalidInputError() | EventsRemovedError():
            return error.field
        case NotFoundError():
            return error.thing
        case _:
            return None


def translated(error: AnalyticsError) -> HomeAssistantError:
    """Return an error as a Home Assistant exception with a translated message."""
    match error:
        case InvalidInputError():
            return ServiceValidationError(
                translation_domain=DOMAIN,
                translation_key="invalid_input",
                translation_placeholders={"field": error.field, "reason": error.reason},
            )
        case NotFoundError():
            return ServiceValidationError(
                translation_domain=DOMAIN,
                translation_key="not_found",
                translation_placeholders={"thing": error.thing, "key": error.key},
            )
        case EventsRemovedError():
            return ServiceValidationError(
                translation_domain=DOMAIN,
                translation_key="events_removed",
                translation_placeholders={
                    "field": error.field,
                    "events_from": error.events_from,
                },
            )
        case ClosedError():
            return HomeAssistantError(translation_domain=DOMAIN, translation_key="closed")
        case _:
            return HomeAssistantError(
                translation_domain=DOMAIN,
                translation_key="storage_error",
                translation_placeholders={"error": str(error)},
            )
