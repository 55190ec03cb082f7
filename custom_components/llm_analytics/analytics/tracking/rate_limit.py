"""How much a client may record: a token bucket, exact, that one batch may overdraw.

A client may spend a minute's worth at once and gets it back evenly. What counts is a recorded
request, not a call: a batch is taken while anything at all is left and charged whole, so a batch
greater than what is left is no deadlock, and a client that sends batches waits for what they cost.
Over any time the client records at most a minute's worth, what that time is worth, and one batch.
"""

from collections.abc import Callable
from typing import Final

# A nanosecond restores ``per_minute`` units, so no division is ever needed to know what is left.
_REQUEST: Final = 60_000_000_000
_SECOND: Final = 1_000_000_000


class RateLimit:
    """What one client may still record; ``clock`` counts nanoseconds and never goes back."""

    def __init__(self, per_minute: int, *, clock: Callable[[], int]) -> None:
        """Begin with a minute's worth."""
        self._per_minute = per_minute
        self._clock = clock
        self._left = per_minute * _REQUEST
        self._since = clock()

    def wait(self) -> int:
        """Return the whole seconds until something may be recorded, 0 if it may be now."""
        now = self._clock()
        restored = self._left + (now - self._since) * self._per_minute
        self._left = min(restored, self._per_minute * _REQUEST)
        self._since = now
        return max(0, -((self._left - _REQUEST) // (self._per_minute * _SECOND)))

    def charge(self, requests: int) -> None:
        """Take requests off, more than are left if need be."""
        self._left -= requests * _REQUEST
