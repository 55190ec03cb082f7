"""Asking the engine and the reference ledger for every analysis, as a client asks."""

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from functools import partial
from typing import Any

import pytest

from custom_components.llm_analytics.analytics import NotFoundError, Part, Stretch
from custom_components.llm_analytics.contract.queries import find_query
from custom_components.llm_analytics.contract.validation import validate

from .compare_prices import PriceComparison
from .helpers import drift
from .random_analyses import Asked
from .reference import briefs, devices, forecasts, insights, trends
from .reference.ledger import DAY, Wanted, first_instant, local_date

NAMES = {"user": "user_id"}


def parameters(wanted: Wanted) -> dict[str, Any]:
    """Return a filter as a client gives it."""
    given = {NAMES.get(name, name): value for name, value in wanted.items() if name != "device"}
    if "device" in wanted:
        kind, _, value = wanted["device"].partition(":")
        given["device_ip" if kind == "ip" else "device_id"] = value
    return given


@dataclass
class AnalysisComparison(PriceComparison):
    """The engine and the reference, side by side, and all that is asked of them."""

    async def ask(self, path: str, expected: Callable[[], Any], **given: Any) -> None:
        """Ask both one question, as a client asks it."""
        question, named = find_query(path)
        data = validate(question.fields, named | given)

        async def answer() -> Any:
            found = await question.ask(self.engine, data)
            return (
                _without_texts(found) if path in {"trends/anomalies", "trends/forecast"} else found
            )

        try:
            await self.agree(answer(), expected)
        except BaseException as error:
            error.add_note(f"asked: {path} {given}")
            raise

    async def compare_all(self, asked: Asked) -> None:
        """Ask both everything."""
        await self._compare_ledger()
        span = asked.span(self.priced.zone, self.clock.now)
        for bounds, names in self._windows(span, dates=asked.dates):
            await self._compare_statistics(asked, bounds, names)
        await self._compare_devices(asked)
        await self._compare_days(asked)
        for wanted in asked.filters:
            await self._compare_trends(asked, wanted)
        await self._compare_prices(asked)
        await self._compare_briefs()
        assert await drift(self.engine) == 0

    def _windows(
        self, span: insights.Bounds, *, dates: bool
    ) -> list[tuple[insights.Bounds, dict[str, Any]]]:
        """Return no bounds, and some, as instants or as dates: (meant, given)."""
        given = {name: at for name, at in zip(("start", "end"), span, strict=True) if at}
        if not dates:
            return [
                ((None, None), {}),
                (span, {name: at.isoformat() for name, at in given.items()}),
            ]
        zone = self.priced.zone
        named = {name: local_date(at, zone) for name, at in given.items()}
        meant = (
            first_instant(named["start"], zone) if "start" in named else None,
            first_instant(named["end"] + DAY, zone) if "end" in named else None,
        )
        return [((None, None), {}), (meant, {name: str(day) for name, day in named.items()})]

    async def _compare_statistics(
        self, asked: Asked, bounds: insights.Bounds, given: dict[str, Any]
    ) -> None:
        ledger, now, top = self.priced, self.clock.now, asked.top
        for wanted in asked.filters:
            await self.ask(
                "stats/summary",
                partial(insights.statistics, ledger, bounds, wanted, now=now),
                **given,
                **parameters(wanted),
            )
        await self.ask("stats/models", lambda: insights.models(ledger, bounds, now=now), **given)
        await self.ask(
            "stats/endpoints", lambda: insights.by_endpoint(ledger, bounds, now=now), **given
        )
        await self.ask("stats/tags", lambda: insights.by_tag(ledger, bounds, now=now), **given)
        await self.ask(
            "stats/users",
            lambda: {row.pop("user_id"): row for row in insights.users(ledger, bounds, now=now)},
            **given,
        )
        await self.ask(
            "stats/users/top",
            lambda: insights.users(ledger, bounds, now=now)[:top],
            limit=top,
            **given,
        )
        for what in ("device", "provider", "model", "endpoint", "user", "tag"):
            await self.ask(
                "stats/breakdown",
                partial(devices.breakdown, ledger, what, asked.interval, bounds, top, now=now),
                by=what,
                interval=asked.interval,
                top=top,
                **given,
            )

    async def _compare_devices(self, asked: Asked) -> None:
        ledger, now, device, top = self.priced, self.clock.now, asked.device, asked.top
        day = local_date(asked.span(ledger.zone, now)[0] or now, ledger.zone)
        await self.ask(
            "usage/daily",
            lambda: devices.device_day(ledger, device, day),
            date=str(day),
            **parameters({"device": device}),
        )
        await self.ask(
            "usage/daily",
            lambda: devices.device_day(ledger, device, local_date(now, ledger.zone)),
            **parameters({"device": device}),
        )
        # A path names a device by its address or id alone.
        path = f"usage/device/{device.partition(':')[2]}"
        for days in (asked.long_days, 1):
            if ledger.knows({"device": device}):
                summary = partial(devices.device_summary, ledger, device, days, now=now)
                await self.ask(path, summary, days=days)
            else:
                with pytest.raises(NotFoundError):
                    await self.ask(path, dict, days=days)
            await self.ask(
                "usage/devices",
                partial(devices.top_devices, ledger, days, top, now=now),
                days=days,
                limit=top,
            )

    async def _compare_days(self, asked: Asked) -> None:
        ledger, now, days = self.priced, self.clock.now, asked.long_days
        await self.ask("stats/daily", lambda: insights.daily(ledger, days, now=now), days=days)
        await self.ask("stats/hourly", lambda: insights.hourly(ledger, days, now=now), days=days)
        await self.ask("stats/hourly", lambda: insights.hourly(ledger, None, now=now))
        await self.ask("trends/forecast", lambda: forecasts.forecast(ledger, now=now))

    async def _compare_briefs(self) -> None:
        for stretch in Stretch:
            for part in (None, *Part):
                answer = (await self.engine.reports.brief(stretch, part)).as_dict()
                expected = briefs.brief(self.priced, stretch, part, now=self.clock.now)
                assert answer == expected, f"{stretch} by {part}"

    async def _compare_trends(self, asked: Asked, wanted: Wanted) -> None:
        ledger, now, days, given = self.priced, self.clock.now, asked.days, parameters(wanted)
        for metric in ("usage", "cost", "requests", "devices"):
            await self.ask(
                f"trends/{metric}",
                partial(
                    trends.trend, ledger, metric, asked.long_days, asked.interval, wanted, now=now
                ),
                days=asked.long_days,
                interval=asked.interval,
                **given,
            )
        await self.ask(
            "trends/weekdays",
            lambda: trends.weekdays(ledger, asked.long_days, wanted, now=now),
            days=asked.long_days,
            **given,
        )
        threshold = Fraction(asked.threshold)
        await self.ask(
            "trends/anomalies",
            lambda: forecasts.anomalies(ledger, days, threshold, wanted, now=now),
            days=days,
            threshold=asked.threshold,
            **given,
        )
        for count in (days, 1):
            await self.ask(
                "trends/compare",
                partial(trends.compare, ledger, count, wanted, now=now),
                days=count,
                **given,
            )
        slots = {
            name: value for name, value in wanted.items() if name in {"device", "provider", "model"}
        }
        for path, ask in (
            ("trends/peak-hours", trends.peak_hours),
            ("stats/heatmap", trends.heatmap),
        ):
            await self.ask(
                path,
                partial(ask, ledger, asked.long_days, slots, now=now),
                days=asked.long_days,
                **parameters(slots),
            )

    async def _compare_prices(self, asked: Asked) -> None:
        given = {} if asked.provider is None else {"provider": asked.provider}
        answer: Any = (await self.engine.costs.rates(asked.provider)).as_dict()
        assert answer["unpriced"] == self.priced.unpriced(asked.provider)
        rows = {
            (row["provider"], row["model"], row["source"], row["used"])
            for row in answer["rates"]
            if row["used"] or row["source"] != "default"
        }
        assert rows == self.priced.rates(asked.provider, now=self.clock.now), given
        health: Any = (await self.engine.maintenance.health()).as_dict()
        expected = forecasts.health(self.priced)
        assert {name: health[name] for name in expected} == expected


def _without_texts(answer: Any) -> Any:
    """Return an answer without what is worded freely."""
    if "method" in answer:
        return {name: value for name, value in answer.items() if name != "method"}
    summary = {name: value for name, value in answer["summary"].items() if name != "message"}
    return answer | {"summary": summary}
