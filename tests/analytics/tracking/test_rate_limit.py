"""What a client may record in a time, against counting by hand."""

from fractions import Fraction
from math import ceil

from hypothesis import given, strategies as st

from custom_components.llm_analytics.analytics import RateLimit

SECOND = 1_000_000_000


class Clock:
    """A clock that is set by hand."""

    def __init__(self) -> None:
        self.now = 7_000_000_000_123

    def __call__(self) -> int:
        return self.now


def test_a_minutes_worth_may_be_spent_at_once_and_comes_back_evenly() -> None:
    clock = Clock()
    allowance = RateLimit(3, clock=clock)
    for _ in range(3):
        assert allowance.wait() == 0
        allowance.charge(1)
    assert allowance.wait() == 20
    clock.now += 19 * SECOND
    assert allowance.wait() == 1
    clock.now += SECOND - 1
    assert allowance.wait() == 1
    clock.now += 1
    assert allowance.wait() == 0
    allowance.charge(1)
    assert allowance.wait() == 20


def test_a_batch_is_taken_whole_and_waited_for() -> None:
    clock = Clock()
    allowance = RateLimit(60, clock=clock)
    allowance.charge(1000)
    assert allowance.wait() == 941
    clock.now += 941 * SECOND
    assert allowance.wait() == 0
    allowance.charge(1)
    assert allowance.wait() == 1


def test_no_more_than_a_minutes_worth_is_saved_up() -> None:
    clock = Clock()
    allowance = RateLimit(2, clock=clock)
    clock.now += 3600 * SECOND
    for _ in range(2):
        assert allowance.wait() == 0
        allowance.charge(1)
    assert allowance.wait() == 30


@given(
    per_minute=st.integers(1, 60_000),
    steps=st.lists(
        st.tuples(st.integers(0, 200 * SECOND), st.integers(1, 1000)), min_size=1, max_size=60
    ),
)
def test_it_is_the_bucket_of_the_book(per_minute: int, steps: list[tuple[int, int]]) -> None:
    clock = Clock()
    allowance = RateLimit(per_minute, clock=clock)
    left = Fraction(per_minute)
    passed = taken = last = 0
    for pause, batch in steps:
        clock.now += pause
        passed += pause
        rate = Fraction(per_minute, 60 * SECOND)
        left = min(Fraction(per_minute), left + pause * rate)
        missing = max(Fraction(0), 1 - left)
        assert allowance.wait() == ceil(missing / rate / SECOND)
        if missing == 0:
            allowance.charge(batch)
            left -= batch
            taken, last = taken + batch, batch
            assert taken - last <= per_minute + passed * rate
