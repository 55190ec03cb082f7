"""What processes were promised by the ledger, and whether it was kept."""

import random

from .books import Books
from .burdens import DELETED, DELETING, READY, RECORDED


class Promises:
    """What all processes so far were answered."""

    def __init__(self) -> None:
        self.recorded: dict[int, int] = {}
        self.deleting: set[int] = set()
        self.deleted: set[int] = set()

    def hear(self, what: str, *numbers: int) -> None:
        if what == RECORDED:
            event_id, number = numbers
            assert event_id not in self.recorded
            self.recorded[event_id] = number
        elif what == DELETING:
            self.deleting.add(numbers[0])
        elif what == DELETED:
            self.deleted.add(numbers[0])
        else:
            assert (what, numbers) == (READY, ())

    def sample(self, luck: random.Random) -> list[tuple[int, int]]:
        """Return some events to be sent again."""
        left = sorted(self.recorded.items() - {(n, self.recorded[n]) for n in self.deleting})
        return luck.sample(left, min(20, len(left)))

    def check(self, books: Books, *, cleans: bool) -> None:
        """Everything acknowledged is there once, unless it was removed on purpose."""
        assert len(set(books.events.values())) == len(books.events), "something was stored twice"
        kept = {n: number for n, number in self.recorded.items() if n not in self.deleting}
        if not cleans:
            assert kept.items() <= books.events.items()
            assert not self.deleted & books.events.keys()
            assert books.counted == len(books.events)
        else:
            # Its id was given, and every id given is counted: by a day that is there or frozen.
            assert max(kept, default=0) <= books.last_event
            assert books.counted == books.last_event
            for event_id, number in books.events.items() & kept.items():
                assert kept[event_id] == number
