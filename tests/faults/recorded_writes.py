"""The program whose writes are recorded: workloads for a while, each on a ledger of its own.

    python -m tests.faults.recorded FOLDER SEED EVENTS PRAGMA BURDEN...

PRAGMA is one that the product does not set, or sets otherwise. Each ledger is closed in the midst
of it and opened again. What is acknowledged is printed.
"""

import asyncio
import os
from pathlib import Path
import sys

from custom_components.llm_analytics.analytics.store import database, schema

from .workloads import bear_until


class Printer:
    """Says everything at once on the standard output."""

    def __init__(self, work: str) -> None:
        """Say each time which work this is about."""
        self._work = work

    def send(self, told: tuple[str | int, ...]) -> None:
        """Print what is told in a line, which is one write."""
        os.write(1, f"{' '.join(map(str, (self._work, *told)))}\n".encode())


async def main(folder: Path, seed: str, events: int, works: list[str]) -> None:
    """Run each workload until so many events were acknowledged."""
    for work in works:
        for run in (1, 2):
            path = folder / f"{work}.db"
            printer, limit = Printer(work), events // 2
            await bear_until(path, work, seed, run, [], printer, limit=limit)


if __name__ == "__main__":
    place, luck, count, pragma, *chosen = sys.argv[1:]
    # The journal is moved into the main file, and begun anew, many times.
    pragmas = (*schema.CONNECTION_PRAGMAS, "PRAGMA wal_autocheckpoint = 60", pragma)
    setattr(database, "CONNECTION_PRAGMAS", pragmas)  # noqa: B010 - it is not meant to be set
    asyncio.run(main(Path(place), luck, int(count), chosen))
