from collections import Counter
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from scripts.sample_household import ANOMALY_AFTER, DAYS, Event, first_day, sample_household

BERLIN = ZoneInfo("Europe/Berlin")
NOW = datetime(2026, 11, 21, 13, 30, tzinfo=UTC)


def local_day(event: Event) -> date:
    return datetime.fromisoformat(str(event["timestamp"])).astimezone(BERLIN).date()


def test_is_the_same_for_the_same_arguments_and_another_for_another_seed() -> None:
    assert sample_household(1, NOW, BERLIN) == sample_household(1, NOW, BERLIN)
    assert sample_household(1, NOW, BERLIN) != sample_household(2, NOW, BERLIN)


def test_covers_sixty_local_days_up_to_now_in_order() -> None:
    events = sample_household(1, NOW, BERLIN)
    times = [datetime.fromisoformat(str(event["timestamp"])) for event in events]
    assert times == sorted(times)
    assert times[-1] <= NOW
    days = {local_day(event) for event in events}
    assert days == {date(2026, 11, 21) - timedelta(days=back) for back in range(DAYS)}


def test_a_later_call_only_adds() -> None:
    first = first_day(NOW, BERLIN)
    earlier = sample_household(1, NOW, BERLIN, first=first)
    later = sample_household(1, NOW + timedelta(days=3), BERLIN, first=first)
    assert later[: len(earlier)] == earlier
    assert len(later) > len(earlier)
    rest = sample_household(1, NOW + timedelta(days=3), BERLIN, first=first, since=NOW.date())
    assert rest == [event for event in later if local_day(event) >= NOW.date()]


def test_request_ids_are_unique() -> None:
    ids = [event["request_id"] for event in sample_household(1, NOW, BERLIN)]
    assert len(set(ids)) == len(ids)


def test_exactly_one_day_is_out_of_the_ordinary() -> None:
    counts = Counter(local_day(event) for event in sample_household(1, NOW, BERLIN))
    wild = [day for day, count in counts.items() if count > 3 * sum(counts.values()) / len(counts)]
    assert wild == [first_day(NOW, BERLIN) + timedelta(days=ANOMALY_AFTER)]


def test_weekends_differ_from_workdays() -> None:
    work = [e for e in sample_household(1, NOW, BERLIN) if e["device_name"] == "Anna's laptop"]
    counts = Counter(local_day(event).weekday() for event in work)
    assert counts[1] > 3 * counts[6]


def test_has_every_kind_of_event() -> None:
    events = sample_household(1, NOW, BERLIN)
    models = {(event["provider"], event["model"]) for event in events}
    assert {provider for provider, _ in models} == {
        "anthropic",
        "google",
        "mistral",
        "ollama",
        "openai",
        "openrouter",
    }
    assert ("mistral", "homework-preview") in models
    assert len({event["device_ip"] for event in events}) == 7
    assert {event.get("user_id") for event in events} == {None, "anna", "ben", "lena"}
    for name in ("tokens_cache_read", "tokens_reasoning", "cost_estimate", "ttft_ms", "metadata"):
        assert any(event.get(name) for event in events), name
    assert any(event.get("status") == "error" for event in events)
    assert any(event.get("service_tier") == "batch" for event in events)


def test_parts_belong_to_their_totals() -> None:
    for event in sample_household(1, NOW, BERLIN):
        assert int(str(event.get("tokens_cache_read", 0))) <= int(str(event["tokens_prompt"]))
        assert int(str(event.get("tokens_reasoning", 0))) <= int(str(event["tokens_response"]))
