"""Exports as text: what is in them, in which order, and how a value is written.

A ``Format`` says how single events are written. CSV text cells that a spreadsheet would take for a
formula get one leading apostrophe; numbers, instants and UUIDs cannot be taken for one.
"""

from collections.abc import Callable, Iterable, Sequence
import csv
from dataclasses import dataclass
from datetime import date
import io
import json
import re
from typing import Final

from .money import from_pico
from .totals import Totals, device_parts

type Value = str | Sequence[str] | None

CSV_SUMMARY: Final = (
    "date",
    "device_ip",
    "endpoint",
    "provider",
    "request_count",
    "tokens_prompt",
    "tokens_response",
    "total_tokens",
    "cost_estimate",
    "device_id",
    "unpriced_requests",
    "home_cost",
    "home_currency",
)
CSV_DETAILED: Final = (
    "timestamp",
    "device_ip",
    "device_name",
    "endpoint",
    "provider",
    "model",
    "tokens_prompt",
    "tokens_response",
    "total_tokens",
    "cost_estimate",
    "request_id",
    "id",
    "device_id",
    "user_id",
    "tokens_cache_read",
    "tokens_cache_write",
    "tokens_cache_write_1h",
    "tokens_reasoning",
    "latency_ms",
    "ttft_ms",
    "agent",
    "context",
    "tags",
    "service_tier",
    "status",
    "error_type",
    "cost_source",
    "priced_as",
    "source",
    "recorded_by",
    "home_cost",
    "home_currency",
)
JSON_EVENT: Final = (
    "id",
    "timestamp",
    "tokens_prompt",
    "tokens_response",
    "total_tokens",
    "tokens_cache_read",
    "tokens_cache_write",
    "tokens_cache_write_1h",
    "tokens_reasoning",
    "latency_ms",
    "ttft_ms",
    "request_id",
    "metadata",
    "cost_estimate",
    "cost_source",
    "priced_as",
    "home_cost",
    "home_currency",
    "device_ip",
    "device_id",
    "device_name",
    "endpoint",
    "provider",
    "model",
    "user_id",
    "agent",
    "context",
    "tags",
    "service_tier",
    "status",
    "error_type",
    "source",
    "recorded_by",
)
_FORMULA_STARTS: Final = ("=", "+", "-", "@", "\t", "\r")
_PLAIN_CELL: Final = re.compile('[^",\r\n]*')


@dataclass(frozen=True, slots=True)
class Format:
    """How single events are written: their fields in order, and how a field's value is.

    ``opening`` and ``closing`` stand around an event and ``between`` between two, ``label`` (with
    the field's name) before a value and ``quote`` around a text in which nothing is special;
    ``text`` writes any other.
    """

    fields: tuple[str, ...]
    opening: str
    closing: str
    between: str
    label: str
    quote: str
    text: Callable[[Value], str]


def csv_lines(rows: Iterable[Sequence[object]]) -> str:
    """Return rows of cells as CSV text (RFC 4180, CRLF)."""
    buffer = io.StringIO()
    csv.writer(buffer).writerows(rows)
    return buffer.getvalue()


def cell(value: object) -> object:
    """Return a value as it may stand in CSV text: no spreadsheet takes it for a formula."""
    if isinstance(value, str) and value.startswith(_FORMULA_STARTS):
        return f"'{value}"
    return "" if value is None else value


def csv_text(value: Value) -> str:
    """Return a text as it stands in CSV; several are one cell, parted by spaces."""
    if value is None:
        return ""
    safe = str(cell(value if isinstance(value, str) else " ".join(value)))
    return safe if _PLAIN_CELL.fullmatch(safe) else csv_lines([(safe, None)])[: -len(",\r\n")]


CSV: Final = Format(
    fields=CSV_DETAILED,
    opening="",
    closing="\r\n",
    between="",
    label="",
    quote="",
    text=csv_text,
)
JSON: Final = Format(
    fields=JSON_EVENT,
    opening="{",
    closing="}",
    between=",",
    label='"{}":',
    quote='"',
    text=json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode,
)


def csv_summary(
    day: date,
    device: str | None,
    names: tuple[str, str],
    totals: Totals,
    currency: str | None = None,
) -> list[object]:
    """Return the sums of a day, device, endpoint and provider as a row under CSV_SUMMARY."""
    device_ip, device_id = device_parts(device)
    endpoint, provider = names
    unpriced_only = totals.unpriced == totals.requests
    row = [
        day.isoformat(),
        device_ip,
        endpoint,
        provider,
        totals.requests,
        totals.prompt,
        totals.response,
        totals.tokens,
        None if unpriced_only else format(from_pico(totals.cost), "f"),
        device_id,
        totals.unpriced,
        format(from_pico(totals.home), "f") if totals.converted else None,
        currency if totals.converted else None,
    ]
    return [cell(value) for value in row]
