"""Steps of long work on the writing thread, short enough that recording hardly waits for them.

A step is as many rows as 0.6 ms are worth on this machine and in this file, which the steps before
tell: deleting an event costs many times more where those of a day lie far apart in a ledger of
millions, or on a card.
"""

from collections.abc import Callable
import sqlite3
import time
from typing import Final

_AIM: Final = 0.0006
_LEAST: Final = 60
_MOST: Final = 1_000


class Pace:
    """How many rows the next step may take."""

    def __init__(self) -> None:
        """Begin with few."""
        self.rows = min(_LEAST, _MOST)

    def step[Done](
        self, work: Callable[[sqlite3.Connection, int], Done], count: Callable[[Done], int]
    ) -> Callable[[sqlite3.Connection], Done]:
        """Return ``work`` as a step of as many rows; ``count`` tells how many it took."""

        def timed(db: sqlite3.Connection) -> Done:
            start = time.perf_counter()
            done = work(db, self.rows)
            if count(done) >= self.rows:  # one that had less to do says nothing
                share = _AIM / (time.perf_counter() - start)
                fitting = int(self.rows * min(2, max(0.5, share)))
                self.rows = min(_MOST, max(_LEAST, fitting))
            return done

        return timed
