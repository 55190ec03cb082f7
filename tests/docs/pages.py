"""The pages of the documentation, in their order, and what stands in them."""

from dataclasses import dataclass
from functools import cached_property
import os
from pathlib import Path
import re
from typing import Any, Final

from homeassistant.util.yaml import parse_yaml

ROOT: Final = Path(__file__).parent.parent.parent
UPDATE: Final = bool(os.environ.get("DOCS_UPDATE"))

_EXAMPLE: Final = re.compile(
    r"^```(?P<language>bash|yaml)\n(?P<request>(?:curl |action: ).*?)^```\n"
    r"(?:\n(?:<details><summary>)?(?:Answer: (?P<status>\d{3})|Response)(?:</summary>)?\n"
    r"\n```(?P<kind>json|csv)\n(?P<answer>.*?)^```\n)?",
    re.MULTILINE | re.DOTALL,
)
_BLOCK: Final = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True)
class Example:
    """A request or an action as a page shows it, and what is shown to come back."""

    page: Page
    request: str
    status: int | None
    kind: str | None
    answer: str | None
    place: tuple[int, int]

    @property
    def is_action(self) -> bool:
        return self.request.startswith("action:")


@dataclass(frozen=True)
class Page:
    """A page, as it was when the tests began."""

    name: str  # its path below the repository

    @property
    def path(self) -> Path:
        return ROOT / self.name

    @cached_property
    def text(self) -> str:
        return self.path.read_text(encoding="utf-8")

    @cached_property
    def prose(self) -> str:
        """Return the text without its code blocks."""
        return _BLOCK.sub("", self.text)

    @property
    def examples(self) -> list[Example]:
        """Return its examples in order."""
        return [
            Example(
                page=self,
                request=match["request"],
                status=int(match["status"]) if match["status"] else None,
                kind=match["kind"],
                answer=match["answer"],
                place=match.span("answer"),
            )
            for match in _EXAMPLE.finditer(self.text)
        ]

    def blocks(self, language: str) -> list[str]:
        """Return its code blocks of a language."""
        return [code for name, code in _BLOCK.findall(self.text) if name == language]

    def headings(self) -> list[tuple[int, str]]:
        """Return the level and the anchor of each of its headings, in order."""
        found = re.findall(r"^(#+) (.*)$", self.prose, re.MULTILINE)
        return [(len(level), slug(name)) for level, name in found]

    def section(self, heading: str) -> str:
        """Return one of its sections, without the heading."""
        level = heading.split(maxsplit=1)[0]
        match = re.search(
            rf"^{re.escape(heading)}\n(.*?)(?=^#{{1,{len(level)}}} |\Z)",
            self.text,
            re.MULTILINE | re.DOTALL,
        )
        assert match, f"no section {heading} in {self.name}"
        return match[1]


README: Final = Page("README.md")
INDEX: Final = Page("docs/README.md")
# The order of the index, and the order in which the examples run on one household.
PAGES: Final = (
    README,
    INDEX,
    *(
        Page(f"docs/{name}.md")
        for name in (
            "configuration",
            "recording",
            "entities",
            "dashboards",
            "budgets",
            "automations",
            "prices",
            "privacy",
            "data",
            "troubleshooting",
            "actions",
            "rest_api",
            "development",
            "benchmarks",
            "faults",
            "security",
        )
    ),
)


def page(name: str) -> Page:
    """Return the page ``docs/name.md``."""
    (found,) = (one for one in PAGES if one.name == f"docs/{name}.md")
    return found


def examples() -> list[Example]:
    """Return the examples of every page, in order."""
    return [example for one in PAGES for example in one.examples]


def blocks(language: str) -> list[str]:
    """Return every page's code blocks of a language."""
    return [code for one in PAGES for code in one.blocks(language)]


def read_yaml(code: str) -> dict[str, Any]:
    """Return what a block of YAML says."""
    value = parse_yaml(code)
    assert isinstance(value, dict)
    return value


def table(name: str) -> list[list[str]]:
    """Return the rows of the one table between ``<!-- name -->`` and ``<!-- /name -->``."""
    pattern = rf"<!-- {re.escape(name)} -->\n(.*?)<!-- /{re.escape(name)} -->"
    found = [text for one in PAGES for text in re.findall(pattern, one.text, re.DOTALL)]
    assert len(found) == 1, f"{len(found)} tables {name}"
    lines = found[0].strip().splitlines()
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[2:]]


def slug(heading: str) -> str:
    """Return the anchor that GitHub gives a heading."""
    return re.sub(r"[^\w\- ]", "", heading.strip().lower()).replace(" ", "-")
