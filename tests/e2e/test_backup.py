"""A backup made by Home Assistant itself, in the midst of a load of posts, and unpacked again."""

from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from itertools import count
import logging
import os
from pathlib import Path
import sqlite3
from statistics import median
import tarfile
import threading
import time

import pytest

from scripts.real_home_assistant import RealHomeAssistant
from tests.faults.audit import audit

pytestmark = pytest.mark.browser

LOGGER = logging.getLogger(__name__)
API = "/api/llm_analytics"
POSTERS = 4
AGENT = "backup.local"
BALLAST = 100_000_000


class Load:
    """Posts from several threads; keeps what was acknowledged, and how long each post took."""

    def __init__(self, home: RealHomeAssistant) -> None:
        self.home = home
        self.numbers = count()
        self.acknowledged: set[int] = set()
        self.took: list[tuple[float, float]] = []
        self.ended = threading.Event()

    def post(self) -> None:
        while not self.ended.is_set():
            number = next(self.numbers)
            event = {
                "device_ip": f"10.0.0.{number % 7 + 1}",
                "endpoint": "chat",
                "provider": "openai",
                "model": "gpt-4o",
                "tokens_prompt": number,
                "tokens_response": 1,
                "request_id": f"load-{number}",
            }
            started = time.monotonic()
            assert self.home.call("POST", f"{API}/usage", event).status == 201
            self.took.append((started, time.monotonic() - started))
            self.acknowledged.add(number)


def make_backup(home: RealHomeAssistant) -> Path:
    """Have Home Assistant make a backup, and return its file."""
    home.command("backup/generate", agent_ids=[AGENT], name="Under load")
    deadline = time.monotonic() + 240
    while (info := home.command("backup/info"))["state"] != "idle" or not info["backups"]:
        assert time.monotonic() < deadline, info
        time.sleep(0.2)
    assert info["agent_errors"] == {}
    (path,) = (home.folder / "backups").glob("*.tar")
    return path


def unpack(path: Path, folder: Path) -> Path:
    """Unpack the ledger of a backup, with whatever lies beside it, and return its file."""
    with tarfile.open(path) as outer:
        (name,) = (one.name for one in outer if one.name.endswith("homeassistant.tar.gz"))
        inner = outer.extractfile(name)
        assert inner is not None
        with tarfile.open(fileobj=inner, mode="r:gz") as configuration:
            members = [one for one in configuration if "llm_analytics.db" in one.name]
            configuration.extractall(folder, members, filter="data")
    return folder / "data" / "llm_analytics.db"


def test_a_backup_under_load_holds_what_was_acknowledged_and_holds_nobody_up(
    home: RealHomeAssistant, tmp_path: Path
) -> None:
    # What makes the backup last, as pictures and recordings do in a home.
    (home.folder / "ballast").write_bytes(os.urandom(BALLAST))
    load = Load(home)
    assert home.token  # one log-in for all
    with ThreadPoolExecutor(POSTERS) as pool:
        posters = [pool.submit(load.post) for _ in range(POSTERS)]
        try:
            time.sleep(3)
            before = set(load.acknowledged)
            begun = time.monotonic()
            path = make_backup(home)
            done = time.monotonic()
            time.sleep(1)
        finally:
            load.ended.set()
        for poster in posters:
            poster.result()

    usual = [took for started, took in load.took if started + took < begun]
    meanwhile = [took for started, took in load.took if begun < started + took < done]
    LOGGER.info(
        "%d posts before the backup: median %.1f ms, longest %.1f ms; "
        "%d during its %.1f s: median %.1f ms, longest %.1f ms",
        len(usual),
        1_000 * median(usual),
        1_000 * max(usual),
        len(meanwhile),
        done - begun,
        1_000 * median(meanwhile),
        1_000 * max(meanwhile),
    )
    assert len(before) > 20
    assert len(meanwhile) > 20
    # A post that had to wait for the backup would take as long as that.
    assert max(meanwhile) < (done - begun) / 2

    ledger = unpack(path, tmp_path)
    with closing(sqlite3.connect(ledger)) as db:
        prompts = [prompt for (prompt,) in db.execute("SELECT prompt FROM event")]
    assert len(set(prompts)) == len(prompts)
    assert before <= set(prompts)
    assert audit(ledger).counted == len(prompts)
