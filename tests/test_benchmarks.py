"""The benchmarks run: every measure finds something, whatever it is, and ends up in the table."""

from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Final

import pytest

from benchmarks.__main__ import DOCUMENT, TOPICS, measure
from benchmarks.findings import kept
from benchmarks.measures import (
    BY_KEY,
    MEASURES,
    TINY,
    Bench,
    Finding,
    Kind,
    Measure,
    Want,
    number,
)
from benchmarks.report import INTRODUCTION, document, figures, table

# What each topic finds; the one that starts a real Home Assistant is in tests/e2e.
TIMES: Final = "\N{MULTIPLICATION SIGN}"
FOUND: Final = {
    "ingest": {"ingest-1", "ingest-16", "ingest-256", "ingest-limit", "loop-hold", "loop-cpu"},
    "pricing": {"pricing"},
    "size": {"size", "size-uniform"},
    "questions": {"dashboard-growth", "questions-growth", "question-growth"},
    "scan": {"dashboard-scan"},
    "cleanup": {"cleanup-rate", "cleanup-latency"},
    "export": {"export", "export-memory"},
    "open": {"open", "open-unclean"},
}


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(TINY, tmp_path, lambda _: None)


@pytest.mark.parametrize("topic", FOUND)
async def test_topic_finds_what_it_is_there_for(bench: Bench, topic: str) -> None:
    found = await measure(bench, [topic])
    assert {finding.key for finding in found} == FOUND[topic]
    for finding in found:
        assert finding.yardstick >= 0
        assert finding.product > 0
    for key in FOUND[topic]:
        assert f"| {BY_KEY[key].what} |" in document(found, TINY)


def test_every_topic_is_tried() -> None:
    assert set(FOUND) == set(TOPICS) - {"home"}


def measured(want: Want, target: float | None, *, difference: bool = False) -> Measure:
    return Measure(
        "ingest-1", "a", "b", "ms", Kind.LIMIT, want, target=target, difference=difference
    )


@pytest.mark.parametrize(
    ("want", "target", "good", "nearly", "bad"),
    [(Want.AT_LEAST, 2.0, 2.0, 1.6, 1.5), (Want.AT_MOST, 2.0, 2.0, 2.5, 2.7)],
)
def test_target_is_met_missed_a_little_or_missed(
    want: Want, target: float, good: float, nearly: float, bad: float
) -> None:
    measure = measured(want, target)
    assert [measure.met(figure) for figure in (good, nearly, bad)] == [True, False, False]
    assert [measure.met(figure, 1.3) for figure in (good, nearly, bad)] == [True, True, False]
    assert measured(want, None).met(bad)


def test_figure_is_a_ratio_or_a_difference() -> None:
    assert measured(Want.AT_MOST, 1).figure(6, 3) == 2
    assert measured(Want.AT_MOST, 1, difference=True).figure(6, 3) == 3
    assert (measured(Want.AT_MOST, 1).figure(0, 0), measured(Want.AT_MOST, 1).figure(1, 0)) == (
        0,
        1,
    )


def test_table_shows_the_median_of_the_runs() -> None:
    found = [Finding("ingest-1", product, 100) for product in (100, 900, 300)]
    assert figures(found)["ingest-1"].figure == 3
    assert table(found).splitlines()[-1] == (
        "| durable recording, 1 caller | 300 events/s"
        f" | SQLAlchemy session and commit per event (NORMAL) | 100 events/s | 3{TIMES}"
        f" | ≥ 2.2{TIMES} | met | 3 |"
    )
    assert len({measure.key for measure in MEASURES}) == len(MEASURES)


@pytest.mark.parametrize(
    ("value", "shown"), [(12345.6, "12,346"), (123.4, "123"), (2.0, "2"), (0.01234, "0.0123")]
)
def test_numbers_have_three_digits(value: float, shown: str) -> None:
    assert number(value) == shown


async def topic(_: Bench) -> AsyncIterator[Finding]:
    yield Finding("ingest-1", 1, 1)


async def test_runs_are_repeated(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    topics: dict[str, Callable[[Bench], AsyncIterator[Finding]]] = {"one": topic}
    monkeypatch.setattr("benchmarks.__main__.TOPICS", topics)
    assert len(await measure(bench, ["one", "one"])) == 2


async def test_measuring_goes_on_with_what_was_kept(
    bench: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    topics: dict[str, Callable[[Bench], AsyncIterator[Finding]]] = {"one": topic}
    monkeypatch.setattr("benchmarks.__main__.TOPICS", topics)
    file = tmp_path / "found.jsonl"
    for runs in (1, 2):
        found = await measure(bench, ["one"], file)
        assert found == kept(file) == [Finding("ingest-1", 1, 1)] * runs


def test_the_document_is_one_that_is_written_here() -> None:
    text = DOCUMENT.read_text(encoding="utf-8")
    introduction = INTRODUCTION.read_text(encoding="utf-8")
    found = [Finding("ingest-1", 300, 100)]
    for one in (text, document(found, TINY)):
        assert one.startswith(f"{introduction}\n## Results\n")
    shown = {line.split(" | ")[0] for line in text.splitlines() if line.startswith("| ")}
    assert {f"| {measure.what}" for measure in MEASURES if measure.target is not None} <= shown
