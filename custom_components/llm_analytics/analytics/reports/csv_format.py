"""Exports as CSV: what is in them, in which order, and how a value is written.

Text cells that a spreadsheet would take for a formula get one leading apostrophe.
"""

from collections.abc import Iterable, Mapping, Sequence
import csv
from datetime import date
from decimal import Decimal
import io
from typing import Any, Final

from ..money import from_pico
from ..totals import Totals, device_parts

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
_FORMULA_STARTS: Final = ("=", "+", "-", "@", "\t", "\r")


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


def csv_event(event: Mapping[str, Any]) -> list[object]:
    """Return an event, as the API writes it, as a row under CSV_DETAILED."""
    return [cell(_cell_text(event[name])) for name in CSV_DETAILED]


def _cell_text(value: object) -> object:
    """Return decimals plainly, and several texts as one, parted by spaces."""
    if isinstance(value, Decimal):
        return format(value, "f")
    return " ".join(value) if isinstance(value, list) else value


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
