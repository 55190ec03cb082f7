"""The tests of LLM Analytics."""
