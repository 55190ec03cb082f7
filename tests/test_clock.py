"""Midnights, weeks, months, years, clock changes and time zones; the nightly clean-up."""

from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from freezegun.api import FrozenDateTimeFactory
from homeassistant.config_entries import ConfigEntryState
from homeassistant.core import HomeAssistant
from homeassistant.setup import async_setup_component
from homeassistant.util import dt as dt_util
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry, async_fire_time_changed

from custom_components.llm_analytics.analytics import Analytics, CleanUp
from custom_components.llm_analytics.analytics.maintenance.maintainer import LedgerMaintenance
from custom_components.llm_analytics.const import DOMAIN
from custom_components.llm_analytics.services import Action

from .helpers import act, rows, usage

type Figures = tuple[int, int, int]


@pytest.fixture(autouse=True)
def _enabled(enable_custom_integrations: None) -> None:
    """Let Home Assistant find the integration."""


async def set_up(hass: HomeAssistant, **options: Any) -> MockConfigEntry:
    """Set the integration up, once the clock and the zone stand where they should."""
    entry = MockConfigEntry(domain=DOMAIN, options=options)
    entry.add_to_hass(hass)
    assert await async_setup_component(hass, DOMAIN, {})
    await hass.async_block_till_done()
    assert entry.state is ConfigEntryState.LOADED
    return entry


async def moved(hass: HomeAssistant, freezer: FrozenDateTimeFactory, moment: datetime) -> None:
    """Move the clock and let everything that is due happen."""
    await hass.async_block_till_done()
    freezer.move_to(moment)
    async_fire_time_changed(hass)
    await hass.async_block_till_done(wait_background_tasks=True)


def figures(hass: HomeAssistant) -> Figures:
    """Return the requests of today, this week and this month."""
    states = [
        hass.states.get(f"sensor.llm_analytics_requests_{period}")
        for period in ("today", "this_week", "this_month")
    ]
    today, week, month = (-1 if state is None else int(state.state) for state in states)
    return today, week, month


def reset(hass: HomeAssistant, period: str = "today") -> str:
    state = hass.states.get(f"sensor.llm_analytics_requests_{period}")
    assert state is not None
    return str(state.attributes["last_reset"])


BERLIN = "Europe/Berlin"

# The zone, the day that ends, the figures after, and the first instant of the next day.
MIDNIGHTS: list[tuple[str, date, Figures, str]] = [
    (BERLIN, date(2026, 5, 13), (0, 1, 1), "2026-05-14T00:00:00+02:00"),
    # Sunday, within a month
    (BERLIN, date(2026, 5, 17), (0, 0, 1), "2026-05-18T00:00:00+02:00"),
    # the end of a month, within a week
    (BERLIN, date(2026, 6, 30), (0, 1, 0), "2026-07-01T00:00:00+02:00"),
    # Sunday, the end of a month
    (BERLIN, date(2026, 5, 31), (0, 0, 0), "2026-06-01T00:00:00+02:00"),
    # the end of a year
    (BERLIN, date(2026, 12, 31), (0, 1, 0), "2027-01-01T00:00:00+01:00"),
    # the leap day
    (BERLIN, date(2028, 2, 28), (0, 1, 1), "2028-02-29T00:00:00+01:00"),
    (BERLIN, date(2028, 2, 29), (0, 1, 0), "2028-03-01T00:00:00+01:00"),
    # into and out of the day of 23 hours
    (BERLIN, date(2026, 3, 28), (0, 1, 1), "2026-03-29T00:00:00+01:00"),
    (BERLIN, date(2026, 3, 29), (0, 0, 1), "2026-03-30T00:00:00+02:00"),
    # into and out of the day of 25 hours
    (BERLIN, date(2026, 10, 24), (0, 1, 1), "2026-10-25T00:00:00+02:00"),
    (BERLIN, date(2026, 10, 25), (0, 0, 1), "2026-10-26T00:00:00+01:00"),
    # midnight is skipped: the day begins at one
    ("America/Santiago", date(2026, 9, 5), (0, 1, 1), "2026-09-06T01:00:00-03:00"),
    # midnight comes twice: the day begins at the first
    ("America/Havana", date(2026, 10, 31), (0, 1, 0), "2026-11-01T00:00:00-04:00"),
    ("America/Havana", date(2026, 11, 1), (0, 0, 1), "2026-11-02T00:00:00-05:00"),
    ("Asia/Kathmandu", date(2026, 5, 13), (0, 1, 1), "2026-05-14T00:00:00+05:45"),
    ("Pacific/Kiritimati", date(2026, 5, 13), (0, 1, 1), "2026-05-14T00:00:00+14:00"),
    ("UTC", date(2026, 5, 13), (0, 1, 1), "2026-05-14T00:00:00+00:00"),
]


@pytest.mark.parametrize(("zone", "day", "after", "next_day"), MIDNIGHTS)
async def test_figures_start_again_at_the_homes_midnight(
    hass: HomeAssistant,
    freezer: FrozenDateTimeFactory,
    zone: str,
    day: date,
    after: Figures,
    next_day: str,
) -> None:
    await hass.config.async_set_time_zone(zone)
    end = datetime.fromisoformat(next_day)
    assert (end - timedelta(seconds=1)).astimezone(ZoneInfo(zone)).date() == day
    freezer.move_to(end - timedelta(minutes=2))
    await set_up(hass)
    await act(hass, Action.RECORD_USAGE, usage())
    await moved(hass, freezer, end - timedelta(seconds=2))
    assert figures(hass) == (1, 1, 1)
    assert reset(hass) < next_day

    await moved(hass, freezer, end + timedelta(seconds=1))
    assert figures(hass) == after
    assert reset(hass) == next_day

    await act(hass, Action.RECORD_USAGE, usage())
    await moved(hass, freezer, end + timedelta(seconds=4))
    assert figures(hass) == (after[0] + 1, after[1] + 1, after[2] + 1)


async def test_midnight_comes_every_night(
    hass: HomeAssistant, freezer: FrozenDateTimeFactory
) -> None:
    await hass.config.async_set_time_zone(BERLIN)
    zone = ZoneInfo(BERLIN)
    freezer.move_to(datetime(2026, 3, 25, 12, tzinfo=zone))
    await set_up(hass)
    for day in range(26, 32):
        await act(hass, Action.RECORD_USAGE, usage())
        await moved(hass, freezer, datetime(2026, 3, day, 0, 0, 1, tzinfo=zone))
        assert reset(hass) == datetime(2026, 3, day, tzinfo=zone).isoformat()
        assert figures(hass)[0] == 0
    assert figures(hass)[2] == 6


@pytest.mark.parametrize(
    ("day", "hours"),
    [(date(2026, 3, 29), 23), (date(2026, 10, 25), 25), (date(2026, 5, 13), 24)],
)
async def test_a_day_has_as_many_hours_as_it_has(
    hass: HomeAssistant, freezer: FrozenDateTimeFactory, day: date, hours: int
) -> None:
    await hass.config.async_set_time_zone(BERLIN)
    first = datetime(day.year, day.month, day.day, tzinfo=ZoneInfo(BERLIN)).astimezone(UTC)
    end = first + timedelta(hours=hours)
    freezer.move_to(end - timedelta(microseconds=1))
    await set_up(hass)
    for moment in (
        first - timedelta(microseconds=1),
        first,
        *(first + timedelta(hours=hour, minutes=30) for hour in range(hours)),
        end - timedelta(microseconds=1),
        end,
    ):
        await act(hass, Action.RECORD_USAGE, usage(timestamp=moment.isoformat()))
    freezer.move_to(end - timedelta(microseconds=1))
    (entry,) = hass.config_entries.async_entries(DOMAIN)
    await entry.runtime_data.async_refresh()
    await hass.async_block_till_done()
    assert entry.runtime_data.data.summary.today.totals.requests == hours + 2


async def test_another_time_zone_dates_everything_anew(
    hass: HomeAssistant, freezer: FrozenDateTimeFactory
) -> None:
    await hass.config.async_set_time_zone("UTC")
    freezer.move_to("2026-05-31T16:00:00+00:00")
    await set_up(hass)
    await act(hass, Action.RECORD_USAGE, usage(timestamp="2026-05-31T14:30:00+00:00"))
    await act(hass, Action.RECORD_USAGE, usage(timestamp="2026-05-31T15:30:00+00:00"))
    await moved(hass, freezer, datetime(2026, 5, 31, 16, 0, 32, tzinfo=UTC))
    assert figures(hass) == (2, 2, 2)

    await hass.config.async_update(time_zone="Asia/Tokyo")
    await hass.async_block_till_done()
    assert figures(hass) == (1, 1, 1)
    assert reset(hass) == "2026-06-01T00:00:00+09:00"
    assert reset(hass, "this_month") == "2026-06-01T00:00:00+09:00"

    await moved(hass, freezer, datetime(2026, 6, 1, 0, 0, 1, tzinfo=UTC))
    assert figures(hass) == (1, 1, 1), "midnight of the zone left behind"
    await moved(hass, freezer, datetime(2026, 6, 1, 15, 0, 1, tzinfo=UTC))
    assert figures(hass) == (0, 1, 1)
    assert reset(hass) == "2026-06-02T00:00:00+09:00"


async def test_a_zone_changed_while_nothing_ran_is_noticed_at_the_next_start(
    hass: HomeAssistant, freezer: FrozenDateTimeFactory
) -> None:
    await hass.config.async_set_time_zone("UTC")
    freezer.move_to("2026-05-13T16:00:00+00:00")
    entry = await set_up(hass)
    await act(hass, Action.RECORD_USAGE, usage(timestamp="2026-05-13T14:30:00+00:00"))
    await hass.config_entries.async_unload(entry.entry_id)
    await hass.config.async_set_time_zone("Asia/Tokyo")
    await hass.config_entries.async_setup(entry.entry_id)
    await hass.async_block_till_done()
    assert figures(hass) == (0, 1, 1)


async def test_a_home_without_a_zone_yet_is_in_utc(
    hass: HomeAssistant, freezer: FrozenDateTimeFactory
) -> None:
    dt_util.set_default_time_zone(UTC)
    freezer.move_to("2026-05-13T23:59:00+00:00")
    entry = await set_up(hass)
    assert entry.runtime_data.analytics.ledger.zone.key == "UTC"
    assert reset(hass) == "2026-05-13T00:00:00+00:00"


async def test_a_change_of_something_else_leaves_the_ledger_alone(
    hass: HomeAssistant, monkeypatch: pytest.MonkeyPatch
) -> None:
    await set_up(hass)

    async def fail(*_: object) -> None:
        raise AssertionError

    monkeypatch.setattr(LedgerMaintenance, "set_zone", fail)
    await hass.config.async_update(location_name="Elsewhere")
    await hass.async_block_till_done()
    assert figures(hass) == (0, 0, 0)


async def read_only(entry: MockConfigEntry, *, on: bool) -> None:
    """Take the right to write away from the connection that writes."""
    word = "ON" if on else "OFF"
    writer = entry.runtime_data.analytics.ledger.db
    await writer.run(lambda db: db.execute(f"PRAGMA query_only = {word}"))


async def test_trouble_while_changing_the_zone_is_logged_and_figures_go_on(
    hass: HomeAssistant, caplog: pytest.LogCaptureFixture
) -> None:
    entry = await set_up(hass)
    await act(hass, Action.RECORD_USAGE, usage())
    await read_only(entry, on=True)
    await hass.config.async_update(time_zone="Asia/Tokyo")
    await hass.async_block_till_done()
    await read_only(entry, on=False)
    assert "Days could not be moved to the new time zone" in caplog.text
    state = hass.states.get("sensor.llm_analytics_requests_this_month")
    assert state is not None
    assert state.state != "unavailable"


OLD = "2026-03-01T12:00:00+00:00"
RECENT = ("2026-05-11T12:00:00+02:00", "2026-05-12T12:00:00+02:00")
NIGHT = datetime(2026, 5, 13, 4, 5, tzinfo=ZoneInfo(BERLIN))


@pytest.mark.parametrize(
    ("options", "kept"),
    [
        ({}, 4),
        ({"retention_days": 0}, 4),
        ({"retention_days": 60}, 3),
        ({"retention_days": 30}, 3),
        ({"keep_details": False}, 2),
        ({"keep_details": False, "retention_days": 0}, 2),
    ],
)
async def test_at_night_what_the_household_does_not_keep_goes_and_totals_stay(
    hass: HomeAssistant, freezer: FrozenDateTimeFactory, options: dict[str, Any], kept: int
) -> None:
    await hass.config.async_set_time_zone(BERLIN)
    freezer.move_to(NIGHT - timedelta(minutes=1))
    await set_up(hass, **options)
    for moment in (OLD, "2026-05-04T12:00:00+02:00", *RECENT):
        await act(hass, Action.RECORD_USAGE, usage(timestamp=moment))
    await hass.async_block_till_done()
    assert len(rows(hass)["event"]) == 4
    await moved(hass, freezer, NIGHT + timedelta(seconds=1))
    assert len(rows(hass)["event"]) == kept
    report = await act(hass, Action.GENERATE_REPORT, {"period": "all"}, return_response=True)
    assert report["summary"]["request_count"] == 4
    assert figures(hass) == (0, 2, 3)


async def test_a_clean_up_that_takes_long_goes_on_until_it_is_done(
    hass: HomeAssistant,
    freezer: FrozenDateTimeFactory,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    await hass.config.async_set_time_zone(BERLIN)
    freezer.move_to(NIGHT - timedelta(minutes=1))
    entry = await set_up(hass, retention_days=30)
    for day in range(1, 6):
        await act(hass, Action.RECORD_USAGE, usage(timestamp=f"2026-03-0{day}T12:00:00+00:00"))
    analytics: Analytics = entry.runtime_data.analytics
    told: list[CleanUp] = []

    async def one_step() -> CleanUp:
        told.append(await analytics.maintenance.clean_up(budget=0.0 if not told else 20.0))
        return told[-1]

    monkeypatch.setattr(analytics.maintenance, "retain", one_step)
    await moved(hass, freezer, NIGHT + timedelta(seconds=1))
    assert [step.complete for step in told] == [False, True]
    assert rows(hass)["event"] == []


async def test_a_clean_up_that_fails_is_logged_and_tried_the_next_night(
    hass: HomeAssistant, freezer: FrozenDateTimeFactory, caplog: pytest.LogCaptureFixture
) -> None:
    await hass.config.async_set_time_zone(BERLIN)
    freezer.move_to(NIGHT - timedelta(minutes=1))
    entry = await set_up(hass, retention_days=30)
    for moment in (OLD, *RECENT):
        await act(hass, Action.RECORD_USAGE, usage(timestamp=moment))
    await read_only(entry, on=True)
    await moved(hass, freezer, NIGHT + timedelta(seconds=1))
    await read_only(entry, on=False)
    assert "The daily clean-up failed: attempt to write a readonly database" in caplog.text
    assert len(rows(hass)["event"]) == 3
    await moved(hass, freezer, NIGHT + timedelta(days=1, seconds=1))
    assert len(rows(hass)["event"]) == 2
