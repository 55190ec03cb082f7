"""The table of measures: what is measured, the yardstick and the target.

A measure compares the product with a yardstick that is measured in the same run. Its figure is the
product's value divided by the yardstick's (for differences: minus the yardstick's), so that it does
not depend on the speed of the machine. ``python -m benchmarks`` fills in the table.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Final

# The factor by which a figure may miss its target before --quick fails.
TOLERANCE: Final = 1.3


class Kind(StrEnum):
    """The kind of yardstick, which decides for which figures --quick fails."""

    PEER = "peer"  # the usual implementation
    LIMIT = "limit"  # the minimum that the work requires
    GROWTH = "growth"  # the product itself with less data
    NOTE = "note"  # no target, for information


class Want(StrEnum):
    """The direction of a target."""

    AT_LEAST = "≥"
    AT_MOST = "≤"


@dataclass(frozen=True, slots=True)
class Measure:
    """A row of the table."""

    key: str
    what: str
    yardstick: str
    unit: str
    kind: Kind
    want: Want = Want.AT_MOST
    target: float | None = None
    difference: bool = False

    def figure(self, product: float, yardstick: float) -> float:
        """Return the product's value relative to the yardstick's."""
        if self.difference:
            return product - yardstick
        return product / yardstick if yardstick else float(product > 0)

    def met(self, figure: float, tolerance: float = 1.0) -> bool:
        """Return whether the target is met, or missed by at most the factor ``tolerance``."""
        if self.target is None:
            return True
        if self.want is Want.AT_LEAST:
            return figure >= self.target / tolerance
        return figure <= self.target * tolerance

    def shown(self, figure: float) -> str:
        """Return the figure as text."""
        return f"{figure:+.3g} {self.unit}" if self.difference else f"{number(figure)}×"

    @property
    def wanted(self) -> str:
        """Return the target as text."""
        if self.target is None:
            return "–"
        unit = f" {self.unit}" if self.difference else "×"
        sign = "+ " if self.difference else ""
        return f"{self.want} {sign}{number(self.target)}{unit}"


@dataclass(frozen=True, slots=True)
class Finding:
    """The result of one run for one measure: both values, in the unit of the measure."""

    key: str
    product: float
    yardstick: float


@dataclass(frozen=True, slots=True)
class Sizes:
    """The amount of work in a run."""

    runs: int
    rounds: int
    ingest: dict[int, tuple[int, int]]  # callers: events of the product, of the peer
    priced: int
    size_days: int
    per_day: int
    days: int
    copies: tuple[int, ...]  # the ledgers, in multiples of per_day * days
    questions: int  # how often each query runs in a round
    scanned: int  # which of the ledgers is also made for the peer
    cleaned: int  # days
    posts: int
    flood: float  # seconds
    starts: int


FULL: Final = Sizes(
    runs=5,
    rounds=5,
    ingest={1: (1_500, 400), 16: (16_000, 600), 256: (40_000, 1_000)},
    priced=20_000,
    size_days=365,
    per_day=1_000,
    days=365,
    copies=(1, 10, 27),
    questions=5,
    scanned=10,
    cleaned=120,
    posts=3_000,
    flood=60.0,
    starts=3,
)
QUICK: Final = Sizes(
    runs=1,
    rounds=3,
    ingest={1: (500, 100), 16: (5_000, 200), 256: (20_000, 400)},
    priced=5_000,
    size_days=60,
    per_day=400,
    days=180,
    copies=(1, 5),
    questions=5,
    scanned=1,
    cleaned=120,
    posts=600,
    flood=5.0,
    starts=1,
)
TINY: Final = Sizes(
    runs=1,
    rounds=1,
    ingest={1: (5, 2), 16: (32, 16), 256: (300, 256)},
    priced=20,
    size_days=1,
    per_day=20,
    days=14,
    copies=(1, 2),
    questions=1,
    scanned=1,
    cleaned=7,
    posts=20,
    flood=0.5,
    starts=1,
)


@dataclass(slots=True)
class Bench:
    """The context of a run: sizes, folder, and the function that reports progress."""

    sizes: Sizes
    folder: Path
    say: Callable[[str], None]
    made: dict[str, Path] = field(default_factory=dict)


def number(value: float) -> str:
    """Return a number as text, with three significant digits or as an integer."""
    if value >= 1_000:
        return f"{value:,.0f}"
    if value >= 100 or value == int(value):
        return f"{value:.0f}"
    return f"{value:.3g}"


def percentile(values: list[float], share: float) -> float:
    """Return the value below which ``share`` of the values lie."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


_PEER: Final = "SQLAlchemy session and commit per event (NORMAL)"
_BARE: Final = "the same work in one transaction of bare sqlite3"
_VIEW: Final = "bare view that parses the same JSON"

MEASURES: Final = (
    # Recording
    Measure(
        "ingest-1", "durable recording, 1 caller", _PEER, "events/s", Kind.PEER, Want.AT_LEAST, 2.2
    ),
    Measure(
        "ingest-16",
        "durable recording, 16 callers",
        _PEER,
        "events/s",
        Kind.PEER,
        Want.AT_LEAST,
        18,
    ),
    Measure(
        "ingest-256",
        "durable recording, 256 callers",
        _PEER,
        "events/s",
        Kind.PEER,
        Want.AT_LEAST,
        30,
    ),
    Measure(
        "ingest-limit",
        "durable recording, 256 callers",
        _BARE,
        "events/s",
        Kind.LIMIT,
        Want.AT_LEAST,
        0.4,
    ),
    Measure(
        "loop-hold",
        "longest hold of the event loop, 256 callers",
        "idle loop",
        "ms",
        Kind.LIMIT,
        target=10,
        difference=True,
    ),
    Measure(
        "loop-cpu", "event loop's CPU per event, 256 callers", _PEER, "µs", Kind.PEER, target=0.01
    ),
    Measure(
        "pricing",
        "price of an event, compiled",
        "the catalogue's own call",
        "µs",
        Kind.PEER,
        target=0.1,
    ),
    # The file
    Measure(
        "size",
        "bytes per event, a household's year",
        "SQLAlchemy's file",
        "B",
        Kind.PEER,
        target=0.3,
    ),
    Measure(
        "size-uniform", "bytes per event, every combination", "SQLAlchemy's file", "B", Kind.PEER
    ),
    # Queries
    Measure(
        "dashboard-growth",
        "dashboard, largest ledger",
        "smallest ledger",
        "ms",
        Kind.GROWTH,
        target=1.25,
    ),
    Measure(
        "questions-growth",
        "the other questions together, largest ledger",
        "smallest ledger",
        "ms",
        Kind.GROWTH,
        target=1.25,
    ),
    Measure(
        "question-growth",
        "the question that grows most, largest ledger",
        "smallest ledger",
        "ms",
        Kind.NOTE,
    ),
    Measure(
        "dashboard-scan",
        "dashboard",
        "SQLAlchemy's, from the events",
        "ms",
        Kind.PEER,
        target=1 / 200,
    ),
    # Maintenance
    Measure(
        "cleanup-rate",
        "clean-up while recording",
        "50,000 rows/s",
        "rows/s",
        Kind.PEER,
        Want.AT_LEAST,
        1,
    ),
    Measure(
        "cleanup-latency",
        "p99 of recording during clean-up",
        "p99 without clean-up",
        "ms",
        Kind.LIMIT,
        target=4,
    ),
    Measure(
        "export",
        "CSV export",
        "bare cursor and csv, same joins",
        "rows/s",
        Kind.LIMIT,
        Want.AT_LEAST,
        0.25,
    ),
    Measure(
        "export-memory",
        "memory while exporting",
        "before",
        "MB",
        Kind.LIMIT,
        target=20,
        difference=True,
    ),
    Measure("open", "set-up, largest common ledger", "empty ledger", "ms", Kind.GROWTH, target=1.5),
    Measure(
        "open-unclean",
        "set-up after an unclean stop",
        "empty ledger",
        "ms",
        Kind.GROWTH,
        target=1.5,
    ),
    # Home Assistant
    Measure("rest-single", "REST, an event a request", _VIEW, "events/s", Kind.NOTE),
    Measure("rest-single-p99", "p99 of that", _VIEW, "ms", Kind.NOTE),
    Measure("rest-batch", "REST, 100 events a request", _VIEW, "events/s", Kind.NOTE),
    Measure(
        "flood-p99",
        "p99 less one fsync, flood of 64 connections",
        _VIEW,
        "ms",
        Kind.LIMIT,
        target=3,
    ),
    Measure(
        "flood-lost",
        "events lost or double in the flood",
        "none",
        "events",
        Kind.LIMIT,
        target=0,
        difference=True,
    ),
    Measure(
        "home-hold",
        "longest hold of Home Assistant's loop under load",
        "without the integration, bare views",
        "ms",
        Kind.LIMIT,
        target=20,
        difference=True,
    ),
    Measure(
        "home-hold-batch",
        "the same under 100 events a request",
        "without the integration, bare views",
        "ms",
        Kind.NOTE,
        difference=True,
    ),
    Measure(
        "start",
        "start of Home Assistant",
        "without the integration",
        "s",
        Kind.NOTE,
        difference=True,
    ),
    Measure(
        "memory",
        "memory of Home Assistant",
        "without the integration",
        "MB",
        Kind.NOTE,
        difference=True,
    ),
    Measure("sensor", "sensor's new state after a POST", "promised 2 s", "s", Kind.LIMIT, target=1),
)
BY_KEY: Final = {measure.key: measure for measure in MEASURES}
