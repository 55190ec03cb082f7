"""Findings in a file of JSON Lines, so that long measurements can be split and resumed."""

from dataclasses import asdict
import json
from pathlib import Path

from .measures import Finding


def kept(path: Path) -> list[Finding]:
    """Return the findings in a file, or none if it does not exist."""
    if not path.exists():
        return []
    return [Finding(**json.loads(line)) for line in path.read_text(encoding="utf-8").splitlines()]


def keep(path: Path, finding: Finding) -> None:
    """Append a finding to a file."""
    with path.open("a", encoding="utf-8") as file:
        file.write(f"{json.dumps(asdict(finding))}\n")
