"""Reading what a brief is made from."""

from collections.abc import Sequence
from datetime import datetime
import sqlite3
from zoneinfo import ZoneInfo

from ..breakdowns import model_name
from ..briefs import Brief, Part, Stretch, device_label, stretch_days
from ..models import ANONYMOUS
from ..places import Directory
from ..reports import by_place
from ..totals import Totals
from ..trends import Metric, metric_value
from . import answers, trends
from .filters import Chosen
from .queries import Window

_EVERYTHING = Chosen()


def brief(
    db: sqlite3.Connection,
    stretch: Stretch,
    part: Part | None,
    *,
    now: datetime,
    zone: ZoneInfo,
    directory: Directory,
    currency: str | None = None,
) -> Brief:
    """Return a stretch of time in a few figures."""
    now = now.astimezone(zone)
    days, before_days, cut = stretch_days(stretch, today=now.date())
    window = Window(days)
    if cut:
        before = trends.to_same_time(db, before_days, _EVERYTHING, now, zone)
    else:
        totals = answers.total(db, Window(before_days), _EVERYTHING, zone)
        before = {metric: metric_value(metric, totals) for metric in Metric}
    return Brief(
        stretch=stretch,
        days=days,
        totals=answers.total(db, window, _EVERYTHING, zone, currency),
        before=before,
        before_days=before_days,
        to_same_time=cut,
        part=part,
        rows=[] if part is None else _rows(db, part, window, zone, directory, currency),
        currency=currency,
    )


def _rows(
    db: sqlite3.Connection,
    part: Part,
    window: Window,
    zone: ZoneInfo,
    directory: Directory,
    currency: str | None,
) -> Sequence[tuple[str | None, Totals]]:
    asked = db, window, _EVERYTHING, zone
    match part:
        case Part.MODEL:
            models = answers.models(*asked, currency)
            return [(model_name(row.provider, row.model), row.totals) for row in models]
        case Part.DEVICE:
            devices = answers.devices(*asked, directory, currency)
            return [(device_label(row), row.totals) for row in devices]
        case Part.ROOM:
            devices = answers.devices(*asked, directory, currency)
            return by_place((row.known.area, row.totals) for row in devices)
        case Part.PERSON:
            return answers.persons(*asked, directory, currency)
        case _:
            users = answers.users(*asked, directory, currency)
            return [(row.name or row.user or ANONYMOUS, row.totals) for row in users]
