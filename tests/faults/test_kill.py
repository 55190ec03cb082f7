"""Processes killed with SIGKILL at random moments: nothing acknowledged is lost or doubled."""

from collections.abc import Iterator
import logging
from multiprocessing import get_context
from multiprocessing.connection import Connection
from pathlib import Path
import random
import shutil
import sqlite3
import time
from typing import Any

import pytest

from custom_components.llm_analytics.analytics import schema

from .books import audit
from .burdens import BURDENS, RECORDED, bear, open_and_close
from .conftest import rounds
from .promises import Promises

LOGGER = logging.getLogger(__name__)

# A fork of a process that has imported everything starts at once, and is a process all the same.
PROCESSES = get_context("forkserver")
PROCESSES.set_forkserver_preload(["tests.faults.burdens"])


class Victim:
    """A process that is killed, and all that it told until then."""

    def __init__(self, target: Any, *arguments: Any) -> None:
        self.pipe, told = PROCESSES.Pipe(duplex=False)
        self.process = PROCESSES.Process(target=target, args=(*arguments, told))
        self.process.start()
        told.close()

    def killed(self, *, after: int, pause: float) -> Iterator[tuple[Any, ...]]:
        """Yield what is told; kill it some seconds after it has told so much."""
        count = 0
        pipe: Connection = self.pipe
        try:
            while True:
                try:
                    told = pipe.recv()
                except EOFError:
                    break
                yield told
                count += 1
                if count == after:
                    time.sleep(pause)
                    self.process.kill()  # what is in the pipe still comes
        finally:
            self.process.kill()
            self.process.join()
            pipe.close()
        assert self.process.exitcode == -9, "it ended by itself"


@pytest.mark.parametrize("work", BURDENS)
def test_a_process_killed_at_any_moment_loses_nothing_acknowledged(
    tmp_path: Path, seed: str, work: str
) -> None:
    path = tmp_path / "ledger.db"
    promises = Promises()
    times = rounds(20)
    for run in range(1, times + 1):
        luck = random.Random(f"{seed}-{work}-{run}")
        known = [] if work == "clean_up" else promises.sample(luck)
        victim = Victim(bear, path, work, f"{seed}-{run}", run, known)
        after, pause = luck.choice((1, 20, 100, 300)), luck.uniform(0, 0.05)
        for told in victim.killed(after=after, pause=pause):
            promises.hear(*told)
        books = audit(path)
        promises.check(books, cleans=work == "clean_up")
    assert books.cleaned == (work == "clean_up")
    assert not promises.deleted or work == "delete"
    LOGGER.info(
        "%s: killed %d times, %d events acknowledged, 0 lost", work, times, len(promises.recorded)
    )


def as_schema_1(path: Path, old: Path) -> None:
    """Copy a ledger into a file of the first schema."""
    db = sqlite3.connect(old, isolation_level=None)
    db.execute(schema.CREATION_PRAGMAS[0])
    for statement in schema.MIGRATIONS[0]:
        db.execute(statement)
    db.execute("PRAGMA user_version = 1")
    db.execute("DELETE FROM ledger")
    db.execute("ATTACH ? AS new", (str(path),))
    tables = db.execute("SELECT name FROM main.sqlite_schema WHERE type = 'table'").fetchall()
    for (table,) in tables:
        columns = {row[1] for row in db.execute(f"PRAGMA main.table_info({table})")}
        columns &= {row[1] for row in db.execute(f"PRAGMA new.table_info({table})")}
        names = ", ".join(sorted(columns))
        db.execute(f"INSERT INTO main.{table} ({names}) SELECT {names} FROM new.{table}")
    db.close()


def test_a_process_killed_while_it_migrates_loses_nothing(tmp_path: Path, seed: str) -> None:
    path, old = tmp_path / "ledger.db", tmp_path / "old.db"
    victim = Victim(bear, path, "ingest", seed, 1, [])
    told = sum(1 for _ in victim.killed(after=1_000, pause=0))
    as_schema_1(path, old)
    events = audit(old).events
    assert len(events) >= told - 1
    seen = set()
    for run in range(rounds(20)):
        luck = random.Random(f"{seed}-{run}")
        for suffix in ("", "-wal", "-shm"):
            path.with_name(path.name + suffix).unlink(missing_ok=True)
        shutil.copy(old, path)
        for _ in range(3):  # an interrupted migration is gone on with, or begun again
            victim = Victim(open_and_close, path)
            for _ in victim.killed(after=1, pause=luck.uniform(0, 0.03)):
                pass
            books = audit(path)
            seen.add(books.schema)
            assert books.events == events
    assert seen == {1, schema.SCHEMA_VERSION}


def test_a_process_killed_while_it_creates_the_file_leaves_one_that_opens(
    tmp_path: Path, seed: str
) -> None:
    for run in range(rounds(30)):
        path = tmp_path / f"ledger-{run}.db"
        luck = random.Random(f"{seed}-{run}")
        for _ in Victim(open_and_close, path).killed(after=1, pause=luck.uniform(0, 0.03)):
            pass
        victim = Victim(bear, path, "ingest", seed, 1, [])
        told = [numbers for what, *numbers in victim.killed(after=5, pause=0) if what == RECORDED]
        assert dict(told).items() <= audit(path).events.items()
        assert list(tmp_path.glob("*damaged*")) == []
