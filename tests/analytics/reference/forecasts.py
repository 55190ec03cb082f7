"""Anomalies and the forecast, as the contract words them, from the reference ledger.

Where the contract leaves a choice open, this is what is expected:

- the days that are judged and that the statistics cover are the window's complete days from the
  ledger's first day on, and today;
- a complete day has the others beside it, today has all of them: with exactly 5 complete days
  today is judged and they are not, and ``insufficient_data`` says that today is not either;
- the residuals in a day's scale are those of the other complete days, each day's figure less what
  was expected of that day itself;
- the forecast is the improved one: e(d) = f·(m + λ·(w(d) - m)), m the mean of the reference days
  and w(d) that of d's weekday among them; λ is how far the weekdays differ beyond chance (1 less
  the ratio of the mean squares within and between, at least 0); f lifts by how much the last 14
  days are above this, as far as their distances from it differ beyond chance from the earlier
  ones'; the range is ∓ 1.2816·s·√(k·(1 + k/n)), s being the deviation of the n days from e(d);
- texts (``message``, ``method``) are free.
"""

from collections.abc import Iterable, Sequence
from datetime import date, datetime
from fractions import Fraction

from .answers import Answer, filter_device_ip
from .ledger import DAY, Ledger, Sums, Wanted, add_up, local_date
from .maths import average, figure, middle, plain_mad, sample_deviation, shown, square_root, written
from .trends import by_day, each_day, last_days, seen_days

FLOORS = {"requests": Fraction(5), "tokens": Fraction(1000), "cost": Fraction(5, 100)}

type Figure = tuple[date, Fraction]


def usual(day: date, others: Sequence[Figure]) -> Fraction:
    """Return what is expected of a day by the other complete ones."""
    same = [value for other, value in others if other.isoweekday() == day.isoweekday()]
    return middle(same if len(same) >= 3 else [value for _, value in others])


def judged(
    metric: str, complete: Sequence[Figure], today: Figure
) -> list[tuple[date, Fraction, Fraction, Fraction]]:
    """Return (day, z, expected, scale) of every day that has 5 other complete days."""
    expected = {day: usual(day, [one for one in complete if one[0] != day]) for day, _ in complete}
    found = []
    for day, value in [*complete, today]:
        others = [one for one in complete if one[0] != day]
        if len(others) < 5:
            continue
        centre = usual(day, others)
        residuals = [its_value - expected[other] for other, its_value in others]
        scale = max(Fraction("1.4826") * plain_mad(residuals), abs(centre) / 4, FLOORS[metric])
        found.append((day, (value - centre) / scale, centre, scale))
    return found


def anomalies(
    ledger: Ledger, count: int, threshold: Fraction, wanted: Wanted, *, now: datetime
) -> Answer:
    """Answer /trends/anomalies."""
    today = local_date(now, ledger.zone)
    days = [day for day in seen_days(ledger, last_days(ledger, count, now)) if day < today]
    everything = [*days, today]
    dated = ledger.in_days(everything[0], today, wanted)
    sums = dict(zip(everything, by_day(dated, everything), strict=True))
    types: dict[date, list[Answer]] = {}
    statistics: dict[str, Answer] = {}
    for metric in FLOORS:
        figures = [(day, figure(metric, sums[day])) for day in everything]
        values = [value for _, value in figures[:-1]]
        for day, z, expected, scale in judged(metric, figures[:-1], figures[-1]):
            if z > threshold or (z < -threshold and day != today):
                types.setdefault(day, []).append(
                    {
                        "type": metric,
                        "z_score": shown(z),
                        "direction": "high" if z > 0 else "low",
                        "expected": written(metric, expected),
                        "scale": written(metric, scale),
                    }
                )
        statistics[metric] = {
            "median": written(metric, middle(values)),
            "mad": written(metric, plain_mad(values)),
            "mean": written(metric, average(values)),
            "std": written(metric, sample_deviation(values)),
        }
    return {
        "period_days": count,
        "filter_device_ip": filter_device_ip(wanted),
        "threshold_std": shown(threshold),
        "statistics": statistics,
        "request_mean": statistics["requests"]["mean"],
        "request_std": statistics["requests"]["std"],
        "token_mean": statistics["tokens"]["mean"],
        "token_std": statistics["tokens"]["std"],
        "anomalies": [anomaly(day, sums[day], types[day]) for day in sorted(types)],
        "summary": {
            "total_anomalous_days": len(types),
            "anomaly_rate": shown(Fraction(100 * len(types), count)),
            "insufficient_data": len(days) < 5,
        },
    }


def anomaly(day: date, sums: Sums, types: list[Answer]) -> Answer:
    """Return one anomalous day."""
    return {
        "date": str(day),
        "request_count": sums.requests,
        "total_tokens": sums.tokens,
        "cost_estimate": sums.cost,
        "anomaly_types": types,
    }


def belief(groups: Iterable[Sequence[Fraction]]) -> Fraction:
    """Return how far groups differ beyond chance: 1 less the ratio of the mean squares, or 0."""
    filled = [group for group in groups if group]
    every = [value for group in filled for value in group]
    within = sum(((value - average(one)) ** 2 for one in filled for value in one), Fraction(0))
    between = sum((len(one) * (average(one) - average(every)) ** 2 for one in filled), Fraction(0))
    if not between or len(every) == len(filled):
        return Fraction(0)
    inner = within / (len(every) - len(filled))
    return max(Fraction(0), 1 - inner / (between / (len(filled) - 1)))


def pattern(complete: Sequence[Figure]) -> dict[int, Fraction]:
    """Return what to expect by day of the week (1 is Monday)."""
    values = [value for _, value in complete]
    weekdays = {
        number: [value for day, value in complete if day.isoweekday() == number]
        for number in range(1, 8)
    }
    weight, centre = belief(weekdays.values()), average(values)
    expected = {
        number: centre + weight * (average(group) - centre) if group else centre
        for number, group in weekdays.items()
    }
    surprises = [value - expected[day.isoweekday()] for day, value in complete]
    weight = belief([surprises[:-14], surprises[-14:]])
    foreseen = sum((expected[day.isoweekday()] for day, _ in complete[-14:]), Fraction(0))
    lift = sum(values[-14:], Fraction(0)) / foreseen - 1 if foreseen else Fraction(0)
    return {number: (1 + weight * lift) * value for number, value in expected.items()}


def forecast(ledger: Ledger, *, now: datetime) -> Answer:
    """Answer /trends/forecast."""
    today = local_date(now, ledger.zone)
    month = each_day(today.replace(day=1), today)
    later = [day for day in each_day(today + DAY, today + 31 * DAY) if day.month == today.month]
    reference = seen_days(ledger, (today - 28 * DAY, today - DAY))
    dated = ledger.in_days(min([*month, *reference]), today, {})
    sums = by_day(dated, reference)
    answer: Answer = {"days_used": len(reference)}
    for metric in ("tokens", "cost"):
        to_date = sum((figure(metric, one) for one in by_day(dated, month)), Fraction(0))
        projected, margin = to_date, Fraction(0)
        if reference:
            complete = [
                (day, figure(metric, one)) for day, one in zip(reference, sums, strict=True)
            ]
            expected = pattern(complete)
            so_far = figure(metric, by_day(dated, [today])[0])
            projected += max(Fraction(0), expected[today.isoweekday()] - so_far)
            projected += sum((expected[day.isoweekday()] for day in later), Fraction(0))
            spread = sample_deviation(
                [value - expected[day.isoweekday()] for day, value in complete]
            )
            left = len(later) + 1
            root = square_root(left * (1 + Fraction(left, len(complete))))
            margin = Fraction("1.2816") * spread * root
        answer[metric] = {
            "month_to_date": written(metric, to_date),
            "projected": written(metric, projected),
            "low": written(metric, max(to_date, projected - margin)),
            "high": written(metric, projected + margin),
        }
    return answer


def unpriced_models(ledger: Ledger) -> list[str]:
    """Return the models of which something unpriced is counted."""
    keys = {entry.model_key for entry in ledger.entries if entry.counted and entry.cost is None}
    spelled = sorted((key[0], ledger.spellings[key] or "") for key in keys)
    return [f"{provider}/{name or 'unknown'}" for provider, name in spelled]


def health(ledger: Ledger) -> Answer:
    """Answer what /health tells of the events."""
    first = ledger.first_day()
    counted = add_up(entry for entry in ledger.entries if entry.present)
    return {
        "events": counted.requests,
        "first_day": None if first is None else str(first),
        "unpriced_models": unpriced_models(ledger),
    }
