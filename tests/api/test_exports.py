"""Exports over REST: attachments in pieces, the same figures, and every event when asked."""

import csv
import io

from homeassistant.core import HomeAssistant
import pytest

from ..helpers import PREFIXES, Client, get, parsed, post, stored, unchanged, usage

MARCH = {"period": "month", "date": "2026-03-15"}


async def exported(client: Client, kind: str, **query: str) -> tuple[str, str]:
    """Return an export's file name and its text."""
    response = await client.get(f"{PREFIXES[0]}/reports/export/{kind}", params=query)
    assert response.status == 200
    assert response.content_type == {"csv": "text/csv", "json": "application/json"}[kind]
    assert response.charset == "utf-8"
    disposition = response.headers["Content-Disposition"]
    return disposition.partition("filename=")[2].strip('"'), await response.text()


@pytest.mark.parametrize("kind", ["csv", "json"])
async def test_an_export_is_named_after_its_period(client: Client, kind: str) -> None:
    name, _ = await exported(client, kind, **MARCH)
    assert name == f"usage_report_month_20260301.{kind}"


async def test_json_is_the_report_and_detailed_adds_every_event(client: Client) -> None:
    for day in range(1, 6):
        await stored(client, timestamp=f"2026-03-0{day}T12:00:00Z", cost_estimate=0.1)
    await stored(client, timestamp="2026-04-01T12:00:00Z")
    report = (await get(client, "reports", **MARCH))[1]
    _, text = await exported(client, "json", **MARCH)
    plain = parsed(text)
    _, text = await exported(client, "json", detailed="true", **MARCH)
    detailed = parsed(text)
    events = detailed.pop("events")
    for found in (plain, detailed):
        for name in ("summary", "by_device", "by_endpoint", "daily_breakdown", "cost_summary"):
            assert found[name] == report[name]
    assert len(events) == 5
    for event in events:
        assert event == (await get(client, f"usage/{event['id']}"))[1]


async def test_an_empty_detailed_export_is_sound(client: Client) -> None:
    _, text = await exported(client, "json", detailed="true")
    assert parsed(text)["events"] == []
    _, text = await exported(client, "csv", detailed="true")
    assert len(text.splitlines()) == 1


async def test_many_events_come_whole_and_once(client: Client) -> None:
    for batch in range(3):
        events = [usage(request_id=f"{batch}-{n}") for n in range(1000)]
        assert (await post(client, {"events": events}))[0] == 201
    _, text = await exported(client, "json", detailed="true")
    assert sorted(event["id"] for event in parsed(text)["events"]) == list(range(1, 3001))
    _, text = await exported(client, "csv", detailed="true")
    rows = list(csv.DictReader(io.StringIO(text)))
    assert len({row["id"] for row in rows}) == len(rows) == 3000


@pytest.mark.parametrize("start", ["=1+1", "+1", "-1", "@x", "\tx", "\rx"])
async def test_no_cell_is_taken_for_a_formula(client: Client, start: str) -> None:
    await stored(client, endpoint=start, device_name=start, agent=start)
    _, text = await exported(client, "csv", detailed="true")
    (row,) = csv.DictReader(io.StringIO(text, newline=""))
    for column in ("endpoint", "device_name", "agent"):
        assert row[column] == f"'{start}"


@pytest.mark.parametrize("kind", ["csv", "json"])
@pytest.mark.parametrize(
    ("query", "field"), [("detailed=yes", "detailed"), ("period=custom", "start")]
)
async def test_a_bad_parameter_is_told_before_anything_is_sent(
    hass: HomeAssistant, client: Client, kind: str, query: str, field: str
) -> None:
    await stored(client)
    async with unchanged(hass):
        response = await client.get(f"{PREFIXES[0]}/reports/export/{kind}?{query}")
        assert (response.status, (await response.json())["field"]) == (400, field)
