"""The page of results in Markdown, with the date, the versions and the machine."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
import os
from pathlib import Path
import platform
import sqlite3
import statistics
from typing import Final

from .measures import BY_KEY, MEASURES, Finding, Sizes, number

_PACKAGES: Final = ("homeassistant", "aiosqlite", "SQLAlchemy", "genai-prices")
INTRODUCTION: Final = Path(__file__).with_name("introduction.md")


@dataclass(frozen=True, slots=True)
class Result:
    """The medians of one measure's runs."""

    product: float
    yardstick: float
    figure: float
    runs: int


def figures(found: Sequence[Finding]) -> dict[str, Result]:
    """Return the medians by measure, in the order of the table."""
    results = {}
    for measure in MEASURES:
        runs = [one for one in found if one.key == measure.key]
        if runs:
            results[measure.key] = Result(
                product=statistics.median(one.product for one in runs),
                yardstick=statistics.median(one.yardstick for one in runs),
                figure=statistics.median(
                    measure.figure(one.product, one.yardstick) for one in runs
                ),
                runs=len(runs),
            )
    return results


def table(found: Sequence[Finding]) -> str:
    """Return the results as a Markdown table."""
    lines = [
        "| what | this integration | yardstick | | figure | target | | runs |",
        "|---|---:|---|---:|---:|---|---|---:|",
    ]
    for key, result in figures(found).items():
        measure = BY_KEY[key]
        verdict = (
            "" if measure.target is None else "met" if measure.met(result.figure) else "missed"
        )
        lines.append(
            f"| {measure.what} | {number(result.product)} {measure.unit} | {measure.yardstick}"
            f" | {number(result.yardstick)} {measure.unit} | {measure.shown(result.figure)}"
            f" | {measure.wanted} | {verdict} | {result.runs} |"
        )
    return "\n".join(lines)


def document(found: Sequence[Finding], sizes: Sizes) -> str:
    """Return the whole page."""
    versions = ", ".join(
        [
            f"Python {platform.python_version()}",
            f"SQLite {sqlite3.sqlite_version}",
            *(f"{package} {version(package)}" for package in _PACKAGES),
        ]
    )
    events = sizes.per_day * sizes.days
    return f"""\
{INTRODUCTION.read_text(encoding="utf-8")}
## Results

{datetime.now(UTC):%Y-%m-%d}; each figure is the median of as many runs as its line says.
{machine()}. {versions}.
Ledgers of {" and ".join(f"{events * copies:,}" for copies in sizes.copies)} events.

{table(found)}
"""


def machine() -> str:
    """Return a description of the machine."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    load = Path("/proc/loadavg").read_text(encoding="ascii").split()[0]
    return (
        f"{os.cpu_count()} processors ({platform.machine()}), {memory:.0f} GB of memory,"
        f" load {load} at the end"
    )
