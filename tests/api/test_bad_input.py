"""Whatever is wrong with an event is told by name, and changes nothing, by REST and by webhook."""

from collections.abc import AsyncIterator
from typing import Any

from homeassistant.core import HomeAssistant
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.llm_analytics.analytics import MAX_BATCH

from ..helpers import (
    PREFIXES,
    Client,
    add_client,
    answer,
    get,
    parsed,
    post,
    rows,
    stored,
    unchanged,
    usage,
    webhook_of,
)

GOOD = {
    "device_ip": '"192.168.1.20"',
    "endpoint": '"conversation"',
    "provider": '"openai"',
    "model": '"gpt-4o"',
    "tokens_prompt": "100",
    "tokens_response": "50",
}
TOKENS = "must be an integer from 0 to 1000000000, got"
TIME = "must be an ISO 8601 time with UTC offset or seconds since 1970, got"
ADDRESS = "must be an IPv4 or IPv6 address"
SURROGATE = "must not contain NUL or half of a surrogate pair"

# The field, the JSON given for it, and what the message says.
VALUES = [
    ("tokens_prompt", "1.0", f"{TOKENS} 1.0"),
    ("tokens_prompt", "1e2", TOKENS),
    ("tokens_prompt", '"5"', f"{TOKENS} '5'"),
    ("tokens_prompt", "true", f"{TOKENS} True"),
    ("tokens_prompt", "null", f"{TOKENS} None"),
    ("tokens_prompt", "-1", f"{TOKENS} -1"),
    ("tokens_prompt", "1000000001", f"{TOKENS} 1000000001"),
    ("tokens_prompt", "9" * 400, TOKENS),
    ("tokens_prompt", "[]", TOKENS),
    ("tokens_prompt", "{}", TOKENS),
    ("tokens_response", "0.5", TOKENS),
    ("tokens_response", '""', TOKENS),
    ("tokens_response", "false", TOKENS),
    ("tokens_response", "-5", TOKENS),
    ("tokens_response", "18446744073709551616", TOKENS),
    ("tokens_cache_read", "101", "parts of tokens_prompt (100) and add up to 101"),
    ("tokens_cache_read", '"0"', TOKENS),
    ("tokens_cache_read", "-1", TOKENS),
    ("tokens_cache_write", "101", "parts of tokens_prompt (100) and add up to 101"),
    ("tokens_cache_write", "true", TOKENS),
    ("tokens_cache_write_1h", "1", "part of tokens_cache_write and must not be greater (0)"),
    ("tokens_cache_write_1h", "1.5", TOKENS),
    ("tokens_reasoning", "51", "part of tokens_response and must not be greater (50)"),
    ("tokens_reasoning", "[1]", TOKENS),
    ("device_ip", '"kitchen"', ADDRESS),
    ("device_ip", '""', ADDRESS),
    ("device_ip", '"192.168.1.256"', ADDRESS),
    ("device_ip", '"192.168.001.020"', ADDRESS),
    ("device_ip", '"192.168.1"', ADDRESS),
    ("device_ip", '"192.168.1.0/24"', ADDRESS),
    ("device_ip", '"fe80::1%eth0"', ADDRESS),
    ("device_ip", '" 192.168.1.20"', ADDRESS),
    ("device_ip", "3232235796", ADDRESS),
    ("device_ip", '"192.168.1.2\\u0000"', ADDRESS),
    ("device_ip", "null", "required: device_ip or device_id"),
    ("device_id", '"abc123"', "give device_ip or device_id, not both"),
    ("device_id", '"has space"', "must be a Home Assistant device id"),
    ("device_id", "7", "must be a Home Assistant device id"),
    ("device_name", "5", "must be a text of 0 to 255 characters, got 5"),
    ("device_name", f'"{"x" * 256}"', "must be a text of 0 to 255 characters"),
    ("device_name", '"\\ud800"', SURROGATE),
    ("endpoint", "null", "must be a text of 1 to 100 characters, got None"),
    ("endpoint", '""', "must be a text of 1 to 100 characters, got ''"),
    ("endpoint", f'"{"x" * 101}"', "must be a text of 1 to 100 characters"),
    ("endpoint", '"a\\u0000b"', SURROGATE),
    ("endpoint", '"\\udfff"', SURROGATE),
    ("endpoint", '["conversation"]', "must be a text of 1 to 100 characters"),
    ("provider", '""', "must be a text of 1 to 50 characters"),
    ("provider", '"  "', "must have 1 to 50 characters, got 0"),
    ("provider", f'"{"x" * 51}"', "must be a text of 1 to 50 characters"),
    ("provider", "null", "required, unless model is provider/model"),
    ("provider", "true", "must be a text of 1 to 50 characters"),
    ("model", f'"{"x" * 101}"', "must be a text of 1 to 100 characters"),
    ("model", '"gpt\\u0000"', SURROGATE),
    ("model", "4", "must be a text of 1 to 100 characters"),
    ("latency_ms", "-0.1", "must be a number from 0 to 86400000, got -0.1"),
    ("latency_ms", "86400000.001", "must be a number from 0 to 86400000"),
    ("latency_ms", "1e400", "must be a number from 0 to 86400000"),
    ("latency_ms", '"850"', "must be a number from 0 to 86400000"),
    ("latency_ms", "true", "must be a number from 0 to 86400000"),
    ("ttft_ms", "[120]", "must be a number from 0 to 86400000"),
    ("user_id", f'"{"x" * 256}"', "must be a text of 0 to 255 characters"),
    ("user_id", "12", "must be a text of 0 to 255 characters"),
    ("agent", '"\\u0000"', SURROGATE),
    ("agent", "{}", "must be a text of 0 to 255 characters"),
    ("context", '"\\ude00\\ud83d"', SURROGATE),
    ("context", "false", "must be a text of 0 to 255 characters"),
    ("tags", '"homework"', "must be a list of at most 32 texts"),
    ("tags", "null", "must be a list of at most 32 texts"),
    ("tags", '{"homework": true}', "must be a list of at most 32 texts"),
    ("tags", "[1]", "must be a text of 1 to 64 characters, got 1"),
    ("tags", '[""]', "must be a text of 1 to 64 characters, got ''"),
    ("tags", f'["{"x" * 65}"]', "must be a text of 1 to 64 characters"),
    ("tags", '["a", "\\ud800"]', SURROGATE),
    ("tags", f"[{','.join(f'"{n}"' for n in range(33))}]", "at most 32 different tags, got 33"),
    ("request_id", '""', "must be a text of 1 to 255 characters"),
    ("request_id", "42", "must be a text of 1 to 255 characters"),
    ("request_id", f'"{"x" * 256}"', "must be a text of 1 to 255 characters"),
    ("service_tier", '"turbo"', "one of standard, batch, flex, priority, fast, got 'turbo'"),
    ("service_tier", '""', "one of standard, batch, flex, priority, fast"),
    ("service_tier", "1", "one of standard, batch, flex, priority, fast"),
    ("status", '"failed"', "must be one of ok, error, got 'failed'"),
    ("status", '"OK"', "must be one of ok, error"),
    ("status", "200", "must be one of ok, error"),
    ("status", "null", "must be one of ok, error"),
    ("error_type", f'"{"x" * 101}"', "must be a text of 0 to 100 characters"),
    ("error_type", "404", "must be a text of 0 to 100 characters"),
    ("metadata", "[]", "must be a JSON object, got []"),
    ("metadata", '"{}"', "must be a JSON object"),
    ("metadata", "1", "must be a JSON object"),
    ("metadata", f'{{"x": "{"y" * 8192}"}}', "must be at most 8192 bytes as JSON, got 8200"),
    ("metadata", '{"x": "\\ud800"}', "must be a JSON object"),
    ("metadata", '{"\\udfff": 1}', "must be a JSON object"),
    ("metadata", '{"x": 18446744073709551616}', "holds an integer beyond 64 bits"),
    ("metadata", '{"x": 1e999}', "holds a number beyond 64-bit floating point"),
    ("cost_estimate", "-0.01", "must be a number from 0 to 100000, got -0.01"),
    ("cost_estimate", "100000.01", "must be a number from 0 to 100000"),
    ("cost_estimate", '"0.01"', "must be a number from 0 to 100000"),
    ("cost_estimate", "1e999999999", "must be a number from 0 to 100000"),
    ("cost_estimate", "true", "must be a number from 0 to 100000"),
    ("timestamp", '"2026-01-15T12:00:00"', "must have a UTC offset"),
    ("timestamp", '"2026-01-15"', TIME),
    ("timestamp", '"yesterday"', TIME),
    ("timestamp", '"2026-02-30T12:00:00+00:00"', TIME),
    ("timestamp", '"1768478400"', TIME),
    ("timestamp", '""', TIME),
    ("timestamp", "1768478400000", "must be in seconds since 1970, not milliseconds"),
    ("timestamp", "-1", TIME),
    ("timestamp", "1e30", TIME),
    ("timestamp", "true", TIME),
    ("timestamp", "[]", TIME),
    ("timestamp", '"2014-12-31T23:59:59.999999Z"', "must be from 2015-01-01 to 5 minutes ahead"),
    ("timestamp", "0", "must be from 2015-01-01 to 5 minutes ahead"),
    ("timestamp", '"2999-01-01T00:00:00Z"', "must be from 2015-01-01 to 5 minutes ahead"),
    ("timestamp", '"9999-12-31T23:59:59-12:00"', "is out of range"),
    ("timestamp", '"0001-01-01T00:00:00+12:00"', "is out of range"),
    ("tokens", "5", "unknown field; known are agent, context, cost_estimate"),
    ("Endpoint", '"chat"', "unknown field"),
    ("total_tokens", "150", "unknown field"),
    ("source", '"rest"', "unknown field"),
    ("recorded_by", '"me"', "unknown field"),
    ("", "1", "unknown field"),
]

# What is given instead of the good values (None: left out), the field named, what is said of it.
COMBINATIONS = [
    ({"endpoint": None}, "endpoint", "required: a text of 1 to 100 characters"),
    ({"tokens_prompt": None}, "tokens_prompt", "required: an integer from 0 to 1000000000"),
    ({"tokens_response": None}, "tokens_response", "required: an integer"),
    ({"device_ip": None}, "device_ip", "required: device_ip or device_id"),
    ({"provider": None}, "provider", "required, unless model is provider/model"),
    ({"provider": None, "model": '"/gpt-4o"'}, "provider", "required"),
    ({"provider": None, "model": '"openai/"'}, "provider", "required"),
    ({"provider": None, "model": None}, "provider", "required"),
    ({"provider": None, "model": f'"{"x" * 51}/y"'}, "provider", "must have 1 to 50 characters"),
    (
        {"tokens_cache_read": "60", "tokens_cache_write": "41"},
        "tokens_cache_write",
        "parts of tokens_prompt (100) and add up to 101",
    ),
    (
        {"tokens_cache_write": "10", "tokens_cache_write_1h": "11"},
        "tokens_cache_write_1h",
        "part of tokens_cache_write and must not be greater (10)",
    ),
]

CASES = [
    *(({field: value}, field, reason) for field, value, reason in VALUES),
    *COMBINATIONS,
]
NAMES = [f"{n}-{field}" for n, (_, field, _) in enumerate(CASES)]


@pytest.fixture
async def doors(hass: HomeAssistant, entry: MockConfigEntry) -> tuple[str, str]:
    """Return the paths that take events: the REST API's, and a recording client's webhook."""
    return f"{PREFIXES[0]}/usage", webhook_of(await add_client(hass, entry))


async def told_by(client: Client, door: str, body: bytes) -> tuple[int, Any]:
    """Send a body through a door."""
    return await answer(await client.post(door, data=body))


def written(changes: dict[str, str | None]) -> str:
    """Return the good event with changes as JSON text."""
    fields = (f'"{name}": {value}' for name, value in (GOOD | changes).items() if value is not None)
    return f"{{{', '.join(fields)}}}"


def test_the_table_is_long_enough() -> None:
    assert len(CASES) >= 80
    assert len({repr(case) for case in CASES}) == len(CASES)


@pytest.mark.parametrize(("changes", "field", "reason"), CASES, ids=NAMES)
async def test_a_bad_event_is_refused_by_field_alone_and_in_a_batch(
    hass: HomeAssistant,
    client: Client,
    doors: tuple[str, str],
    changes: dict[str, str | None],
    field: str,
    reason: str,
) -> None:
    await stored(client)
    bad = written(changes)
    batch = f'{{"events": [{written({})}, {bad}, {written({})}]}}'
    async with unchanged(hass):
        for door in doors:
            status, body = await told_by(client, door, bad.encode())
            assert (status, body["field"]) == (400, field)
            assert body["message"].startswith(f"{field}: ")
            assert reason in body["message"]
            assert len(body["message"]) < 600

            status, body = await told_by(client, door, batch.encode())
            assert (status, body["field"]) == (400, f"events[1].{field}")
            assert body["message"].startswith(f"events[1].{field}: ")
            assert reason in body["message"]


BODIES = [
    (b"{", "body", "is no JSON"),
    (b'{"endpoint": "chat"', "body", "is no JSON"),
    (b"not json", "body", "is no JSON"),
    (b" ", "body", "is no JSON"),
    (b"'single'", "body", "is no JSON"),
    (b'{"tokens_prompt": NaN}', "body", "NaN is not a number in JSON"),
    (b'{"tokens_prompt": Infinity}', "body", "Infinity is not a number in JSON"),
    (b'{"latency_ms": -Infinity}', "body", "-Infinity is not a number in JSON"),
    (b'{"tokens_prompt": ' + b"9" * 5000 + b"}", "body", "is no JSON"),
    ('{"endpoint": "Küche"}'.encode("latin-1"), "body", "is no JSON"),
    ('{"endpoint": "chat"}'.encode("utf-16"), "body", "is no JSON"),
    (b"\xef\xbb\xbf{}", "body", "is no JSON"),
    (b"\x00\x01\x02", "body", "is no JSON"),
    (b"[" * 100_000, "body", "is nested too deeply"),
    (b'{"a":' * 100_000, "body", "is nested too deeply"),
    (b"", "endpoint", "required"),
    (b"{}", "endpoint", "required"),
    (b"[]", "body", "must be a JSON object, got []"),
    (b"null", "body", "must be a JSON object, got None"),
    (b'"text"', "body", "must be a JSON object, got 'text'"),
    (b"5", "body", "must be a JSON object, got 5"),
    (b"true", "body", "must be a JSON object, got True"),
    (b'{"events": []}', "events", "must be a list of 1 to 1000, got 0"),
    (b'{"events": {}}', "events", "must be a list of 1 to 1000, got {}"),
    (b'{"events": null}', "events", "must be a list of 1 to 1000, got None"),
    (b'{"events": [[]]}', "events[0].body", "must be a JSON object, got []"),
    (b'{"events": [null]}', "events[0].body", "must be a JSON object, got None"),
    (b'{"events": [{}]}', "events[0].endpoint", "required"),
    (b'{"events": [{"events": []}]}', "events[0].events", "unknown field"),
    (b'{"events": [], "source": "x"}', "source", "unknown field beside events"),
    (b'{"events": [' + b"{}," * MAX_BATCH + b"{}]}", "events", "must be a list of 1 to 1000"),
]


@pytest.mark.parametrize(("body", "field", "reason"), BODIES, ids=range(len(BODIES)))
async def test_a_bad_body_is_refused(
    hass: HomeAssistant,
    client: Client,
    doors: tuple[str, str],
    body: bytes,
    field: str,
    reason: str,
) -> None:
    await stored(client)
    async with unchanged(hass):
        for door in doors:
            status, told = await told_by(client, door, body)
            assert (status, told["field"]) == (400, field)
            assert told["message"].startswith(f"{field}: ")
            assert reason in told["message"]
            assert len(told["message"]) < 600


@pytest.mark.parametrize(
    ("depth", "status"), [(64, 201), (65, 400), (300, 400), (2_000, 400), (50_000, 400)]
)
async def test_nested_metadata_is_stored_whole_or_refused(
    hass: HomeAssistant, client: Client, depth: int, status: int
) -> None:
    await stored(client)
    before = rows(hass)
    nested = '{"a":' * depth + "1" + "}" * depth
    told_status, told = await post(client, written({"metadata": nested}).encode())
    assert told_status == status
    if status == 201:
        assert told["metadata"] == parsed(nested)
        assert (await get(client, f"usage/{told['id']}"))[1] == told
    else:
        assert told["field"] in {"metadata", "body"}
        assert rows(hass) == before


@pytest.mark.parametrize("encoding", ["gzip", "deflate"])
async def test_garbage_that_claims_to_be_compressed_is_refused(
    hass: HomeAssistant, client: Client, doors: tuple[str, str], encoding: str
) -> None:
    await stored(client)
    async with unchanged(hass):
        for door in doors:
            response = await client.post(
                door,
                data=b"this is not compressed at all",
                headers={"Content-Encoding": encoding, "Connection": "close"},
                compress=False,
            )
            status, told = await answer(response)
            assert (status, told["field"]) == (400, "body")


async def test_sums_beyond_64_bits_are_refused_and_nothing_is_stored(
    hass: HomeAssistant, client: Client
) -> None:
    await stored(client, cost_estimate=100_000)
    batch = [usage(cost_estimate=100_000) for _ in range(100)]
    async with unchanged(hass):
        status, told = await post(client, {"events": batch})
    assert status == 400
    assert told["field"] is not None
    assert told["message"].startswith(told["field"])


async def test_a_total_filled_up_to_64_bits_refuses_what_would_overflow_it(
    hass: HomeAssistant, client: Client
) -> None:
    for _ in range(92):
        await stored(client, cost_estimate=100_000)
    async with unchanged(hass):
        status, told = await post(client, usage(cost_estimate=100_000))
        assert status == 400
        assert told["message"].startswith(f"{told['field']}: ")
        status, _ = await post(client, {"events": [usage(), usage(cost_estimate=100_000)]})
        assert status == 400
    await stored(client, cost_estimate=1)


async def test_a_body_beyond_four_mebibytes_is_413(
    hass: HomeAssistant, client: Client, doors: tuple[str, str]
) -> None:
    async def chunks() -> AsyncIterator[bytes]:
        for _ in range(5):
            yield b" " * (1024 * 1024)

    await stored(client)
    async with unchanged(hass):
        for door in doors:
            status, told = await told_by(client, door, b"[" + b" " * (4 * 1024 * 1024) + b"]")
            assert (status, told["field"]) == (413, "body")
            status, told = await answer(await client.post(door, data=chunks()))
            assert (status, told["field"]) == (413, "body")
