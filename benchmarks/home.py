"""A real Home Assistant with the integration, compared to the same one without it.

Both run at the same time, and each round loads one after the other, so that other load on the
machine affects both. The one with the integration has a ledger of the usual size and uses every
feature: all entities, budgets, tracked usages, clients, statistics and a currency.
"""

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Callable
from contextlib import ExitStack
import gc
import os
from pathlib import Path
import shutil
import statistics
import tempfile
import time
from typing import Final, override

from scripts.home_assistant_client import DOMAIN
from scripts.real_home_assistant import RealHomeAssistant, free_port

from .client import Outcome, bodies, load
from .furnished import alive, furnish, until_told
from .ledgers import product
from .measures import Bench, Finding, percentile

YARDSTICK: Final = "benchmark_yardstick"
_CONNECTIONS: Final = 16
_CROWD: Final = 64
_BATCH: Final = 100
# After so many seconds without a request, an entity writes its next change at once.
_QUIET: Final = 32
_SENSOR_ROUNDS: Final = 3
_SENSOR: Final = "/api/states/sensor.llm_analytics_requests_today"


class Home(RealHomeAssistant):
    """A Home Assistant with the yardstick, and with or without the integration."""

    def __init__(self, folder: Path, *, integration: bool, say: Callable[[str], None]) -> None:
        """Initialize; nothing is started yet."""
        super().__init__(folder, port=free_port(), say=say)
        self._integration = integration
        self.domain = DOMAIN if integration else YARDSTICK

    @override
    def prepare(self) -> None:
        super().prepare()
        configuration = self.folder / "configuration.yaml"
        text = configuration.read_text(encoding="utf-8")
        if YARDSTICK not in text:
            configuration.write_text(f"{text}\n{YARDSTICK}:\n", encoding="utf-8")
        shutil.copytree(
            Path(__file__).parent / "yardstick",
            self.folder / "custom_components" / YARDSTICK,
            dirs_exist_ok=True,
        )

    @override
    def set_up_integration(self) -> None:
        if self._integration:
            super().set_up_integration()

    @property
    def memory(self) -> float:
        """Return the memory of the process in MB."""
        assert self.process is not None
        text = Path(f"/proc/{self.process.pid}/status").read_text(encoding="ascii")
        line = next(line for line in text.splitlines() if line.startswith("VmRSS"))
        return int(line.split()[1]) / 1_024

    def hold(self) -> float:
        """Return the longest time that the loop was blocked since the last call, in ms."""
        return float(self.get(f"/api/{YARDSTICK}/hold")["ms"])

    @property
    def target(self) -> str:
        """Return the URL to which events are posted."""
        return f"{self.url}/api/{self.domain}/usage"


async def home(bench: Bench) -> AsyncIterator[Finding]:
    """Start both, load them in turn, and compare."""
    path = await product(bench, bench.sizes.copies[min(1, len(bench.sizes.copies) - 1)])
    # Objects that remain from creating the ledger must not be collected during the measurement.
    gc.collect()
    gc.freeze()
    with tempfile.TemporaryDirectory(dir=bench.folder) as folder, ExitStack() as stack:
        mine, bare = (
            Home(Path(folder, name), integration=integration, say=bench.say)
            for name, integration in (("with", True), ("without", False))
        )
        mine.folder.mkdir()
        shutil.copy(path, mine.folder / f"{DOMAIN}.db")
        for one in (mine, bare):
            stack.callback(one.stop)
        async for finding in _starts(bench, mine, bare):
            yield finding
        yield await _sensor(bench, mine)
        async for finding in _loads(bench, mine, bare):
            yield finding
        async for finding in _flood(bench, mine, bare):
            yield finding
        there = await asyncio.to_thread(alive, mine)
        bench.say(
            f"    {there.entities} entities, {there.budgets} budgets, {there.tracked} tracked"
            f" usages, {there.statistics} statistics"
        )


async def _starts(bench: Bench, mine: Home, bare: Home) -> AsyncIterator[Finding]:
    """Start both several times; the first start is for the configuration and does not count."""
    took: dict[Home, list[float]] = {mine: [], bare: []}
    memory: dict[Home, list[float]] = {mine: [], bare: []}
    for number in range(bench.sizes.starts + 1):
        for one in (mine, bare):
            bench.say(f"start {number} of Home Assistant ({one.folder.name} the integration)")
            await asyncio.to_thread(one.stop)
            start = time.perf_counter()
            await asyncio.to_thread(one.start)
            if number:
                took[one].append(time.perf_counter() - start)
                await asyncio.sleep(2)
                memory[one].append(one.memory)
            elif one is mine:
                await asyncio.to_thread(furnish, mine)
                await asyncio.to_thread(until_told, mine)
    await asyncio.to_thread(alive, mine)
    median = statistics.median
    yield Finding("start", median(took[mine]), median(took[bare]))
    yield Finding("memory", median(memory[mine]), median(memory[bare]))


async def _sensor(bench: Bench, mine: Home) -> Finding:
    """Post an event and wait until the sensor has changed."""
    bodies_of_one = bodies(8)
    took = []
    for _ in range(_SENSOR_ROUNDS):
        await asyncio.sleep(_QUIET)
        before = (await asyncio.to_thread(mine.get, _SENSOR))["state"]
        token = mine.token
        await load(mine.target, token, bodies_of_one, connections=1, requests=1)
        start = time.perf_counter()
        while (await asyncio.to_thread(mine.get, _SENSOR))["state"] == before:  # noqa: ASYNC110
            await asyncio.sleep(0.005)
        took.append(time.perf_counter() - start)
    return Finding("sensor", statistics.median(took), 2)


async def _loads(bench: Bench, mine: Home, bare: Home) -> AsyncIterator[Finding]:
    """Post single events and batches over several connections."""
    values: defaultdict[tuple[str, Home], list[float]] = defaultdict(list)
    for number in range(bench.sizes.rounds):
        bench.say(f"posting to Home Assistant, round {number + 1}")
        for one in (mine, bare):
            await asyncio.to_thread(one.hold)
            single = await _load(one, number, requests=bench.sizes.posts)
            values["rate", one].append(single.events / single.seconds)
            values["p99", one].append(percentile(single.took, 0.99))
            values["hold", one].append(await asyncio.to_thread(one.hold))
            batch = await _load(one, number, requests=bench.sizes.posts // 4, batch=_BATCH)
            values["batch", one].append(batch.events / batch.seconds)
            values["batch hold", one].append(await asyncio.to_thread(one.hold))
    found = {key: statistics.median(numbers) for key, numbers in values.items()}
    for key, name in (
        ("rest-single", "rate"),
        ("rest-single-p99", "p99"),
        ("rest-batch", "batch"),
        ("home-hold", "hold"),
        ("home-hold-batch", "batch hold"),
    ):
        yield Finding(key, found[name, mine], found[name, bare])


async def _load(one: Home, seed: int, *, requests: int, batch: int = 1) -> Outcome:
    outcome = await load(
        one.target,
        one.token,
        bodies(seed, batch=batch),
        connections=_CONNECTIONS,
        events=batch,
        requests=requests,
    )
    assert not outcome.refused
    return outcome


async def _flood(bench: Bench, mine: Home, bare: Home) -> AsyncIterator[Finding]:
    """Flood both with requests, and compare the events that were sent and stored."""
    health = f"/api/{DOMAIN}/health"
    before = (await asyncio.to_thread(mine.get, health))["events"]
    found: dict[Home, Outcome] = {}
    for one in (mine, bare):
        bench.say(f"flood of {bench.sizes.flood:.0f} s ({one.folder.name} the integration)")
        found[one] = await load(
            one.target,
            one.token,
            bodies(9),
            connections=_CROWD,
            seconds=bench.sizes.flood,
            again=50,
        )
    stored = (await asyncio.to_thread(mine.get, health))["events"] - before
    lost = abs(found[mine].events - stored) + found[mine].refused
    flushed = await asyncio.to_thread(fsync, mine.folder)
    latency = percentile(found[mine].took, 0.99) - flushed
    bench.say(f"    {found[mine].events:,} events, an fsync takes {flushed:.2f} ms")
    yield Finding("flood-p99", latency, percentile(found[bare].took, 0.99))
    yield Finding("flood-lost", lost, 0)


def fsync(folder: Path, times: int = 50) -> float:
    """Return the median time to flush the bytes of a commit to disk, in ms."""
    path = folder / "fsync"
    took = []
    with path.open("wb") as file:
        for _ in range(times):
            file.write(bytes(64 * 1_024))
            file.flush()
            start = time.perf_counter()
            os.fsync(file.fileno())
            took.append((time.perf_counter() - start) * 1_000)
    path.unlink()
    return statistics.median(took)
