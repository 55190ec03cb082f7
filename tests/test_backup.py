"""A backup copies one consistent state while recording goes on."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
import random
import shutil
import sqlite3

from homeassistant.core import HomeAssistant
from homeassistant.exceptions import HomeAssistantError
import pytest

from custom_components.llm_analytics.analytics import UsageEvent
from custom_components.llm_analytics.backup import async_post_backup, async_pre_backup
from custom_components.llm_analytics.const import DATABASE
from custom_components.llm_analytics.coordinator import LlmAnalyticsCoordinator

from .faults.audit import audit


def event(number: int) -> UsageEvent:
    return UsageEvent(
        endpoint="chat",
        provider="openai",
        model="gpt-4o",
        tokens_prompt=number + 1,
        tokens_response=1,
        request_id=str(number),
    )


def check_copy(folder: Path, acknowledged: set[str]) -> None:
    """Assert that a copied ledger is sound, holds what was acknowledged, and sums its rows."""
    with sqlite3.connect(folder / DATABASE) as db:
        assert db.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        stored = {row[0] for row in db.execute("SELECT request_id FROM event")}
        assert acknowledged <= stored
    db.close()
    assert audit(folder / DATABASE).counted == len(stored)


async def test_a_copy_made_under_load_is_one_consistent_state(
    hass: HomeAssistant, coordinator: LlmAnalyticsCoordinator, tmp_path: Path
) -> None:
    analytics = coordinator.analytics
    acknowledged: set[str] = set()
    stop = asyncio.Event()

    async def load(worker: int) -> None:
        number = worker
        while not stop.is_set():
            await analytics.tracker.record(event(number))
            acknowledged.add(str(number))
            number += 8

    workers = [asyncio.create_task(load(worker)) for worker in range(8)]
    rng = random.Random(7)
    source = Path(hass.config.path(DATABASE))
    for attempt in range(5):
        await asyncio.sleep(0.1)
        before = set(acknowledged)
        await async_pre_backup(hass)
        copy = tmp_path / f"copy-{attempt}"
        copy.mkdir()
        await hass.async_add_executor_job(shutil.copyfile, source, copy / DATABASE)
        await asyncio.sleep(0.2)
        journal = await hass.async_add_executor_job(Path(f"{source}-wal").read_bytes)
        part = journal[: rng.randrange(len(journal) + 1)]  # a copy sees any prefix of it
        await hass.async_add_executor_job(Path(copy / f"{DATABASE}-wal").write_bytes, part)
        await async_post_backup(hass)
        check_copy(copy, before)
    stop.set()
    await asyncio.gather(*workers)
    assert (await analytics.maintenance.health()).events == len(acknowledged)


async def test_the_main_file_is_still_during_a_backup_and_moves_again_after_it(
    hass: HomeAssistant, coordinator: LlmAnalyticsCoordinator
) -> None:
    analytics = coordinator.analytics
    main = Path(hass.config.path(DATABASE))

    async def record_enough_for_a_checkpoint(start: int) -> None:
        for first in range(start, start + 6_000, 20):
            await analytics.tracker.record_many([event(first + number) for number in range(20)])

    await async_pre_backup(hass)
    before = main.read_bytes()
    await record_enough_for_a_checkpoint(0)
    assert main.read_bytes() == before
    await async_post_backup(hass)
    await record_enough_for_a_checkpoint(6_000)
    assert main.read_bytes() != before


async def test_without_a_loaded_entry_there_is_nothing_to_do(hass: HomeAssistant) -> None:
    await async_pre_backup(hass)
    await async_post_backup(hass)


@pytest.mark.parametrize("hook", [async_pre_backup, async_post_backup])
async def test_a_closed_ledger_says_so(
    hass: HomeAssistant,
    coordinator: LlmAnalyticsCoordinator,
    hook: Callable[[HomeAssistant], Awaitable[None]],
) -> None:
    await coordinator.analytics.close()
    with pytest.raises(HomeAssistantError) as refusal:
        await hook(hass)
    assert refusal.value.translation_key == "closed"
