"""What the household has chosen."""

from collections.abc import Collection
from dataclasses import dataclass, field
from enum import StrEnum

from .providers import FREE_PROVIDERS


class KeepPerson(StrEnum):
    """What is kept of the person behind a request."""

    EVERYTHING = "everything"
    PSEUDONYMS = "pseudonyms"
    NOTHING = "nothing"


@dataclass(frozen=True, slots=True)
class Settings:
    """What the household has chosen. ``retention_days`` 0 keeps events for ever.

    ``person_key`` (up to 64 bytes) creates the pseudonyms; with it they can be resolved.
    ``home_currency`` (ISO 4217) asks for a second figure of what is recorded from now on.
    """

    retention_days: int = 365
    keep_details: bool = True
    keep_metadata: bool = True
    keep_person: KeepPerson = KeepPerson.EVERYTHING
    person_key: bytes = field(default=b"", repr=False)
    use_catalogue: bool = True
    free_providers: Collection[str] = field(default=FREE_PROVIDERS)
    home_currency: str | None = None
