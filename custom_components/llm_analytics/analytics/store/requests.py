"""Request ids: each is stored once within its provider, in as few bytes as it takes.

A UUID in its usual form is kept as its 16 bytes, any other text as it is. The index holds four
bytes of a hash of provider and request id, which tell nearly all events apart; those that it finds
are compared by the request id itself and the provider, so two that share a hash are still two.
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
    SELECT event.id FROM event
    CROSS JOIN series ON series.id = event.series
    CROSS JOIN model ON model.id = series.model
    WHERE event.request_hash = ? AND event.request_id = ? AND model.provider IN (?, '{OTHER}')
"""
_ASKED_AT_ONCE: Final = 256
_STORED: Final = {
    marks: f"SELECT request_hash FROM event WHERE request_hash IN ({', '.join('?' * marks)})"
    for marks in (1 << power for power in range(_ASKED_AT_ONCE.bit_length()))
}


def request_hash(provider: str, request_id: str) -> bytes:
    """Return what the index finds a provider's request by; not unique."""
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
