"""Days that are out of the ordinary, by a robust score that one outlier cannot hide in.

For a day and a metric: *expected* is the median of the other complete days of the same weekday if
there are at least 3, else of all other complete days; *scale* is the largest of 1.4826·MAD of the
other days' residuals (each day's figure less its own expected one), a quarter of what is expected,
and a floor of 5 requests, 1,000 tokens or 0.05 USD; z = (figure - expected)/scale. A day is an
anomaly if |z| exceeds the threshold. Today is never a reference and, being unfinished, can only be
high. With fewer than 5 other complete days nothing is said.

MAD and its factor: Iglewicz and Hoaglin, How to Detect and Handle Outliers, 1993.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from fractions import Fraction
from functools import lru_cache
import sqlite3
from typing import Final
from zoneinfo import ZoneInfo

from ..money import from_pico, rounded
from ..periods import DAY, Days, last_days
from ..store import filters
from ..store.day_sums import days_seen, read_day_totals
from ..totals import Filter, Json, Totals
from .robust_statistics import deviation, mean, median, median_deviation, shown_amount, twice_median

DEFAULT_THRESHOLD: Final = Fraction(2)
WINDOW_DAYS: Final = 30
ENOUGH_DAYS: Final = 5
_ENOUGH_WEEKDAYS: Final = 3
_MAD_FACTOR: Final = Fraction(14826, 10000)
_RELATIVE: Final = Fraction(1, 4)
_FLOORS: Final = {"requests": 5, "tokens": 1_000, "cost": 5 * 10**10}
ANOMALY_TYPES: Final = tuple(_FLOORS)
HIGH: Final = "high"
LOW: Final = "low"


def _figure(metric: str, totals: Totals) -> int:
    return {"requests": totals.requests, "tokens": totals.tokens, "cost": totals.cost}[metric]


@dataclass(frozen=True, slots=True)
class Score:
    """How far one day's figure is from what was expected."""

    metric: str
    value: int
    expected: Fraction
    scale: Fraction

    @property
    def z(self) -> Fraction:
        """Return the score."""
        return (self.value - self.expected) / self.scale

    @property
    def shown_value(self) -> Decimal | int:
        """Return the day's figure, a cost in USD."""
        return from_pico(self.value) if self.metric == "cost" else self.value

    @property
    def shown_expected(self) -> Decimal:
        """Return what was expected, a cost in USD to 12 places, else to 2."""
        return self._shown(self.expected)

    @property
    def shown_z(self) -> Decimal:
        """Return the score to 2 places."""
        return rounded(self.z)

    @property
    def direction(self) -> str:
        """Return whether the figure is high or low."""
        return HIGH if self.z > 0 else LOW

    def _shown(self, amount: Fraction | int) -> Decimal:
        return shown_amount(amount, money=self.metric == "cost")

    def as_dict(self) -> dict[str, Json]:
        """Return the score as the API writes it."""
        return {
            "type": self.metric,
            "z_score": self.shown_z,
            "direction": self.direction,
            "expected": self.shown_expected,
            "scale": self._shown(self.scale),
        }


def _expected_values(days: Sequence[date], figures: Sequence[int]) -> list[int]:
    """Return twice what is expected of each complete day, judged by all the others.

    Twice, because a median of whole numbers is one of halves.
    """
    by_weekday = _by_weekday(days, figures)
    expected = []
    for day, figure in zip(days, figures, strict=True):
        same_weekday = by_weekday[day.weekday()]
        others = list(same_weekday if len(same_weekday) > _ENOUGH_WEEKDAYS else figures)
        others.remove(figure)
        expected.append(twice_median(others) if others else 0)
    return expected


def _by_weekday(days: Sequence[date], figures: Sequence[int]) -> list[list[int]]:
    found: list[list[int]] = [[] for _ in range(7)]
    for day, figure in zip(days, figures, strict=True):
        found[day.weekday()].append(figure)
    return found


def scores(
    metric: str,
    complete: Sequence[tuple[date, int]],
    today: tuple[date, int],
    since: date = date.min,
) -> list[tuple[date, Score]]:
    """Return the score of every day from ``since`` on with at least 5 other complete days."""
    day, figure = today
    found, usual = _complete_scores(metric, tuple(complete), since, day.weekday())
    if usual is None:
        return [*found]
    return [*found, (day, Score(metric, figure, *usual))]


# The sensors ask again and again about days that are over.
@lru_cache(maxsize=16)
def _complete_scores(
    metric: str, complete: tuple[tuple[date, int], ...], since: date, weekday: int
) -> tuple[Sequence[tuple[date, Score]], tuple[Fraction, Fraction] | None]:
    """Return the scores of complete days, and what is expected of today with its scale."""
    days = [day for day, _ in complete]
    figures = [figure for _, figure in complete]
    expected = _expected_values(days, figures)
    residuals = [2 * figure - twice for figure, twice in zip(figures, expected, strict=True)]
    found = []
    if len(days) > ENOUGH_DAYS:
        for index, day in enumerate(days):
            if day >= since:
                others = residuals[:index] + residuals[index + 1 :]
                scale = _scale(metric, expected[index], others)
                found.append((day, Score(metric, figures[index], *scale)))
    if len(days) < ENOUGH_DAYS:
        return found, None
    same_weekday = _by_weekday(days, figures)[weekday]
    usual = twice_median(same_weekday if len(same_weekday) >= _ENOUGH_WEEKDAYS else figures)
    return found, _scale(metric, usual, residuals)


def _scale(
    metric: str, twice_expected: int, twice_residuals: Sequence[int]
) -> tuple[Fraction, Fraction]:
    """Return what is expected, and by how much figures usually differ from it."""
    expected = Fraction(twice_expected, 2)
    return expected, max(
        _MAD_FACTOR * median_deviation(twice_residuals) / 2,
        _RELATIVE * abs(expected),
        Fraction(_FLOORS[metric]),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class LatestScores:
    """How today and the day that has just completed stand against what is usual.

    ``today`` are today's scores by metric, none while too few complete days are known.
    ``anomalies`` are the scores beyond the threshold, with their days, yesterday's first.
    """

    threshold: Fraction
    today: Mapping[str, Score]
    anomalies: Sequence[tuple[date, Score]]

    @property
    def cost_anomaly(self) -> bool | None:
        """Return whether today's cost is out of the ordinary; None: nothing can be said."""
        return self.today["cost"].z > self.threshold if self.today else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Anomalies:
    """The days of a window that are out of the ordinary, and the figures that explain it.

    ``days`` are the window's complete days from the ledger's first day on; ``today`` is apart.
    """

    period_days: int
    threshold: Fraction
    days: Sequence[tuple[date, Totals]]
    today: tuple[date, Totals]
    filter: Filter

    @property
    def insufficient(self) -> bool:
        """Return whether there are too few complete days to say anything."""
        return len(self.days) < ENOUGH_DAYS

    def found(self) -> list[tuple[date, Totals, list[Score]]]:
        """Return the anomalous days, earliest first, with the scores beyond the threshold."""
        beyond: dict[date, list[Score]] = {}
        for day, score in self._scores():
            if self._is_beyond(day, score):
                beyond.setdefault(day, []).append(score)
        return [
            (day, totals, beyond[day]) for day, totals in (*self.days, self.today) if day in beyond
        ]

    def latest(self) -> LatestScores:
        """Return the scores of today and of the day before, which is complete."""
        today = self.today[0]
        found = list(self._scores(today - DAY))
        return LatestScores(
            threshold=self.threshold,
            today={score.metric: score for day, score in found if day == today},
            anomalies=sorted(
                ((day, score) for day, score in found if self._is_beyond(day, score)),
                key=lambda one: one[0],
            ),
        )

    def _scores(self, since: date = date.min) -> Iterator[tuple[date, Score]]:
        for metric in _FLOORS:
            complete = [(day, _figure(metric, totals)) for day, totals in self.days]
            today = self.today[0], _figure(metric, self.today[1])
            yield from scores(metric, complete, today, since)

    def _is_beyond(self, day: date, score: Score) -> bool:
        return score.z > self.threshold or (-score.z > self.threshold and day != self.today[0])

    def as_dict(self) -> dict[str, Json]:
        """Return the anomalies as the API writes them."""
        found = self.found()
        figures = {
            metric: [_figure(metric, totals) for _, totals in self.days] for metric in _FLOORS
        }
        return {
            "period_days": self.period_days,
            "filter_device_ip": self.filter.device_ip,
            "threshold_std": rounded(self.threshold),
            "statistics": {
                metric: {
                    name: shown_amount(value, money=metric == "cost")
                    for name, value in (
                        ("median", median(values)),
                        ("mad", median_deviation(values)),
                        ("mean", mean(values)),
                        ("std", deviation(values)),
                    )
                }
                for metric, values in figures.items()
            },
            "request_mean": rounded(mean(figures["requests"])),
            "request_std": rounded(deviation(figures["requests"])),
            "token_mean": rounded(mean(figures["tokens"])),
            "token_std": rounded(deviation(figures["tokens"])),
            "anomalies": [
                {
                    "date": day.isoformat(),
                    "request_count": totals.requests,
                    "total_tokens": totals.tokens,
                    "cost_estimate": from_pico(totals.cost),
                    "anomaly_types": [score.as_dict() for score in beyond],
                }
                for day, totals, beyond in found
            ],
            "summary": {
                "total_anomalous_days": len(found),
                "anomaly_rate": rounded(Fraction(100 * len(found), self.period_days)),
                "insufficient_data": self.insufficient,
                "message": self._message(len(found)),
            },
        }

    def _message(self, count: int) -> str:
        if self.insufficient:
            return (
                f"{len(self.days)} complete days are not enough to tell what is usual; "
                f"{ENOUGH_DAYS} are needed"
            )
        if not count:
            return "No day was out of the ordinary"
        return f"{count} {'day was' if count == 1 else 'days were'} out of the ordinary"


def read_anomalies(
    db: sqlite3.Connection,
    count: int,
    threshold: Fraction,
    wanted: Filter,
    *,
    now: datetime,
    zone: ZoneInfo,
) -> Anomalies:
    """Return the days out of the ordinary among the last ``count``."""
    today = now.astimezone(zone).date()
    days = days_seen(db, last_days(count, today=today))
    chosen = filters.resolve(db, wanted)
    *complete, last = read_day_totals(db, Days(min(days.first, today), today), chosen, zone).items()
    return Anomalies(
        period_days=count, threshold=threshold, days=complete, today=last, filter=wanted
    )
