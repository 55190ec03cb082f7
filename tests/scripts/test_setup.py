"""What the set-up prints: its own sentences, and what other programs say only when they fail."""

from pathlib import Path
import subprocess

SETUP = Path(__file__).parents[2] / "scripts" / "setup"


def quietly(command: str) -> subprocess.CompletedProcess[str]:
    """Run a command through the function of the script."""
    text = SETUP.read_text(encoding="utf-8")
    function = text[text.index("quietly()") : text.index("install_packages()")]
    return subprocess.run(
        ["bash", "-c", f"set -euo pipefail\n{function}\nquietly {command}"],
        capture_output=True,
        text=True,
        check=False,
    )


def test_a_program_that_succeeds_is_not_heard() -> None:
    done = quietly("sh -c 'echo warning >&2; echo fine'")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_a_program_that_fails_is_heard() -> None:
    done = quietly("sh -c 'echo trouble >&2; echo more; exit 3'")
    assert done.returncode == 1
    assert done.stdout == ""
    assert {"trouble", "more"} <= set(done.stderr.split())


def test_every_package_manager_runs_quietly() -> None:
    for line in SETUP.read_text(encoding="utf-8").splitlines():
        code = line.partition("#")[0]
        if "pip install" in code and "fail" not in code and "say" not in code and "uv" not in code:
            assert "quietly" in code, line
        if code.strip().startswith("apt-get"):
            assert "quietly" in code, line
