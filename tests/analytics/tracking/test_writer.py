"""Group commit: what callers share, what they never do, and how the queue ends."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence

import pytest

from custom_components.llm_analytics.analytics.errors import ClosedError, StorageError
from custom_components.llm_analytics.analytics.tracking import writer as module
from custom_components.llm_analytics.analytics.tracking.writer import Writer

type Outcomes = Sequence[str | Exception]


class Disk:
    """Stands in for the database thread: it writes when it is let, and remembers what."""

    def __init__(self) -> None:
        self.batches: list[list[list[str]]] = []
        self.commits = 0
        self.gate = asyncio.Event()
        self.gate.set()
        self.failure: Exception | None = None
        self.writer = Writer[str, str](run=self.run, write=self.write, committed=self.committed)

    def committed(self) -> None:
        self.commits += 1

    async def _behind_gate(self, function: Callable[[], Outcomes]) -> Outcomes:
        await self.gate.wait()
        if self.failure is not None:
            raise self.failure
        return function()

    def run(self, function: Callable[[], Outcomes]) -> Awaitable[Outcomes]:
        return self._behind_gate(function)

    def write(self, parts: Sequence[Sequence[str]]) -> Outcomes:
        self.batches.append([list(part) for part in parts])
        if any("bad" in part for part in parts):
            return [ValueError("bad") if "bad" in part else "+".join(part) for part in parts]
        return ["+".join(part) for part in parts]

    def begin(self, *items: str) -> asyncio.Future[str]:
        return asyncio.ensure_future(self.writer.submit(items))

    @property
    def written(self) -> list[str]:
        return [item for batch in self.batches for part in batch for item in part]


async def turns(count: int = 5) -> None:
    for _ in range(count):
        await asyncio.sleep(0)


async def test_callers_of_one_moment_share_a_batch_and_get_their_own_outcome() -> None:
    disk = Disk()
    outcomes = await asyncio.gather(*(disk.begin(f"{n}a", f"{n}b") for n in range(50)))
    assert outcomes == [f"{n}a+{n}b" for n in range(50)]
    assert len(disk.batches) == 1
    assert disk.commits == 1


async def test_callers_who_come_during_a_write_share_the_next_in_their_order() -> None:
    disk = Disk()
    disk.gate.clear()
    tasks = [disk.begin("first")]
    await turns()
    tasks += [disk.begin(str(n)) for n in range(20)]
    await turns()
    assert disk.writer.depth == 21
    disk.gate.set()
    await asyncio.gather(*tasks)
    assert [len(batch) for batch in disk.batches] == [1, 20]
    assert disk.written == ["first", *map(str, range(20))]
    assert disk.writer.depth == 0


async def test_batch_is_bounded_but_never_splits_a_submission(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "MAX_BATCH", 4)
    disk = Disk()
    parts = [["a"] * 3, ["b"] * 2, ["c"] * 2, ["d"] * 9]
    await asyncio.gather(*(disk.begin(*part) for part in parts))
    assert disk.batches == [[parts[0]], [parts[1], parts[2]], [parts[3]]]
    assert disk.commits == 3


async def test_full_queue_lets_callers_in_one_by_one_in_order_of_arrival(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "MAX_QUEUE", 3)
    monkeypatch.setattr(module, "MAX_BATCH", 2)
    disk = Disk()
    disk.gate.clear()
    tasks = [disk.begin(str(n)) for n in range(10)]
    await turns()
    assert disk.writer.depth == 3

    async def push_in() -> None:
        for _ in range(1_000):
            await asyncio.sleep(0)
            if disk.writer.depth < 3:
                break
        await disk.writer.submit(["late"])

    late = asyncio.create_task(push_in())
    disk.gate.set()
    await asyncio.gather(*tasks, late)
    assert disk.written == [*map(str, range(10)), "late"]


async def test_caller_cancelled_while_waiting_for_room_stores_nothing_and_blocks_nobody(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "MAX_QUEUE", 1)
    disk = Disk()
    disk.gate.clear()
    first, second, third = disk.begin("1"), disk.begin("2"), disk.begin("3")
    await turns()
    second.cancel()
    await turns()
    disk.gate.set()
    assert [await first, await third] == ["1", "3"]
    assert disk.written == ["1", "3"]


async def test_caller_cancelled_while_it_is_written_does_not_withdraw_the_item() -> None:
    disk = Disk()
    disk.gate.clear()
    gone, other = disk.begin("gone"), disk.begin("other")
    await turns()
    gone.cancel()
    await turns()
    assert gone.cancelled()
    disk.gate.set()
    assert await other == "other"
    assert disk.written == ["gone", "other"]


async def test_bad_submission_fails_alone() -> None:
    disk = Disk()
    good, bad, fine = disk.begin("good"), disk.begin("bad"), disk.begin("fine")
    with pytest.raises(ValueError, match="bad"):
        await bad
    assert [await good, await fine] == ["good", "fine"]
    assert len(disk.batches) == 1
    assert disk.commits == 1


async def test_failing_write_reaches_every_caller_and_the_next_batch_goes_on() -> None:
    disk = Disk()
    disk.failure = StorageError("disk full")
    tasks = [disk.begin("a"), disk.begin("b")]
    for task in tasks:
        with pytest.raises(StorageError, match="disk full"):
            await task
    assert disk.commits == 0
    assert disk.writer.depth == 0
    disk.failure = None
    assert await disk.begin("c") == "c"
    assert disk.commits == 1


async def test_nothing_is_told_when_everything_was_refused() -> None:
    disk = Disk()
    with pytest.raises(ValueError, match="bad"):
        await disk.begin("bad")
    assert disk.commits == 0


async def test_news_of_a_commit_come_before_its_callers_go_on() -> None:
    disk = Disk()
    seen = []

    async def caller() -> None:
        await disk.writer.submit(["a"])
        seen.append(disk.commits)

    await asyncio.gather(caller(), caller())
    assert seen == [1, 1]


async def test_failing_listener_holds_up_nobody() -> None:
    disk = Disk()
    failures: list[object] = []
    asyncio.get_running_loop().set_exception_handler(
        lambda _, context: failures.append(context["exception"])
    )

    def fail() -> None:
        raise RuntimeError("listener")

    disk.writer = Writer[str, str](run=disk.run, write=disk.write, committed=fail)
    assert await disk.begin("a") == "a"
    assert await disk.begin("b") == "b"
    await disk.writer.close()
    asyncio.get_running_loop().set_exception_handler(None)
    assert [str(failure) for failure in failures] == ["listener", "listener"]


async def test_close_stores_what_is_queued_and_refuses_what_waits_or_comes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "MAX_QUEUE", 2)
    monkeypatch.setattr(module, "MAX_BATCH", 1)
    disk = Disk()
    disk.gate.clear()
    queued = [disk.begin("1"), disk.begin("2")]
    waiting = [disk.begin("3"), disk.begin("4")]
    await turns()
    closing = asyncio.create_task(disk.writer.close())
    await turns()
    assert not closing.done()
    for task in waiting:
        with pytest.raises(ClosedError):
            await task
    disk.gate.set()
    await closing
    assert disk.written == ["1", "2"]
    assert [await task for task in queued] == ["1", "2"]
    with pytest.raises(ClosedError):
        await disk.writer.submit(["5"])


async def test_close_of_an_idle_writer_returns_at_once() -> None:
    disk = Disk()
    await disk.writer.close()
    assert disk.batches == []
