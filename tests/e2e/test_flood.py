"""Many clients, slow clients and hostile bodies against a running Home Assistant."""

import asyncio
from collections import Counter
from contextlib import closing
from http import HTTPStatus
import json
import logging
import os
from pathlib import Path
import sqlite3
import time
from typing import Any
import zlib

from aiohttp import ClientSession, TCPConnector
import pytest

from scripts.real_home_assistant import RealHomeAssistant
from tests.faults.audit import audit

pytestmark = pytest.mark.browser

LOGGER = logging.getLogger(__name__)
USAGE = "/api/llm_analytics/usage"
CONNECTIONS = 64
SLOW = 100
# A whole minute, or more, where there is time for it.
SECONDS = float(os.environ.get("LEDGER_FLOOD_SECONDS", "12"))


def event(number: int, **given: Any) -> dict[str, Any]:
    return {
        "device_ip": f"10.0.{number % 3}.{number % 50 + 1}",
        "endpoint": f"endpoint-{number % 7}",
        "provider": "openai",
        "model": "gpt-4o",
        "user_id": f"user-{number % 5}",
        "tokens_prompt": number,
        "tokens_response": 1,
        "request_id": f"flood-{number}",
    } | given


def ledger(home: RealHomeAssistant) -> Path:
    return home.folder / "llm_analytics.db"


def stored(home: RealHomeAssistant) -> dict[int, int]:
    """Return id and prompt tokens of every event in the file."""
    with closing(sqlite3.connect(ledger(home))) as db:
        return dict(db.execute("SELECT id, prompt FROM event"))


def complaints(home: RealHomeAssistant) -> list[str]:
    """Return the lines of the log that tell of trouble with the integration."""
    lines = home.log_file.read_text(encoding="utf-8", errors="replace").splitlines()
    return [
        line
        for line in lines
        if "Traceback" in line
        or (
            ("llm_analytics" in line and (" ERROR " in line or " WARNING " in line))
            and "not been tested" not in line
        )
    ]


class Flood:
    """Posts from many connections, each a few events again."""

    def __init__(self, home: RealHomeAssistant) -> None:
        self.home = home
        self.headers = {"Authorization": f"Bearer {home.token}"}
        self.statuses: Counter[int] = Counter()
        self.acknowledged: dict[int, int] = {}
        self.next = 1

    async def post(self, session: ClientSession, until: float) -> None:
        while time.monotonic() < until:
            number, self.next = self.next, self.next + 1
            for _ in range(2 if number % 10 == 0 else 1):
                async with session.post(f"{self.home.url}{USAGE}", json=event(number)) as answer:
                    told = await answer.json()
                self.statuses[answer.status] += 1
                assert answer.status in {HTTPStatus.OK, HTTPStatus.CREATED}, told
                assert self.acknowledged.setdefault(told["id"], number) == number

    async def run(self) -> None:
        until = time.monotonic() + SECONDS
        async with ClientSession(
            connector=TCPConnector(limit=CONNECTIONS), headers=self.headers
        ) as session:
            await asyncio.gather(*(self.post(session, until) for _ in range(CONNECTIONS)))


def test_a_flood_loses_nothing_and_stores_nothing_twice(home: RealHomeAssistant) -> None:
    flood = Flood(home)
    asyncio.run(flood.run())
    assert stored(home) == flood.acknowledged
    assert flood.statuses[HTTPStatus.CREATED] == len(flood.acknowledged)
    assert flood.statuses[HTTPStatus.OK] == flood.statuses.total() - len(flood.acknowledged)
    assert len(flood.acknowledged) > 20 * SECONDS
    dashboard = home.get("/api/llm_analytics/dashboard")
    assert dashboard["today"]["tokens_prompt"] == sum(flood.acknowledged.values())
    assert audit(ledger(home)).counted == len(flood.acknowledged)
    assert complaints(home) == []
    LOGGER.info("%d posts in %.0f s: %s", flood.statuses.total(), SECONDS, dict(flood.statuses))


async def slowly(home: RealHomeAssistant, number: int, *, give_up: bool) -> int | None:
    """Send a post byte by byte, perhaps only the half of it; return its status."""
    reader, writer = await asyncio.open_connection("127.0.0.1", home.port)
    body = json.dumps(event(number)).encode()
    head = (
        f"POST {USAGE} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {home.token}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    writer.write(head.encode())
    for place in range(0, len(body) // 2 if give_up else len(body), 10):
        writer.write(body[place : place + 10])
        await writer.drain()
        await asyncio.sleep(0.1)
    status = None
    if not give_up:
        status = int((await reader.readline()).split()[1])
    writer.close()
    return status


def test_slow_clients_hold_up_nobody(home: RealHomeAssistant) -> None:
    before = stored(home)
    first = 10_000_000

    async def run() -> tuple[list[int | None], list[float]]:
        slow = asyncio.gather(*(slowly(home, first + n, give_up=n % 4 == 0) for n in range(SLOW)))
        waits = []
        headers = {"Authorization": f"Bearer {home.token}"}
        async with ClientSession(headers=headers) as session:
            number = 2 * first
            while not slow.done():
                began = time.monotonic()
                async with session.post(f"{home.url}{USAGE}", json=event(number)) as answer:
                    assert answer.status == HTTPStatus.CREATED
                waits.append(time.monotonic() - began)
                number += 1
                await asyncio.sleep(0.01)
        return await slow, waits

    statuses, waits = asyncio.run(run())
    assert statuses == [None if n % 4 == 0 else HTTPStatus.CREATED for n in range(SLOW)]
    fresh = {number for event_id, number in stored(home).items() if event_id not in before}
    assert {number for number in fresh if number < 2 * first} == {
        first + n for n in range(SLOW) if n % 4
    }
    assert len(waits) > 20
    assert sorted(waits)[len(waits) // 2] < 1  # seconds that each slow client took
    assert complaints(home) == []


def peak_bytes(home: RealHomeAssistant) -> int:
    """Return how much memory Home Assistant has ever used."""
    assert home.process is not None
    status = Path(f"/proc/{home.process.pid}/status").read_text(encoding="ascii")
    (line,) = [line for line in status.splitlines() if line.startswith("VmHWM")]
    return int(line.split()[1]) * 1024


def test_a_small_body_that_unpacks_to_a_large_one_is_refused_early(home: RealHomeAssistant) -> None:
    before = stored(home)
    packer = zlib.compressobj(9, wbits=31)
    bomb = b"".join(packer.compress(bytes(1_000_000)) for _ in range(500)) + packer.flush()
    assert len(bomb) < 4 * 1024 * 1024
    peak = peak_bytes(home)

    async def send() -> int:
        headers = {"Authorization": f"Bearer {home.token}", "Content-Encoding": "gzip"}
        async with (
            ClientSession(headers=headers) as session,
            session.post(f"{home.url}{USAGE}", data=bomb) as answer,
        ):
            return answer.status

    assert asyncio.run(send()) in {HTTPStatus.BAD_REQUEST, HTTPStatus.REQUEST_ENTITY_TOO_LARGE}
    assert peak_bytes(home) - peak < 150_000_000
    assert stored(home) == before
    assert home.get("/api/llm_analytics/health")["status"] == "ok"
    assert complaints(home) == []
