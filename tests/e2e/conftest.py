"""These tests start the real Home Assistant of .venv-develop, each in a folder of its own.

The fixtures of the Home Assistant test plugin that look after an in-process Home Assistant are
replaced here: no such thing runs, and the real one is talked to through real sockets.
"""

from collections.abc import Iterator
from datetime import UTC, datetime
import json
import os
from pathlib import Path
import shutil

from playwright.sync_api import Browser, Page, sync_playwright
import pytest
import pytest_socket

from scripts.real_home_assistant import RealHomeAssistant, free_port

FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
OUTPUT = Path(__file__).parent / "output"


@pytest.fixture(autouse=True)
def verify_cleanup() -> None:
    """Leave threads and tasks alone: the plugin's own check needs its event loop."""


@pytest.fixture(autouse=True)
def sockets(socket_enabled: None) -> None:
    """Allow connections, which stay limited to 127.0.0.1."""


def noon_zone() -> str:
    """Return a time zone where it is about noon, so that no day ends while a test runs."""
    ahead = 12 - datetime.now(UTC).hour
    return "Etc/UTC" if ahead == 0 else f"Etc/GMT{-ahead:+d}"


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealHomeAssistant]:
    """Return a running Home Assistant with the integration set up and an empty ledger."""
    # The plugin closes them before every test, and this comes before the fixture above.
    pytest_socket.enable_socket()
    folder = tmp_path_factory.mktemp("home_assistant")
    running = RealHomeAssistant(folder, port=free_port(), time_zone=noon_zone(), say=print)
    try:
        with running:
            yield running
    finally:
        OUTPUT.mkdir(exist_ok=True)
        if running.log_file.exists():
            shutil.copy(running.log_file, OUTPUT / f"{folder.name}.log")


@pytest.fixture(scope="session")
def chromium() -> str:
    """Return the path of the browser; without one the test is skipped, in CI it fails."""
    for name in ("chromium", "chromium-browser", "google-chrome"):
        if path := shutil.which(name):
            return path
    message = "no chromium on this machine (Debian: apt-get install chromium)"
    if os.environ.get("CI") == "true":
        pytest.fail(message)
    pytest.skip(message)


@pytest.fixture
def browser(chromium: str) -> Iterator[Browser]:
    """Return a browser that has been nowhere yet."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture
def page(home: RealHomeAssistant, browser: Browser) -> Page:
    """Return a browser's page that is signed in to Home Assistant."""
    page = browser.new_page(viewport={"width": 1280, "height": 900})
    # A JSON text, quoted once more, is a JavaScript string.
    tokens = json.dumps(home.browser_tokens)
    page.add_init_script(f"localStorage.setItem('hassTokens', {tokens})")
    return page
