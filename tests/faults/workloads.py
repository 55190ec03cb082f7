"""What a process does to a ledger until it is killed.

Each workload records events all the time, from several callers at once, and tells what it was
answered through a pipe: what was told before the end was acknowledged. Beside that it does one of
the things that change or read many rows, again and again.
"""

import asyncio
from collections.abc import AsyncGenerator, Callable, Coroutine
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
import random
from typing import Any, Final, Protocol
from zoneinfo import ZoneInfo

from custom_components.llm_analytics.analytics import (
    Analytics,
    ExchangeRate,
    NotFoundError,
    Period,
    Rate,
    Settings,
    UsageEvent,
)
from tests.analytics.helpers import exported_json

ZONES: Final = ("Europe/Berlin", "Asia/Kathmandu", "America/Havana")
PER_RUN: Final = 1_000_000
_POSTERS: Final = 6
_DAYS: Final = 90

# What a process reports, with a number or two: RECORDED and DELETED (id, number) are acknowledged.
READY: Final = "ready"
RECORDED: Final = "recorded"
DELETING: Final = "deleting"
DELETED: Final = "deleted"
WRONG: Final = "wrong"


def event(number: int) -> UsageEvent:
    """Return the event of a number, which is also its prompt tokens: so each can be recognised."""
    models = (("openai", "gpt-4o"), ("ollama", "llama3"), ("acme", "novel-1"), ("openai", None))
    provider, model = models[number % 4]
    return UsageEvent(
        timestamp=datetime.now(UTC) - timedelta(minutes=number * 7_919 % (_DAYS * 24 * 60)),
        device_ip=f"10.0.0.{number % 11 + 1}" if number % 13 else None,
        endpoint=f"endpoint-{number % 5}",
        provider=provider,
        model=model,
        user_id=f"user-{number % 6}" if number % 6 else None,
        tokens_prompt=number,
        tokens_response=1,
        latency_us=number % 977 if number % 3 else None,
        tags=tuple(f"tag-{tag}" for tag in range(number % 4)),
        agent=f"agent-{number % 3}",
        request_id=f"request-{number}",
    )


type Pair = tuple[int, int]
type Work = Callable[[Workload], Coroutine[Any, Any, None]]


class Listener(Protocol):
    """Hears what is told: a pipe's end."""

    def send(self, told: tuple[str | int, ...], /) -> None:
        """Hear it at once."""


class EnoughError(Exception):
    """Raised where as many events as wanted were acknowledged."""


@dataclass
class Workload:
    """One run of a process: its ledger, its luck, and whom it tells."""

    analytics: Analytics
    random: random.Random
    run: int
    listener: Listener
    limit: int | None
    made: int = 0
    told: int = 0
    recorded: list[Pair] = field(default_factory=list)

    def tell(self, what: str, *numbers: int) -> None:
        """Tell at once: this is a write to a pipe, nothing is kept back."""
        self.listener.send((what, *numbers))

    def numbers(self, count: int) -> list[int]:
        """Return numbers that no other event has."""
        first = self.run * PER_RUN + self.made
        self.made += count
        return list(range(first, first + count))

    async def record_for_ever(self) -> None:
        """Record single events and batches."""
        while True:
            if self.random.random() < 0.8:
                (number,) = self.numbers(1)
                recorded = await self.analytics.tracker.record(event(number))
                pairs = [(recorded.event.id, number)]
            else:
                numbers = self.numbers(self.random.randint(1, 30))
                batch = await self.analytics.tracker.record_many(
                    [event(number) for number in numbers]
                )
                pairs = list(zip(batch.ids, numbers, strict=True))
            for event_id, number in pairs:
                self.recorded.append((event_id, number))
                self.tell(RECORDED, event_id, number)
            self.told += len(pairs)
            if self.limit is not None and self.told >= self.limit:
                raise EnoughError

    async def run_workload(self, work: Work) -> None:
        """Record from several callers, and do a work beside it, for ever."""
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(work(self))
                for _ in range(_POSTERS):
                    group.create_task(self.record_for_ever())
        except* EnoughError:
            raise EnoughError from None

    async def repeat(self, known: list[Pair]) -> None:
        """Send again what an earlier run was answered: it is stored once."""
        for event_id, number in known:
            again = await self.analytics.tracker.record(event(number))
            if (again.event.id, again.duplicate) != (event_id, True):
                self.tell(WRONG, event_id, number)


# What is done beside recording


async def ingest(workload: Workload) -> None:
    """Record nothing but events, some of them a second time at once."""
    while True:
        await asyncio.sleep(0.001)
        if workload.recorded:
            await workload.repeat([workload.random.choice(workload.recorded)])


async def clean_up(workload: Workload) -> None:
    """Freeze one day after the other and delete its events."""
    days = _DAYS
    while True:
        await workload.analytics.maintenance.clean_up(days, budget=0.02)
        days = max(2, days - 1)


async def rebuild(workload: Workload) -> None:
    """Sum every day anew."""
    while True:
        await workload.analytics.maintenance.rebuild(budget=1.0)


async def reprice(workload: Workload) -> None:
    """Change prices, and those of all events with them."""
    while True:
        rate = Rate(
            provider="acme",
            model="novel-1",
            prompt_per_1m=Decimal(workload.random.randint(1, 999)) / 100,
            response_per_1m=Decimal(2),
            effective=datetime(2020, 1, 1, tzinfo=UTC),
        )
        await workload.analytics.costs.set_rate(rate, reprice=workload.random.random() < 0.5)
        await workload.analytics.costs.reprice(only_unpriced=False, budget=1.0)


async def change_zone(workload: Workload) -> None:
    """Move the household from one time zone to the next."""
    while True:
        for zone in ZONES:
            await workload.analytics.maintenance.set_zone(ZoneInfo(zone))


async def delete(workload: Workload) -> None:
    """Delete events one by one."""
    while True:
        await asyncio.sleep(0)
        if workload.recorded:
            event_id, number = workload.recorded.pop(
                workload.random.randrange(len(workload.recorded))
            )
            workload.tell(DELETING, event_id, number)
            await workload.analytics.tracker.delete_event(event_id)
            workload.tell(DELETED, event_id, number)


async def forget(workload: Workload) -> None:
    """Make users and devices nobody's."""
    while True:
        for number in range(1, 6):
            with suppress(NotFoundError):  # nothing has come from them since
                await workload.analytics.maintenance.forget(user=f"user-{number}")
                await workload.analytics.maintenance.forget(device=f"ip:10.0.0.{number}")
            await asyncio.sleep(0)


async def export(workload: Workload) -> None:
    """Read the whole ledger: exactly those events that were there when it began."""
    while True:
        exported = await exported_json(workload.analytics, period=Period.ALL)
        count = exported["summary"]["request_count"]
        ids = sorted(event["id"] for event in exported["events"])
        if ids != list(range(1, count + 1)):
            workload.tell(WRONG, count, len(ids))


WORKLOADS: Final[dict[str, Work]] = {
    work.__name__: work
    for work in (ingest, clean_up, rebuild, reprice, change_zone, delete, forget, export)
}


@asynccontextmanager
async def opened(path: Path) -> AsyncGenerator[Analytics]:
    """Open a ledger by the real clock and close it."""
    analytics = await Analytics.open(
        path,
        zone=ZoneInfo(ZONES[0]),
        clock=lambda: datetime.now(UTC),
        settings=Settings(use_catalogue=False, home_currency="EUR"),
    )
    try:
        yield analytics
    finally:
        await analytics.close()


async def bear_until(
    path: Path,
    work: str,
    seed: str,
    run: int,
    known: list[Pair],
    listener: Listener,
    *,
    limit: int | None = None,
    held: bool = False,
) -> None:
    """Do a workload's work until so many events were acknowledged, and close the ledger.

    ``held``: as while a backup is being made, which leaves the main file alone.
    """
    async with opened(path) as analytics:
        await analytics.costs.set_exchange_rate(ExchangeRate(currency="EUR", usd=Decimal("1.125")))
        workload = Workload(analytics, random.Random(seed), run, listener, limit)
        await workload.repeat(known)
        if held:
            await analytics.maintenance.begin_backup()
        workload.tell(READY)
        with suppress(EnoughError):
            await workload.run_workload(WORKLOADS[work])


def run_workload(
    path: Path, work: str, seed: str, run: int, known: list[Pair], listener: Listener
) -> None:
    """Do a workload's work until killed; this is the whole of a process."""
    asyncio.run(bear_until(path, work, seed, run, known, listener))


def record_beside_a_backup(path: Path, seed: str, run: int, listener: Listener) -> None:
    """Record events until killed; from READY on nothing is moved into the main file."""
    asyncio.run(bear_until(path, "ingest", seed, run, [], listener, held=True))


def open_and_close(path: Path, listener: Listener) -> None:
    """Open a ledger, which creates or migrates it, close it, and wait to be killed."""

    async def run() -> None:
        listener.send((READY,))
        async with opened(path):
            pass
        await asyncio.Event().wait()

    asyncio.run(run())
