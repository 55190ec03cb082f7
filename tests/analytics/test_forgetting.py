"""A device or a user is forgotten: the name goes everywhere, every other sum stays."""

from pathlib import Path

import pytest

from custom_components.llm_analytics.analytics import Analytics, Filter, NotFoundError
from custom_components.llm_analytics.analytics.store import forgetting

from .support import DAY, NOON, ask, count, drift, everything, opened
from .usage import usage

DEVICE = "ip:10.0.0.1"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "ledger.db"


async def household(analytics: Analytics) -> None:
    """Record anna's requests, live and cleaned up, beside those of nobody."""
    for days in (50, 1, 0):
        for device, user in ((None, None), ("10.0.0.1", "anna"), ("10.0.0.1", None)):
            await analytics.record(
                usage(
                    timestamp=NOON - days * DAY,
                    device_ip=device,
                    user_id=user,
                    recorded_by=user,
                    tags=("t",),
                )
            )
    await analytics.clean_up(30)


@pytest.mark.parametrize(
    ("who", "wanted"),
    [({"user": "anna"}, Filter(user="anna")), ({"device": DEVICE}, Filter(device=DEVICE))],
    ids=["user", "device"],
)
async def test_what_was_theirs_becomes_nobodys(
    path: Path, who: dict[str, str], wanted: Filter
) -> None:
    async with opened(path) as analytics:
        await household(analytics)
        before = (await everything(analytics))["summary"]
        outcome = await analytics.forget(**who)  # type: ignore[arg-type]
        assert (outcome.deleted, outcome.complete) == (False, True)
        after = (await everything(analytics))["summary"]
        assert after | {"unique_devices": 0} == before | {"unique_devices": 0}
        assert (await analytics.summary(wanted)).month.totals.requests == 0
        assert (await everything(analytics, Filter(user="anonymous")))["summary"][
            "request_count"
        ] == (9 if "user" in who else 6)
        assert await drift(analytics) == 0
        with pytest.raises(NotFoundError):
            await analytics.forget(**who)  # type: ignore[arg-type]
        assert not (await analytics.record(usage(device_ip="10.0.0.1", user_id="anna"))).duplicate
        assert (await analytics.summary(wanted)).today.totals.requests == 1
        assert await drift(analytics) == 0


async def test_their_events_are_deleted_and_their_removed_days_lose_the_name(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(forgetting, "BATCH", 1)
    async with opened(path) as analytics:
        await household(analytics)
        outcome = await analytics.forget(device=DEVICE, delete=True)
        assert (outcome.events, outcome.deleted, outcome.complete) == (4, True, True)
        answer = await everything(analytics)
        assert answer["summary"]["request_count"] == 5  # 2 live, 3 of the day that was cleaned up
        assert [row["device_ip"] for row in answer["by_device"]] == [None]
        assert await drift(analytics) == 0
    assert count(path, "device") == 0


async def test_forgetting_without_time_says_that_more_is_to_be_done(path: Path) -> None:
    async with opened(path) as analytics:
        await household(analytics)
        outcome = await analytics.forget(user="anna", delete=True, budget=0)
        assert (outcome.events, outcome.complete) == (0, False)


@pytest.mark.parametrize(("agent", "labels"), [("anna", 1), ("kitchen", 0)])
async def test_name_stays_only_where_it_names_something_else(
    path: Path, agent: str, labels: int
) -> None:
    async with opened(path) as analytics:
        await analytics.record(usage(user_id="anna", recorded_by="anna", agent=agent))
        await analytics.forget(user="anna")
        event = await analytics.event(1)
        assert (event.usage.user_id, event.usage.recorded_by) == (None, None)
        assert event.usage.agent == agent
        assert (await analytics.record(usage(agent="new"))).event.usage.agent == "new"
        assert (await analytics.event(1)).usage.agent == agent
    query = "SELECT COUNT(*) FROM label WHERE key = 'anna'"
    assert ask(path, lambda db: db.execute(query).fetchone()) == (labels,)


@pytest.mark.parametrize("who", [{"user": "nobody"}, {"device": "ip:10.9.9.9"}])
async def test_who_was_never_seen_is_not_found(path: Path, who: dict[str, str]) -> None:
    async with opened(path) as analytics:
        with pytest.raises(NotFoundError):
            await analytics.forget(**who)  # type: ignore[arg-type]
