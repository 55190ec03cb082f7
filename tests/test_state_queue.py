"""Entities write their states a few at a time, in turn, once, and each for itself."""

import asyncio
import time
from typing import override

from homeassistant.core import HomeAssistant
from homeassistant.helpers.entity import Entity
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.llm_analytics import state_queue
from custom_components.llm_analytics.const import DOMAIN
from custom_components.llm_analytics.state_queue import StateQueue


class Shown(Entity):
    """An entity that notes that it was shown."""

    def __init__(self, hass: HomeAssistant, name: str, seen: list[str]) -> None:
        """Take the list of all that were shown."""
        self.hass = hass
        self.entity_id = f"sensor.{name}"
        self.seen = seen

    @property
    @override
    def state(self) -> str:
        """Return how many were shown."""
        self.seen.append(self.entity_id)
        return str(len(self.seen))


class Broken(Shown):
    """An entity that cannot be shown."""

    @property
    @override
    def state(self) -> str:
        """Fail."""
        raise ValueError("no number")


@pytest.fixture
def queue(hass: HomeAssistant) -> StateQueue:
    """Return an empty queue."""
    return StateQueue(hass, MockConfigEntry(domain=DOMAIN))


@pytest.fixture
def seen() -> list[str]:
    """Return the entities that have been shown, in their order."""
    return []


@pytest.mark.parametrize(("count", "few"), [(100, 4), (1_000, 25)])
async def test_others_are_served_after_each_few(
    hass: HomeAssistant, queue: StateQueue, seen: list[str], count: int, few: int
) -> None:
    entities = [Shown(hass, str(number), seen) for number in range(count)]
    for entity in entities:
        queue.async_add(entity)
    assert not seen
    at_once, before = [], 0
    while len(seen) < count:
        await asyncio.sleep(0)
        at_once.append(len(seen) - before)
        before = len(seen)
    assert max(at_once) == few
    assert seen == [entity.entity_id for entity in entities]


async def test_there_is_time_between_them(
    hass: HomeAssistant, queue: StateQueue, seen: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(state_queue, "_PAUSE", 0.02)
    for number in range(32):
        queue.async_add(Shown(hass, str(number), seen))
    start = time.monotonic()
    await hass.async_block_till_done()
    assert time.monotonic() - start >= 3 * 0.02
    assert len(seen) == 32


async def test_who_is_added_again_is_shown_once(
    hass: HomeAssistant, queue: StateQueue, seen: list[str]
) -> None:
    first, second = Shown(hass, "first", seen), Shown(hass, "second", seen)
    for entity in (first, second, first):
        queue.async_add(entity)
    await hass.async_block_till_done()
    assert seen == ["sensor.first", "sensor.second"]

    queue.async_add(first)
    await hass.async_block_till_done()
    assert seen == ["sensor.first", "sensor.second", "sensor.first"]


async def test_who_is_removed_is_not_shown(
    hass: HomeAssistant, queue: StateQueue, seen: list[str]
) -> None:
    stays, goes = Shown(hass, "stays", seen), Shown(hass, "goes", seen)
    queue.async_add(goes)
    queue.async_add(stays)
    queue.async_discard(goes)
    queue.async_discard(goes)
    await hass.async_block_till_done()
    assert seen == ["sensor.stays"]


async def test_one_that_cannot_be_shown_keeps_no_other_from_it(
    hass: HomeAssistant, queue: StateQueue, seen: list[str], caplog: pytest.LogCaptureFixture
) -> None:
    queue.async_add(Broken(hass, "broken", seen))
    queue.async_add(Shown(hass, "whole", seen))
    await hass.async_block_till_done()
    assert seen == ["sensor.whole"]
    assert "sensor.broken cannot show its state" in caplog.text
    assert "no number" in caplog.text
    caplog.clear()
