"""Sums by device, endpoint, model, user and person, in the order in which they are shown."""

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
import sqlite3
from zoneinfo import ZoneInfo

from ..directory import NOBODY, UNKNOWN, Directory, Known
from ..money import from_pico, rounded
from ..store import filters
from ..store.aggregates import Dimension
from ..store.day_sums import Window, read_sums
from ..store.dimensions import NONE
from ..store.filters import ResolvedFilter
from ..totals import Json, Totals, device_parts


@dataclass(frozen=True, slots=True)
class DeviceTotals:
    """One device's sums; ``key`` None are the events that belong to no device.

    ``name`` is what the household or its clients call it, ``known`` what the home knows of it.
    """

    key: str | None
    name: str | None
    totals: Totals
    known: Known = UNKNOWN

    def identity(self) -> dict[str, Json]:
        """Return how the API names the device, and where and whose it is."""
        device_ip, device_id = device_parts(self.key)
        return {
            "device_ip": device_ip,
            "device_id": device_id,
            "device_name": self.name or self.known.name,
            "area": self.known.area,
            "person": self.known.person,
        }

    def as_dict(self) -> dict[str, Json]:
        """Return the device as the API's rankings list it."""
        totals = self.totals
        return self.identity() | {
            "request_count": totals.requests,
            "total_tokens": totals.tokens,
            "cost_estimate": from_pico(totals.cost),
        }


@dataclass(frozen=True, slots=True)
class EndpointTotals:
    """One endpoint's sums."""

    endpoint: str
    totals: Totals

    def as_dict(self) -> dict[str, Json]:
        """Return the endpoint as the API's rankings list it."""
        return {
            "endpoint": self.endpoint,
            "request_count": self.totals.requests,
            "total_tokens": self.totals.tokens,
            "cost_estimate": from_pico(self.totals.cost),
        }


@dataclass(frozen=True, slots=True)
class ModelTotals:
    """One model's sums."""

    provider: str
    model: str | None
    totals: Totals


@dataclass(frozen=True, slots=True)
class UserTotals:
    """One user's sums; ``user`` None is anonymous, ``name`` what the home calls the user."""

    user: str | None
    totals: Totals
    name: str | None = None


def by_tokens(rows: Iterable[DeviceTotals]) -> list[DeviceTotals]:
    """Return devices by tokens, most first, then by key; no device at all comes last."""
    return sorted(rows, key=lambda row: (row.key is None, -row.totals.tokens, row.key or ""))


def by_place(
    rows: Iterable[tuple[str | None, Totals]],
) -> list[tuple[str | None, Totals]]:
    """Return sums by area or person, most tokens first, then by name; the unknown comes last."""
    sums: dict[str | None, Totals] = {}
    for name, totals in rows:
        known = sums.get(name)
        sums[name] = totals if known is None else known + totals
    return sorted(sums.items(), key=lambda row: (row[0] is None, -row[1].tokens, row[0] or ""))


def by_requests(rows: Iterable[EndpointTotals]) -> list[EndpointTotals]:
    """Return endpoints by requests, most first, then by name."""
    return sorted(rows, key=lambda row: (-row.totals.requests, row.endpoint))


def average(total: int, count: int) -> Json:
    """Return total/count to 2 places, halves to even; 0 if there is nothing to divide by."""
    return rounded(Fraction(total, count)) if count else 0


def average_latency(totals: Totals) -> Decimal | None:
    """Return the mean latency in ms over the events that gave one, else None."""
    return rounded(Fraction(totals.latency, totals.timed * 1000)) if totals.timed else None


def read_devices(
    db: sqlite3.Connection,
    window: Window,
    chosen: ResolvedFilter | None,
    zone: ZoneInfo,
    directory: Directory = NOBODY,
    currency: str | None = None,
) -> list[DeviceTotals]:
    """Return the sums by device, most tokens first."""
    rows = read_sums(db, window, chosen, group=Dimension.DEVICE, zone=zone, currency=currency)
    names = filters.names(db, "device")
    found = [(names.get(key or NONE, (None, None)), totals) for (_, key), totals in rows.items()]
    return by_tokens(
        DeviceTotals(key, name, totals, directory.device(key)) for (key, name), totals in found
    )


def read_endpoints(
    db: sqlite3.Connection,
    window: Window,
    chosen: ResolvedFilter | None,
    zone: ZoneInfo,
    currency: str | None = None,
) -> list[EndpointTotals]:
    """Return the sums by endpoint, most requests first."""
    rows = read_sums(db, window, chosen, group=Dimension.ENDPOINT, zone=zone, currency=currency)
    known = filters.names(db, "endpoint")
    return by_requests(
        EndpointTotals(known[key][0], totals)
        for (_, key), totals in rows.items()
        if key is not None
    )


def read_models(
    db: sqlite3.Connection,
    window: Window,
    chosen: ResolvedFilter | None,
    zone: ZoneInfo,
    currency: str | None = None,
) -> list[ModelTotals]:
    """Return the sums by model."""
    rows = read_sums(db, window, chosen, group=Dimension.MODEL, zone=zone, currency=currency)
    known = filters.names(db, "model")
    return [
        ModelTotals(*(*known[key], totals)) for (_, key), totals in rows.items() if key is not None
    ]


def read_users(
    db: sqlite3.Connection,
    window: Window,
    chosen: ResolvedFilter | None,
    zone: ZoneInfo,
    directory: Directory = NOBODY,
    currency: str | None = None,
) -> list[UserTotals]:
    """Return the sums by user."""
    rows = read_sums(db, window, chosen, group=Dimension.USER, zone=zone, currency=currency)
    names = filters.names(db, "user")
    found = [(names[key][0] if key else None, totals) for (_, key), totals in rows.items()]
    return [UserTotals(user, totals, directory.user_name(user)) for user, totals in found]


def read_persons(
    db: sqlite3.Connection,
    window: Window,
    chosen: ResolvedFilter | None,
    zone: ZoneInfo,
    directory: Directory,
    currency: str | None = None,
) -> list[tuple[str | None, Totals]]:
    """Return the sums by person: the user's, else the device's; None where neither has one."""
    rows = read_sums(db, window, chosen, group=Dimension.SERIES, zone=zone, currency=currency)
    owners = {
        series: directory.person(user, device)
        for series, device, user in db.execute(
            """
            SELECT series.id, device.key, user.key FROM series
            LEFT JOIN device ON device.id = series.device
            LEFT JOIN user ON user.id = series.user
            """
        )
    }
    return by_place((owners[key], totals) for (_, key), totals in rows.items())
