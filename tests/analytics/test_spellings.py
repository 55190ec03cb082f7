"""How addresses, providers, models and metadata are spelled in the ledger."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import pytest

from custom_components.llm_analytics.analytics.errors import InvalidInputError
from custom_components.llm_analytics.analytics.limits import (
    MAX_PRICE,
    check_money,
    check_tags,
    check_text,
    metadata_text,
    normal_device_id,
    normal_ip,
)
from custom_components.llm_analytics.analytics.providers import (
    PROVIDER_ALIASES,
    normal_provider,
    split_model,
)

from .usage_events import usage


@pytest.mark.parametrize(
    ("given", "normal"),
    [
        ("192.168.1.2", "192.168.1.2"),
        ("::ffff:192.168.1.2", "192.168.1.2"),
        ("::FFFF:c0a8:0102", "192.168.1.2"),
        ("2001:0DB8:0000:0000:0000:0000:0000:0001", "2001:db8::1"),
        ("fe80::1", "fe80::1"),
        ("::1", "::1"),
        ("0.0.0.0", "0.0.0.0"),
    ],
)
def test_an_address_has_one_spelling(given: str, normal: str) -> None:
    assert normal_ip(given) == normal
    assert usage(device_ip=given).device_ip == normal


@pytest.mark.parametrize(
    "given",
    [
        "",
        "192.168.001.002",
        "192.168.1.256",
        "192.168.1",
        "192.168.1.2/24",
        "192.168.1.2:8123",
        " 192.168.1.2",
        "fe80::1%eth0",
        "::ffff:192.168.1.2%1",
        "::ffff:192.168.01.2",
        "localhost",
        "3232235778",
    ],
)
def test_what_is_no_plain_address_is_refused(given: str) -> None:
    with pytest.raises(InvalidInputError, match="without zone id or leading zeros") as caught:
        normal_ip(given)
    assert caught.value.field == "device_ip"


def test_a_checked_value_is_named_as_its_caller_names_it() -> None:
    for check, value in ((normal_ip, "x"), (normal_device_id, "x y")):
        with pytest.raises(InvalidInputError) as caught:
            check(value, "filter")
        assert caught.value.field == "filter"


def test_a_device_id_is_returned_as_given() -> None:
    assert normal_device_id("Ab_9-") == "Ab_9-"


@pytest.mark.parametrize(
    ("given", "stored"),
    [
        ("openai", "openai"),
        (" OpenAI ", "openai"),
        ("gemini", "google"),
        ("gcp.gemini", "google"),
        ("gcp.vertex_ai", "google"),
        ("google_generative_ai_conversation", "google"),
        ("Claude", "anthropic"),
        ("AWS.Bedrock", "aws"),
        ("azure.ai.openai", "azure"),
        ("x_ai", "x-ai"),
        ("grok", "x-ai"),
        ("llama.cpp", "llama_cpp"),
        ("lmstudio", "lm_studio"),
        ("mistralai", "mistral"),
        ("open_router", "openrouter"),
        ("cloud", "home_assistant_cloud"),
        ("something new", "something new"),
    ],
)
def test_a_provider_is_lower_case_with_aliases_folded(given: str, stored: str) -> None:
    assert normal_provider(given) == stored
    assert usage(provider=given).provider == stored


def test_aliases_lead_to_a_final_name_in_one_step() -> None:
    for alias, provider in PROVIDER_ALIASES.items():
        assert alias == alias.strip().lower()
        assert provider not in PROVIDER_ALIASES


@pytest.mark.parametrize(
    ("provider", "model", "split"),
    [
        ("openai", "gpt-4o", ("openai", "gpt-4o")),
        ("openai", None, ("openai", None)),
        (None, None, (None, None)),
        (None, "gpt-4o", (None, "gpt-4o")),
        ("", "openai/gpt-4o", ("openai", "gpt-4o")),
        (None, "openai/gpt-4o", ("openai", "gpt-4o")),
        (None, "Gemini/gemini-2.0-flash", ("google", "gemini-2.0-flash")),
        ("openai", "openai/gpt-4o", ("openai", "gpt-4o")),
        ("google", "gemini/gemini-2.0-flash", ("google", "gemini-2.0-flash")),
        ("openrouter", "openai/gpt-4o", ("openrouter", "openai/gpt-4o")),
        ("OpenRouter", "openrouter/auto", ("openrouter", "openrouter/auto")),
        (None, "openrouter/openai/gpt-4o", ("openrouter", "openai/gpt-4o")),
        ("groq", "meta-llama/llama-4", ("groq", "meta-llama/llama-4")),
        (None, "openai/ft:gpt/x", ("openai", "ft:gpt/x")),
        (None, "/gpt-4o", (None, "/gpt-4o")),
        (None, "openai/", (None, "openai/")),
    ],
)
def test_provider_and_model_are_told_apart(
    provider: str | None, model: str | None, split: tuple[str | None, str | None]
) -> None:
    assert split_model(provider, model) == split


def test_the_spelling_of_a_model_is_kept() -> None:
    event = usage(provider="", model="Mistral_AI/Mistral-Large")
    assert (event.provider, event.model) == ("mistral", "Mistral-Large")


def test_text_is_returned_unchanged_or_refused() -> None:
    assert check_text("notes", "", 5, minimum=0) == ""
    assert check_text("notes", "12345", 5) == "12345"
    with pytest.raises(InvalidInputError, match="NUL or half of a surrogate pair"):
        check_text("notes", "\udfff", 5)


def test_tags_may_come_from_any_iterable() -> None:
    assert check_tags(name for name in ("a", "b", "a")) == ("a", "b")


def test_money_has_its_own_greatest_value() -> None:
    assert check_money("prompt_per_1m", Decimal(1000), MAX_PRICE) == 1000
    with pytest.raises(InvalidInputError, match=r"must be 0 to 1,000, got '1000\.1'") as caught:
        check_money("prompt_per_1m", Decimal("1000.1"), MAX_PRICE)
    assert caught.value.field == "prompt_per_1m"


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ({}, "{}"),
        ({"room": "Küche"}, '{"room":"Küche"}'),
        ({"a": [1, 2.5, None, True], "b": {"c": "d"}}, '{"a":[1,2.5,null,true],"b":{"c":"d"}}'),
        ({"price": Decimal("1.25"), "pair": (1, 2)}, '{"price":1.25,"pair":[1,2]}'),
        ({1: "one"}, '{"1":"one"}'),
        ({"low": -(2**63), "high": 2**64 - 1}, f'{{"low":{-(2**63)},"high":{2**64 - 1}}}'),
    ],
)
def test_metadata_is_compact_json(value: Mapping[str, object], text: str) -> None:
    assert metadata_text(value) == text


def nested(depth: int) -> dict[str, Any]:
    value: dict[str, Any] = {}
    for _ in range(depth):
        value = {"a": value}
    return value


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ({"x": float("nan")}, "must be a JSON object"),
        ({"x": float("inf")}, "must be a JSON object"),
        ({"x": Decimal("NaN")}, "must be a JSON object"),
        ({"x": Decimal("sNaN")}, "must be a JSON object"),
        ({"x": {1, 2}}, "must be a JSON object"),
        ({"x": "\ud83d"}, "must be a JSON object"),
        ({"\ud83d": 1}, "must be a JSON object"),
        ({"x": Decimal("1e400")}, "beyond 64-bit floating point"),
        ({"x": Decimal("-1e400")}, "beyond 64-bit floating point"),
        ({"x": [2**64]}, "an integer beyond 64 bits"),
        ({"x": -(2**63) - 1}, "an integer beyond 64 bits"),
        (nested(100_000), "must not be nested more than 64 levels deep"),
    ],
)
def test_metadata_that_json_cannot_say_exactly_is_refused(
    value: Mapping[str, object], reason: str
) -> None:
    with pytest.raises(InvalidInputError, match=reason) as caught:
        metadata_text(value)
    assert caught.value.field == "metadata"
