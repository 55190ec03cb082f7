"""Dated prices, repricing and hours, as the contract words them, for the reference ledger.

Where the contract leaves a choice open, this is what is expected:

- ``repriced_events`` are those whose cost, source or matched name is another than before;
  ``cost_before``, ``cost_after`` and ``still_unpriced`` are over all events that were looked at;
- ``skipped`` lists the days, of those asked for, that have sums whose events are gone;
- a repriced event whose cost changed is converted anew, by the rate of its own time: into the
  currency that it was in, if it was in one;
- in the list of unpriced models the tokens are those of the unpriced requests; of days whose
  events are gone only a model's tokens by day are known, so there it is all tokens of the days
  on which one of its requests was unpriced;
- quarters of an hour have no date: where the sums of days are not kept, the oldest quarters go
  with them, as many whole ones as make up for the requests that the days counted. Only a change of
  the zone between two clean-ups makes this a choice.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal

from .answers import Answer
from .ledger import ALWAYS, DAY, EXACT, QUARTER, Entry, Event, Ledger, first_instant, round_to

type Rates = tuple[Decimal, Decimal]


def quarter_of(entry: Entry) -> int:
    """Return the number of an event's quarter of an hour."""
    return (entry.time - ALWAYS) // QUARTER


@dataclass(slots=True)
class Override:
    """A price that the user has set; the model's name in lower case."""

    provider: str
    model: str
    effective: datetime
    prompt: Decimal
    response: Decimal


@dataclass(slots=True)
class PricedLedger(Ledger):
    """A reference ledger whose user sets prices; ``timed`` are the entries that hours count."""

    overrides: list[Override] = field(default_factory=list)
    timed: list[Entry] = field(default_factory=list)

    def record(self, event: Event, *, now: datetime) -> tuple[Entry, bool]:
        """Store one event at the price that holds at its time."""
        entry, duplicate = Ledger.record(self, event, now=now)
        if not duplicate and entry.cost_source != "reported":
            entry.cost, entry.cost_source, entry.priced_as = self.price(entry)
            entry.home = self.home_cost(entry.cost, self.currency, entry.time)
        if not duplicate:
            self.timed.append(entry)
        return entry, duplicate

    def delete(self, event_id: int) -> bool:
        """Delete one event, from hours as well."""
        deleted = Ledger.delete(self, event_id)
        self.timed = [entry for entry in self.timed if not deleted or entry.id != event_id]
        return deleted

    def clean_up(self, before: date, *, keep_aggregates: bool) -> int:
        """Remove events, and with the sums of days the quarters of an hour."""
        gone = Ledger.clean_up(self, before, keep_aggregates=keep_aggregates)
        surplus = len(self.timed) - sum(entry.counted for entry in self.entries)
        quarters = sorted({quarter_of(entry) for entry in self.timed})
        for quarter in quarters if not keep_aggregates else ():
            here = [entry for entry in self.timed if quarter_of(entry) == quarter]
            surplus -= len(here)
            if surplus < 0:
                break
            self.timed = [entry for entry in self.timed if entry not in here]
        return gone

    def price(self, entry: Entry) -> tuple[Decimal | None, str, str | None]:
        """Return what an event without a reported cost costs."""
        model = (entry.given.get("model") or "").casefold()
        holding = [
            override
            for override in self.overrides
            if (override.provider, override.model) == (entry.given["provider"], model)
            and override.effective <= entry.time
        ]
        if not holding:
            return self._price(entry.given)
        newest = max(holding, key=lambda override: override.effective)
        cost = EXACT.divide(
            entry.given["tokens_prompt"] * newest.prompt
            + entry.given["tokens_response"] * newest.response,
            Decimal(1_000_000),
        )
        return round_to(cost, 12), "override", f"override:{newest.provider}/{newest.model}"

    # Setting prices

    def set_rate(
        self, model: tuple[str, str], rates: Rates, effective: datetime | None, *, now: datetime
    ) -> Override:
        """Store a dated price; without a date it holds always if it is the first, else from now."""
        if effective is None:
            known = any((one.provider, one.model) == model for one in self.overrides)
            effective = now if known else ALWAYS
        rate = Override(*model, effective, *rates)
        self.delete_rates(*model, effective)
        self.overrides.append(rate)
        return rate

    def delete_rates(self, provider: str, model: str, effective: datetime | None) -> int:
        """Delete one or all prices of a model; return how many."""
        kept = [
            one
            for one in self.overrides
            if (one.provider, one.model) != (provider, model)
            or effective not in {None, one.effective}
        ]
        deleted = len(self.overrides) - len(kept)
        self.overrides = kept
        return deleted

    # Repricing

    def reprice(
        self, start: datetime | None, end: datetime | None, *, only_unpriced: bool
    ) -> Answer:
        """Answer POST /cost/reprice."""
        self.check_instants(start, end)
        if start is not None:
            self.check(start, "start")
        chosen = [
            entry
            for entry in self.live()
            if (start is None or start <= entry.time)
            and (end is None or entry.time < end)
            and (entry.cost is None or not only_unpriced)
        ]
        return self.give_prices(chosen, start, end)

    def reprice_model(self, rate: Override) -> Answer:
        """Answer the repricing that comes with a new price."""
        chosen = [
            entry
            for entry in self.live()
            if entry.model_key == (rate.provider, rate.model) and entry.time >= rate.effective
        ]
        return self.give_prices(chosen, None if rate.effective == ALWAYS else rate.effective, None)

    def live(self) -> list[Entry]:
        """Return the events that a new price may move."""
        return [
            entry
            for entry in self.entries
            if entry.present and entry.day is None and entry.cost_source != "reported"
        ]

    def give_prices(
        self, entries: Sequence[Entry], start: datetime | None, end: datetime | None
    ) -> Answer:
        """Give events the price that holds now, and return what changed."""
        repriced = unpriced = 0
        before = after = Decimal(0)
        for entry in entries:
            price = self.price(entry)
            repriced += price != (entry.cost, entry.cost_source, entry.priced_as)
            before = EXACT.add(before, entry.cost or Decimal(0))
            if price[0] != entry.cost:
                currency = self.currency if entry.home is None else entry.home[1]
                entry.home = self.home_cost(price[0], currency, entry.time)
            entry.cost, entry.cost_source, entry.priced_as = price
            after = EXACT.add(after, entry.cost or Decimal(0))
            unpriced += entry.cost is None
        return {
            "repriced_events": repriced,
            "cost_before": before,
            "cost_after": after,
            "still_unpriced": unpriced,
            "skipped": self.skipped(start, end),
        }

    def skipped(self, start: datetime | None, end: datetime | None) -> list[str]:
        """Return the days, of those asked for, that have sums whose events are gone."""
        return [
            str(day)
            for day in self.frozen_days()
            if (start is None or first_instant(day + DAY, self.zone) > start)
            and (end is None or first_instant(day, self.zone) < end)
        ]

    def frozen_days(self) -> list[date]:
        """Return the days that have sums whose events are gone."""
        return sorted({entry.day for entry in self.entries if entry.counted and entry.day})

    # The price list

    def unpriced(self, provider: str | None = None) -> list[Answer]:
        """Answer what /cost/rates lists as unpriced, most requests first."""
        rows = []
        for key in {entry.model_key for entry in self.entries}:
            mine = [entry for entry in self.entries if entry.counted and entry.model_key == key]
            days = {self.day_of(entry) for entry in mine if entry.day and entry.cost is None}
            unpriced = [entry for entry in mine if entry.cost is None]
            tokens = [
                entry.given["tokens_prompt"] + entry.given["tokens_response"]
                for entry in mine
                if (entry.day in days if entry.day else entry.cost is None)
            ]
            if unpriced and provider in {None, key[0]}:
                last = max(self.day_of(entry) for entry in unpriced)
                rows.append(
                    {
                        "provider": key[0],
                        "model": self.spellings[key],
                        "requests": len(unpriced),
                        "tokens": sum(tokens),
                        "last": str(last),
                    }
                )
        return sorted(rows, key=lambda row: (-row["requests"], row["provider"], row["model"] or ""))

    def rates(
        self, provider: str | None, *, now: datetime
    ) -> set[tuple[str, str | None, str, bool]]:
        """Return (provider, model, source, used) of the price list, without unused defaults."""
        rows: set[tuple[str, str | None, str, bool]] = set()
        used = {entry.model_key for entry in self.entries}
        for one in self.overrides:
            rows.add((one.provider, one.model, "override", (one.provider, one.model) in used))
        rows |= {(*key, "default", True) for key in self.prices if key in used}
        for key in used:
            spelled = self.spellings[key]
            overridden = any(
                (one.provider, one.model) == key and one.effective <= now
                for one in self.overrides
                if spelled is not None
            )
            if not overridden and key[0] in self.free:
                rows.add((key[0], spelled, "free", True))
            elif not overridden and (spelled is None or key not in self.prices):
                rows.add((key[0], spelled, "unpriced", True))
        return {row for row in rows if provider in {None, row[0]}}
