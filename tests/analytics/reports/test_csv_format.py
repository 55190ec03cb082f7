"""CSV and JSON: columns, fields, and cells that a spreadsheet may open."""

import csv
from datetime import UTC, date, datetime

import pytest

from custom_components.llm_analytics.analytics import CostSource, Price, StoredEvent, UsageEvent
from custom_components.llm_analytics.analytics.reports.csv_format import (
    CSV_DETAILED,
    CSV_SUMMARY,
    cell,
    csv_event,
    csv_lines,
    csv_summary,
)
from custom_components.llm_analytics.analytics.totals import Totals


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("plain", "plain"),
        ("=1+1", "'=1+1"),
        ("+49", "'+49"),
        ("-x", "'-x"),
        ("@name", "'@name"),
        ("\tx", "'\tx"),
        ("\rx", '"\'\rx"'),
        ("'=x", "'=x"),
        ("a=b", "a=b"),
        ("a,b", '"a,b"'),
        ('say "hi"', '"say ""hi"""'),
        ("two\nlines", '"two\nlines"'),
        (-5, "-5"),
        (0, "0"),
        ("", ""),
    ],
)
def test_a_cell_is_quoted_and_never_a_formula(value: object, text: str) -> None:
    assert csv_lines([["x", cell(value)]]) == f"x,{text}\r\n"


def test_a_row_of_an_event_has_plain_decimals_and_safe_texts() -> None:
    moment = datetime(2026, 3, 18, 12, tzinfo=UTC)
    given = UsageEvent(
        endpoint="=e", provider="p", tokens_prompt=1, tokens_response=1, tags=("-a", "b,")
    )
    price = Price(picos=1, source=CostSource.REPORTED)
    event = StoredEvent(id=1, timestamp=moment, usage=given, price=price, device_name=None)
    row = dict(zip(CSV_DETAILED, csv_event(event.as_dict()), strict=True))
    assert row["cost_estimate"] == "0.000000000001"
    assert (row["endpoint"], row["tags"], row["device_name"]) == ("'=e", "'-a b,", "")


def test_an_absent_value_is_an_empty_cell() -> None:
    assert csv_lines([[1, None, "b"], ["c", 2, None]]) == "1,,b\r\nc,2,\r\n"
    assert csv_lines([]) == ""


def test_the_columns_begin_with_the_contract_s_and_end_with_the_added_ones() -> None:
    assert (
        *("date", "device_ip", "endpoint", "provider", "request_count", "tokens_prompt"),
        *("tokens_response", "total_tokens", "cost_estimate", "device_id", "unpriced_requests"),
        *("home_cost", "home_currency"),
    ) == CSV_SUMMARY
    assert CSV_DETAILED[:11] == (
        *("timestamp", "device_ip", "device_name", "endpoint", "provider", "model"),
        *("tokens_prompt", "tokens_response", "total_tokens", "cost_estimate", "request_id"),
    )
    assert len(set(CSV_DETAILED)) == len(CSV_DETAILED)


def test_a_summary_row_has_plain_decimals() -> None:
    totals = Totals(requests=2, prompt=30, response=12, cost=1, unpriced=1)
    cells = csv_summary(date(2026, 10, 25), "ip:192.168.1.2", ("chat", "openai"), totals)
    assert csv_lines([cells]) == (
        "2026-10-25,192.168.1.2,chat,openai,2,30,12,42,0.000000000001,,1,,\r\n"
    )
    totals = Totals(requests=2, cost=1, unpriced=1, home=10**12, converted=1)
    cells = csv_summary(date(2026, 10, 25), None, ("chat", "openai"), totals, "EUR")
    assert csv_lines([cells]).endswith(",1,1,EUR\r\n")


@pytest.mark.parametrize(
    ("totals", "cost"),
    [
        (Totals(requests=2, unpriced=2), ""),
        (Totals(requests=2, unpriced=1), "0"),
        (Totals(requests=2), "0"),
    ],
)
def test_the_cost_cell_is_empty_only_where_every_request_is_unpriced(
    totals: Totals, cost: str
) -> None:
    cells = csv_summary(date(2026, 10, 25), "ha:abc", ("chat", "ollama"), totals)
    record = dict(zip(CSV_SUMMARY, next(csv.reader([csv_lines([cells])])), strict=True))
    assert (record["cost_estimate"], record["device_ip"], record["device_id"]) == (cost, "", "abc")
