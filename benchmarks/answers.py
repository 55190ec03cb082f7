"""Queries: how their duration grows with the ledger, and the cost of reading all events."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path
import statistics
import time
from typing import Any, Final

from custom_components.llm_analytics.analytics import Analytics
from custom_components.llm_analytics.contract.queries import QUERIES, Query
from custom_components.llm_analytics.contract.serialization import json_text
from custom_components.llm_analytics.contract.validation import validate

from . import peer
from .ingest import ledger
from .ledgers import product
from .measures import Bench, Finding, number
from .workload import DEVICES, NOW, Household

# Every query is measured; these are the parameters of those that get any.
GIVEN: Final[dict[str, dict[str, str]]] = {
    "usage/daily": {"device_ip": DEVICES[0]},
    "usage/device/{device}": {"device": DEVICES[0], "days": "30"},
    "usage/{id}": {"id": "1"},
    "stats/breakdown": {"by": "model", "start": "2026-09-28", "end": "2026-10-28"},
    "trends/{metric}": {"metric": "cost", "days": "365"},
    "trends/anomalies": {"days": "90"},
    "reports": {"period": "month"},
    "stats/heatmap": {"days": "28"},
}


def asked(question: Query, given: dict[str, str]) -> Callable[[Analytics], Awaitable[str]]:
    """Return a function that runs a query as the REST API does, including JSON."""
    data = validate(question.fields, given)

    async def ask(analytics: Analytics) -> str:
        return json_text(await question.ask(analytics, data))

    return ask


async def timed(question: Awaitable[Any]) -> float:
    """Return the duration of an answer in milliseconds."""
    start = time.perf_counter()
    await question
    return (time.perf_counter() - start) * 1_000


async def questions(bench: Bench) -> AsyncIterator[Finding]:
    """Run every query on ledgers of several sizes, in turn."""
    sizes = bench.sizes
    asks = {path: asked(one, GIVEN.get(path, {})) for path, one in QUERIES.items()}
    took: dict[str, list[list[float]]] = {path: [] for path in asks}
    async with AsyncExitStack() as stack:
        opened = [
            await stack.enter_async_context(ledger(await product(bench, copies)))
            for copies in sizes.copies
        ]
        for number_of_round in range(sizes.rounds):
            bench.say(f"asking every question, round {number_of_round + 1}")
            for path, ask in asks.items():
                for _ in range(sizes.questions):
                    took[path].append([await timed(ask(one)) for one in opened])
    median = {
        path: [statistics.median(column) for column in zip(*rows, strict=True)]
        for path, rows in took.items()
    }
    for path, values in median.items():
        shown = ", ".join(f"{number(value)} ms" for value in values)
        bench.say(f"    {path}: {shown} ({values[-1] / values[0]:.2f}×)")
    dashboard = median.pop("dashboard")
    yield Finding("dashboard-growth", dashboard[-1], dashboard[0])
    small, large = (sum(values[place] for values in median.values()) for place in (0, -1))
    yield Finding("questions-growth", large, small)
    worst = max(median.values(), key=lambda values: values[-1] / values[0])
    yield Finding("question-growth", worst[-1], worst[0])


async def peer_ledger(bench: Bench, copies: int) -> Path:
    """Return the file of the peer with ``copies`` times the events of a household."""
    name = f"peer-{copies}"
    if name not in bench.made:
        bench.say(f"making the peer's ledger, {copies} times a household's events")
        path = bench.folder / f"{name}.db"
        async with peer.opened(path) as other:
            for usages in Household(4).year(bench.sizes.per_day, bench.sizes.days):
                await other.fill(usages)
            await other.multiply(copies)
            await other.aggregate()
            await other.checkpoint()
        bench.made[name] = path
    return bench.made[name]


async def dashboard_scan(bench: Bench) -> AsyncIterator[Finding]:
    """Query the dashboard of the same events from the product and the peer, in turn."""
    copies = bench.sizes.scanned
    ask = asked(QUERIES["dashboard"], {})
    rounds: list[tuple[float, float]] = []
    path = await peer_ledger(bench, copies)
    async with ledger(await product(bench, copies)) as analytics, peer.opened(path) as other:
        for one in range(bench.sizes.rounds):
            bench.say(f"dashboard from sums and from events, round {one + 1}")
            rounds.append((await timed(ask(analytics)), await timed(other.dashboard(NOW))))
    mine, theirs = (statistics.median(column) for column in zip(*rounds, strict=True))
    yield Finding("dashboard-scan", mine, theirs)
