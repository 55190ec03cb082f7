"""A disk that runs full: what was acknowledged stays, and recording goes on once there is room."""

from collections.abc import Sequence
import os
from pathlib import Path
import pickle
import subprocess
import sys
from typing import Any

import pytest

from .acknowledged import Acknowledged
from .audit import audit
from .full_disk import AGAIN, ASKED, REFUSED, REOPENED, fill_up_to_a_limit
from .processes import Victim

ROOM = 3_000_000
REPOSITORY = Path(__file__).parents[2]
# Who is not root is root of a world of their own, where the kernel lets them.
ALONE = ["unshare", "--mount"] if os.geteuid() == 0 else ["unshare", "--map-root-user", "--mount"]


def check(path: Path, told: Sequence[tuple[Any, ...]]) -> None:
    """What was acknowledged is there, nothing else is, and it went on without a restart."""
    acknowledged, others = Acknowledged(), []
    for what, *numbers in told:
        if what in {REFUSED, ASKED, AGAIN, REOPENED}:
            others.append((what, *numbers))
        else:
            acknowledged.hear(what, *numbers)
    assert [what for what, *_ in others].count(REFUSED) >= 20
    assert (AGAIN, True) in others
    assert (REOPENED, True) in others
    before = told.index((ASKED, dict(others)[ASKED]))
    assert sum(what == "recorded" for what, *_ in told[:before]) == dict(others)[ASKED]
    found = audit(path)
    acknowledged.check(found, cleans=found.cleaned)
    assert found.last_event == len(acknowledged.recorded)
    assert not list(path.parent.glob("*damaged*"))


def test_a_file_that_may_not_grow_any_more_is_recovered_from(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    victim = Victim(fill_up_to_a_limit, path, 600_000)
    check(path, victim.heard())


def test_a_file_system_that_runs_full_is_recovered_from(tmp_path: Path) -> None:
    folder, kept = tmp_path / "small", tmp_path / "kept"
    folder.mkdir()
    kept.mkdir()
    if subprocess.run([*ALONE, "true"], check=False).returncode:
        pytest.skip("this machine lets nobody mount a file system of their own")
    program = [sys.executable, "-m", "tests.faults.full_disk", str(folder), str(ROOM)]
    subprocess.run(
        [*ALONE, *program], check=True, cwd=kept, env=os.environ | {"PYTHONPATH": str(REPOSITORY)}
    )
    check(kept / "ledger.db", pickle.loads((kept / "told").read_bytes()))
