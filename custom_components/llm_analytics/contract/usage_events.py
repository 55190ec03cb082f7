"""Conversion of recorded JSON objects into usage events."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from ..analytics import MAX_BATCH, InvalidInputError, UsageEvent
from .schemas import USAGE
from .validation import Validator
from .validators import shown

# Fields that the engine has under another name and in another unit.
_KEPT_AS: Final = {"latency_ms": "latency_us", "ttft_ms": "ttft_us"}
_VALIDATED: Final = Validator(USAGE)


@dataclass(frozen=True, slots=True)
class Origin:
    """The origin of events, and the values that all of them share.

    ``fixed`` are fields that an event may omit but not change; ``tags`` are added to the tags of
    an event. A fixed device has both of its fields, one of them None.
    """

    source: str
    recorded_by: str | None
    fixed: tuple[tuple[str, str | None], ...] = ()
    tags: tuple[str, ...] = ()

    def event(self, body: Any) -> UsageEvent:
        """Return the event in a JSON object, which must have a device unless one is fixed."""
        data = _VALIDATED(body)
        self._fill(data)
        if data.get("device_ip") is None and data.get("device_id") is None:
            raise InvalidInputError("device_ip", "required: device_ip or device_id")
        return usage_event(data, source=self.source, recorded_by=self.recorded_by)

    def _fill(self, data: dict[str, Any]) -> None:
        for name, value in self.fixed:
            if (given := data.get(name)) not in (None, value):
                raise InvalidInputError(
                    name, f"is fixed for this client, so leave it out; got {shown(given)}"
                )
            data[name] = value
        if self.tags:
            data["tags"] = (*self.tags, *data.get("tags", ()))

    def events(self, body: Mapping[str, Any]) -> Iterator[UsageEvent]:
        """Yield the events in ``{"events": […]}`` and release each item; errors name the index."""
        for name in body:
            if name != "events":
                raise InvalidInputError(str(name)[:60], "unknown field beside events")
        events = body["events"]
        if not isinstance(events, list) or not 1 <= len(events) <= MAX_BATCH:
            size = len(events) if isinstance(events, list) else shown(events)
            raise InvalidInputError("events", f"must be a list of 1 to {MAX_BATCH}, got {size}")
        for index, event in enumerate(events):
            events[index] = None  # frees the memory of the item before the whole batch is stored
            try:
                yield self.event(event)
            except InvalidInputError as error:
                raise error.at(index) from None


def usage_event(data: Mapping[str, Any], *, source: str, recorded_by: str | None) -> UsageEvent:
    """Return the usage event for validated data."""
    given = {_KEPT_AS.get(name, name): value for name, value in data.items() if value is not None}
    return UsageEvent(**given, source=source, recorded_by=recorded_by)


def estimated_usage(data: Mapping[str, Any]) -> UsageEvent:
    """Return the usage event for a cost estimate."""
    return usage_event({**data, "endpoint": "estimate"}, source="estimate", recorded_by=None)
