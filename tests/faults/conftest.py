"""How often the faults are tried: more often where LEDGER_FAULTS says so."""

import os
import secrets

import pytest


def rounds(usual: int) -> int:
    """Return how often to try what is usually tried so often; LEDGER_FAULTS=10 is ten times."""
    return max(1, round(usual * float(os.environ.get("LEDGER_FAULTS", "1"))))


@pytest.fixture(scope="session")
def seed() -> str:
    """Return what the random moments are drawn from; LEDGER_SEED repeats those of another run."""
    found = os.environ.get("LEDGER_SEED") or secrets.token_hex(4)
    print(f"LEDGER_SEED={found}")  # noqa: T201 - shown where a test fails
    return found
