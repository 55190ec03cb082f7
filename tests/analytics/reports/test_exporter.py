"""Exports: stable while recording goes on, exact at partial days, refused before they begin."""

from collections.abc import AsyncIterator, Callable
import csv
from datetime import UTC, date, datetime, timedelta
import io
import json
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from custom_components.llm_analytics.analytics import (
    Analytics,
    ClosedError,
    EventsRemovedError,
    Filter,
    InvalidInputError,
    Period,
    Span,
    Status,
)
from custom_components.llm_analytics.analytics.reports.csv_format import CSV_DETAILED, CSV_SUMMARY

from ..helpers import BERLIN, DAY, NOON, berlin, fill, opened, plain_json
from ..usage_events import usage


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "ledger.db"


async def rows(pieces: AsyncIterator[str]) -> list[dict[str, str]]:
    text = "".join([piece async for piece in pieces])
    return list(csv.DictReader(io.StringIO(text)))


async def exported(analytics: Analytics, **question: Any) -> list[dict[str, str]]:
    _, pieces = await analytics.exports.report_csv(**question)
    return await rows(pieces)


async def test_export_holds_what_was_there_when_it_began(path: Path) -> None:
    async with opened(path) as analytics:
        for _ in range(3):
            await analytics.tracker.record_many([usage(timestamp=NOON - timedelta(hours=3))] * 420)
        _, pieces = await analytics.exports.report_csv(Period.DAY, detailed=True)
        found = []
        async for piece in pieces:
            found.append(piece)
            for hours in (5, 3, 1):  # before, between and after what was exported already
                await analytics.tracker.record(usage(timestamp=NOON - timedelta(hours=hours)))
        answer = list(csv.DictReader(io.StringIO("".join(found))))
        assert [int(row["id"]) for row in answer] == list(range(1, 1_261))
        assert len(found) == 1 + 3
        assert (await analytics.maintenance.health()).events == 1_260 + 3 * len(found)


async def test_detailed_export_is_in_the_order_of_time(path: Path) -> None:
    async with opened(path) as analytics:
        hours = [2, 1, 3, 1]
        await analytics.tracker.record_many(
            [usage(timestamp=NOON - timedelta(hours=n)) for n in hours]
        )
        answer = await exported(analytics, period=Period.DAY, detailed=True)
        assert [row["id"] for row in answer] == ["3", "1", "2", "4"]
        assert list(answer[0]) == list(CSV_DETAILED)


@pytest.mark.parametrize(
    ("question", "name"),
    [
        ({"period": Period.DAY}, "usage_report_day_20260318.csv"),
        ({}, "usage_report_week_20260316.csv"),
        ({"period": Period.MONTH, "day": date(2025, 12, 24)}, "usage_report_month_20251201.csv"),
        ({"period": Period.YEAR}, "usage_report_year_20260101.csv"),
        ({"period": Period.ALL}, "usage_report_all_20260318.csv"),
        (
            {"period": Period.CUSTOM, "span": Span(NOON - 2 * DAY, NOON)},
            "usage_report_custom_20260316.csv",
        ),
    ],
)
async def test_file_is_named_by_period_and_first_day(
    path: Path, question: dict[str, Any], name: str
) -> None:
    async with opened(path) as analytics:
        found, pieces = await analytics.exports.report_csv(**question)
        assert found == name
        assert "".join([piece async for piece in pieces]) == f"{','.join(CSV_SUMMARY)}\r\n"


async def test_json_is_the_report_as_it_is_written(path: Path) -> None:
    async with opened(path) as analytics:
        await analytics.tracker.record(usage())
        name, pieces = await analytics.exports.report_json(Period.DAY, write=plain_json)
        (text,) = [piece async for piece in pieces]
        report = (await analytics.reports.report(Period.DAY)).as_dict()
    assert name == "usage_report_day_20260318.json"
    assert json.loads(text) == json.loads(plain_json(report)) | {
        "report_id": json.loads(text)["report_id"]
    }


async def test_whole_ledger_begins_at_its_first_day(path: Path) -> None:
    async with opened(path) as analytics:
        await analytics.tracker.record(usage(timestamp=datetime(2024, 2, 29, 12, tzinfo=UTC)))
        await analytics.tracker.record(usage())
        name, pieces = await analytics.exports.report_csv(Period.ALL)
        assert name == "usage_report_all_20240229.csv"
        assert [row["date"] for row in await rows(pieces)] == ["2024-02-29", "2026-03-18"]


@pytest.mark.parametrize(
    ("start", "end", "counts"),
    [
        # from noon to noon, without a whole day but over a midnight
        (NOON - DAY, NOON, {"2026-03-17": 11, "2026-03-18": 13}),
        # inside one day
        (NOON - timedelta(hours=2), NOON, {"2026-03-18": 2}),
        # a whole day with both edges
        (
            NOON - 2 * DAY,
            NOON - timedelta(microseconds=1),
            {"2026-03-16": 11, "2026-03-17": 24, "2026-03-18": 13},
        ),
        # whole days only, beyond the present
        (berlin(2026, 3, 17), berlin(2026, 3, 30), {"2026-03-17": 24, "2026-03-18": 14}),
        # from a midnight into the day
        (berlin(2026, 3, 18), NOON, {"2026-03-18": 13}),
        # into a midnight
        (NOON - timedelta(hours=25), berlin(2026, 3, 18), {"2026-03-17": 12}),
    ],
)
async def test_stretch_of_time_counts_what_lies_in_it(
    path: Path, start: datetime, end: datetime, counts: dict[str, int]
) -> None:
    async with opened(path) as analytics:
        await analytics.tracker.record_many(
            [usage(timestamp=NOON - timedelta(hours=n)) for n in range(72)]
        )
        question: dict[str, Any] = {"period": Period.CUSTOM, "span": Span(start, end)}
        summary = await exported(analytics, **question)
        assert {row["date"]: int(row["request_count"]) for row in summary} == counts
        detailed = await exported(analytics, **question, detailed=True)
        assert len(detailed) == sum(counts.values())
        report = (await analytics.reports.report(**question)).as_dict()
        breakdown = report["daily_breakdown"]
        assert isinstance(breakdown, list)
        shown = {row["date"]: row["request_count"] for row in breakdown}  # type: ignore[call-overload, index]
        assert {day: number for day, number in shown.items() if number} == counts


@pytest.mark.parametrize(
    ("question", "reason"),
    [
        ({"period": Period.CUSTOM}, "required"),
        ({"period": Period.CUSTOM, "span": Span(NOON, NOON)}, "before end"),
        ({"period": Period.CUSTOM, "span": Span(NOON, NOON - DAY)}, "before end"),
        ({"period": Period.WEEK, "span": Span(NOON - DAY, NOON)}, "custom only"),
    ],
)
async def test_period_without_sense_is_refused(
    path: Path, question: dict[str, Any], reason: str
) -> None:
    async with opened(path) as analytics:
        for ask in (analytics.reports.report, analytics.exports.report_csv):
            with pytest.raises(InvalidInputError, match=reason) as refusal:
                await ask(**question)
            assert refusal.value.field == "start"


async def test_unknown_names_export_nothing(path: Path) -> None:
    async with opened(path) as analytics:
        await analytics.tracker.record(usage())
        unknown = Filter(device="ip:10.9.9.9")
        for detailed in (True, False):
            assert await exported(analytics, wanted=unknown, detailed=detailed) == []


async def test_closing_ends_an_export(path: Path) -> None:
    async with opened(path) as analytics:
        await analytics.tracker.record(usage())
        _, pieces = await analytics.exports.report_csv(Period.DAY)
        assert await anext(pieces)
        await analytics.close()
        with pytest.raises(ClosedError):
            await anext(pieces)


# What clean-up removed

GONE = datetime(2026, 2, 10, 12, tzinfo=UTC)
LIVE = datetime(2026, 3, 10, 12, tzinfo=UTC)
FIRST_LIVE = berlin(2026, 2, 16)
TAG = Filter(tag="t")
UNKNOWN = Filter(tag="never")


async def cleaned(analytics: Analytics) -> None:
    await fill(analytics)
    await analytics.maintenance.clean_up(30)


def custom(start: datetime, end: datetime, wanted: Filter = Filter()) -> dict[str, Any]:  # noqa: B008
    return {"period": Period.CUSTOM, "span": Span(start, end), "wanted": wanted}


@pytest.mark.parametrize(
    ("question", "field"),
    [
        (custom(GONE, LIVE), "start"),
        (custom(berlin(2026, 2, 1), GONE), "end"),
        (custom(GONE, GONE + timedelta(hours=1)), "start"),
        (custom(GONE, LIVE, UNKNOWN), "start"),
        (custom(berlin(2026, 2, 15), LIVE, TAG), "start"),
        ({"period": Period.ALL, "wanted": TAG}, "start"),
        ({"period": Period.MONTH, "day": date(2026, 2, 20), "wanted": TAG}, "start"),
    ],
)
async def test_question_that_only_removed_events_answer_is_refused_at_once(
    path: Path, question: dict[str, Any], field: str
) -> None:
    async with opened(path) as analytics:
        await cleaned(analytics)
        for ask in (analytics.reports.report, analytics.exports.report_csv):
            with pytest.raises(EventsRemovedError) as refusal:
                await ask(**question)
            assert refusal.value.field == field
            assert refusal.value.events_from == FIRST_LIVE.isoformat()


@pytest.mark.parametrize(
    ("question", "days"),
    [
        (custom(berlin(2026, 2, 10), LIVE), 28),
        (custom(FIRST_LIVE, LIVE), 22),
        (custom(FIRST_LIVE + timedelta(hours=1), LIVE), 22),
        (custom(FIRST_LIVE, LIVE, TAG), 22),
        (custom(berlin(2026, 2, 10), LIVE, UNKNOWN), 0),
        ({"period": Period.ALL}, 50),
        ({"period": Period.MONTH, "wanted": TAG}, 18),
    ],
)
async def test_question_that_sums_or_live_events_answer_is_answered(
    path: Path, question: dict[str, Any], days: int
) -> None:
    async with opened(path) as analytics:
        await cleaned(analytics)
        assert len(await exported(analytics, **question)) == days
        assert (await analytics.reports.report(**question)).totals.requests == days * 3


@pytest.mark.parametrize(
    ("start", "end", "field"),
    [
        (GONE, None, "start"),
        (None, GONE, "end"),
        (GONE, LIVE, "start"),
    ],
)
async def test_listing_from_or_to_a_removed_instant_is_refused(
    path: Path, start: datetime | None, end: datetime | None, field: str
) -> None:
    async with opened(path) as analytics:
        await cleaned(analytics)
        with pytest.raises(EventsRemovedError) as refusal:
            await analytics.tracker.events(start=start, end=end)
        assert refusal.value.field == field


async def test_listing_says_from_when_on_it_is_complete(path: Path) -> None:
    async with opened(path) as analytics:
        await cleaned(analytics)
        page = await analytics.tracker.events(start=berlin(2026, 2, 1), end=LIVE)
        assert page.events_from == FIRST_LIVE
        assert len(page.events) == 22 * 3


async def test_listing_of_one_status_goes_on_page_by_page(path: Path) -> None:
    async with opened(path) as analytics:
        given = [usage(status=Status.ERROR if n % 3 else Status.OK) for n in range(20)]
        ids = (await analytics.tracker.record_many(given)).ids
        for status in Status:
            found: list[int] = []
            before = None
            while before is not None or not found:
                page = await analytics.tracker.events(status=status, limit=3, before=before)
                found += [event.id for event in page.events]
                before = page.next
            wanted = [one for one, event in zip(ids, given, strict=True) if event.status is status]
            assert found == wanted[::-1]


@pytest.mark.parametrize(
    "ask",
    [
        lambda analytics: analytics.reports.dashboard(Filter(tag="t")),
        lambda analytics: analytics.reports.summary(Filter(tag="t", endpoint="conversation")),
        lambda analytics: analytics.reports.dashboard(
            Filter(endpoint="conversation", user="anonymous")
        ),
    ],
    ids=["devices of a tag", "tag with anything", "hours of a combination"],
)
async def test_overview_that_needs_removed_events_is_refused(
    path: Path, ask: Callable[[Analytics], Any]
) -> None:
    async with opened(path) as analytics:
        await fill(analytics, days=20)
        await analytics.maintenance.clean_up(3)
        with pytest.raises(EventsRemovedError):
            await ask(analytics)
        assert (await analytics.reports.summary(Filter(tag="t"))).month.totals.requests == 18 * 3


async def test_edge_in_a_day_that_a_new_zone_split_is_refused_before_it_begins(
    path: Path,
) -> None:
    async with opened(path) as analytics:
        await cleaned(analytics)
        honolulu = ZoneInfo("Pacific/Honolulu")  # the first live instant there is 13:00
        await analytics.maintenance.set_zone(honolulu)
        start = datetime(2026, 2, 14, tzinfo=honolulu)
        end = datetime(2026, 2, 15, 20, tzinfo=honolulu)
        for ask in (analytics.reports.report, analytics.exports.report_csv):
            with pytest.raises(EventsRemovedError):
                await ask(**custom(start, end))
        assert analytics.ledger.zone != BERLIN


async def test_a_detailed_row_follows_its_columns(path: Path) -> None:
    async with opened(path) as analytics:
        await analytics.tracker.record(
            usage(
                endpoint="=chat()",
                device_id="abc",
                device_name="Speaker",
                request_id="-1",
                tags=("kitchen", "voice"),
                latency_us=1_500,
                user_id="ada, of the house",
                timestamp=NOON,
            )
        )
        (record,) = await exported(analytics, detailed=True)
    assert record == dict.fromkeys(CSV_DETAILED, "") | {
        "timestamp": NOON.astimezone(BERLIN).isoformat(),
        "device_name": "Speaker",
        "endpoint": "'=chat()",
        "provider": "openai",
        "model": "gpt-4o",
        "tokens_prompt": "100",
        "tokens_response": "50",
        "total_tokens": "150",
        "cost_estimate": "0.00075",
        "request_id": "'-1",
        "id": "1",
        "device_id": "abc",
        "user_id": "ada, of the house",
        "tokens_cache_read": "0",
        "tokens_cache_write": "0",
        "tokens_cache_write_1h": "0",
        "tokens_reasoning": "0",
        "latency_ms": "1.5",
        "tags": "kitchen voice",
        "status": "ok",
        "cost_source": "default",
        "priced_as": "default:openai/gpt-4o",
        "source": "api",
    }
