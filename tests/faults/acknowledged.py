"""What the ledger acknowledged to processes, and whether all of it is still there."""

import random

from .audit import Audit
from .workloads import DELETED, DELETING, READY, RECORDED


class Acknowledged:
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

    def check(self, found: Audit, *, cleans: bool) -> None:
        """Everything acknowledged is there once, unless it was removed on purpose."""
        assert len(set(found.events.values())) == len(found.events), "something was stored twice"
        kept = {n: number for n, number in self.recorded.items() if n not in self.deleting}
        if not cleans:
            assert kept.items() <= found.events.items()
            assert not self.deleted & found.events.keys()
            assert found.counted == len(found.events)
        else:
            # Its id was given, and every id given is counted: by a day that is there or frozen.
            assert max(kept, default=0) <= found.last_event
            assert found.counted == found.last_event
            for event_id, number in found.events.items() & kept.items():
                assert kept[event_id] == number
