"""The seed prices: the last step of the ladder before "unpriced".

Data only, as of January 2025, in USD per million tokens (prompt, response). They answer where the
catalogue is switched off, missing, or does not know the name (``mistral-small``, for one).
"""

from decimal import Decimal

DEFAULT_RATES: dict[tuple[str, str], tuple[Decimal, Decimal]] = {
    ("openai", "gpt-4-turbo"): (Decimal("10.00"), Decimal("30.00")),
    ("openai", "gpt-4"): (Decimal("30.00"), Decimal("60.00")),
    ("openai", "gpt-4o"): (Decimal("2.50"), Decimal("10.00")),
    ("openai", "gpt-4o-mini"): (Decimal("0.15"), Decimal("0.60")),
    ("openai", "gpt-3.5-turbo"): (Decimal("0.50"), Decimal("1.50")),
    ("anthropic", "claude-3-opus"): (Decimal("15.00"), Decimal("75.00")),
    ("anthropic", "claude-3-sonnet"): (Decimal("3.00"), Decimal("15.00")),
    ("anthropic", "claude-3.5-sonnet"): (Decimal("3.00"), Decimal("15.00")),
    ("anthropic", "claude-3-haiku"): (Decimal("0.25"), Decimal("1.25")),
    ("google", "gemini-1.5-pro"): (Decimal("1.25"), Decimal("5.00")),
    ("google", "gemini-1.5-flash"): (Decimal("0.075"), Decimal("0.30")),
    ("google", "gemini-2.0-flash"): (Decimal("0.10"), Decimal("0.40")),
    ("mistral", "mistral-large"): (Decimal("2.00"), Decimal("6.00")),
    ("mistral", "mistral-small"): (Decimal("0.20"), Decimal("0.60")),
}
