"""The database's shape and how it is reached from any earlier one.

``MIGRATIONS`` is append-only: entry n takes a file from schema n to n + 1, in one transaction
with its number in ``user_version``. A new file runs through all of them, so a fresh file and a
migrated one are equal, which a test holds.

Everything is an integer wherever it can be: money in picos (10⁻¹² USD), times in µs of UTC, days
as proleptic ordinals (``date.toordinal``). STRICT tables refuse what is not, so a sum that would
leave 64 bits fails the statement instead of turning into a float.

- Dimension tables give every name an id. Id 0 is "none" (no device, no model name, the anonymous
  user) and has no row. ``label`` holds the small vocabulary of the event's other texts,
  ``origin`` the combinations of those that say where an event came from.
- ``event.request_id`` is the text as given, or the 16 bytes of a UUID. ``request`` finds it by a
  hash, which need not be unique: what it finds is compared. An entry may outlive its event, as an
  id is never given twice; clean-up sweeps the table from hash to hash, as far as ``ledger.swept``.
- ``series`` is a combination of device, endpoint, model and user.
- ``agg_day`` sums events by (dimension, local day, key); ``frozen`` rows are those whose events
  have been removed. ``agg_slot`` sums them by UTC quarter of an hour (µs // 900 s). The key order
  keeps one dimension's days together, which is what keeps the dashboard flat in the number of
  events. Both, and ``agg_home``, are complete up to the event ``ledger.summed``.
- ``slot_change`` says from which quarter of an hour on a series of ``agg_slot`` has changed since
  its hourly statistics were last taken; ``taken`` rows are being written elsewhere and go when that
  is done. ``hourly_series`` keeps what such a series is called there and the sums of its quarters
  that clean-up has removed, all before ``floor``; ``hourly_gone`` the names that are to be removed.
- ``notice`` remembers what has been announced, by kind, key and local day, so that a restart does
  not announce it again.
- ``event.home_cost`` is a frozen second figure in the household's own currency (picos of
  ``home_currency``, at the rate of the event's own time); both NULL where there is none.
  ``agg_home`` sums it as ``agg_day`` sums the rest, and has no row in a home without one.
- ``ledger`` has one row: the counters, the zone of the day rows, ``events_from``, the instant
  before which single events have been removed, and ``looked``, the local day on which what is
  watched was last looked at.
"""

from typing import Final

# auto_vacuum has to be set before the first table exists.
CREATION_PRAGMAS: Final = ("PRAGMA auto_vacuum = INCREMENTAL",)

# Pages in the write-ahead log after which a commit runs a checkpoint.
AUTO_CHECKPOINT: Final = 200

# FULL: an event that was acknowledged survives a power cut. The cache is small on purpose: the
# memory of a Raspberry Pi belongs to the house.
CONNECTION_PRAGMAS: Final = (
    "PRAGMA journal_mode = WAL",
    "PRAGMA synchronous = FULL",
    "PRAGMA cache_size = -8000",
    "PRAGMA journal_size_limit = 16777216",
    "PRAGMA busy_timeout = 10000",
    f"PRAGMA wal_autocheckpoint = {AUTO_CHECKPOINT}",
)

# Set once the schema is up to date: what a migration keeps for undoing is as large as the events.
TEMP_STORE: Final = "PRAGMA temp_store = MEMORY"

_TOTALS: Final = """
        requests INTEGER NOT NULL,
        failed INTEGER NOT NULL,
        without_usage INTEGER NOT NULL,
        prompt INTEGER NOT NULL,
        response INTEGER NOT NULL,
        cache_read INTEGER NOT NULL,
        cache_write INTEGER NOT NULL,
        cache_write_1h INTEGER NOT NULL,
        reasoning INTEGER NOT NULL,
        cost INTEGER NOT NULL,
        unpriced INTEGER NOT NULL,
        latency INTEGER NOT NULL,
        timed INTEGER NOT NULL,
"""

_SCHEMA_1: Final = (
    "CREATE TABLE device (id INTEGER PRIMARY KEY, key TEXT NOT NULL UNIQUE, name TEXT) STRICT",
    "CREATE TABLE endpoint (id INTEGER PRIMARY KEY, key TEXT NOT NULL UNIQUE) STRICT",
    """
    CREATE TABLE model (
        id INTEGER PRIMARY KEY,
        provider TEXT NOT NULL,
        key TEXT NOT NULL,
        name TEXT,
        UNIQUE (provider, key)
    ) STRICT
    """,
    "CREATE TABLE user (id INTEGER PRIMARY KEY, key TEXT NOT NULL UNIQUE) STRICT",
    "CREATE TABLE tag (id INTEGER PRIMARY KEY, key TEXT NOT NULL UNIQUE) STRICT",
    "CREATE TABLE label (id INTEGER PRIMARY KEY, key TEXT NOT NULL UNIQUE) STRICT",
    "CREATE TABLE tag_set (id INTEGER PRIMARY KEY, key TEXT NOT NULL UNIQUE) STRICT",
    """
    CREATE TABLE tag_set_tag (
        tag INTEGER NOT NULL,
        tag_set INTEGER NOT NULL,
        PRIMARY KEY (tag, tag_set)
    ) STRICT, WITHOUT ROWID
    """,
    """
    CREATE TABLE series (
        id INTEGER PRIMARY KEY,
        device INTEGER NOT NULL,
        endpoint INTEGER NOT NULL,
        model INTEGER NOT NULL,
        user INTEGER NOT NULL,
        UNIQUE (device, endpoint, model, user)
    ) STRICT
    """,
    """
    CREATE TABLE event (
        id INTEGER PRIMARY KEY,
        time INTEGER NOT NULL,
        series INTEGER NOT NULL,
        prompt INTEGER NOT NULL,
        response INTEGER NOT NULL,
        cache_read INTEGER NOT NULL,
        cache_write INTEGER NOT NULL,
        cache_write_1h INTEGER NOT NULL,
        reasoning INTEGER NOT NULL,
        cost INTEGER,
        cost_source INTEGER NOT NULL,
        priced_as INTEGER NOT NULL,
        latency INTEGER,
        ttft INTEGER,
        failed INTEGER NOT NULL,
        tag_set INTEGER NOT NULL,
        tier INTEGER NOT NULL,
        error_type INTEGER NOT NULL,
        agent INTEGER NOT NULL,
        context INTEGER NOT NULL,
        source INTEGER NOT NULL,
        recorded_by INTEGER NOT NULL,
        request_id TEXT,
        request_hash BLOB,
        metadata TEXT
    ) STRICT
    """,
    "CREATE INDEX event_time ON event (time)",
    "CREATE UNIQUE INDEX event_request ON event (request_hash) WHERE request_hash IS NOT NULL",
    "CREATE INDEX event_unpriced ON event (time) WHERE cost IS NULL",
    f"""
    CREATE TABLE agg_day (
        dimension INTEGER NOT NULL,
        day INTEGER NOT NULL,
        key INTEGER NOT NULL,
        frozen INTEGER NOT NULL,
        {_TOTALS}
        PRIMARY KEY (dimension, day, key, frozen)
    ) STRICT, WITHOUT ROWID
    """,
    """
    CREATE TABLE agg_slot (
        dimension INTEGER NOT NULL,
        slot INTEGER NOT NULL,
        key INTEGER NOT NULL,
        requests INTEGER NOT NULL,
        prompt INTEGER NOT NULL,
        response INTEGER NOT NULL,
        cost INTEGER NOT NULL,
        PRIMARY KEY (dimension, slot, key)
    ) STRICT, WITHOUT ROWID
    """,
    """
    CREATE TABLE rate (
        id INTEGER PRIMARY KEY,
        provider TEXT NOT NULL,
        key TEXT NOT NULL,
        model TEXT NOT NULL,
        effective INTEGER NOT NULL,
        prompt INTEGER NOT NULL,
        response INTEGER NOT NULL,
        cache_read INTEGER,
        cache_write INTEGER,
        cache_write_1h INTEGER,
        reasoning INTEGER,
        currency TEXT NOT NULL,
        notes TEXT,
        UNIQUE (provider, key, effective)
    ) STRICT
    """,
    """
    CREATE TABLE exchange_rate (
        currency TEXT NOT NULL,
        effective INTEGER NOT NULL,
        usd INTEGER NOT NULL,
        PRIMARY KEY (currency, effective)
    ) STRICT, WITHOUT ROWID
    """,
    """
    CREATE TABLE ledger (
        id INTEGER PRIMARY KEY CHECK (id = 1),
        events INTEGER NOT NULL,
        last_event INTEGER NOT NULL,
        events_from INTEGER,
        zone TEXT NOT NULL,
        clean_stop INTEGER NOT NULL
    ) STRICT
    """,
    "INSERT INTO ledger VALUES (1, 0, 0, NULL, '', 1)",
)

# What schemas 2 and 3 have in common.
_EVENT: Final = """id INTEGER PRIMARY KEY,
        time INTEGER NOT NULL,
        series INTEGER NOT NULL,
        prompt INTEGER NOT NULL,
        response INTEGER NOT NULL,
        cache_read INTEGER NOT NULL,
        cache_write INTEGER NOT NULL,
        cache_write_1h INTEGER NOT NULL,
        reasoning INTEGER NOT NULL,
        cost INTEGER,
        cost_source INTEGER NOT NULL,
        priced_as INTEGER NOT NULL,
        latency INTEGER,
        ttft INTEGER,
        failed INTEGER NOT NULL,
        tag_set INTEGER NOT NULL,
        tier INTEGER NOT NULL,
        error_type INTEGER NOT NULL,
        origin INTEGER NOT NULL,
        request_id ANY,"""

_UUID: Final = "-".join("[0-9a-f]" * length for length in (8, 4, 4, 4, 12))

_SCHEMA_2: Final = (
    # Events take half the room: request ids that are UUIDs as bytes, a short hash of them (beside
    # the text that it is compared with), and one number for where an event came from.
    """
    CREATE TABLE origin (
        id INTEGER PRIMARY KEY,
        agent INTEGER NOT NULL,
        context INTEGER NOT NULL,
        source INTEGER NOT NULL,
        recorded_by INTEGER NOT NULL
    ) STRICT
    """,
    "CREATE INDEX origin_parts ON origin (agent, context, source, recorded_by)",
    """
    INSERT INTO origin (agent, context, source, recorded_by)
    SELECT DISTINCT agent, context, source, recorded_by FROM event
    """,
    "ALTER TABLE event RENAME TO event_1",
    "DROP INDEX event_time",
    "DROP INDEX event_request",
    "DROP INDEX event_unpriced",
    f"""
    CREATE TABLE event (
        {_EVENT}
        request_hash BLOB,
        metadata TEXT
    ) STRICT
    """,
    f"""
    INSERT INTO event
    SELECT event_1.id, time, series, prompt, response, cache_read, cache_write, cache_write_1h,
        reasoning, cost, cost_source, priced_as, latency, ttft, failed, tag_set, tier, error_type,
        origin.id,
        CASE WHEN request_id GLOB '{_UUID}' THEN unhex(request_id, '-') ELSE request_id END,
        substr(request_hash, 1, 4), metadata
    FROM event_1 CROSS JOIN origin USING (agent, context, source, recorded_by)
    ORDER BY event_1.id
    """,
    "DROP TABLE event_1",
    "CREATE INDEX event_time ON event (time)",
    "CREATE INDEX event_request ON event (request_hash) WHERE request_hash IS NOT NULL",
    "CREATE INDEX event_unpriced ON event (time) WHERE cost IS NULL",
    # The name that the household gave a device, before what its clients call it.
    "ALTER TABLE device ADD COLUMN given TEXT",
    # What has been announced: a crossing, an anomaly, a model without a price; each once.
    """
    CREATE TABLE notice (
        kind TEXT NOT NULL,
        key TEXT NOT NULL,
        day INTEGER NOT NULL,
        PRIMARY KEY (kind, key, day)
    ) STRICT, WITHOUT ROWID
    """,
    # The local day on which what is watched was last looked at, NULL before the first time.
    "ALTER TABLE ledger ADD COLUMN looked INTEGER",
    """
    CREATE TABLE slot_change (
        dimension INTEGER NOT NULL,
        key INTEGER NOT NULL,
        taken INTEGER NOT NULL,
        slot INTEGER NOT NULL,
        PRIMARY KEY (dimension, key, taken)
    ) STRICT, WITHOUT ROWID
    """,
    # All hours of an existing ledger are still to be handed out.
    "INSERT INTO slot_change SELECT dimension, key, 0, MIN(slot) FROM agg_slot GROUP BY 1, 2",
    """
    CREATE TABLE hourly_series (
        dimension INTEGER NOT NULL,
        key INTEGER NOT NULL,
        slug TEXT NOT NULL UNIQUE,
        floor INTEGER NOT NULL,
        requests INTEGER NOT NULL,
        tokens INTEGER NOT NULL,
        cost_high INTEGER NOT NULL,
        cost_low INTEGER NOT NULL,
        PRIMARY KEY (dimension, key)
    ) STRICT, WITHOUT ROWID
    """,
    "CREATE TABLE hourly_gone (slug TEXT PRIMARY KEY NOT NULL) STRICT, WITHOUT ROWID",
    # The cost in the household's own currency, and its sums.
    "ALTER TABLE event ADD COLUMN home_cost INTEGER",
    "ALTER TABLE event ADD COLUMN home_currency TEXT",
    """
    CREATE TABLE agg_home (
        dimension INTEGER NOT NULL,
        day INTEGER NOT NULL,
        key INTEGER NOT NULL,
        frozen INTEGER NOT NULL,
        currency TEXT NOT NULL,
        requests INTEGER NOT NULL,
        cost INTEGER NOT NULL,
        PRIMARY KEY (dimension, day, key, frozen, currency)
    ) STRICT, WITHOUT ROWID
    """,
)

_SCHEMA_3: Final = (
    # Hashes are in no order, so each event that went changed a page of their index. A table of
    # their own is swept in its own order, many of them to a page.
    """
    CREATE TABLE request (
        hash BLOB NOT NULL,
        event INTEGER NOT NULL,
        PRIMARY KEY (hash, event)
    ) STRICT, WITHOUT ROWID
    """,
    """
    INSERT INTO request SELECT request_hash, id FROM event
    WHERE request_hash IS NOT NULL ORDER BY request_hash, id
    """,
    # DROP COLUMN would take less time, and write every 0 and 1 of what is left in a byte more.
    "ALTER TABLE event RENAME TO event_2",
    "DROP INDEX event_time",
    "DROP INDEX event_request",
    "DROP INDEX event_unpriced",
    f"""
    CREATE TABLE event (
        {_EVENT}
        metadata TEXT,
        home_cost INTEGER,
        home_currency TEXT
    ) STRICT
    """,
    """
    INSERT INTO event
    SELECT id, time, series, prompt, response, cache_read, cache_write, cache_write_1h, reasoning,
        cost, cost_source, priced_as, latency, ttft, failed, tag_set, tier, error_type, origin,
        request_id, metadata, home_cost, home_currency
    FROM event_2 ORDER BY id
    """,
    "DROP TABLE event_2",
    "CREATE INDEX event_time ON event (time)",
    "CREATE INDEX event_unpriced ON event (time) WHERE cost IS NULL",
    "ALTER TABLE ledger ADD COLUMN swept BLOB NOT NULL DEFAULT x''",
)

_SCHEMA_4: Final = (
    # Sums may be written later than the events; up to here they are complete.
    "ALTER TABLE ledger ADD COLUMN summed INTEGER NOT NULL DEFAULT 0",
    "UPDATE ledger SET summed = last_event",
)

MIGRATIONS: Final[tuple[tuple[str, ...], ...]] = (_SCHEMA_1, _SCHEMA_2, _SCHEMA_3, _SCHEMA_4)
SCHEMA_VERSION: Final = len(MIGRATIONS)
