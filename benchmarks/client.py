"""Concurrent clients that post events over HTTP."""

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass, field
from http import HTTPStatus
import json
import time
import uuid

from aiohttp import ClientSession, TCPConnector

from .workload import Household

_MARK = b"00000000-0000-4000-8000-000000000000"


@dataclass(slots=True)
class Outcome:
    """The result of a load."""

    seconds: float = 0.0
    events: int = 0
    refused: int = 0
    took: list[float] = field(default_factory=list)  # ms of each request


def bodies(seed: int, *, batch: int = 1) -> Iterator[bytes]:
    """Yield an unlimited number of bodies; each event has its own request ID."""
    household = Household(seed)
    made = []
    for _ in range(200):
        events = household.recent(batch)
        for event in events:
            del event["timestamp"]
            event["request_id"] = _MARK.decode()
        made.append(json.dumps(events[0] if batch == 1 else {"events": events}).encode())
    while True:
        for body in made:
            parts = body.split(_MARK)
            filled = parts[0]
            for part in parts[1:]:
                filled += str(uuid.uuid4()).encode() + part
            yield filled


async def load(
    url: str,
    token: str,
    sent: Iterator[bytes],
    *,
    connections: int,
    events: int = 1,
    requests: int | None = None,
    seconds: float | None = None,
    again: int = 0,
) -> Outcome:
    """Post bodies over ``connections``, for a number of ``requests`` or of ``seconds``.

    Every ``again``-th body is posted twice, as by a client that did not receive the answer.
    """
    outcome = Outcome()
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
    start = time.perf_counter()
    numbers = iter(range(requests)) if requests is not None else iter(int, 1)

    async with ClientSession(connector=TCPConnector(limit=connections)) as session:

        async def post(body: bytes) -> int:
            before = time.perf_counter()
            async with session.post(url, data=body, headers=headers) as response:
                await response.read()
            outcome.took.append((time.perf_counter() - before) * 1_000)
            return response.status

        async def client() -> None:
            for _ in numbers:
                if seconds is not None and time.perf_counter() - start > seconds:
                    return
                body = next(sent)
                if await post(body) != HTTPStatus.CREATED:
                    outcome.refused += 1
                    continue
                outcome.events += events
                if again and outcome.events % again == 0:
                    await post(body)

        async with asyncio.TaskGroup() as group:
            for _ in range(connections):
                group.create_task(client())
    outcome.seconds = time.perf_counter() - start
    return outcome
