"""The walks on the page about development name the files that a request really passes."""

from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
import re
import sys
from types import CodeType
from typing import Final

from homeassistant.core import HomeAssistant
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from ..helpers import Client, get, post, usage
from .pages import ROOT, page

COMPONENT: Final = ROOT / "custom_components" / "llm_analytics"
# A tool of ``sys.monitoring`` beside those that debuggers, coverage and profilers take.
TOOL: Final = 4

# Files without a function that a request would call.
TABLES: Final = {"contract/schemas.py"}

VOCABULARY: Final = {f"analytics/{name}.py" for name in ("money", "periods", "totals")}

type Request = Callable[[Client], Awaitable[object]]


def walk(heading: str) -> list[str]:
    """Return the files that a walk names, in its order."""
    text = page("development").text.partition(f"### {heading}\n")[2].partition("\n#")[0]
    return re.findall(r"`([a-z_/]+\.py)`", text)


@contextmanager
def passed() -> Iterator[set[str]]:
    """Note the files of the component of which a function is called, on any thread."""
    files: set[str] = set()

    def start(code: CodeType, _: int) -> object:
        path = Path(code.co_filename)
        if path.is_relative_to(COMPONENT):
            files.add(path.relative_to(COMPONENT).as_posix())
        return sys.monitoring.DISABLE

    sys.monitoring.use_tool_id(TOOL, "walks")
    sys.monitoring.register_callback(TOOL, sys.monitoring.events.PY_START, start)
    sys.monitoring.set_events(TOOL, sys.monitoring.events.PY_START)
    try:
        yield files
    finally:
        sys.monitoring.free_tool_id(TOOL)
        sys.monitoring.restart_events()


@pytest.mark.parametrize(
    ("heading", "request_of"),
    [
        ("How `POST /usage` is answered", lambda client: post(client, usage(request_id="walk"))),
        ("How `GET /trends/cost` is answered", lambda client: get(client, "trends/cost")),
    ],
    ids=["POST /usage", "GET /trends/cost"],
)
async def test_a_walk_names_every_file_that_a_request_passes_once(
    hass: HomeAssistant,
    entry: MockConfigEntry,
    client: Client,
    heading: str,
    request_of: Request,
) -> None:
    named = walk(heading)
    assert len(named) == len(set(named)) > 5
    with passed() as files:
        await request_of(client)
    assert set(named) - TABLES <= files
    if heading.startswith("How `GET"):  # a recorded request also refreshes the entities
        assert files - set(named) <= VOCABULARY


def test_every_file_that_the_page_names_is_there() -> None:
    named = set(re.findall(r"`([a-z_/0-9]+\.(?:py|yaml|json))`", page("development").text))
    assert len(named) > 40
    for name in named:
        folders = COMPONENT, COMPONENT / "analytics", ROOT
        packages = [path for path in COMPONENT.glob("**/") if path.name != "__pycache__"]
        assert any((folder / name).is_file() for folder in (*folders, *packages)), name
