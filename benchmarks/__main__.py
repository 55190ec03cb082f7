"""Measure the performance targets and print the table of results."""

from argparse import ArgumentParser, Namespace
import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from pathlib import Path
import sys
import tempfile
import time
from typing import Final

from .answers import dashboard_scan, questions
from .care import clean_up, export, opening
from .findings import keep, kept
from .home import home
from .ingest import ingest, pricing
from .measures import BY_KEY, FULL, QUICK, TOLERANCE, Bench, Finding, Kind, number
from .report import document, figures, table
from .size import size

TOPICS: Final[dict[str, Callable[[Bench], AsyncIterator[Finding]]]] = {
    "ingest": ingest,
    "pricing": pricing,
    "size": size,
    "questions": questions,
    "scan": dashboard_scan,
    "cleanup": clean_up,
    "export": export,
    "open": opening,
    "home": home,
}
DOCUMENT: Final = Path(__file__).parent.parent / "docs" / "benchmarks.md"
# The kinds for which --quick fails: they depend on the code more than on the machine.
_GATED: Final = (Kind.LIMIT, Kind.GROWTH)


def main() -> int:
    """Run the program and return its exit code."""
    options = _options()
    sizes = QUICK if options.quick else FULL
    if options.runs:
        sizes = replace(sizes, runs=options.runs)
    options.folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=options.folder) as folder:
        bench = Bench(sizes, Path(folder), say)
        found = asyncio.run(measure(bench, options.only or list(TOPICS), options.keep))
    if options.write:
        DOCUMENT.write_text(document(found, sizes), encoding="utf-8")
        say(f"written to {DOCUMENT}")
    sys.stdout.write(f"{table(found)}\n")
    missed = [key for key, values in figures(found).items() if not BY_KEY[key].met(values.figure)]
    for key in missed:
        say(f"target missed: {BY_KEY[key].what} ({key})")
    bad = [
        key
        for key, values in figures(found).items()
        if BY_KEY[key].kind in _GATED and not BY_KEY[key].met(values.figure, TOLERANCE)
    ]
    if options.quick and bad:
        say(f"worse than its target by more than {TOLERANCE}: {', '.join(bad)}")
        return 1
    return 0


async def measure(bench: Bench, topics: list[str], file: Path | None = None) -> list[Finding]:
    """Run all topics in turn, for the number of runs in the sizes, and return the findings.

    With a file, its findings are included, and each new finding is appended immediately.
    """
    found = [] if file is None else kept(file)
    for run in range(bench.sizes.runs):
        for topic in topics:
            bench.say(f"run {run + 1} of {bench.sizes.runs}: {topic}")
            async for finding in TOPICS[topic](bench):
                measure = BY_KEY[finding.key]
                figure = measure.figure(finding.product, finding.yardstick)
                found.append(finding)
                if file is not None:
                    keep(file, finding)
                bench.say(
                    f"  {finding.key}: {number(finding.product)} to {number(finding.yardstick)}"
                    f" {measure.unit} = {number(figure)} ({measure.wanted})"
                )
    return found


def say(text: str) -> None:
    """Print a message immediately."""
    print(f"[benchmark {time.strftime('%H:%M:%S')}] {text}", file=sys.stderr, flush=True)


def _options() -> Namespace:
    parser = ArgumentParser(prog="scripts/benchmark", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="small sizes, one run")
    parser.add_argument("--runs", type=int, help="how many runs")
    parser.add_argument(
        "--only", nargs="+", choices=TOPICS, metavar="TOPIC", help=", ".join(TOPICS)
    )
    parser.add_argument("--keep", type=Path, metavar="FILE", help="go on with what a file holds")
    parser.add_argument(
        "--write", action="store_true", help="write the table to docs/benchmarks.md"
    )
    parser.add_argument("--folder", type=Path, default=Path(tempfile.gettempdir()))
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
