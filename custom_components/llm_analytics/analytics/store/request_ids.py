"""Request ids: each is stored once within its provider, in as few bytes as it takes.

A UUID in its usual form is kept as its 16 bytes, any other text as it is. The table ``request``
holds four bytes of a hash of provider and request id, which tell nearly all events apart; those
that it finds are compared by the request id itself and the provider, so two that share a hash are
still two.

An event that is removed leaves its entry, which finds nothing then. The entries of one day lie all
over the table, each in a page of its own, so they are not looked for: for each event that clean-up
removes, the next few entries in the table's own order are looked at, page by page, round and round.
So no more than about one entry in ``_LOOKED_AT`` is without its event, however long it goes on.
"""

from collections.abc import Collection
import hashlib
from itertools import batched
import re
import sqlite3
from typing import Final

from ..models import OTHER

_HASH_BYTES: Final = 4
_UUID: Final = re.compile("[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
# Beyond the cap of models a provider is no longer known: there the hash alone stands for it.
_FIND: Final = f"""
    SELECT event.id FROM request
    CROSS JOIN event ON event.id = request.event
    CROSS JOIN series ON series.id = event.series
    CROSS JOIN model ON model.id = series.model
    WHERE request.hash = ? AND event.request_id = ? AND model.provider IN (?, '{OTHER}')
"""
_ASKED_AT_ONCE: Final = 256
_STORED: Final = {
    marks: f"SELECT hash FROM request WHERE hash IN ({', '.join('?' * marks)})"
    for marks in (1 << power for power in range(_ASKED_AT_ONCE.bit_length()))
}
_LOOKED_AT: Final = 10
# The lowest ids that are left are those of the oldest events, but for a few that a clock ahead of
# its time has dated: these would keep all beyond them from being swept for years.
_LEFT_BEHIND: Final = 1_000
_SWEEP_FROM: Final = """
    SELECT swept, COALESCE((SELECT id FROM event ORDER BY id LIMIT 1 OFFSET ?), last_event + 1)
    FROM ledger
"""
_SWEEP_TO: Final = "SELECT hash FROM request WHERE hash > ? ORDER BY hash LIMIT 1 OFFSET ?"
_SWEEP: Final = """
    DELETE FROM request WHERE hash > ? AND hash <= ? AND event < ?
    AND NOT EXISTS (SELECT 1 FROM event WHERE event.id = request.event)
"""
_STORE: Final = "INSERT INTO request (hash, event) VALUES (?, ?)"
_START: Final = b""
_END: Final = b"\xff" * (_HASH_BYTES + 1)


def request_hash(provider: str, request_id: str) -> bytes:
    """Return what a provider's request is found by; not unique."""
    key = f"{provider}\0{request_id}".encode()
    return hashlib.blake2b(key, digest_size=16).digest()[:_HASH_BYTES]


def to_stored(request_id: str) -> str | bytes:
    """Return a request id as the file keeps it."""
    if _UUID.fullmatch(request_id):
        return bytes.fromhex(request_id.replace("-", ""))
    return request_id


def from_stored(stored: str | bytes | None) -> str | None:
    """Return a request id as it was given."""
    if not isinstance(stored, bytes):
        return stored
    text = stored.hex()
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"


def stored_hashes(db: sqlite3.Connection, hashes: Collection[bytes]) -> set[bytes]:
    """Return which of the hashes the file has events of."""
    found: set[bytes] = set()
    for some in batched(hashes, _ASKED_AT_ONCE, strict=False):
        # As many marks as a power of two, so that there are few different statements to prepare.
        marks = 1 << (len(some) - 1).bit_length()
        asked = some + some[-1:] * (marks - len(some))
        found.update(row[0] for row in db.execute(_STORED[marks], asked))
    return found


def find_request(
    db: sqlite3.Connection, provider: str, request_id: str | bytes, hashed: bytes
) -> int | None:
    """Return the id of the event that has a provider's request id (as stored), if there is one."""
    row = db.execute(_FIND, (hashed, request_id, provider)).fetchone()
    return None if row is None else row[0]


def store_requests(db: sqlite3.Connection, requests: Collection[tuple[bytes, int]]) -> None:
    """Let events (by id) be found by their hashes, in the caller's transaction."""
    db.executemany(_STORE, sorted(requests))


def sweep_requests(db: sqlite3.Connection, removed: int) -> None:
    """Remove what is left of events, as far as is due for so many, in the caller's transaction."""
    start, beyond = db.execute(_SWEEP_FROM, (_LEFT_BEHIND,)).fetchone()
    row = db.execute(_SWEEP_TO, (start, removed * _LOOKED_AT)).fetchone()
    end = _END if row is None else row[0]
    db.execute(_SWEEP, (start, end, beyond))
    db.execute("UPDATE ledger SET swept = ?", (_START if row is None else end,))
