"""How often the faults are tried: more often where LEDGER_FAULTS says so."""

import os
import secrets

import pytest
import pytest_socket


def rounds(usual: int) -> int:
    """Return how often to try what is usually tried so often; LEDGER_FAULTS=10 is ten times."""
    return max(1, round(usual * float(os.environ.get("LEDGER_FAULTS", "1"))))


@pytest.fixture(scope="session")
def seed() -> str:
    """Return what the random moments are drawn from; LEDGER_SEED repeats those of another run."""
    found = os.environ.get("LEDGER_SEED") or secrets.token_hex(4)
    print(f"LEDGER_SEED={found}")  # noqa: T201 - shown where a test fails
    return found


@pytest.fixture(autouse=True)
def _local_sockets() -> None:
    """Allow the sockets by which processes of one machine find each other."""
    pytest_socket.socket_allow_hosts(["127.0.0.1"], allow_unix_socket=True)
