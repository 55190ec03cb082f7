"""Which events a question is about: names turned into ids, and ids into conditions."""

from dataclasses import dataclass
import sqlite3
from typing import Any, Final

from ..models import ANONYMOUS, UNKNOWN_MODEL
from ..totals import Filter
from .aggregates import USER_MODEL_SHIFT, Dimension
from .dimensions import NONE


@dataclass(frozen=True, slots=True)
class ResolvedFilter:
    """A filter's ids; ``models`` are all that its provider and model allow, None if any."""

    device: int | None = None
    endpoint: int | None = None
    models: tuple[int, ...] | None = None
    user: int | None = None
    tag: int | None = None

    @property
    def dimensions(self) -> frozenset[Dimension]:
        """Return which dimensions are filtered."""
        given = {
            Dimension.DEVICE: self.device,
            Dimension.ENDPOINT: self.endpoint,
            Dimension.MODEL: self.models,
            Dimension.USER: self.user,
            Dimension.TAG: self.tag,
        }
        return frozenset(dimension for dimension, value in given.items() if value is not None)


SERIES_COLUMNS: Final = {
    Dimension.DEVICE: "series.device",
    Dimension.ENDPOINT: "series.endpoint",
    Dimension.MODEL: "series.model",
    Dimension.USER: "series.user",
    Dimension.SERIES: "series.id",
    Dimension.USER_MODEL: f"(series.user << {USER_MODEL_SHIFT}) | series.model",
}
# The key of each dimension's day sums, of events joined as ``event_source`` says.
EVENT_KEYS: Final = SERIES_COLUMNS | {Dimension.TOTAL: "0", Dimension.TAG: "tag_set_tag.tag"}


def event_source(dimension: Dimension) -> str:
    """Return the FROM clause of events that are to be summed by a dimension."""
    tags = " JOIN tag_set_tag ON tag_set_tag.tag_set = event.tag_set"
    return (
        "event CROSS JOIN series ON series.id = event.series"
        f"{tags if dimension is Dimension.TAG else ''}"
    )


def resolve(db: sqlite3.Connection, wanted: Filter) -> ResolvedFilter | None:
    """Return a filter's ids, None if it names something that the ledger has never seen."""
    device = endpoint = user = tag = None
    if wanted.device is not None and (device := find_name(db, "device", wanted.device)) is None:
        return None
    if (
        wanted.endpoint is not None
        and (endpoint := find_name(db, "endpoint", wanted.endpoint)) is None
    ):
        return None
    if wanted.user is not None:
        user = NONE if wanted.user == ANONYMOUS else find_name(db, "user", wanted.user)
        if user is None:
            return None
    if wanted.tag is not None and (tag := find_name(db, "tag", wanted.tag)) is None:
        return None
    models = None
    if wanted.provider is not None or wanted.model is not None:
        models = _models(db, wanted.provider, wanted.model)
        if not models:
            return None
    return ResolvedFilter(device, endpoint, models, user, tag)


def tags_of(db: sqlite3.Connection, tag_set: int) -> tuple[int, ...]:
    """Return the ids of the tags of a set."""
    rows = db.execute("SELECT tag FROM tag_set_tag WHERE tag_set = ?", (tag_set,))
    return tuple(tag for (tag,) in rows)


def find_name(db: sqlite3.Connection, table: str, key: str) -> int | None:
    """Return the id of a name in a dimension's table, None if it was never seen."""
    row = db.execute(f"SELECT id FROM {table} WHERE key = ?", (key,)).fetchone()
    return row[0] if row else None


def _models(db: sqlite3.Connection, provider: str | None, model: str | None) -> tuple[int, ...]:
    wanted = None if model is None else model.casefold()
    return tuple(
        found
        for found, its_provider, key in db.execute("SELECT id, provider, key FROM model")
        if provider in (None, its_provider)
        and wanted in (None, key or UNKNOWN_MODEL, f"{its_provider}/{key or UNKNOWN_MODEL}")
    )


def conditions(
    chosen: ResolvedFilter, columns: dict[Dimension, str]
) -> tuple[str, tuple[int, ...]]:
    """Return the condition, to follow others, that a filter puts on the columns named."""
    text, parameters = "", []
    for dimension, value in (
        (Dimension.DEVICE, chosen.device),
        (Dimension.ENDPOINT, chosen.endpoint),
        (Dimension.USER, chosen.user),
        (Dimension.TAG, chosen.tag),
    ):
        if value is not None:
            text += f" AND {columns[dimension]} = ?"
            parameters.append(value)
    if chosen.models is not None:
        text += f" AND {columns[Dimension.MODEL]} IN ({', '.join('?' * len(chosen.models))})"
        parameters.extend(chosen.models)
    return text, tuple(parameters)


def event_conditions(chosen: ResolvedFilter) -> tuple[str, tuple[int, ...]]:
    """Return the condition on events (joined with series) that a filter stands for."""
    where, parameters = conditions(
        ResolvedFilter(chosen.device, chosen.endpoint, chosen.models, chosen.user), SERIES_COLUMNS
    )
    if chosen.tag is not None:
        where += " AND event.tag_set IN (SELECT tag_set FROM tag_set_tag WHERE tag = ?)"
        parameters += (chosen.tag,)
    return where, parameters


def names(db: sqlite3.Connection, table: str) -> dict[int, tuple[Any, ...]]:
    """Return every row of a dimension's table by id."""
    columns = {"device": "key, COALESCE(given, name)", "model": "provider, name"}.get(table, "key")
    return {row[0]: row[1:] for row in db.execute(f"SELECT id, {columns} FROM {table}")}
