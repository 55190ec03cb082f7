"""What of an event is kept, as the household has chosen; decided once, when it is recorded.

Two fields name a person: ``user_id`` and ``recorded_by``. A pseudonym is a keyed hash (BLAKE2b,
RFC 7693): the same for the same name, so that counts by user stay true, and not to be worked out
from the name without the key. Everything that reads, sums or exports sees only what is kept.
"""

import dataclasses
from hashlib import blake2b
from typing import Final

from ..models import UsageEvent
from ..settings import KeepPerson, Settings

_DIGEST_BYTES: Final = 8


def pseudonym(name: str, key: bytes) -> str:
    """Return the name under which a person is kept."""
    return f"person-{blake2b(name.encode(), key=key, digest_size=_DIGEST_BYTES).hexdigest()}"


def with_privacy(event: UsageEvent, settings: Settings) -> UsageEvent:
    """Return the event with what is kept of it."""
    if event.metadata is not None and not settings.keep_metadata:
        event = dataclasses.replace(event, metadata=None)
    if settings.keep_person is KeepPerson.EVERYTHING:
        return event
    return dataclasses.replace(
        event,
        user_id=_person(event.user_id, settings),
        recorded_by=_person(event.recorded_by, settings),
    )


def _person(name: str | None, settings: Settings) -> str | None:
    if name is None or settings.keep_person is KeepPerson.NOTHING:
        return None
    return pseudonym(name, settings.person_key)
