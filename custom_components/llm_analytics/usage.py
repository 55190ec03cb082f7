"""Usage events from what recorders send.

A home's events resemble each other: few combinations of names come again and again, with other
numbers. What was valid together once is not checked again; the event that came of it lends its
names to the next.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from operator import itemgetter
from typing import Any, Final

import voluptuous as vol

from .analytics import MAX_BATCH, InvalidInputError, UsageEvent
from .conversion import Validator
from .schemas import USAGE
from .validators import Leaf, shown

# How many events an origin remembers.
_REMEMBERED: Final = 1_024
# What is called by another name, and in another unit, than it is sent in.
_KEPT_AS: Final = {"latency_ms": "latency_us", "ttft_ms": "ttft_us"}
# Fields of which the valid values are texts or null, which nothing else equals. A list of tags
# repeats as well.
REPEATING: Final = frozenset(
    {
        *("device_ip", "device_id", "device_name", "endpoint", "provider", "model", "user_id"),
        *("agent", "context", "service_tier", "status", "error_type"),
    }
)
_LEAVES: Final[dict[str, Leaf]] = {str(marker): leaf for marker, leaf in USAGE.items()}
_VALIDATED: Final = Validator(USAGE)


@dataclass(frozen=True, slots=True)
class _Shape:
    """What is known of bodies with the same keys: events of them, and who checks the rest.

    ``repeating`` returns the values by which ``events`` finds one, but for those of the tags.
    """

    repeating: Callable[[Mapping[str, Any]], tuple[Any, ...]]
    tagged: bool
    others: tuple[tuple[str, str, Leaf], ...]
    events: dict[tuple[Any, ...], UsageEvent] = field(default_factory=dict)

    def key(self, body: Mapping[str, Any]) -> tuple[Any, ...]:
        """Return what repeats. Raises TypeError or KeyError if it is something else."""
        if not self.tagged:
            return self.repeating(body)
        tags = body["tags"]
        if type(tags) is not list:
            raise TypeError
        return *self.repeating(body), *tags


class _Memory:
    """Events that came from one origin."""

    def __init__(self) -> None:
        """Remember nothing yet."""
        self._forget()

    def _forget(self) -> None:
        self._count = 0
        self._shapes: dict[tuple[str, ...], _Shape] = {}

    def again(self, body: Any) -> UsageEvent:
        """Return the event of a body that resembles one before.

        Raises KeyError or TypeError for one that does not, vol.Invalid or InvalidInputError for
        one that is not valid.
        """
        shape = self._shapes[tuple(body)]
        event = shape.events[shape.key(body)]
        return event.again(**{name: leaf(body[sent]) for sent, name, leaf in shape.others})

    def remember(self, body: Mapping[str, Any], event: UsageEvent) -> None:
        """Remember what a body was, without what was measured."""
        # At least two, of which a getter makes a tuple: an endpoint, and a provider or a model.
        repeating = [name for name in body if name in REPEATING]
        if self._count >= _REMEMBERED:
            self._forget()
        self._count += 1
        keys = tuple(body)
        shape = self._shapes.get(keys)
        if shape is None:
            shape = self._shapes[keys] = _Shape(
                repeating=itemgetter(*repeating),
                tagged="tags" in body,
                others=tuple(
                    (name, _KEPT_AS.get(name, name), _LEAVES[name])
                    for name in body
                    if name not in REPEATING and name != "tags"
                ),
            )
        shape.events[shape.key(body)] = event.again(tokens_prompt=0, tokens_response=0)


@dataclass(frozen=True, slots=True)
class Origin:
    """Where events come from, and what is the same in all of them.

    ``fixed`` holds fields that an event may leave out and may not change, ``tags`` are added to
    an event's own. With a fixed device both of its fields are there, one of them None.
    """

    source: str
    recorded_by: str | None
    fixed: tuple[tuple[str, str | None], ...] = ()
    tags: tuple[str, ...] = ()
    _memory: _Memory = field(default_factory=_Memory, init=False, repr=False, compare=False)

    def event(self, body: Any) -> UsageEvent:
        """Return the event of a JSON object, which names a device unless one is fixed."""
        try:
            return self._memory.again(body)
        except KeyError, TypeError, vol.Invalid, InvalidInputError:
            pass  # all that is wrong is told below
        data = _VALIDATED(body)
        self._fill(data)
        if data.get("device_ip") is None and data.get("device_id") is None:
            raise InvalidInputError("device_ip", "required: device_ip or device_id")
        event = usage_event(data, source=self.source, recorded_by=self.recorded_by)
        self._memory.remember(body, event)
        return event

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
        """Yield the events of ``{"events": […]}`` and let go of each; errors name the position."""
        for name in body:
            if name != "events":
                raise InvalidInputError(str(name)[:60], "unknown field beside events")
        events = body["events"]
        if not isinstance(events, list) or not 1 <= len(events) <= MAX_BATCH:
            size = len(events) if isinstance(events, list) else shown(events)
            raise InvalidInputError("events", f"must be a list of 1 to {MAX_BATCH}, got {size}")
        for index, event in enumerate(events):
            events[index] = None  # what has been read is not held until all of it is stored
            try:
                yield self.event(event)
            except InvalidInputError as error:
                raise error.at(index) from None


def usage_event(data: Mapping[str, Any], *, source: str, recorded_by: str | None) -> UsageEvent:
    """Return the event that validated data describes."""
    given = {_KEPT_AS.get(name, name): value for name, value in data.items() if value is not None}
    return UsageEvent(**given, source=source, recorded_by=recorded_by)


def estimated_usage(data: Mapping[str, Any]) -> UsageEvent:
    """Return the event whose cost is to be estimated."""
    return usage_event({**data, "endpoint": "estimate"}, source="estimate", recorded_by=None)
