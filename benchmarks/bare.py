"""The limit: the same work with bare ``sqlite3``, without a queue, validation or an event loop.

The rows are those of the product: IDs of names from dictionaries, a price from a dictionary, a
lookup of the request ID, totals collected in dictionaries, three kinds of prepared statements, and
all events in one transaction that is flushed to disk.
"""

from collections import defaultdict
from collections.abc import Sequence
from contextlib import closing
from datetime import datetime
import hashlib
from pathlib import Path
import sqlite3
import time
from typing import Any
from zoneinfo import ZoneInfo

from custom_components.llm_analytics.analytics.store.database import prepare

from .workload import RECORDED_BY, Usage

_SLOT = 900_000_000
_TOTALS = (
    "requests, failed, without_usage, prompt, response, cache_read, cache_write, cache_write_1h,"
    " reasoning, cost, unpriced, latency, timed"
)
_ADD = ", ".join(f"{name} = {name} + excluded.{name}" for name in _TOTALS.split(", "))
_DAY = (
    f"INSERT INTO agg_day (dimension, day, key, frozen, {_TOTALS})"
    f" VALUES (?, ?, ?, 0{', ?' * 13}) ON CONFLICT DO UPDATE SET {_ADD}"
)
_SLOTS = (
    "INSERT INTO agg_slot (dimension, slot, key, requests, prompt, response, cost)"
    " VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET"
    " requests = requests + excluded.requests,"
    " prompt = prompt + excluded.prompt, response = response + excluded.response,"
    " cost = cost + excluded.cost"
)
_COLUMNS = (
    "id, time, series, prompt, response, cache_read, cache_write, cache_write_1h, reasoning, cost,"
    " cost_source, priced_as, latency, ttft, failed, tag_set, tier, error_type, origin, request_id,"
    " metadata"
)
_EVENT = f"INSERT INTO event ({_COLUMNS}) VALUES (?{', ?' * _COLUMNS.count(',')})"
_REQUEST = "INSERT INTO request (hash, event) VALUES (?, ?)"
_NAMES = {
    "device": "INSERT INTO device (id, key) VALUES (?, ?)",
    "endpoint": "INSERT INTO endpoint (id, key) VALUES (?, ?)",
    "model": "INSERT INTO model (id, provider, key, name) VALUES (?, ?, ?, ?)",
    "user": "INSERT INTO user (id, key) VALUES (?, ?)",
    "tag_set": "INSERT INTO tag_set (id, key) VALUES (?, ?)",
    "label": "INSERT INTO label (id, key) VALUES (?, ?)",
    "series": "INSERT INTO series (id, device, endpoint, model, user) VALUES (?, ?, ?, ?, ?)",
    "origin": "INSERT INTO origin (id, agent, context, source, recorded_by) VALUES (?, ?, 0, ?, ?)",
}


def record(path: Path, usages: Sequence[Usage]) -> float:
    """Store events in a new file and return the duration in seconds."""
    with closing(sqlite3.connect(path, isolation_level=None)) as db:
        prepare(db)
        start = time.perf_counter()
        db.execute("BEGIN IMMEDIATE")
        _Recorder(db).record(usages)
        db.execute("COMMIT")
        return time.perf_counter() - start


class _Recorder:
    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db
        self._zone = ZoneInfo("Europe/Berlin")
        self._ids: dict[tuple[Any, ...], int] = {}
        self._counts: defaultdict[str, int] = defaultdict(int)
        self._days: dict[int, int] = {}

    def _id(self, table: str, *values: Any) -> int:
        found = self._ids.get((table, *values))
        if found is None:
            self._counts[table] += 1
            found = self._ids[table, *values] = self._counts[table]
            self._db.execute(_NAMES[table], (found, *values))
        return found

    def _day(self, slot: int) -> int:
        day = self._days.get(slot)
        if day is None:
            moment = datetime.fromtimestamp(slot * 900, self._zone)
            day = self._days[slot] = moment.date().toordinal()
        return day

    def record(self, usages: Sequence[Usage]) -> None:
        rows: list[tuple[Any, ...]] = []
        requests: list[tuple[bytes, int]] = []
        days: dict[tuple[int, int, int], list[int]] = {}
        slots: dict[tuple[int, int, int], list[int]] = {}
        for usage in usages:
            request_id, provider = usage["request_id"], usage["provider"]
            hashed = hashlib.blake2b(f"{provider}\0{request_id}".encode(), digest_size=16).digest()
            known = self._db.execute("SELECT event FROM request WHERE hash = ?", (hashed[:4],))
            if known.fetchone() is not None:
                continue
            self._stage(usage, len(rows) + 1, rows, days, slots)
            requests.append((hashed[:4], len(rows)))
        self._db.executemany(_EVENT, rows)
        self._db.executemany(_REQUEST, requests)
        self._db.executemany(_DAY, [(*key, *sums) for key, sums in days.items()])
        self._db.executemany(_SLOTS, [(*key, *sums) for key, sums in slots.items()])

    def _stage(
        self,
        usage: Usage,
        number: int,
        rows: list[tuple[Any, ...]],
        days: dict[tuple[int, int, int], list[int]],
        slots: dict[tuple[int, int, int], list[int]],
    ) -> None:
        device = self._id("device", usage["device_ip"])
        endpoint = self._id("endpoint", usage["endpoint"])
        name = usage["model"]
        model = self._id("model", usage["provider"], name, name)
        user = self._id("user", usage["user_id"])
        series = self._id("series", device, endpoint, model, user)
        prompt, response = usage["tokens_prompt"], usage["tokens_response"]
        cost = prompt * 2_500_000 + response * 10_000_000
        latency, ttft = usage["latency_ms"], usage["ttft_ms"]
        latency_us = None if latency is None else round(latency * 1000)
        failed = int(usage["status"] == "error")
        error = usage["error_type"]
        moment = round(datetime.fromisoformat(usage["timestamp"]).timestamp() * 1_000_000)
        rows.append(
            (
                number,
                moment,
                series,
                prompt,
                response,
                usage["tokens_cache_read"],
                0,
                0,
                0,
                cost,
                2,
                self._id("label", f"catalogue:{usage['provider']}/{name}"),
                latency_us,
                None if ttft is None else round(ttft * 1000),
                failed,
                self._id("tag_set", "\0".join(usage["tags"])) if usage["tags"] else 0,
                0,
                0 if error is None else self._id("label", error),
                self._id(
                    "origin",
                    self._id("label", usage["agent"]),
                    self._id("label", "rest"),
                    self._id("label", RECORDED_BY),
                ),
                bytes.fromhex(usage["request_id"].replace("-", "")),
                None,
            )
        )
        slot = moment // _SLOT
        day = self._day(slot)
        sums = (
            1, failed, 0, prompt, response, usage["tokens_cache_read"], 0, 0, 0, cost, 0,
            latency_us or 0, int(latency_us is not None),
        )  # fmt: skip
        for key in (
            (0, day, 0),
            (1, day, device),
            (2, day, endpoint),
            (3, day, model),
            (4, day, user),
            (6, day, series),
            (7, day, (user << 32) | model),
            *((5, day, self._id("label", tag)) for tag in usage["tags"]),
        ):
            _add(days, key, sums)
        for key in ((0, slot, 0), (1, slot, device), (3, slot, model)):
            _add(slots, key, (1, prompt, response, cost))


def _add[Key](sums: dict[Key, list[int]], key: Key, values: tuple[int, ...]) -> None:
    known = sums.get(key)
    if known is None:
        sums[key] = list(values)
    else:
        for index, value in enumerate(values):
            known[index] += value
