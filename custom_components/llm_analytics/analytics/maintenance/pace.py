"""Sizes the steps of long work on the writing thread, so that recording hardly waits for them.

A step has as many rows as this machine and this file handle in 0.6 ms, measured on the steps
before: deleting an event costs many times more if the events of a day are far apart in the file.
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
        """Return ``work`` as a step of as many rows; ``count`` returns how many it handled."""

        def timed(db: sqlite3.Connection) -> Done:
            start = time.perf_counter()
            done = work(db, self.rows)
            if count(done) >= self.rows:  # a smaller step is no measurement
                share = _AIM / (time.perf_counter() - start)
                fitting = int(self.rows * min(2, max(0.5, share)))
                self.rows = min(_MOST, max(_LEAST, fitting))
            return done

        return timed
