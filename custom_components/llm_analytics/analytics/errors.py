"""Everything the engine raises.

One base and a child for each way a caller has to react. No text here is meant for a user's eyes
as it stands: the shell maps each class to a translated message or an HTTP status, with the
attributes as placeholders. ``str(error)`` is plain English for logs and for Python callers.
"""


class AnalyticsError(Exception):
    """Base of every error the engine raises on purpose."""


class InvalidInputError(AnalyticsError):
    """Raised when a value given by the caller is not acceptable; nothing was changed.

    ``field`` names the value as the API does, ``reason`` says what was given and what is
    accepted, ``index`` is the position in a batch, if there was one.
    """

    def __init__(self, field: str, reason: str, *, index: int | None = None) -> None:
        """Keep the parts for the shell's translation."""
        super().__init__(f"{field}: {reason}")
        self.field = field
        self.reason = reason
        self.index = index

    def at(self, index: int) -> InvalidInputError:
        """Return the same error for position ``index`` of a batch."""
        return InvalidInputError(f"events[{index}].{self.field}", self.reason, index=index)


class NotFoundError(AnalyticsError):
    """Raised when the caller names a thing (an event, a device) that the ledger does not hold."""

    def __init__(self, thing: str, key: str) -> None:
        """Keep the parts for the shell's translation."""
        super().__init__(f"{thing} not found: {key}")
        self.thing = thing
        self.key = key


class EventsRemovedError(AnalyticsError):
    """Raised when a question needs single events that a clean-up has removed.

    ``events_from`` is the ISO 8601 instant from which events are still there.
    """

    def __init__(self, field: str, events_from: str) -> None:
        """Keep the parts for the shell's translation."""
        super().__init__(
            f"{field}: this question needs single events, and those before {events_from} "
            "have been removed by clean-up; ask for a later time or for whole days"
        )
        self.field = field
        self.events_from = events_from


class ClosedError(AnalyticsError):
    """Raised when the ledger is asked for something while it is closed or closing."""

    def __init__(self) -> None:
        """Say the one thing there is to say."""
        super().__init__("the ledger is closed")


class StorageError(AnalyticsError):
    """Raised when the database file cannot be read or written (disk full, locked, read-only).

    What was being written is not stored; what was acknowledged before stays.
    """


class NewerSchemaError(StorageError):
    """Raised on opening a file that a newer version has written; the file is left untouched."""

    def __init__(self, found: int, known: int) -> None:
        """Keep the parts for the shell's translation."""
        super().__init__(f"the database has schema {found}, this version knows up to {known}")
        self.found = found
        self.known = known


class DamagedDatabaseError(StorageError):
    """Raised when SQLite finds the database file damaged."""
