"""What the engine's errors carry, and which of them is a kind of which."""

import pytest

from custom_components.llm_analytics.analytics import errors
from custom_components.llm_analytics.analytics.errors import (
    AnalyticsError,
    ClosedError,
    DamagedDatabaseError,
    EventsRemovedError,
    InvalidInputError,
    NewerSchemaError,
    NotFoundError,
    StorageError,
)


def test_invalid_input_carries_field_and_reason() -> None:
    error = InvalidInputError("tokens_prompt", "must be 0 to 10, got 11")
    assert (error.field, error.reason, error.index) == (
        "tokens_prompt",
        "must be 0 to 10, got 11",
        None,
    )
    assert str(error) == "tokens_prompt: must be 0 to 10, got 11"


def test_invalid_input_in_a_batch_names_the_position() -> None:
    single = InvalidInputError("model", "too long")
    error = single.at(3)
    assert (error.field, error.reason, error.index) == ("events[3].model", "too long", 3)
    assert str(error) == "events[3].model: too long"
    assert (single.field, single.index) == ("model", None)


def test_not_found_carries_thing_and_key() -> None:
    error = NotFoundError("event", "17")
    assert (error.thing, error.key) == ("event", "17")
    assert str(error) == "event not found: 17"


def test_events_removed_says_from_when_events_are_there() -> None:
    error = EventsRemovedError("start", "2026-10-01T00:00:00+02:00")
    assert (error.field, error.events_from) == ("start", "2026-10-01T00:00:00+02:00")
    assert str(error) == (
        "start: this question needs single events, and those before 2026-10-01T00:00:00+02:00 "
        "have been removed by clean-up; ask for a later time or for whole days"
    )


def test_closed_says_so() -> None:
    assert str(ClosedError()) == "the ledger is closed"


def test_newer_schema_carries_both_versions() -> None:
    error = NewerSchemaError(found=9, known=1)
    assert (error.found, error.known) == (9, 1)
    assert str(error) == "the database has schema 9, this version knows up to 1"


@pytest.mark.parametrize("kind", [NewerSchemaError, DamagedDatabaseError])
def test_trouble_with_the_file_is_a_storage_error(kind: type[Exception]) -> None:
    assert issubclass(kind, StorageError)


def test_every_error_of_the_engine_has_one_base() -> None:
    kinds = {
        value
        for value in vars(errors).values()
        if isinstance(value, type) and issubclass(value, Exception)
    }
    assert kinds == {
        AnalyticsError,
        ClosedError,
        DamagedDatabaseError,
        EventsRemovedError,
        InvalidInputError,
        NewerSchemaError,
        NotFoundError,
        StorageError,
    }
    assert all(issubclass(kind, AnalyticsError) for kind in kinds)
