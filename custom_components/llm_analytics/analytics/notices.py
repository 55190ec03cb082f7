"""What the household is told once: a budget crossed, a day out of the ordinary, a missing price.

What has been announced is kept in the ledger's own file, so neither a restart nor a second look
announces it again.
"""

from dataclasses import dataclass
from datetime import date
from enum import StrEnum


class NoticeKind(StrEnum):
    """What a notice is about."""

    ANOMALY = "anomaly"
    BUDGET = "budget"
    UNPRICED_MODEL = "unpriced_model"


@dataclass(frozen=True, slots=True)
class Notice:
    """Something to be announced once for a key and a local day; None: once whatever the day."""

    kind: NoticeKind
    key: str
    day: date | None = None
