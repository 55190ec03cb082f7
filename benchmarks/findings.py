"""What was found, kept as JSON Lines, so that hours of measuring can be divided and go on."""

from dataclasses import asdict
import json
from pathlib import Path

from .measures import Finding


def kept(path: Path) -> list[Finding]:
    """Return everything that a file holds; nothing if it is not there yet."""
    if not path.exists():
        return []
    return [Finding(**json.loads(line)) for line in path.read_text(encoding="utf-8").splitlines()]


def keep(path: Path, finding: Finding) -> None:
    """Add a finding to a file."""
    with path.open("a", encoding="utf-8") as file:
        file.write(f"{json.dumps(asdict(finding))}\n")
