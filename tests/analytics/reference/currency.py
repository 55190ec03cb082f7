"""Converting and forgetting, as the contract words them, for the reference ledger.

An event is converted by the last rate that held at its own time, and never again by itself. Where
a later conversion is asked for, one without a rate stays as it is.
"""

from dataclasses import dataclass
from datetime import datetime

from .answers import Answer
from .ledger import Entry
from .prices import PricedLedger


@dataclass(slots=True)
class HomeLedger(PricedLedger):
    """A reference ledger that can convert what it holds, and forget whose it was."""

    def convert(
        self, start: datetime | None, end: datetime | None, *, only_unconverted: bool
    ) -> Answer:
        """Answer POST /cost/convert."""
        self.check_instants(start, end)
        if start is not None:
            self.check(start, "start")
        converted = left = 0
        for entry in self.entries:
            inside = (start is None or start <= entry.time) and (end is None or entry.time < end)
            if not entry.present or entry.day is not None or not inside:
                continue
            before = entry.home
            if before is None or not only_unconverted:
                entry.home = self.home_cost(entry.cost, self.currency, entry.time) or before
            converted += entry.home != before
            left += entry.home is None or entry.home[1] != self.currency
        return {
            "currency": self.currency,
            "converted_events": converted,
            "still_unconverted": left,
            "skipped": self.skipped(start, end),
        }

    def matching(self, name: str, key: str) -> list[Entry]:
        """Return everything that was ever a device's or a user's."""
        return [entry for entry in self.entries if getattr(entry, name) == key]

    def forget(self, name: str, key: str, *, delete: bool) -> int | None:
        """Make a device's or a user's events nobody's; return how many, None if never seen."""
        entries = self.matching(name, key)
        if not entries:
            return None
        touched = [entry for entry in entries if entry.present]
        for entry in touched if delete else ():
            self.delete(entry.id)
        nothing = dict.fromkeys(
            ("device_ip", "device_id", "device_name") if name == "device" else ("user_id",)
        )
        for entry in entries:
            entry.given = entry.given | nothing
        self.device_names.pop(key, None)
        self.given_names.pop(key, None)
        return len(touched)
