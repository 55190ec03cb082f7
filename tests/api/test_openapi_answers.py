"""The description is valid OpenAPI, its examples are accepted, and real answers fit it exactly."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
import json
from typing import Any, Final

from jsonschema import Draft202012Validator, ValidationError
from openapi_spec_validator import OpenAPIV31SpecValidator
import pytest

from custom_components.llm_analytics.api.openapi import document
from custom_components.llm_analytics.api.views import PREFIX, ROUTES, SEED_PREFIX, Route
from custom_components.llm_analytics.contract.serialization import json_text

from ..helpers import Client, get, parsed, post, stored, usage

DESCRIBED: Final = json.loads(json_text(document(ROUTES, (PREFIX, SEED_PREFIX))))
GETS: Final = [route for route in ROUTES if route.method == "get"]


@pytest.fixture
def options() -> dict[str, Any]:
    """Return the household's options: with a currency, every question can be answered."""
    return {"currency": "EUR"}


def operation(route: Route) -> dict[str, Any]:
    found: dict[str, Any] = DESCRIBED["paths"][f"/{route.path}"][route.method]
    return found


def check(schema: dict[str, Any], value: Any) -> None:
    whole = schema | {"components": DESCRIBED["components"]}
    Draft202012Validator(whole, format_checker=Draft202012Validator.FORMAT_CHECKER).validate(value)


def check_answer(route: Route, status: int, text: str) -> Any:
    """Hold an answer against what the description says of its status."""
    answer = operation(route)["responses"][str(status)]
    if "$ref" in answer:
        answer = DESCRIBED["components"]["responses"][answer["$ref"].rpartition("/")[2]]
    if "text/csv" in answer["content"]:
        return text
    value = parsed(text)
    check(answer["content"]["application/json"]["schema"], value)
    return value


def request(route: Route) -> tuple[str, dict[str, str], Any]:
    """Return the address, the query and the body that the description's examples make up."""
    path, query = route.path, {}
    for parameter in operation(route).get("parameters", ()):
        if "example" not in parameter:
            assert not parameter["required"], parameter
        elif parameter["in"] == "path":
            path = path.replace(f"{{{parameter['name']}}}", str(parameter["example"]))
        else:
            query[parameter["name"]] = str(parameter["example"])
    body = operation(route).get("requestBody")
    return path, query, body and body["content"]["application/json"]["example"]


async def ask(client: Client, route: Route, path: str, query: dict[str, str], body: Any) -> int:
    """Send a request; return its status after its answer has been checked."""
    sent = {} if body is None else {"json": body}
    response = await client.request(route.method, f"{PREFIX}/{path}", params=query, **sent)
    check_answer(route, response.status, await response.text())
    return response.status


async def record_everything(client: Client) -> None:
    """Record events with every field, with the least, without a price, free, failed."""
    euro = {"currency": "EUR", "usd": 1.25}
    assert (await post(client, euro, "cost/exchange-rates"))[0] == 200
    await stored(
        client,
        device_name="Kitchen",
        tokens_cache_read=10,
        latency_ms=812.5,
        ttft_ms=100,
        user_id="alice",
        agent="conversation.home",
        context="automation.lights",
        tags=["voice", "kitchen"],
        request_id="first",
        service_tier="batch",
        metadata={"room": "kitchen", "more": [1, 2.5, None]},
        cost_estimate=0.000123456789,
    )
    await stored(client, model=None)
    await stored(client, provider="ollama", model="llama3.2", status="error", error_type="timeout")
    await stored(client, model="nobody-knows-its-price")
    start = datetime.now(UTC) - timedelta(days=40)
    events = [
        usage(
            device_ip=f"192.168.1.{20 + day % 3}",
            tokens_prompt=(50_000 if day == 35 else 1_000),
            timestamp=(start + timedelta(days=day)).isoformat(),
        )
        for day in range(40)
        for _ in range(20)
    ]
    assert (await post(client, {"events": events}))[0] == 201


def test_the_description_is_valid() -> None:
    OpenAPIV31SpecValidator(DESCRIBED).validate()


def schemas(tree: Any, inside: str = "") -> Iterator[dict[str, Any]]:
    """Yield every object's schema that names its properties."""
    if isinstance(tree, dict):
        if isinstance(tree.get("properties"), dict) and inside != "properties":
            yield tree
        for name, part in tree.items():
            yield from schemas(part, name)
    elif isinstance(tree, list):
        for part in tree:
            yield from schemas(part)


def test_an_answer_off_its_description_is_noticed() -> None:
    route = next(route for route in GETS if route.path == "stats/daily")
    row = {"date": "2026-11-20", "requests": 1, "tokens": 2, "cost": 0.5}
    check_answer(route, 200, json.dumps([row]))
    for wrong in ({"requests": 1.5}, {"date": "20.11."}, {"cost": None}, {"more": 1}):
        with pytest.raises(ValidationError):
            check_answer(route, 200, json.dumps([row | wrong]))


def test_answers_are_described_with_all_their_keys_and_no_others() -> None:
    answers = [part for route in ROUTES for part in schemas(operation(route)["responses"])]
    assert len(answers) > 40
    for schema in answers:
        assert schema["additionalProperties"] is False
        assert schema["required"] == [*schema["properties"]]


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: f"{route.method}-{route.path}")
async def test_the_example_is_accepted_and_answered_as_described(
    client: Client, route: Route
) -> None:
    await stored(client, tokens_prompt=1000)
    path, query, body = request(route)
    for parameter in operation(route).get("parameters", ()):
        if "example" in parameter:
            check(parameter["schema"], parameter["example"])
    if body is not None:
        check(operation(route)["requestBody"]["content"]["application/json"]["schema"], body)
    if (route.method, route.path) == ("delete", "cost/rates"):
        rate = query | {"prompt_per_1m": 1, "response_per_1m": 2}
        assert (await post(client, rate, "cost/rates"))[0] == 200
    expected = 201 if route.path == "usage" and route.method == "post" else 200
    assert await ask(client, route, path, query, body) == expected


@pytest.mark.parametrize("filled", [False, True], ids=["empty", "filled"])
async def test_every_answer_of_a_ledger_is_as_described(client: Client, *, filled: bool) -> None:
    if filled:
        await record_everything(client)
    for route in GETS:
        path, query, _ = request(route)
        missing = not filled and "{" in path + route.path and "metric" not in route.path
        assert await ask(client, route, path, query, None) == (404 if missing else 200)
        if "detailed" in {str(marker) for marker in route.fields}:
            assert await ask(client, route, path, {"detailed": "true"}, None) == 200
        if "by" in query:
            for by in ("device", "provider", "endpoint", "user", "tag"):
                assert await ask(client, route, path, {"by": by, "top": "1"}, None) == 200
        if "metric" in route.path:
            for metric in ("cost", "requests", "devices"):
                assert await ask(client, route, f"trends/{metric}", {}, None) == 200
    anomalies = (await get(client, "trends/anomalies", days="30"))[1]
    assert bool(anomalies["anomalies"]) is filled


async def test_repeated_events_and_batches_are_answered_as_described(client: Client) -> None:
    (route,) = [one for one in ROUTES if (one.method, one.path) == ("post", "usage")]
    event = usage(request_id="again")
    assert await ask(client, route, "usage", {}, event) == 201
    assert await ask(client, route, "usage", {}, event) == 200
    assert await ask(client, route, "usage", {}, {"events": [event, usage()]}) == 201
    assert await ask(client, route, "usage", {}, {"events": [event]}) == 200
    assert await ask(client, route, "usage", {}, {"events": []}) == 400


async def test_refusals_are_answered_as_described(client: Client, reader_client: Client) -> None:
    routes = {(route.method, route.path): route for route in ROUTES}
    await record_everything(client)
    admin = routes["post", "maintenance/cleanup"]
    assert await ask(reader_client, admin, admin.path, {}, {}) == 403
    recording = routes["post", "usage"]
    assert await ask(reader_client, recording, "usage", {}, usage()) == 403
    assert await ask(client, recording, "usage", {}, {"metadata": "x" * 5_000_000}) == 413
    estimate = routes["post", "cost/estimate"]
    unknown = {"provider": "nobody", "model": "knows", "tokens_prompt": 1, "tokens_response": 1}
    assert await ask(client, estimate, estimate.path, {}, unknown) == 404
    assert await ask(client, admin, admin.path, {"retention_days": "30"}, None) == 200
    listing = routes["get", "usage"]
    noon = datetime.now(UTC).replace(hour=12, minute=1) - timedelta(days=36)
    assert await ask(client, listing, "usage", {"start": noon.isoformat()}, None) == 409
