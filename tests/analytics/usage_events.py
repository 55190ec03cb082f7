"""A usage event in one line, with only what a test is about written out."""

from typing import Any

from custom_components.llm_analytics.analytics.models import UsageEvent


def usage(**given: Any) -> UsageEvent:
    """Return a valid event: 100 tokens in, 50 out, of OpenAI's gpt-4o, unless given otherwise."""
    values: dict[str, Any] = {
        "endpoint": "conversation",
        "provider": "openai",
        "model": "gpt-4o",
        "tokens_prompt": 100,
        "tokens_response": 50,
    }
    return UsageEvent(**(values | given))
