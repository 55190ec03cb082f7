"""The measures that take a real Home Assistant run, whatever they find."""

from pathlib import Path

import pytest

from benchmarks.home import home
from benchmarks.measures import TINY, Bench

pytestmark = pytest.mark.browser


async def test_home_is_measured_with_the_integration_and_without(
    tmp_path: Path, socket_enabled: None
) -> None:
    found = [finding async for finding in home(Bench(TINY, tmp_path, print))]
    assert {finding.key for finding in found} == {
        "start",
        "memory",
        "sensor",
        "rest-single",
        "rest-single-p99",
        "rest-batch",
        "home-hold",
        "home-hold-batch",
        "flood-p99",
        "flood-lost",
    }
    assert next(one for one in found if one.key == "flood-lost").product == 0
