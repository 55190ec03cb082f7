"""Rates per token, bands by size, and when two model names are the same."""

from hypothesis import given, settings, strategies as st
import pytest

from custom_components.llm_analytics.analytics.pricing.rates import (
    Band,
    Quote,
    TokenRates,
    base_names,
    names_match,
    normal_name,
)

from ..usage_events import usage

# 10^-30 USD per token of a price of 1 USD per million tokens.
DOLLAR = 10**24
RATES = TokenRates(
    prompt=3 * DOLLAR,
    response=15 * DOLLAR,
    cache_read=1 * DOLLAR,
    cache_write=4 * DOLLAR,
    cache_write_1h=6 * DOLLAR,
    reasoning=20 * DOLLAR,
)


def test_every_token_is_priced_in_one_part_only() -> None:
    event = usage(
        tokens_prompt=1000,
        tokens_response=500,
        tokens_cache_read=300,
        tokens_cache_write=200,
        tokens_cache_write_1h=50,
        tokens_reasoning=100,
    )
    assert RATES.parts(event) == (
        500 * 3 * DOLLAR,
        (400 * 15 + 100 * 20) * DOLLAR,
        300 * 1 * DOLLAR,
        (150 * 4 + 50 * 6) * DOLLAR,
        0,
    )
    # 1,500 + 8,000 + 300 + 900 millionths of a dollar
    assert RATES.cost(event) == 10_700 * 10**6


def test_a_request_may_have_a_price_of_its_own() -> None:
    rates = TokenRates(0, 0, 0, 0, 0, 0, request=5 * 10**27)
    assert rates.parts(usage()) == (0, 0, 0, 0, 5 * 10**27)
    assert rates.cost(usage()) == 5 * 10**9


@pytest.mark.parametrize(
    ("prompt", "response", "picos"),
    [
        # Halves of a pico: alone each would become 0, together they are 1.
        (5 * 10**17, 0, 0),
        (5 * 10**17, 5 * 10**17, 1),
        (15 * 10**17, 0, 2),
        (25 * 10**17, 0, 2),
        (5 * 10**17 + 1, 0, 1),
        (14 * 10**17, 1 * 10**17 - 1, 1),
    ],
)
def test_parts_are_added_before_they_are_rounded_half_even(
    prompt: int, response: int, picos: int
) -> None:
    rates = TokenRates(prompt, response, 0, 0, 0, 0)
    assert rates.cost(usage(tokens_prompt=1, tokens_response=1)) == picos


def test_a_band_holds_from_its_first_token_for_every_token() -> None:
    low, middle, high = (TokenRates(rate, rate, 0, 0, 0, 0) for rate in (1, 2, 3))
    quote = Quote(bands=(Band(0, low), Band(1_001, middle), Band(2_001, high)), name="a/b")
    assert [quote.rates(tokens) for tokens in (0, 1_000, 1_001, 2_000, 2_001, 10**9)] == [
        low,
        low,
        middle,
        middle,
        high,
        high,
    ]


@pytest.mark.parametrize(
    ("name", "normal"),
    [
        ("GPT-3.5-Turbo", "gpt-3-5-turbo"),
        ("claude-3-5-sonnet", "claude-3-5-sonnet"),
        ("mistral.mistral-7b", "mistral.mistral-7b"),
        ("v1.2.3", "v1-2-3"),
        ("o.3", "o.3"),
    ],
)
def test_names_are_compared_folded_with_dots_between_digits_as_dashes(
    name: str, normal: str
) -> None:
    assert normal_name(name) == normal


@pytest.mark.parametrize(
    ("name", "bases"),
    [
        ("gpt-4o", ["gpt-4o"]),
        ("gpt-4o-mini-2024-07-18", ["gpt-4o-mini-2024-07-18", "gpt-4o-mini"]),
        ("claude-3-5-sonnet-20241022", ["claude-3-5-sonnet-20241022", "claude-3-5-sonnet"]),
        ("gpt-4-0613", ["gpt-4-0613", "gpt-4"]),
        ("gemini-1.5-pro-002", ["gemini-1-5-pro-002", "gemini-1-5-pro"]),
        ("mistral-small-latest", ["mistral-small-latest", "mistral-small"]),
        ("claude-3-opus@20240229", ["claude-3-opus@20240229", "claude-3-opus"]),
        ("llama3:8b", ["llama3:8b", "llama3"]),
        ("ft:gpt-4o:home", ["ft:gpt-4o:home", "ft:gpt-4o", "ft"]),
        ("gpt-4-32k", ["gpt-4-32k"]),
        ("gpt-4-12", ["gpt-4-12"]),
        ("gpt-4-12345", ["gpt-4-12345"]),
        ("gpt-4-latest-x", ["gpt-4-latest-x"]),
        (":free", [":free"]),
        ("-latest", ["-latest"]),
    ],
)
def test_only_one_version_suffix_is_taken_off(name: str, bases: list[str]) -> None:
    assert list(base_names(name)) == bases


@pytest.mark.parametrize(
    ("asked", "known"),
    [
        ("gpt-4o", "GPT-4o"),
        ("gpt-4o-2024-08-06", "gpt-4o"),
        ("claude-3-5-sonnet-20241022", "claude-3.5-sonnet"),
        ("claude-3.5-sonnet", "claude-3-5-sonnet"),
        ("gpt-4-1-mini", "gpt-4.1-mini"),
        ("gpt-3.5-turbo-0125", "gpt-3.5-turbo"),
    ],
)
def test_a_name_matches_itself_and_its_versions(asked: str, known: str) -> None:
    assert names_match(asked, known)


@pytest.mark.parametrize(
    ("asked", "known"),
    [
        ("gpt-4o-mini-2024-07-18", "gpt-4"),
        ("gpt-4-32k", "gpt-4"),
        ("gpt-4.1-mini", "gpt-4"),
        ("gpt-4.1", "gpt-4"),
        ("gpt-4o-mini", "gpt-4o"),
        ("gemini-1.5-flash-8b", "gemini-1.5-flash"),
        ("claude-3-5-sonnet-foo", "claude-3-5-sonnet"),
        ("gpt-4", "gpt-4-0613"),
    ],
)
def test_a_name_does_not_match_another_model(asked: str, known: str) -> None:
    assert not names_match(asked, known)


@settings(max_examples=100, deadline=None)
@given(st.text(min_size=1, max_size=100))
def test_every_name_matches_itself(name: str) -> None:
    assert names_match(name, name)
