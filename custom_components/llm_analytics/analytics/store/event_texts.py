"""Events as the text of an export, made without an object for each.

What an export of a million events takes is writing them, so a page is written by column: what many
events have in common is looked up and written once, fields that follow one another as one piece,
and amounts are written from the integers that they are kept as.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cache, lru_cache
from itertools import groupby
import json
from operator import add
import sqlite3
from typing import Any, Final
from zoneinfo import ZoneInfo

from ..formats import Format, Value
from ..models import ANONYMOUS, Status
from ..money import pico_text, thousandths_text
from ..periods import LocalTexts
from ..places import Directory
from ..totals import device_parts
from .events import COST_SOURCES, EVENT_NAMES, SERIES_NAMES, TIERS
from .requests import from_stored

type Row = tuple[Any, ...]
type Column = Sequence[Any]

_KNOWN: Final = 4_096

# What is written as the file has it.
_NUMBERS: Final = {
    "id": "id",
    "tokens_prompt": "prompt",
    "tokens_response": "response",
    "tokens_cache_read": "cache_read",
    "tokens_cache_write": "cache_write",
    "tokens_cache_write_1h": "cache_write_1h",
    "tokens_reasoning": "reasoning",
}
# What many events have in common: the columns that say it, and the fields that it is.
_LABEL_COLUMNS: Final = (
    *("origin", "tag_set", "tier", "failed", "error_type", "cost_source", "priced_as"),
)
_LABEL_FIELDS: Final = (
    *("agent", "context", "source", "recorded_by", "tags", "service_tier", "status"),
    *("error_type", "cost_source", "priced_as"),
)
_SERIES_FIELDS: Final = (
    *("device_ip", "device_id", "device_name", "endpoint", "provider", "model", "user_id"),
)
_SHARED: Final = dict.fromkeys(_LABEL_FIELDS, "labels") | dict.fromkeys(_SERIES_FIELDS, "series")
_SERIES: Final = f"""
    SELECT device.key, COALESCE(device.given, device.name), endpoint.key, model.provider,
        model.name, user.key
    FROM series {SERIES_NAMES}
    WHERE series.id = ?
"""
_LABELS: Final = f"""
    SELECT tag_set.key, error.key, priced.key, agent.key, context.key, source.key, recorded.key
    FROM (SELECT ? AS origin, ? AS tag_set, ? AS error_type, ? AS priced_as) AS event
    {EVENT_NAMES}
"""


class EventTexts:
    """Writes events in one format; lives on the thread of the connection that reads.

    What was looked up is kept for as long as nobody writes to the file.
    """

    def __init__(
        self, db: sqlite3.Connection, form: Format, zone: ZoneInfo, directory: Directory
    ) -> None:
        """Know no names yet."""
        self._db = db
        self._form = form
        self._directory = directory
        self._clock = LocalTexts(zone)
        self._version = 0
        self._labels = lru_cache(_KNOWN)(self._read_labels)
        self._series = lru_cache(_KNOWN)(self._read_series)
        runs = groupby(form.fields, lambda field: _SHARED.get(field, field))
        self._runs = [(kind, tuple(fields)) for kind, fields in runs]
        # How the columns are written that are neither shared nor numbers; NULL is no text.
        self._own: dict[str, tuple[str, Callable[[Any], str]]] = {
            "timestamp": ("time", self._timestamp),
            "cost_estimate": ("cost", pico_text),
            "request_id": ("request_id", self._request_id),
            "latency_ms": ("latency", thousandths_text),
            "ttft_ms": ("ttft", thousandths_text),
            "home_cost": ("home_cost", pico_text),
            "home_currency": ("home_currency", cache(form.text)),
            "metadata": ("metadata", str),
        }
        own = (self._own[field][0] for field in form.fields if field in self._own)
        columns = ("time", "id", *_NUMBERS.values(), *own, "series", *_LABEL_COLUMNS)
        self.columns = tuple(dict.fromkeys(columns))

    def text(self, rows: Sequence[Row]) -> str:
        """Return rows of ``columns``, at least one and all of one snapshot, as text."""
        form = self._form
        version = self._db.execute("PRAGMA data_version").fetchone()[0]
        if version != self._version:
            self._version = version
            self._labels.cache_clear()
            self._series.cache_clear()
        columns: dict[str, Column] = dict(zip(self.columns, zip(*rows, strict=True), strict=True))
        labels = zip(*(columns[name] for name in _LABEL_COLUMNS), strict=True)
        shared = {
            "labels": zip(*map(self._labels, labels), strict=True),
            "series": zip(*map(self._series, columns["series"]), strict=True),
        }
        pieces: list[str] = []
        values: list[Iterable[object]] = []
        for kind, _ in self._runs:
            common = kind in shared
            pieces.append("%s" if common else f"{form.label.format(kind)}%s")
            values.append(next(shared[kind]) if common else self._column(kind, columns))
        line = f"{form.opening}{','.join(pieces)}{form.closing}"
        return form.between.join(map(line.__mod__, zip(*values, strict=True)))

    def _column(self, field: str, columns: Mapping[str, Column]) -> Iterable[object]:
        if field in _NUMBERS:
            return columns[_NUMBERS[field]]
        if field == "total_tokens":
            return map(add, columns["prompt"], columns["response"], strict=True)
        column, write = self._own[field]
        none = self._form.text(None)
        return [none if value is None else write(value) for value in columns[column]]

    def _timestamp(self, time: int) -> str:
        return f"{self._form.quote}{self._clock.text(time)}{self._form.quote}"

    def _request_id(self, stored: str | bytes) -> str:
        text = from_stored(stored)
        if isinstance(stored, bytes):
            return f"{self._form.quote}{text}{self._form.quote}"
        return self._form.text(text)

    def _read_series(self, series: int) -> tuple[str, ...]:
        key, name, endpoint, provider, model, user = self._db.execute(_SERIES, (series,)).fetchone()
        name = name or self._directory.device(key).name
        names = (*device_parts(key), name, endpoint, provider, model, user or ANONYMOUS)
        return self._shared("series", dict(zip(_SERIES_FIELDS, names, strict=True)))

    def _read_labels(self, columns: tuple[int, ...]) -> tuple[str, ...]:
        origin, tag_set, tier, failed, error_type, cost_source, priced_as = columns
        tags, error, priced, *origins = self._db.execute(
            _LABELS, (origin, tag_set, error_type, priced_as)
        ).fetchone()
        values: tuple[Value, ...] = (
            *origins,
            [] if tags is None else json.loads(tags),
            TIERS[tier],
            Status.ERROR if failed else Status.OK,
            error,
            COST_SOURCES[cost_source],
            priced,
        )
        return self._shared("labels", dict(zip(_LABEL_FIELDS, values, strict=True)))

    def _shared(self, kind: str, values: Mapping[str, Value]) -> tuple[str, ...]:
        """Return the runs of fields of a kind, each as one piece of text."""
        form = self._form
        return tuple(
            ",".join(f"{form.label.format(field)}{form.text(values[field])}" for field in fields)
            for its_kind, fields in self._runs
            if its_kind == kind
        )
