"""Many rows by few statements are the same rows."""

from contextlib import closing
from itertools import chain
import sqlite3

from hypothesis import given, strategies as st
import pytest

from custom_components.llm_analytics.analytics.store.rows import Insert

TABLE = "CREATE TABLE sums (key INTEGER PRIMARY KEY, count INTEGER NOT NULL, cost INTEGER) STRICT"
ADDED = "ON CONFLICT (key) DO UPDATE SET count = count + excluded.count, cost = excluded.cost"
ADD = Insert("sums", ("key", "count", "cost"), ADDED)
ROW = st.tuples(st.integers(0, 50), st.integers(-5, 5), st.none() | st.integers(0, 5))


@given(rows=st.lists(ROW, max_size=200))
def test_as_many_rows_as_there_are_are_added_in_their_order(
    rows: list[tuple[int, int, int | None]],
) -> None:
    slow: dict[int, tuple[int, int | None]] = {}
    for key, count, cost in rows:
        slow[key] = slow.get(key, (0, None))[0] + count, cost
    with closing(sqlite3.connect(":memory:")) as db:
        db.execute(TABLE)
        ADD.rows(db, [*chain.from_iterable(rows)])
        found = {key: (count, cost) for key, count, cost in db.execute("SELECT * FROM sums")}
    assert found == slow


@pytest.mark.parametrize("count", [1, 64, 100])
def test_a_sum_beyond_64_bits_is_refused(count: int) -> None:
    rows = [(number, 1, None) for number in range(count)]
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as db:
        db.execute(TABLE)
        db.execute("INSERT INTO sums VALUES (?, ?, NULL)", (count - 1, 2**63 - 1))
        db.execute("BEGIN")
        with pytest.raises(sqlite3.IntegrityError):
            ADD.rows(db, [*chain.from_iterable(rows)])
        db.execute("ROLLBACK")
        assert db.execute("SELECT COUNT(*) FROM sums").fetchone() == (1,)
