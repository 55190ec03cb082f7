"""A ledger that is slow and obvious: a list of events and plain loops, written from the contract.

It shares no code with the engine: its calendar, its prices and its order are its own. Events are
plain dictionaries with the engine's field names; amounts are Decimals, instants are in UTC.
``reference_answers`` asks it the API's questions.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from decimal import ROUND_HALF_EVEN, Context, Decimal
from functools import cache
from typing import Any
from zoneinfo import ZoneInfo

from ..known_homes import Home

type Event = dict[str, Any]
type Wanted = Mapping[str, str]

DAY = timedelta(days=1)
QUARTER = timedelta(minutes=15)
EXACT = Context(prec=100, rounding=ROUND_HALF_EVEN)
ALWAYS = datetime(1, 1, 1, tzinfo=UTC)


class RemovedError(Exception):
    """The question needs single events that a clean-up has removed; the text is the field."""


def local_date(moment: datetime, zone: ZoneInfo) -> date:
    """Return what a calendar on the wall shows."""
    return moment.astimezone(zone).date()


@cache
def first_instant(day: date, zone: ZoneInfo) -> datetime:
    """Return the first quarter of an hour at which the calendar shows ``day``, by looking."""
    moment = datetime(day.year, day.month, day.day, tzinfo=UTC) - timedelta(hours=15)
    while local_date(moment, zone) < day:
        moment += QUARTER
    return moment


def round_to(value: Decimal, places: int) -> Decimal:
    """Return ``value`` with at most ``places`` places, halves to the even one."""
    return value.quantize(Decimal(1).scaleb(-places), context=EXACT)


def mean(total: Decimal | int, count: int, places: int) -> Decimal:
    """Return the rounded mean."""
    return round_to(EXACT.divide(Decimal(total), Decimal(count)), places)


@dataclass(slots=True, eq=False)
class Entry:
    """One recorded event and what has become of it.

    ``day`` is None while the event is live: then it lies on the day that the present zone says.
    ``present``: the event itself is there. ``counted``: it is in the totals. ``home``: its cost in
    the household's own currency, and which that was.
    """

    id: int
    time: datetime
    given: Event
    cost: Decimal | None
    cost_source: str
    priced_as: str | None
    home: tuple[Decimal, str] | None = None
    day: date | None = None
    present: bool = True
    counted: bool = True

    @property
    def device(self) -> str | None:
        """Return the key of its device."""
        if self.given.get("device_ip") is not None:
            return f"ip:{self.given['device_ip']}"
        if self.given.get("device_id") is not None:
            return f"ha:{self.given['device_id']}"
        return None

    @property
    def user(self) -> str:
        """Return its user."""
        return self.given.get("user_id") or "anonymous"

    @property
    def model_key(self) -> tuple[str, str]:
        """Return provider and model as they are compared."""
        return self.given["provider"], (self.given.get("model") or "unknown").casefold()

    def matches(self, wanted: Wanted) -> bool:
        """Return whether every part of a filter holds."""
        provider, model = self.model_key
        return all(
            (
                wanted.get("device", self.device) == self.device,
                wanted.get("endpoint", self.given["endpoint"]) == self.given["endpoint"],
                wanted.get("provider", provider) == provider,
                wanted.get("model", model).casefold() in {model, f"{provider}/{model}"},
                wanted.get("user", self.user) == self.user,
                "tag" not in wanted or wanted["tag"] in self.given.get("tags", ()),
            )
        )


@dataclass(slots=True)
class Sums:
    """What every answer adds up."""

    requests: int = 0
    failed: int = 0
    prompt: int = 0
    response: int = 0
    cost: Decimal = Decimal(0)
    unpriced: int = 0
    latency_us: int = 0
    timed: int = 0
    home: dict[str, Decimal] = field(default_factory=dict)
    converted: dict[str, int] = field(default_factory=dict)

    @property
    def tokens(self) -> int:
        """Return all tokens."""
        return self.prompt + self.response


def add_up(entries: Iterable[Entry]) -> Sums:
    """Return the sums of some entries, one after the other."""
    sums = Sums()
    for entry in entries:
        sums.requests += 1
        sums.failed += entry.given.get("status") == "error"
        sums.prompt += entry.given["tokens_prompt"]
        sums.response += entry.given["tokens_response"]
        if entry.cost is None:
            sums.unpriced += 1
        else:
            sums.cost = EXACT.add(sums.cost, entry.cost)
        if entry.home is not None:
            amount, currency = entry.home
            sums.home[currency] = EXACT.add(sums.home.get(currency, Decimal(0)), amount)
            sums.converted[currency] = sums.converted.get(currency, 0) + 1
        if entry.given.get("latency_us") is not None:
            sums.latency_us += entry.given["latency_us"]
            sums.timed += 1
    return sums


@dataclass(slots=True)
class Ledger:
    """Everything that was ever recorded.

    ``prices`` are USD per million (prompt, response) by (provider, model); ``free`` are the
    providers that cost nothing. ``currency`` is the household's own, and ``exchange`` says from
    when a unit of a currency was how many USD.
    """

    zone: ZoneInfo
    prices: Mapping[tuple[str, str], tuple[Decimal, Decimal]]
    free: Sequence[str]
    entries: list[Entry] = field(default_factory=list)
    events_from: datetime | None = None
    device_names: dict[str, str] = field(default_factory=dict)
    given_names: dict[str, str | None] = field(default_factory=dict)
    home: Home = field(default_factory=Home)
    spellings: dict[tuple[str, str], str | None] = field(default_factory=dict)
    currency: str | None = None
    exchange: dict[tuple[str, datetime], Decimal] = field(
        default_factory=lambda: {("USD", ALWAYS): Decimal(1)}
    )

    # Recording

    def record(self, event: Event, *, now: datetime) -> tuple[Entry, bool]:
        """Store one event, unless its request was; return it and whether it was a duplicate."""
        if event.get("request_id") is not None:
            for entry in self.entries:
                if entry.present and all(
                    entry.given.get(name) == event[name] for name in ("provider", "request_id")
                ):
                    return entry, True
        time = (event.get("timestamp") or now).astimezone(UTC)
        entry = Entry(len(self.entries) + 1, time, event, *self._price(event))
        entry.home = self.home_cost(entry.cost, self.currency, time)
        if self.events_from is not None and time < self.events_from:
            entry.day = local_date(time, self.zone)
        self.entries.append(entry)
        if entry.device is not None and event.get("device_name"):
            self.device_names[entry.device] = event["device_name"]
        self.spellings.setdefault(entry.model_key, event.get("model"))
        return entry, False

    def _price(self, event: Event) -> tuple[Decimal | None, str, str | None]:
        if event.get("cost_estimate") is not None:
            return round_to(event["cost_estimate"], 12), "reported", None
        provider, model = event["provider"], event.get("model")
        if provider in self.free:
            return Decimal(0), "free", f"free:{provider}"
        for (known_provider, known_model), (prompt, response) in self.prices.items():
            if model is not None and (provider, model.casefold()) == (known_provider, known_model):
                cost = event["tokens_prompt"] * prompt + event["tokens_response"] * response
                per_million = EXACT.divide(cost, Decimal(1_000_000))
                return round_to(per_million, 12), "default", f"default:{provider}/{known_model}"
        return None, "unpriced", None

    def home_cost(
        self, cost: Decimal | None, currency: str | None, time: datetime
    ) -> tuple[Decimal, str] | None:
        """Return a cost in a currency, by the last rate that held at a time."""
        rates = [
            (start, usd)
            for (name, start), usd in self.exchange.items()
            if name == currency and start <= time
        ]
        if cost is None or currency is None or not rates:
            return None
        return round_to(EXACT.divide(cost, max(rates)[1]), 12), currency

    def set_exchange_rate(
        self, currency: str, usd: Decimal, effective: datetime | None, *, now: datetime
    ) -> None:
        """Store a dated rate; without a date it holds always if it is the first, else from now."""
        if effective is None:
            known = any(name == currency for name, _ in self.exchange)
            effective = now if known else ALWAYS
        self.exchange[currency, effective] = usd

    # Care

    def rename(self, key: str, name: str | None) -> bool:
        """Name a device for good, or take that back; False if it was never recorded."""
        known = any(entry.device == key for entry in self.entries)
        if known:
            self.given_names[key] = name
        return known

    def delete(self, event_id: int) -> bool:
        """Delete one event; it leaves every sum."""
        for entry in self.entries:
            if entry.id == event_id and entry.present:
                entry.present = entry.counted = False
                return True
        return False

    def clean_up(self, before: date, *, keep_aggregates: bool) -> int:
        """Remove the events of the days before ``before``; return how many went."""
        ended = [
            self.day_of(entry)
            for entry in self.entries
            if entry.counted and entry.day is None and self.day_of(entry) < before
        ]
        for entry in self.entries:
            if entry.day is None and self.day_of(entry) < before:
                entry.day = self.day_of(entry)
        if ended:
            self.events_from = first_instant(max(ended) + DAY, self.zone)
        gone = self._remove_leftovers()
        for entry in self.entries:
            if not keep_aggregates and self.day_of(entry) < before:
                entry.counted = False
        return gone

    def set_zone(self, zone: ZoneInfo) -> None:
        """Date what is live by another zone; late events that wait for clean-up go first."""
        if zone != self.zone:
            self._remove_leftovers()
            self.zone = zone

    def _remove_leftovers(self) -> int:
        gone = [entry for entry in self.present() if entry.day is not None]
        for entry in gone:
            entry.present = False
        return len(gone)

    # Looking

    def day_of(self, entry: Entry) -> date:
        """Return the local day that an event counts for."""
        return entry.day or local_date(entry.time, self.zone)

    def device_name(self, key: str | None) -> str | None:
        """Return what a device is called: by the household, its clients, or the home."""
        if key is None:
            return None
        at_home = self.home.devices.get(key, (None,))[0]
        return self.given_names.get(key) or self.device_names.get(key) or at_home

    def area(self, entry: Entry) -> str | None:
        """Return the room that an event came from."""
        return self.home.devices.get(entry.device or "", (None, None))[1]

    def person(self, entry: Entry) -> str | None:
        """Return whose an event is: the user's if that is a person, else the device's."""
        if entry.user in self.home.persons:
            return self.home.persons[entry.user]
        return self.home.devices.get(entry.device or "", (None, None, None))[2]

    def user_name(self, user: str) -> str | None:
        """Return what the home calls a user."""
        return self.home.persons.get(user, self.home.users.get(user))

    def present(self, wanted: Wanted | None = None) -> list[Entry]:
        """Return the single events that are there, oldest first."""
        return sorted(
            (entry for entry in self.entries if entry.present and entry.matches(wanted or {})),
            key=lambda entry: (entry.time, entry.id),
        )

    def first_day(self) -> date | None:
        """Return the earliest day that has a sum."""
        return min((self.day_of(entry) for entry in self.entries if entry.counted), default=None)

    def knows(self, wanted: Wanted) -> bool:
        """Return whether everything that a filter names was ever recorded."""
        parts: list[Wanted] = [
            {name: wanted[name]} for name in ("device", "endpoint", "tag") if name in wanted
        ]
        if wanted.get("user", "anonymous") != "anonymous":
            parts.append({"user": wanted["user"]})
        parts.append({name: wanted[name] for name in ("provider", "model") if name in wanted})
        return all(not part or any(entry.matches(part) for entry in self.entries) for part in parts)

    def check(self, moment: datetime, name: str) -> None:
        """Raise RemovedError if single events at ``moment`` may be gone."""
        if self.events_from is not None and moment < self.events_from:
            raise RemovedError(name)

    def check_instants(self, start: datetime | None, end: datetime | None) -> None:
        """Raise RemovedError for a bound inside a day whose events are gone."""
        for name, moment in (("start", start), ("end", end)):
            if moment and first_instant(local_date(moment, self.zone), self.zone) != moment:
                self.check(moment, name)

    def in_days(
        self, first: date, last: date, wanted: Wanted, *, by_part: bool = False
    ) -> list[tuple[date, Entry]]:
        """Return what whole days count, with the day; ``by_part``: for more than one total."""
        if not self.knows(wanted):
            return []
        dated = [(self.day_of(entry), entry) for entry in self.entries if entry.counted]
        if "tag" in wanted and (by_part or len(wanted) > 1):
            self.check(first_instant(first, self.zone), "start")
            dated = [(local_date(entry.time, self.zone), entry) for entry in self.present()]
        return [
            (day, entry) for day, entry in dated if first <= day <= last and entry.matches(wanted)
        ]

    def in_span(
        self, start: datetime, end: datetime, wanted: Wanted, *, by_part: bool = False
    ) -> list[tuple[date, Entry]]:
        """Return what a stretch of time counts: whole days from the sums, edges from events."""
        self.check_instants(start, end)
        days = [local_date(start, self.zone)]
        while first_instant(days[-1] + DAY, self.zone) < end:
            days.append(days[-1] + DAY)
        found: list[tuple[date, Entry]] = []
        for day in days:
            low = max(start, first_instant(day, self.zone))
            high = min(end, first_instant(day + DAY, self.zone))
            if high - low == first_instant(day + DAY, self.zone) - first_instant(day, self.zone):
                found += self.in_days(day, day, wanted, by_part=by_part)
            elif self.knows(wanted):
                self.check(low, "start")
                found += [
                    (day, entry) for entry in self.present(wanted) if low <= entry.time < high
                ]
        return found
