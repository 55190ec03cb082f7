"""Processes killed with SIGKILL at random moments: nothing acknowledged is lost or doubled."""

from contextlib import closing
from dataclasses import replace
import logging
from pathlib import Path
import random
import shutil
import sqlite3

import pytest

from custom_components.llm_analytics.analytics.store import schema

from .acknowledged import Acknowledged
from .audit import SLOT, audit
from .conftest import rounds
from .processes import Victim
from .workloads import RECORDED, WORKLOADS, open_and_close, run_workload

LOGGER = logging.getLogger(__name__)


@pytest.mark.parametrize("work", WORKLOADS)
def test_a_process_killed_at_any_moment_loses_nothing_acknowledged(
    tmp_path: Path, seed: str, work: str
) -> None:
    path = tmp_path / "ledger.db"
    acknowledged = Acknowledged()
    times, behind = rounds(20), 0
    for run in range(1, times + 1):
        luck = random.Random(f"{seed}-{work}-{run}")
        known = [] if work == "clean_up" else acknowledged.sample(luck)
        victim = Victim(run_workload, path, work, f"{seed}-{run}", run, known)
        after, pause = luck.choice((1, 20, 100, 300)), luck.uniform(0, 0.25)
        for told in victim.killed(after=after, pause=pause):
            acknowledged.hear(*told)
        found = audit(path)
        acknowledged.check(found, cleans=work == "clean_up")
        behind += found.unsummed > 0
    assert behind > 0 or work != "ingest"
    assert found.cleaned == (work == "clean_up")
    assert not acknowledged.deleted or work == "delete"
    LOGGER.info(
        "%s: killed %d times, %d of them with sums that waited, %d events acknowledged, 0 lost",
        *(work, times, behind, len(acknowledged.recorded)),
    )


def earlier_schema(path: Path, number: int, copies: int) -> None:
    """Write the ledger that a schema is tested with, every live event several times."""
    dump = Path(__file__).parents[1] / "analytics" / "data" / f"schema_{number}.sql"
    with closing(sqlite3.connect(path)) as db:
        db.executescript(dump.read_text(encoding="utf-8"))
        columns = [row[1] for row in db.execute("PRAGMA table_info(event)")]
        others = {"id": "id + ?", "request_id": "NULL", "request_hash": "NULL"}
        chosen = ", ".join(others.get(name, name) for name in columns)
        live = "SELECT COALESCE(events_from, 0) FROM ledger"
        (last,) = db.execute("SELECT last_event FROM ledger").fetchone()
        for copy in range(1, copies):
            db.execute(
                f"INSERT INTO event SELECT {chosen} FROM event WHERE id <= ? AND time >= ({live})",
                (copy * last, last),
            )
        sums_of = {"agg_day": "frozen = 0", "agg_slot": f"slot >= ({live}) / {SLOT}"}
        if number > 1:
            sums_of["agg_home"] = "frozen = 0"
        for table, which in sums_of.items():
            keys = {"dimension", "day", "slot", "key", "frozen", "currency"}
            names = [row[1] for row in db.execute(f"PRAGMA table_info({table})")]
            sums = ", ".join(f"{name} = {name} * {copies}" for name in names if name not in keys)
            db.execute(f"UPDATE {table} SET {sums} WHERE {which}")
        db.execute("UPDATE ledger SET (events, last_event) = (SELECT COUNT(*), MAX(id) FROM event)")
        db.commit()


@pytest.mark.parametrize("number", range(1, schema.SCHEMA_VERSION))
def test_a_process_killed_while_it_migrates_loses_nothing(
    tmp_path: Path, seed: str, number: int
) -> None:
    path, old = tmp_path / "ledger.db", tmp_path / "old.db"
    earlier_schema(old, number, copies=50)
    before = audit(old)
    assert (before.schema, len(before.events) > 2_000) == (number, True)
    seen: set[int] = set()
    least = rounds(12)
    for run in range(10 * least):
        if run >= least and {number, schema.SCHEMA_VERSION} <= seen:
            break
        luck = random.Random(f"{seed}-{run}")
        for suffix in ("", "-wal", "-shm"):
            path.with_name(path.name + suffix).unlink(missing_ok=True)
        shutil.copy(old, path)
        for _ in range(3):  # an interrupted migration is begun again
            victim = Victim(open_and_close, path)
            for _ in victim.killed(after=1, pause=luck.choice((0, 0.01, 0.1)) * luck.random()):
                pass
            found = audit(path)
            seen.add(found.schema)
            assert replace(found, schema=number) == before
    assert {number, schema.SCHEMA_VERSION} <= seen


def test_a_process_killed_while_it_creates_the_file_leaves_one_that_opens(
    tmp_path: Path, seed: str
) -> None:
    for run in range(rounds(30)):
        path = tmp_path / f"ledger-{run}.db"
        luck = random.Random(f"{seed}-{run}")
        for _ in Victim(open_and_close, path).killed(after=1, pause=luck.uniform(0, 0.03)):
            pass
        victim = Victim(run_workload, path, "ingest", seed, 1, [])
        told = [numbers for what, *numbers in victim.killed(after=5, pause=0) if what == RECORDED]
        assert dict(told).items() <= audit(path).events.items()
        assert list(tmp_path.glob("*damaged*")) == []
