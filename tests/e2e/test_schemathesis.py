"""Random requests made from the API's own description, against a running Home Assistant."""

from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
import json
import os
import re
from typing import Any, Final

from hypothesis import HealthCheck, settings
import pytest
import pytest_socket
import requests
import schemathesis
from schemathesis import Case
from schemathesis.checks import CHECKS, CheckContext
from schemathesis.core.failures import Failure
from schemathesis.core.transport import Response

from custom_components.llm_analytics.api.openapi import document
from custom_components.llm_analytics.api.views import PREFIX, ROUTES, SEED_PREFIX
from custom_components.llm_analytics.contract.serialization import json_text
from scripts.real_home_assistant import RealHomeAssistant

pytestmark = pytest.mark.browser

type Request = Case[Any]
type Counts = dict[str, Counter[str]]

# How many random requests to each operation, beside those at the limits of every field.
CASES: Final = int(os.environ.get("API_CASES") or (100 if os.environ.get("CI") == "true" else 5))
DESCRIBED: Final = json.loads(json_text(document(ROUTES, (PREFIX, SEED_PREFIX))))
API: Final = schemathesis.openapi.from_dict(DESCRIBED)
# The token is the test's own; every operation without one is tested elsewhere.
API.config.generation.update(with_security_parameters=False)
WITHOUT_PARAMETERS: Final = ("/openapi.json", "/health", "/trends/forecast")

# What a schema of single fields cannot say: such a request is refused though it fits the schema,
# by a message that names the rule. Once mended it has to be accepted.
EXCEPTIONS: Final = {
    r"^start: must be before end$": "two fields compared",
    r"^(start|end): start and end go together$": "a field that asks for another",
    r"^start: start and end go with the period custom only$": "a field that excludes another",
    r"^start: required, with end, for the period custom$": "a word that asks for other fields",
    r"device_id: give device_ip or device_id, not both$": "a field that excludes another",
    r"device_ip: required: device_ip or device_id$": "one of two, neither of them null",
    r"tokens_\w+: .*parts? of tokens_\w+": "fields added up and compared",
    r"provider: required, unless model is provider/model$": "a field inside another",
    r"provider: must have 1 to 50 characters, got (0|[5-9]\d)$": "without spaces, or in the model",
    r"^\w+: is given in the query and in the body$": "query and body compared",
    r"^currency: no exchange rate is known for [A-Z]{3}": "what is stored already",
    r"^usd: must be more than 0 with 12 decimal places$": "what rounding leaves of a number",
    r"timestamp: must be from 2015-01-01 to 5 minutes ahead": "the time of day",
    r"metadata: (holds|must be at most|must not be nested)": "what an object of any form holds",
    r"must be an integer from .*, got [0-9]+[.]0+$": "JSON Schema takes 1.0 for an integer",
    r"^text/plain; charset=utf-8$": "Home Assistant itself refuses what looks like an attack",
}


def refused_for_a_named_reason(ctx: CheckContext, response: Response, case: Request) -> None:
    """Hold that what fits the description is refused by one of the exceptions only."""
    if response.status_code != HTTPStatus.BAD_REQUEST:
        return
    if case.meta is not None and case.meta.generation.mode.is_negative:
        return
    if not any(re.search(pattern, reason(response)) for pattern in EXCEPTIONS):
        raise Failure(
            operation=case.operation.label,
            title="Refused for a reason that is not named",
            message=reason(response),
        )


def reason(response: Response) -> str:
    """Return an error's message, the media type of one that is not the integration's."""
    (kind,) = response.headers["content-type"]
    return str(response.json()["message"]) if kind.startswith("application/json") else kind


CHECKED: Final[list[Any]] = [
    *CHECKS.get_by_names(
        [
            "not_a_server_error",
            "status_code_conformance",
            "content_type_conformance",
            "response_schema_conformance",
            "negative_data_rejection",
        ]
    ),
    refused_for_a_named_reason,
]


def mended(case: Request) -> Request:
    """Return the request as the exceptions ask for it."""
    query = dict(case.query or {})
    if "device_ip" in query:
        query.pop("device_id", None)
    elif case.operation.path == "/usage/daily" and "device_id" not in query:
        query["device_ip"] = "192.168.1.21"
    if case.operation.path.startswith("/reports"):
        query.pop("start", None)
        if query.get("period") == "custom":
            query |= {"start": "2026-01-01", "end": "2026-02-01"}
    if query.get("period") != "custom":
        query.pop("end", None)
    body = json.loads(json.dumps(case.body)) if isinstance(case.body, dict) else case.body
    for event in body.get("events", [body]) if isinstance(body, dict) else []:
        mend_object(event, case.operation.path)
    if isinstance(body, dict):
        query = {name: value for name, value in query.items() if name not in body}
    again: Request = case.operation.Case(
        path_parameters=case.path_parameters, query=query, body=body, media_type=case.media_type
    )
    return again


def mend_object(given: dict[str, Any], path: str) -> None:
    """Change an event, an estimate or the like to fit the rules that no schema says."""
    for name, value in given.items():
        if isinstance(value, float) and value.is_integer():
            given[name] = int(value)
    total = {name: given.get(f"tokens_{name}", 0) for name in ("prompt", "response")}
    for name, most in (
        ("tokens_cache_read", total["prompt"] // 2),
        ("tokens_cache_write", total["prompt"] // 2),
        ("tokens_cache_write_1h", 0),
        ("tokens_reasoning", total["response"]),
    ):
        if name in given:
            given[name] = min(given[name], most)
    for name in ("metadata", "timestamp"):
        given.pop(name, None)
    given.pop("end", None)
    given |= {name: fit for name, fit in (("usd", 1), ("currency", "USD")) if name in given}
    if "provider" in given or path == "/usage":
        given["provider"] = (given.get("provider") or "").strip() or "openai"
    if path in {"/usage", "/usage/devices/name"}:
        if given.get("device_ip") is None:
            given["device_id"] = given.get("device_id") or "device1"
        else:
            given.pop("device_id", None)


def shown(counts: Counts) -> str:
    """Return the number of requests to each operation: in all, by kind, by status."""
    lines = [
        f"{count.total() // 2:7} {operation:28}"
        + ", ".join(f"{number} {name}" for name, number in sorted(count.items()))
        for operation, count in sorted(counts.items())
    ]
    total = sum(count.total() for count in counts.values()) // 2
    return "\n".join(["", *lines, f"{total:7} cases of {len(counts)} operations"])


class Caller:
    """Sends requests with the user's token, checks their answers, and counts them."""

    def __init__(self, home: RealHomeAssistant) -> None:
        self.home = home
        self.session = requests.Session()
        self.counts: Counts = {}

    def call(self, case: Request, kind: str) -> Response:
        response = case.call_and_validate(
            base_url=self.home.url + PREFIX,
            session=self.session,
            headers={"Authorization": f"Bearer {self.home.token}"},
            checks=CHECKED,
            timeout=30,
        )
        count = self.counts.setdefault(case.operation.label, Counter())
        count.update([kind, str(response.status_code)])
        return response


def choose_currency(home: RealHomeAssistant) -> None:
    """Submit the options with a household currency, so that costs can be converted."""
    flows = "/api/config/config_entries/options/flow"
    (entry,) = home.get("/api/config/config_entries/entry?domain=llm_analytics")
    form = home.post(flows, {"handler": entry["entry_id"]})
    done = home.post(f"{flows}/{form['flow_id']}", {"currency": "EUR"})
    assert done["type"] == "create_entry", done
    # Waits for the reload that comes with new options.
    home.post(f"/api/config/config_entries/entry/{entry['entry_id']}/reload", {})
    rate = {"currency": "EUR", "usd": 1.25}
    assert home.post(f"{PREFIX}/cost/exchange-rates", rate)["status"] == "ok"


@pytest.fixture(scope="module")
def caller(home: RealHomeAssistant, request: pytest.FixtureRequest) -> Iterator[Caller]:
    """Record something to ask about; show at the end how many requests were made."""
    pytest_socket.enable_socket()  # closed before every test, and this comes before it is opened
    now = datetime.now(UTC)
    events: list[dict[str, Any]] = [
        {
            "device_ip": f"192.168.1.{20 + number % 3}",
            "endpoint": ("conversation", "ai_task")[number % 2],
            "provider": "openai",
            "model": ("gpt-4o", "gpt-4o-mini", None, "nobody-knows-its-price")[number % 4],
            "tokens_prompt": 100 * number,
            "tokens_response": number,
            "user_id": (None, "alice", "bob")[number % 3],
            "tags": [["kitchen"], []][number % 2],
            "status": ("ok", "error")[number % 17 == 0],
            "timestamp": (now - timedelta(hours=7 * number)).isoformat(),
        }
        for number in range(300)
    ]
    choose_currency(home)
    home.post(f"{PREFIX}/usage", {"events": events})
    # Some days have lost their events, so some questions have to be answered 409.
    assert home.post(f"{PREFIX}/maintenance/cleanup", {"retention_days": 30})["events_deleted"]
    calling = Caller(home)
    with calling.session:
        yield calling
    plugins = request.config.pluginmanager
    with plugins.getplugin("capturemanager").global_and_fixture_disabled():
        plugins.getplugin("terminalreporter").write_line(shown(calling.counts))


def test_the_description_is_served(home: RealHomeAssistant) -> None:
    assert home.get(f"{PREFIX}/openapi.json") == DESCRIBED
    assert home.get(f"{SEED_PREFIX}/openapi.json") == DESCRIBED


@API.parametrize()
@settings(
    max_examples=CASES, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck)
)
def test_answers_are_as_described(case: Request, caller: Caller) -> None:
    assert case.meta is not None
    mode = case.meta.generation.mode
    response = caller.call(case, mode.value)
    if (
        mode.is_positive
        and response.status_code == HTTPStatus.BAD_REQUEST
        and not reason(response).startswith("text/plain")
    ):
        again = caller.call(mended(case), "mended")
        assert again.status_code != HTTPStatus.BAD_REQUEST, again.text
    if case.operation.label == "POST /usage":
        # They have nothing to vary but the ledger.
        for path in WITHOUT_PARAMETERS:
            caller.call(API[path]["get"].Case(), "positive")


def test_every_operation_was_tried_often_enough(
    caller: Caller, request: pytest.FixtureRequest
) -> None:
    if not request.config.getoption("keyword"):
        assert len(caller.counts) == len(ROUTES)
    assert {name for name, count in caller.counts.items() if count.total() // 2 < CASES} == set()
