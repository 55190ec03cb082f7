"""Exported events are those of the API, whatever their texts, times and amounts."""

import asyncio
from collections.abc import Sequence
import csv
from datetime import UTC, datetime, timedelta
from decimal import Decimal
import io
from itertools import batched
import json
from pathlib import Path
import tempfile
from typing import Any
from zoneinfo import ZoneInfo

from hypothesis import HealthCheck, given, settings, strategies as st
import orjson

from custom_components.llm_analytics.analytics import (
    ExchangeRate,
    Filter,
    Period,
    Settings,
    StoredEvent,
    metadata_text,
)
from custom_components.llm_analytics.analytics.reports.csv_format import CSV_DETAILED

from ..helpers import DAY, NOON, exported_json, opened, plain_json
from ..known_homes import FAMILY
from ..usage_events import usage

ZONES = st.sampled_from(
    [
        "Europe/Berlin",
        "America/St_Johns",
        "Asia/Kathmandu",
        "Australia/Lord_Howe",
        "Pacific/Chatham",
        "Antarctica/Casey",
        "Pacific/Honolulu",
        "UTC",
    ]
).map(ZoneInfo)
# Around these, clocks change: Berlin, Lord Howe, St John's, Chatham, Casey (at a minute past).
CHANGES = [
    datetime(2025, 10, 26, 1, tzinfo=UTC),
    datetime(2025, 3, 30, 1, tzinfo=UTC),
    datetime(2025, 4, 5, 15, tzinfo=UTC),
    datetime(2025, 10, 4, 15, 30, tzinfo=UTC),
    datetime(2025, 3, 9, 5, 30, tzinfo=UTC),
    datetime(2025, 9, 27, 14, tzinfo=UTC),
    datetime(2020, 10, 3, 16, 1, tzinfo=UTC),
    datetime(2022, 1, 1, tzinfo=UTC),
]
MOMENTS = st.one_of(
    st.builds(
        lambda change, seconds, fraction: change + timedelta(0, seconds, fraction),
        st.sampled_from(CHANGES),
        st.integers(-5_400, 5_400),
        st.sampled_from([0, 0, 1, 120, 999_999]),
    ),
    st.integers(0, 4_000 * 86_400).map(lambda seconds: NOON - timedelta(seconds=seconds)),
)
NASTY = [
    '"',
    ",",
    "\r",
    "\n",
    "=",
    "+",
    "-",
    "@",
    "\t",
    "'",
    "\\",
    "/",
    " ",
    "%s",
    "{",
    "\x7f",
    "\x01",
]
WORDS = st.lists(
    st.one_of(st.sampled_from(NASTY), st.characters(codec="utf-8", exclude_characters="\0"))
)
TEXTS = WORDS.map("".join).map(lambda text: text[:60]).filter(bool)
AMOUNTS = st.one_of(
    st.just(0),
    st.builds(
        lambda digits, places: digits * 10**places, st.integers(0, 9_999), st.integers(0, 12)
    ),
    st.integers(0, 10**17),
)
METADATA = st.dictionaries(
    TEXTS,
    st.one_of(
        st.none(),
        TEXTS,
        st.integers(-(2**63), 2**64 - 1),
        st.floats(allow_nan=False, allow_infinity=False),
    ),
)


@st.composite
def events(draw: st.DrawFn) -> dict[str, Any]:
    given: dict[str, Any] = {"timestamp": draw(MOMENTS)}
    device = draw(st.sampled_from(["none", "ip", "ha"]))
    if device != "none":
        key, names = {
            "ip": ("device_ip", ["192.168.1.20", "fd00::7"]),
            "ha": ("device_id", ["9f3c0a", "-abc"]),
        }[device]
        given[key] = draw(st.sampled_from(names))
        given["device_name"] = draw(st.none() | TEXTS)
    given["provider"] = draw(st.sampled_from(["openai", "=acme", "-a,b"]))
    given["model"] = draw(st.none() | st.sampled_from(["gpt-4o", "+1", 'a "b"\r\n']))
    given["tokens_prompt"] = prompt = draw(st.integers(0, 10**9))
    given["tokens_response"] = response = draw(st.integers(0, 10**9))
    given["tokens_cache_read"] = read = draw(st.integers(0, prompt))
    given["tokens_cache_write"] = write = draw(st.integers(0, prompt - read))
    given["tokens_cache_write_1h"] = draw(st.integers(0, write))
    given["tokens_reasoning"] = draw(st.integers(0, response))
    for name in ("latency_us", "ttft_us"):
        given[name] = draw(st.none() | st.integers(0, 86_400_000_000))
    for name in ("user_id", "agent", "context", "error_type"):
        given[name] = draw(st.none() | TEXTS)
    for name in ("endpoint", "source"):
        given[name] = draw(TEXTS)
    given["recorded_by"] = draw(st.none() | TEXTS)
    given["tags"] = tuple(draw(st.lists(TEXTS, max_size=3)))
    given["request_id"] = draw(
        st.none() | TEXTS | st.uuids().map(str) | st.uuids().map(lambda one: one.hex)
    )
    given["service_tier"] = draw(st.none() | st.sampled_from(["batch", "flex"]))
    given["status"] = draw(st.sampled_from(["ok", "error"]))
    given["metadata"] = draw(st.none() | METADATA.map(metadata_text))
    cost = draw(st.none() | AMOUNTS)
    given["cost_estimate"] = None if cost is None else Decimal(cost).scaleb(-12)
    return given


def as_csv(events: Sequence[StoredEvent]) -> str:
    """Return the detailed report the slow way, an object and a cell at a time."""
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(CSV_DETAILED)
    for event in events:
        values: dict[str, Any] = event.as_dict() | {"tags": " ".join(event.usage.tags)}
        writer.writerow([_cell(values[name]) for name in CSV_DETAILED])
    return text.getvalue()


def _cell(value: object) -> object:
    if isinstance(value, Decimal):
        return format(value, "f")
    if isinstance(value, str) and value[:1] in ("=", "+", "-", "@", "\t", "\r") and value:
        return f"'{value}"
    return value


def written(value: Any) -> str:
    """Return JSON with exact decimals."""
    return orjson.dumps(value, default=lambda one: orjson.Fragment(format(one, "f"))).decode()


async def pieces(question: Any) -> str:
    _, text = await question
    return "".join([piece async for piece in text])


async def compare(described: Sequence[dict[str, Any]], zone: ZoneInfo, home: str | None) -> None:
    settings = Settings(use_catalogue=False, home_currency=home)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "ledger.db")
        async with opened(path, zone=zone, settings=settings, directory=FAMILY.directory) as ledger:
            await ledger.costs.set_exchange_rate(ExchangeRate(currency="EUR", usd=Decimal("1.07")))
            for one in described:
                await ledger.tracker.record(usage(**one))
            stored = (await ledger.tracker.events(limit=1_000)).events[::-1]
            assert len(stored) == len({event.id for event in stored}) >= 1
            for event in stored:  # the metadata is what it was, however it is written
                if event.usage.metadata is not None:
                    assert event.as_dict()["metadata"] == json.loads(event.usage.metadata)
            asked: dict[str, Any] = {"period": Period.ALL, "detailed": True}
            assert await pieces(ledger.exports.report_csv(**asked)) == as_csv(stored)
            text = await pieces(ledger.exports.report_json(**asked, write=written))
            assert text.startswith('{"report_id":')
            assert text.endswith(f',"events":{written([event.as_dict() for event in stored])}}}')


@settings(
    max_examples=100,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
@given(
    st.lists(events(), min_size=1, max_size=6), ZONES, st.sampled_from([None, "EUR", "USD", "SEK"])
)
def test_an_export_has_the_events_of_the_api(
    given: list[dict[str, Any]], zone: ZoneInfo, home: str | None
) -> None:
    asyncio.run(compare(given, zone, home))


async def test_names_are_those_of_the_moment_at_which_a_page_is_read(tmp_path: Path) -> None:
    async with opened(tmp_path / "ledger.db") as ledger:
        seen = usage(device_ip="10.0.0.1", device_name="Old", user_id="anna", timestamp=NOON - DAY)
        await ledger.tracker.record_many([seen] * 1_000)
        await ledger.tracker.record_many([seen] * 1_000)
        _, text = await ledger.exports.report_csv(Period.ALL, detailed=True)
        found = [await anext(text), await anext(text)]
        await ledger.maintenance.rename_device("ip:10.0.0.1", "New")
        found += [piece async for piece in text]
    names = [row["device_name"] for row in csv.DictReader(io.StringIO("".join(found)))]
    assert len(names) == 2_000
    first = names.index("New")
    assert set(names[:first]) == {"Old"}
    assert set(names[first:]) == {"New"}
    assert 0 < first < 1_000


async def test_few_wanted_events_are_found_among_many(tmp_path: Path) -> None:
    rare = {1, 2_001, 5_003}  # the second is the last that one page looks at
    async with opened(tmp_path / "ledger.db") as ledger:
        for batch in batched(range(1, 5_004), 500, strict=False):
            moment = NOON - 2 * DAY + timedelta(seconds=batch[0])
            await ledger.tracker.record_many(
                [
                    usage(
                        endpoint="rare" if number in rare else "often",
                        tags=("last",) if number == max(rare) else (),
                        timestamp=moment,
                    )
                    for number in batch
                ]
            )
        for wanted, ids in (
            (Filter(endpoint="rare"), sorted(rare)),
            (Filter(endpoint="often"), sorted(set(range(1, 5_004)) - rare)),
            (Filter(endpoint="rare", user="never"), []),
            (Filter(tag="last"), [max(rare)]),
        ):
            found = await exported_json(ledger, period=Period.ALL, wanted=wanted)
            assert [event["id"] for event in found["events"]] == ids
            assert found["summary"]["request_count"] == len(ids)


async def test_a_report_and_its_events_are_of_one_moment(tmp_path: Path) -> None:
    async with opened(tmp_path / "ledger.db") as ledger:
        await ledger.tracker.record_many([usage()] * 700)
        _, text = await ledger.exports.report_json(Period.DAY, detailed=True, write=plain_json)
        parts = []
        async for piece in text:
            parts.append(piece)
            await ledger.tracker.record_many([usage()] * 10)
        found = json.loads("".join(parts))
    assert found["summary"]["request_count"] == len(found["events"]) == 700
    assert len(parts) > 3
