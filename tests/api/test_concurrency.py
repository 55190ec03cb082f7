"""Many clients at once: nothing is lost, nothing is stored twice."""

import asyncio
from decimal import Decimal

from homeassistant.core import HomeAssistant
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.llm_analytics.analytics import InvalidInputError
from custom_components.llm_analytics.api.recording import async_record
from custom_components.llm_analytics.contract.usage_events import Origin
from custom_components.llm_analytics.services import Action

from ..helpers import Client, act, get, post, rows, stored, usage


async def test_fifty_posts_of_one_request_id_store_it_once(
    hass: HomeAssistant, client: Client
) -> None:
    answers = await asyncio.gather(
        *(post(client, usage(request_id="req-1", tokens_prompt=n)) for n in range(1, 51))
    )
    assert sorted(status for status, _ in answers) == [200] * 49 + [201]
    (event,) = [body for status, body in answers if status == 201]
    for status, body in answers:
        assert body == (event if status == 201 else event | {"duplicate": True})
    assert len(rows(hass)["event"]) == 1
    today = (await get(client, "summary"))[1]["today"]
    assert today["requests"] == 1
    assert today["tokens"] == event["total_tokens"]


async def test_the_same_request_id_in_batches_posts_and_actions_is_stored_once(
    hass: HomeAssistant, client: Client
) -> None:
    batch = {"events": [usage(request_id=f"req-{n}") for n in range(20)]}
    await asyncio.gather(
        *(post(client, batch) for _ in range(5)),
        *(post(client, usage(request_id=f"req-{n}")) for n in range(20)),
        *(act(hass, Action.RECORD_USAGE, usage(request_id=f"req-{n}")) for n in range(20)),
    )
    assert len(rows(hass)["event"]) == 20
    assert (await get(client, "summary"))[1]["month"]["requests"] == 20


async def test_a_burst_is_stored_whole_and_bad_ones_harm_nobody(
    hass: HomeAssistant, client: Client
) -> None:
    posts = [
        post(client, usage(cost_estimate=0.001, tokens_prompt=-1 if n % 10 == 0 else n))
        for n in range(300)
    ]
    answers = await asyncio.gather(*posts)
    assert [status for status, _ in answers] == [400 if n % 10 == 0 else 201 for n in range(300)]
    ids = [body["id"] for status, body in answers if status == 201]
    assert len(set(ids)) == 270
    file = rows(hass)
    assert {row[0] for row in file["event"]} == set(ids)
    today = (await get(client, "summary"))[1]["today"]
    assert today == {
        "requests": 270,
        "tokens": sum(n + 50 for n in range(300) if n % 10),
        "cost_estimate": Decimal("0.27"),
        "unpriced_requests": 0,
        "home_cost": None,
        "unconverted_requests": None,
    }


async def test_reading_and_recording_do_not_wait_for_each_other(client: Client) -> None:
    await stored(client)
    answers = await asyncio.gather(
        *(post(client, usage()) for _ in range(50)),
        *(get(client, path) for path in ("dashboard", "summary", "usage", "reports") * 10),
    )
    assert {status for status, _ in answers} == {200, 201}
    assert (await get(client, "summary"))[1]["today"]["requests"] == 51


async def test_what_is_on_its_way_while_unloading_is_stored_or_refused(
    hass: HomeAssistant, client: Client, entry: MockConfigEntry
) -> None:
    posts = [hass.async_create_task(post(client, usage())) for _ in range(100)]
    await asyncio.sleep(0.05)
    await hass.config_entries.async_unload(entry.entry_id)
    answers = await asyncio.gather(*posts)
    assert {status for status, _ in answers} <= {201, 503}
    acknowledged = {body["id"] for status, body in answers if status == 201}
    assert {row[0] for row in rows(hass)["event"]} == acknowledged


@pytest.mark.parametrize("gone", [1, 25])
async def test_a_caller_who_leaves_does_not_take_others_along(
    hass: HomeAssistant, entry: MockConfigEntry, gone: int
) -> None:
    tasks = [
        hass.async_create_task(act(hass, Action.RECORD_USAGE, usage(request_id=f"req-{n}")))
        for n in range(50)
    ]
    await asyncio.sleep(0)
    for task in tasks[:gone]:
        task.cancel()
    done = await asyncio.gather(*tasks, return_exceptions=True)
    assert [result for result in done[gone:] if result is not None] == []
    await hass.async_block_till_done()
    assert len(rows(hass)["event"]) >= 50 - gone


async def test_while_a_large_batch_is_read_others_have_their_turn(entry: MockConfigEntry) -> None:
    turns = 0

    async def others() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    body = {"events": [*(usage() for _ in range(999)), usage(tokens_prompt=-1)]}
    meanwhile = asyncio.create_task(others())
    with pytest.raises(InvalidInputError, match=r"events\[999\].tokens_prompt"):
        await async_record(entry.runtime_data.analytics, body, Origin("rest", None), reads=True)
    meanwhile.cancel()
    assert turns >= 40
