"""Many rows by few statements.

``executemany`` runs a statement a row, and for each lets go of the interpreter's lock and takes it
again. A statement of many rows does that once, which saves a tenth of the time that rows take.
"""

from collections.abc import Sequence
import sqlite3
from typing import Final

# Few sizes, so that there are few statements to keep prepared.
_SIZES: Final = (64, 16, 4, 1)


class Insert:
    """The statements that insert rows into a table, each for a number of rows."""

    def __init__(self, table: str, columns: Sequence[str], conflict: str = "") -> None:
        """Write them out; ``conflict`` is the ON CONFLICT clause, if there is one."""
        head = f"INSERT INTO {table} ({', '.join(columns)}) VALUES "
        marks = f"({', '.join('?' * len(columns))})"
        self._statements = tuple(
            (size * len(columns), f"{head}{', '.join([marks] * size)} {conflict}")
            for size in _SIZES
        )

    def rows(self, db: sqlite3.Connection, values: Sequence[object]) -> None:
        """Insert rows, given value by value and row after row, in the caller's transaction."""
        done = 0
        for count, statement in self._statements:
            while len(values) - done >= count:
                db.execute(statement, values[done : done + count])
                done += count
