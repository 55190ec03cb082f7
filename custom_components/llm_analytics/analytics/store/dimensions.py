"""The dimension tables: every name gets an id once, and there is a bound to how many.

Ids are looked up in memory first. What a transaction adds to memory is dropped if it is rolled
back, or an id would point at a row that does not exist. Beyond a dimension's cap new names fall
under "other", so that a client that invents names cannot fill the disk or slow the dashboard; no
total is touched by that. ``full`` names the dimensions where it has happened.
"""

import json
import sqlite3
from typing import Any, Final, NamedTuple

from ..models import OTHER, UsageEvent

# Wide enough for any home; each is more than the sizes that the benchmarks cover.
CAPS: Final = {
    "device": 10_000,
    "endpoint": 2_000,
    "model": 2_000,
    "user": 5_000,
    "tag": 2_000,
    "tag_set": 20_000,
    "label": 20_000,
    "origin": 20_000,
}
_NAMES_LIMIT: Final = 50_000
_EVENTS_LIMIT: Final = 10_000
_OTHER_TAGS: Final = json.dumps([OTHER])
NONE: Final = 0

type Ids = tuple[int, int, int, int, int]


class EventIds(NamedTuple):
    """The ids of what an event names, and the provider and the model as they are kept.

    ``ids`` are those of its series, device, endpoint, model and user.
    """

    ids: Ids
    provider: str
    model: str | None
    tag_set: int
    tags: tuple[int, ...]
    error_type: int
    origin: int


class Dimensions:
    """Ids of all dimensions; lives on the thread of the connection that writes."""

    def __init__(self, db: sqlite3.Connection) -> None:
        """Remember nothing yet."""
        self._db = db
        self.full: set[str] = set()
        self.forget()

    def forget(self) -> None:
        """Drop everything remembered: after a rollback, or when there is too much of it."""
        self._known: dict[tuple[str, str], tuple[int, str]] = {}
        self._models: dict[tuple[str, str], int] = {}
        self._model_names: dict[int, tuple[str, str | None]] = {}
        self._events: dict[tuple[Any, ...], EventIds] = {}
        self._tag_sets: dict[tuple[str, ...], tuple[int, tuple[int, ...]]] = {}
        self._device_names: dict[int, tuple[str | None, str | None]] = {}
        self._counts: dict[str, int] = {}

    def trim(self) -> None:
        """Keep the memory bounded; called between transactions."""
        if len(self._known) + len(self._models) + len(self._tag_sets) > _NAMES_LIMIT:
            self.forget()
        if len(self._events) > _EVENTS_LIMIT:
            self._events.clear()

    def of(self, event: UsageEvent) -> EventIds:
        """Return the ids of everything that an event names."""
        named = self._events.get(event.names)
        if named is None:
            named = self._events[event.names] = self._name(event)
        elif event.device_name is not None and event.device_name != self._arrived(named.ids[1]):
            self._device(event)
        return named

    def _name(self, event: UsageEvent) -> EventIds:
        tag_set, tags = self._tags(event.tags)
        ids = self._combine(event)
        provider, model = self._model_name(ids[3])
        return EventIds(
            ids=ids,
            provider=provider,
            model=model,
            tag_set=tag_set,
            tags=tags,
            error_type=self.label(event.error_type),
            origin=self._origin(event),
        )

    def _combine(self, event: UsageEvent) -> Ids:
        parts = (
            self._device(event),
            self._id("endpoint", event.endpoint)[0],
            self._model(event.provider, event.model),
            NONE if event.user_id is None else self._id("user", event.user_id)[0],
        )
        row = self._db.execute(
            "SELECT id FROM series WHERE device = ? AND endpoint = ? AND model = ? AND user = ?",
            parts,
        ).fetchone()
        columns = "device", "endpoint", "model", "user"
        return row[0] if row else self._insert("series", columns, parts), *parts

    def label(self, text: str | None) -> int:
        """Return the id of a small word such as an agent's name, 0 for none."""
        return NONE if text is None else self._id("label", text)[0]

    def _tags(self, tags: tuple[str, ...]) -> tuple[int, tuple[int, ...]]:
        """Return the id of an ordered set of tags, and the ids of its tags."""
        if not tags:
            return NONE, ()
        known = self._tag_sets.get(tags)
        if known is None:
            known = self._tag_sets[tags] = self._set_of(tags)
        return known

    def _set_of(self, tags: tuple[str, ...]) -> tuple[int, tuple[int, ...]]:
        names = tuple(dict.fromkeys(self._id("tag", tag)[1] for tag in tags))
        before = self._count("tag_set")
        tag_set, stored = self._id(
            "tag_set", json.dumps(names, ensure_ascii=False), other=_OTHER_TAGS
        )
        if stored == _OTHER_TAGS:
            names = (OTHER,)
        ids = tuple(self._id("tag", name)[0] for name in names)
        if self._counts["tag_set"] > before:
            self._db.executemany(
                "INSERT INTO tag_set_tag (tag, tag_set) VALUES (?, ?)",
                [(tag, tag_set) for tag in ids],
            )
        return tag_set, ids

    def device_name(self, device: int) -> str | None:
        """Return the present name of a device: the household's, else the last that arrived."""
        if device == NONE:
            return None
        given, arrived = self._names_of(device)
        return arrived if given is None else given

    def _arrived(self, device: int) -> str | None:
        return None if device == NONE else self._names_of(device)[1]

    def give_name(self, key: str, name: str | None) -> bool:
        """Name a device for good, or (None) as its clients do again; False if never seen."""
        row = self._db.execute(
            "UPDATE device SET given = ? WHERE key = ? RETURNING id", (name, key)
        ).fetchone()
        if row is not None:
            self._device_names.pop(row[0], None)
        return row is not None

    def _names_of(self, device: int) -> tuple[str | None, str | None]:
        if device not in self._device_names:
            self._device_names[device] = self._db.execute(
                "SELECT given, name FROM device WHERE id = ?", (device,)
            ).fetchone()
        return self._device_names[device]

    def _model_name(self, model: int) -> tuple[str, str | None]:
        """Return the provider and the name under which a model is kept."""
        if model not in self._model_names:
            self._model_names[model] = self._db.execute(
                "SELECT provider, name FROM model WHERE id = ?", (model,)
            ).fetchone()
        return self._model_names[model]

    def _device(self, event: UsageEvent) -> int:
        key = event.device_key
        if key is None:
            return NONE
        device, stored = self._id("device", key)
        name = event.device_name
        if name is not None and stored == key:
            given, arrived = self._names_of(device)
            if name != arrived:
                self._db.execute("UPDATE device SET name = ? WHERE id = ?", (name, device))
                self._device_names[device] = given, name
        return device

    def _id(self, table: str, key: str, *, other: str = OTHER) -> tuple[int, str]:
        """Return a name's id and the name it is kept under, adding it if there is room."""
        known = self._known.get((table, key))
        if known is None:
            row = self._db.execute(f"SELECT id FROM {table} WHERE key = ?", (key,)).fetchone()
            if row is not None:
                known = row[0], key
            elif self._has_room(table) or key == other:
                known = self._insert(table, ("key",), (key,)), key
                self._counts[table] += 1
            else:
                known = self._id(table, other, other=other)
            self._known[table, key] = known
        return known

    def _model(self, provider: str, name: str | None) -> int:
        """Return the id of a provider's model; the first spelling of its name is kept."""
        key = "" if name is None else name.casefold()
        model = self._models.get((provider, key))
        if model is None:
            row = self._db.execute(
                "SELECT id FROM model WHERE provider = ? AND key = ?", (provider, key)
            ).fetchone()
            if row is not None:
                model = row[0]
            elif self._has_room("model") or provider == key == OTHER:
                model = self._insert("model", ("provider", "key", "name"), (provider, key, name))
                self._counts["model"] += 1
            else:
                model = self._model(OTHER, OTHER)
            self._models[provider, key] = model
        return model

    def _origin(self, event: UsageEvent) -> int:
        """Return the id of where an event came from: agent, context, source and who recorded it."""
        return self._origin_of(
            (
                self.label(event.agent),
                self.label(event.context),
                self.label(event.source),
                self.label(event.recorded_by),
            )
        )

    def _origin_of(self, parts: tuple[int, ...]) -> int:
        row = self._db.execute(
            "SELECT id FROM origin"
            " WHERE agent = ? AND context = ? AND source = ? AND recorded_by = ?",
            parts,
        ).fetchone()
        if row is not None:
            found: int = row[0]
            return found
        agent, context, *rest = parts
        if not self._has_room("origin"):
            other = self.label(OTHER)
            folded = (agent and other, context and other, *rest)
            if folded != parts:
                return self._origin_of(folded)
        self._counts["origin"] += 1
        return self._insert("origin", ("agent", "context", "source", "recorded_by"), parts)

    def _count(self, table: str) -> int:
        """Return how many names a dimension has; counted when the first new one may be added."""
        if table not in self._counts:
            self._counts[table] = self._db.execute(f"SELECT COUNT(*) FROM {table}").fetchone()[0]
        return self._counts[table]

    def _has_room(self, table: str) -> bool:
        if self._count(table) < CAPS[table]:
            return True
        self.full.add(table)
        return False

    def _insert(self, table: str, columns: tuple[str, ...], values: tuple[object, ...]) -> int:
        marks = ", ".join("?" * len(columns))
        row = self._db.execute(
            f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({marks}) RETURNING id",
            values,
        ).fetchone()
        found: int = row[0]
        return found
