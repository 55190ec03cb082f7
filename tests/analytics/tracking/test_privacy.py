"""What is kept of a person: everything, a pseudonym, or nothing; and the name nowhere else."""

from collections import Counter
import dataclasses
from pathlib import Path

import pytest

from custom_components.llm_analytics.analytics import KeepPerson, NotFoundError, Settings

from ..helpers import PLAIN, everything, opened
from ..usage_events import usage

SECRET = bytes(range(32))
PSEUDONYMS = dataclasses.replace(PLAIN, keep_person=KeepPerson.PSEUDONYMS, person_key=SECRET)
NOTHING = dataclasses.replace(PSEUDONYMS, keep_person=KeepPerson.NOTHING)

# BLAKE2b of "ada" with a key of the bytes 0 to 31, 8 bytes of digest.
ADA = "person-3657adcf208fb88d"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Return where the ledger is kept."""
    return tmp_path / "ledger.db"


def anywhere(path: Path, text: str) -> bool:
    """Return whether a text stands anywhere in the ledger's files."""
    files = path.parent.glob(f"{path.name}*")
    return any(text.encode() in file.read_bytes() for file in files)


async def users(path: Path, settings: Settings) -> dict[str, int]:
    """Record what three people and nobody did, and return the requests by user."""
    people = ["ada-7", "ben-8", "ada-7", None, "cyd-9", "ada-7"]
    async with opened(path, settings=settings) as analytics:
        await analytics.tracker.record_many(
            [usage(user_id=user, recorded_by="eve-5") for user in people]
        )
        return {
            row.name: row.user.totals.requests for row in await analytics.reports.users(None, None)
        }


async def test_a_pseudonym_is_the_same_for_the_same_name_and_key(path: Path) -> None:
    async with opened(path, settings=PSEUDONYMS) as analytics:
        first = await analytics.tracker.record(usage(user_id="ada", recorded_by="ada"))
    async with opened(path, settings=PSEUDONYMS) as analytics:
        again = await analytics.tracker.record(usage(user_id="ada"))
    assert first.event.usage.user_id == first.event.usage.recorded_by == ADA
    assert again.event.usage.user_id == ADA
    other = dataclasses.replace(PSEUDONYMS, person_key=SECRET[::-1])
    async with opened(path, settings=other) as analytics:
        assert (await analytics.tracker.record(usage(user_id="ada"))).event.usage.user_id != ADA


async def test_counts_by_user_stay_true_under_pseudonyms(path: Path, tmp_path: Path) -> None:
    plain = await users(path, PLAIN)
    hidden = await users(tmp_path / "hidden.db", PSEUDONYMS)
    assert plain == {"ada-7": 3, "anonymous": 1, "ben-8": 1, "cyd-9": 1}
    assert hidden["anonymous"] == 1
    assert Counter(hidden.values()) == Counter(plain.values())
    assert not set(hidden) & {"ada-7", "ben-8", "cyd-9"}


async def test_nothing_makes_everybody_anonymous(path: Path) -> None:
    assert await users(path, NOTHING) == {"anonymous": 6}
    async with opened(path, settings=NOTHING) as analytics:
        event = (await analytics.tracker.event(1)).usage
    assert (event.user_id, event.recorded_by) == (None, None)


@pytest.mark.parametrize(
    ("settings", "found"), [(PLAIN, True), (PSEUDONYMS, False), (NOTHING, False)]
)
async def test_the_name_is_nowhere_in_the_file_unless_it_is_kept(
    path: Path, settings: Settings, *, found: bool
) -> None:
    await users(path, settings)
    for name in ("ada-7", "ben-8", "eve-5"):
        assert anywhere(path, name) is found


async def test_a_retry_is_recognised_whatever_is_kept(path: Path) -> None:
    for settings in (PLAIN, PSEUDONYMS, NOTHING):
        async with opened(path, settings=settings) as analytics:
            recorded = await analytics.tracker.record(usage(user_id="ada-7", request_id="one"))
            assert recorded.duplicate is (settings is not PLAIN)
            assert recorded.event.usage.user_id == "ada-7"


@pytest.mark.parametrize("delete", [False, True])
async def test_a_person_is_forgotten_by_name_whatever_is_kept(path: Path, *, delete: bool) -> None:
    async with opened(path, settings=PLAIN) as analytics:
        await analytics.tracker.record(usage(user_id="ada-7"))
    await users(path, PSEUDONYMS)
    async with opened(path, settings=NOTHING) as analytics:
        by_name = await analytics.maintenance.forget(user="ada-7", delete=delete)
        by_pseudonym = await analytics.maintenance.forget(user="ada-7", delete=delete)
        assert (by_name.events, by_pseudonym.events) == (1, 3)
        with pytest.raises(NotFoundError):
            await analytics.maintenance.forget(user="ada-7")
        assert (await everything(analytics))["summary"]["request_count"] == (3 if delete else 7)


def test_the_key_is_in_no_text_of_the_settings() -> None:
    assert "keep_person" in repr(PSEUDONYMS)
    assert repr(SECRET) not in repr(PSEUDONYMS)
