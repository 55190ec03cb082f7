"""The pages lead somewhere, the index has all of them, and what they name is there."""

import json
import re
from typing import Final
from urllib.parse import urlsplit

import pytest

from .pages import INDEX, PAGES, README, ROOT, Page, blocks, page, read_yaml

EVERY = pytest.mark.parametrize("one", PAGES, ids=lambda one: one.name)
LONG: Final = 300  # lines; a longer page begins with its contents
README_LINES: Final = 250


def links(text: str) -> list[str]:
    """Return what a text links to."""
    found = re.findall(r"\]\(([^)\s]+)\)|(?:src|srcset|href)=\"([^\"]+)\"", text)
    return [one or other for one, other in found]


def test_every_page_is_one_of_the_pages() -> None:
    found = {path.relative_to(ROOT).as_posix() for path in (ROOT / "docs").glob("**/*.md")}
    assert found | {README.name} == {one.name for one in PAGES}


@EVERY
def test_every_link_leads_somewhere(one: Page) -> None:
    for link in links(one.prose):
        if urlsplit(link).scheme:
            assert link.startswith("https://"), link
            continue
        path, _, anchor = link.partition("#")
        target = (one.path.parent / path).resolve() if path else one.path
        assert target.exists(), link
        if anchor:
            (aimed,) = (other for other in PAGES if other.path == target)
            assert anchor in {slug for _, slug in aimed.headings()}, link


@EVERY
def test_headings_of_a_page_are_told_apart(one: Page) -> None:
    slugs = [slug for _, slug in one.headings()]
    assert len(slugs) == len(set(slugs))


def test_the_index_has_every_page_in_order() -> None:
    listed = [link for link in links(INDEX.prose) if link.endswith(".md") and "/" not in link]
    assert listed == [one.path.name for one in PAGES if one not in (README, INDEX)]


def test_the_readme_leads_to_every_page() -> None:
    found = {link.partition("#")[0] for link in links(README.prose)}
    assert {one.name for one in PAGES} - {README.name} <= found


def test_the_readme_is_short() -> None:
    assert len(README.text.splitlines()) <= README_LINES


LONG_PAGES: Final = [one for one in PAGES if len(one.text.splitlines()) > LONG]


@pytest.mark.parametrize("one", LONG_PAGES, ids=lambda one: one.name)
def test_the_contents_of_a_long_page_are_every_section_in_order(one: Page) -> None:
    contents, _, _ = one.prose.partition("\n## ")
    listed = [link[1:] for link in links(contents) if link.startswith("#")]
    assert listed == [slug for level, slug in one.headings() if level == 2]


def test_there_are_long_pages() -> None:
    assert page("rest_api") in LONG_PAGES


@pytest.mark.parametrize("one", [page("faults"), page("security")], ids=lambda one: one.name)
def test_every_test_that_a_page_names_is_there(one: Page) -> None:
    named = re.findall(r"`(tests/\S+\.py)::(\w+)`", one.text)
    assert len(named) > 20
    for path, test in named:
        assert f"def {test}(" in (ROOT / path).read_text(encoding="utf-8"), (path, test)


def test_json_and_yaml_can_be_read() -> None:
    for code in blocks("json"):
        json.loads(code)
    for code in blocks("yaml"):
        assert read_yaml(code)


@EVERY
@pytest.mark.parametrize("word", ["/home/", "/root/", "/tmp/"])
def test_nothing_of_one_machine_is_in_it(one: Page, word: str) -> None:
    assert word not in one.text


@EVERY
def test_no_path_of_the_interface_becomes_a_quotation(one: Page) -> None:
    assert re.findall(r"^\s*> .*$", one.prose, re.MULTILINE) == []
