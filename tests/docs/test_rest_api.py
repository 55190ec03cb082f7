"""The tables of the REST API's page are what the code makes of them now."""

import re

import pytest

from custom_components.llm_analytics.api.views import ROUTES
from scripts.rest_api_page import anchor, meanings, written

from .pages import page

TEXT = page("rest_api").text


def test_the_tables_are_as_the_code_writes_them() -> None:
    assert written(TEXT) == TEXT, "run scripts/docs"


def test_every_field_and_parameter_has_its_meaning() -> None:
    found = list(meanings(TEXT))
    assert len(found) > 100
    assert [(table, field) for table, field, meaning in found if not meaning] == []


def test_what_is_written_by_hand_is_kept_and_nothing_else() -> None:
    row = "| `tag` | text, 1 to 64 characters | Requests with this tag. |"
    assert row in TEXT
    assert written(TEXT.replace(row, row.replace("64", "99"))) == TEXT
    changed = TEXT.replace(row, row.replace("this tag", "the tag"))
    assert written(changed) == changed


def test_an_endpoint_without_a_place_is_named() -> None:
    with pytest.raises(ValueError, match=r"get trends/forecast"):
        written(TEXT.replace("<!-- get trends/forecast -->", ""))


def test_every_table_stands_below_the_heading_of_its_endpoint() -> None:
    for route in ROUTES:
        name = f"{route.method} {route.path}"
        before, _, _ = TEXT.partition(f"<!-- {name} -->")
        heading = re.findall(r"^#+ .*$", before, re.MULTILINE)[-1]
        assert heading == f"### `{route.method.upper()} /{route.path}`"
        assert f"(#{anchor(route.method, route.path)})" in TEXT
