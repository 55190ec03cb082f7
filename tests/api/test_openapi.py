"""The description of the API is served, complete, and agrees with the validating schemas."""

from collections.abc import Iterator
import json
import re
from typing import Any

import pytest
import voluptuous as vol

from custom_components.llm_analytics.api.openapi import document
from custom_components.llm_analytics.api.views import ROUTES
from custom_components.llm_analytics.contract.schemas import USAGE

from ..helpers import PREFIXES, Client


async def described(client: Client, prefix: str = PREFIXES[0]) -> dict[str, Any]:
    response = await client.get(f"{prefix}/openapi.json")
    assert response.status == 200
    assert response.content_type == "application/json"
    found: dict[str, Any] = await response.json()
    return found


def references(tree: Any) -> Iterator[str]:
    """Yield every reference in a document."""
    for name, part in tree.items() if isinstance(tree, dict) else enumerate(tree):
        if name == "$ref":
            yield part
        elif isinstance(part, dict | list):
            yield from references(part)


async def test_it_is_served_under_both_prefixes_which_are_its_servers(client: Client) -> None:
    first, second = [await described(client, prefix) for prefix in PREFIXES]
    assert first == second
    assert first["openapi"].startswith("3.1.")
    assert {server["url"] for server in first["servers"]} == set(PREFIXES)


async def test_every_route_is_described_and_nothing_else(client: Client) -> None:
    paths = (await described(client))["paths"]
    operations = {(method, path[1:]) for path, item in paths.items() for method in item}
    assert operations == {(route.method, route.path) for route in ROUTES}
    ids = [operation["operationId"] for item in paths.values() for operation in item.values()]
    assert len(set(ids)) == len(ids)
    for route in ROUTES:
        operation = paths[f"/{route.path}"][route.method]
        parameters = {one["name"]: one for one in operation.get("parameters", ())}
        assert set(parameters) == {str(marker) for marker in route.fields}
        in_path = {name for name, one in parameters.items() if one["in"] == "path"}
        assert in_path == set(re.findall(r"\{(\w+)\}", route.path))
        refuses = route.admin or route.records or route.reads
        assert ("403" in operation["responses"]) is refuses
        assert {"200", "400", "401", "503"} <= set(operation["responses"])


async def test_every_reference_leads_somewhere(client: Client) -> None:
    document = await described(client)
    found = set(references(document))
    assert found
    for reference in found:
        place: Any = document
        for part in reference.removeprefix("#/").split("/"):
            place = place[part]


async def test_every_field_of_an_event_is_described(client: Client) -> None:
    usage = (await described(client))["components"]["schemas"]["Usage"]
    assert set(usage["properties"]) == {str(marker) for marker in USAGE}
    required = {str(marker) for marker in USAGE if isinstance(marker, vol.Required)}
    assert set(usage["required"]) == required
    assert usage["additionalProperties"] is False


# The field, and what its description says.
SAID: list[tuple[str, dict[str, Any]]] = [
    ("tokens_prompt", {"type": "integer", "minimum": 0, "maximum": 1_000_000_000}),
    ("endpoint", {"type": "string", "minLength": 1, "maxLength": 100}),
    ("status", {"type": "string", "enum": ["ok", "error"]}),
    ("tags", {"type": "array"}),
]


@pytest.mark.parametrize(("field", "said"), SAID)
async def test_the_bounds_of_a_field_are_described(
    client: Client, field: str, said: dict[str, Any]
) -> None:
    usage = (await described(client))["components"]["schemas"]["Usage"]
    assert usage["properties"][field].items() >= said.items()


async def test_a_field_that_may_be_null_says_so(client: Client) -> None:
    usage = (await described(client))["components"]["schemas"]["Usage"]
    for field in ("device_ip", "latency_ms", "metadata", "timestamp", "cost_estimate"):
        assert '"null"' in json.dumps(usage["properties"][field]), field


def test_describing_changes_nothing_that_is_described_next() -> None:
    document(ROUTES, PREFIXES)
    paths = document(ROUTES, PREFIXES)["paths"]
    (currency, _) = paths["/cost/exchange-rates"]["get"]["parameters"]
    price = paths["/cost/rates"]["post"]["requestBody"]["content"]["application/json"]["schema"]
    assert price["properties"]["currency"]["default"] == "USD"
    assert currency["name"] == "currency"
    assert "default" not in currency["schema"]
