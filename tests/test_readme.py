"""The README is true: its examples run, its tables are the code's, its links lead somewhere.

Every curl and every action is executed in the README's order on one small household at one fixed
time, and must answer what the README shows. In what it shows, a list of more than one object or
list ends after its first, with ``"…"``, and so does an object of many; of the OpenAPI document
only the head is shown. After a change

    README_UPDATE=1 .venv-test/bin/pytest tests/test_readme.py

writes the answers anew, so a new example needs only its request and an empty ```` ```json ````.
"""

from argparse import ArgumentParser
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
import json
import logging
import os
from pathlib import Path
import re
import shlex
from typing import Any, Final
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from aiohttp.test_utils import TestClient
from freezegun.api import FrozenDateTimeFactory
from homeassistant.auth.models import User
from homeassistant.core import Context, HomeAssistant
from homeassistant.helpers import (
    area_registry as ar,
    config_validation as cv,
    device_registry as dr,
    entity_registry as er,
)
from homeassistant.helpers.script import Script, async_validate_actions_config
from homeassistant.setup import async_setup_component
from homeassistant.util.yaml import parse_yaml
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry
from yarl import URL

from custom_components.llm_analytics import config_flow
from custom_components.llm_analytics.analytics import ExchangeRate
from custom_components.llm_analytics.api.views import PREFIX, ROUTES
from custom_components.llm_analytics.binary_sensor import BUDGET_BINARY_SENSORS
from custom_components.llm_analytics.const import DOMAIN
from custom_components.llm_analytics.contract import schemas
from custom_components.llm_analytics.contract.usage_events import Origin
from custom_components.llm_analytics.home import options as entry_options
from custom_components.llm_analytics.sensor import (
    SENSORS,
    TRACKED_SENSORS,
    budget_sensors,
    home_sensors,
)
from custom_components.llm_analytics.services import ACTIONS

from .helpers import add_client, webhook_of
from .test_contracts import ENGLISH

REPOSITORY: Final = Path(__file__).parent.parent
README: Final = REPOSITORY / "README.md"
TEXT: Final = README.read_text(encoding="utf-8")
UPDATE: Final = bool(os.environ.get("README_UPDATE"))

HOME_ASSISTANT: Final = "http://homeassistant.local:8123"
ZONE: Final = ZoneInfo("Europe/Berlin")
NOW: Final = datetime(2026, 11, 20, 18, 30, tzinfo=ZONE)
# What differs from run to run, or from one SQLite to the next.
VOLATILE: Final = {"report_id", "database_bytes", "bytes_reclaimed"}
WIDTH: Final = 96
CLIENT: Final = "$CLIENT"  # a recording client's address
USER: Final = "4f1d0c9a7be24c55a1f36d2e8b90c713"  # stands for the one who asks
RECORDER: Final = "01KAH9ZT5E8YV3XQ4N7M2B6C0D"  # stands for the recording client

_EXAMPLE: Final = re.compile(
    r"^```(?P<language>bash|yaml)\n(?P<request>(?:curl |action: ).*?)^```\n"
    r"(?:\n(?:<details><summary>)?(?:Answer: (?P<status>\d{3})|Response)(?:</summary>)?\n"
    r"\n```(?P<kind>json|csv)\n(?P<answer>.*?)^```\n)?",
    re.MULTILINE | re.DOTALL,
)
_BLOCK: Final = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)

type Client = TestClient[Any, Any]


@dataclass(frozen=True)
class Example:
    """A request or an action as the README shows it, and what is shown to come back."""

    request: str
    status: int | None
    kind: str | None
    answer: str | None
    place: tuple[int, int]

    @property
    def is_action(self) -> bool:
        return self.request.startswith("action:")

    @property
    def curl(self) -> Curl:
        return parse_curl(self.request)


@dataclass(frozen=True)
class Curl:
    """What a curl command sends."""

    method: str
    url: URL
    headers: Mapping[str, str]
    body: str | None

    @property
    def of_client(self) -> bool:
        """Return whether a recording client sends it."""
        return str(self.url) == CLIENT

    @property
    def path(self) -> str:
        """Return the path without the API's prefix."""
        return self.url.path.removeprefix(f"{PREFIX}/")


def parse_curl(command: str) -> Curl:
    """Read the few options that the README uses; any other is an error."""
    parser = ArgumentParser(exit_on_error=False)
    parser.add_argument("url")
    parser.add_argument("-X", dest="method")
    parser.add_argument("-H", dest="headers", action="append", default=[])
    parser.add_argument("-d", dest="body")
    parser.add_argument("-o", dest="file")
    given = parser.parse_args(shlex.split(command.replace("\\\n", " "))[1:])
    assert given.url == CLIENT or given.url.startswith("$HA/"), given.url
    return Curl(
        method=given.method or ("GET" if given.body is None else "POST"),
        url=URL(given.url.removeprefix("$HA")),
        headers=dict(header.split(": ", 1) for header in given.headers),
        body=given.body,
    )


def examples() -> list[Example]:
    """Return all of the README's examples in order."""
    return [
        Example(
            request=match["request"],
            status=int(match["status"]) if match["status"] else None,
            kind=match["kind"],
            answer=match["answer"],
            place=match.span("answer"),
        )
        for match in _EXAMPLE.finditer(TEXT)
    ]


def blocks(language: str) -> list[str]:
    """Return the README's code blocks of a language."""
    return [code for name, code in _BLOCK.findall(TEXT) if name == language]


def read_yaml(code: str) -> dict[str, Any]:
    """Return what a block of YAML says."""
    value = parse_yaml(code)
    assert isinstance(value, dict)
    return value


def section(heading: str) -> str:
    """Return a section of the README, without its heading."""
    level = heading.split(maxsplit=1)[0]
    match = re.search(
        rf"^{re.escape(heading)}\n(.*?)(?=^#{{1,{len(level)}}} |\Z)", TEXT, re.MULTILINE | re.DOTALL
    )
    assert match, f"no section {heading}"
    return match[1]


def table(name: str) -> list[list[str]]:
    """Return the rows of the table between ``<!-- name -->`` and ``<!-- /name -->``."""
    match = re.search(rf"<!-- {name} -->\n(.*?)<!-- /{name} -->", TEXT, re.DOTALL)
    assert match, f"no table {name}"
    lines = match[1].strip().splitlines()
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[2:]]


# A small household


def household() -> list[dict[str, Any]]:
    """Return sixty days of three devices, with one runaway night and a model without a price."""
    tablet = {
        "device_ip": "192.168.1.20",
        "device_name": "Kitchen tablet",
        "endpoint": "conversation",
        "provider": "openai",
        "model": "gpt-4o-mini",
        "user_id": "alex",
        "tags": ["voice"],
    }
    laptop = {
        "device_ip": "192.168.1.30",
        "device_name": "Study laptop",
        "endpoint": "chat/completions",
        "provider": "anthropic",
        "model": "claude-sonnet-4-5",
        "user_id": "kim",
        "tags": ["homework"],
    }
    server = {
        "device_ip": "192.168.1.5",
        "device_name": "Home server",
        "endpoint": "generate",
        "provider": "ollama",
        "model": "llama3.2",
        "tags": ["nightly"],
    }
    guest = {
        "device_ip": "192.168.1.77",
        "device_name": "Guest phone",
        "endpoint": "chat/completions",
        "provider": "acme",
        "model": "acme-large",
        "user_id": "guest",
    }
    preview = laptop | {"provider": "mistral", "model": "homework-preview"}
    runaway = server | {"provider": "openai", "model": "gpt-4o"}
    events = []
    for back in range(59, -1, -1):
        day = NOW.date() - timedelta(days=back)
        weekend, monday = day.weekday() >= 5, day.weekday() == 0
        plan: list[tuple[dict[str, Any], Sequence[int]]] = [
            (server, (2, 3)),
            (tablet, (9, 11, 13, 16, 17) if weekend else (7, 12, 17)),
        ]
        if not weekend:
            plan.append((laptop, (9, 10, 11, 14, 15, 16)))
        if monday:
            plan.append((preview, (13,)))
        if back == 11:
            plan.append((runaway, (3,) * 60))
        if back == 6:
            plan.append((guest, (14, 15, 15, 20, 21, 21)))
        for what, hours in plan:
            for number, hour in enumerate(hours):
                step = (back * 7 + hour * 3 + number) % 11
                moment = datetime(day.year, day.month, day.day, hour, number, step, tzinfo=ZONE)
                events.append(
                    what
                    | {
                        "tokens_prompt": 900 + 40 * step,
                        "tokens_response": 120 + 15 * step,
                        "latency_ms": 700 + 110 * step,
                        "timestamp": moment.isoformat(),
                    }
                )
    events[-3] |= {"status": "error", "error_type": "timeout", "tokens_response": 0}
    return events


def furnish(hass: HomeAssistant) -> None:
    """Put two of the devices in rooms; one of them is Kim's."""
    toys = MockConfigEntry(domain="toys")
    toys.add_to_hass(hass)
    for name, room, address in (
        ("Tablet", "Kitchen", "192.168.1.20"),
        ("Laptop", "Study", "192.168.1.30"),
    ):
        device = dr.async_get(hass).async_get_or_create(
            config_entry_id=toys.entry_id, identifiers={("toys", name)}, name=name
        )
        area = ar.async_get(hass).async_create(room)
        dr.async_get(hass).async_update_device(device.id, area_id=area.id)
        tracker = er.async_get(hass).async_get_or_create(
            "device_tracker", "toys", name, device_id=device.id
        )
        hass.states.async_set(tracker.entity_id, "home", {"ip": address})
    hass.states.async_set(
        "person.kim", "home", {"friendly_name": "Kim", "device_trackers": [tracker.entity_id]}
    )


@pytest.fixture(autouse=True)
async def fixed_time(
    hass: HomeAssistant, freezer: FrozenDateTimeFactory, caplog: pytest.LogCaptureFixture
) -> None:
    """Let it be the README's moment in the README's home."""
    caplog.set_level(logging.CRITICAL, "aiohttp.access")  # which cannot tell a fixed time
    await hass.config.async_set_time_zone(str(ZONE))
    freezer.move_to(NOW)


@pytest.fixture
def options() -> dict[str, Any]:
    """Return the household's options: it counts in euros too."""
    return {"currency": "EUR"}


@pytest.fixture
async def home(hass: HomeAssistant, entry: MockConfigEntry) -> None:
    """Furnish the home and record the household."""
    furnish(hass)
    await entry.runtime_data.analytics.costs.set_exchange_rate(ExchangeRate("EUR", Decimal("1.15")))
    origin = Origin(source="rest", recorded_by=None)
    events = [origin.event(event) for event in household()]
    await entry.runtime_data.analytics.tracker.record_many(events[:500])
    await entry.runtime_data.analytics.tracker.record_many(events[500:])


# What comes back, as the README shows it


def shortened(value: Any) -> Any:
    """Return an answer with its long lists cut, as the README shows it."""
    if isinstance(value, dict):
        if "openapi" in value:
            return value | {"paths": "…", "components": "…"}
        if len(value) > 12 and all(isinstance(item, dict) for item in value.values()):
            value = dict(list(value.items())[:1]) | {"…": "…"}
        return {key: shortened(item) for key, item in value.items()}
    if isinstance(value, list):
        nested = [shortened(item) for item in value]
        if len(nested) > 1 and isinstance(nested[0], list | dict):
            return [nested[0], "…"]
        return nested
    return value


def written(value: Any, indent: int = 0) -> str:
    """Return an answer as JSON that reads well: what fits on a line is on one."""
    line = one_line(value)
    if not isinstance(value, list | dict) or len(line) + indent <= WIDTH:
        return line
    if isinstance(value, dict):
        items = [
            f"{json.dumps(key, ensure_ascii=False)}: {written(item, indent + 2)}"
            for key, item in value.items()
        ]
    else:
        items = [written(item, indent + 2) for item in value]
    inner = " " * (indent + 2)
    separator = f",\n{inner}"
    if isinstance(value, list) or all(isinstance(item, int) for item in value.values()):
        separator = ", " if all("\n" not in item for item in items) else separator
    body = [items[0]]
    for item in items[1:]:
        room = WIDTH - indent - 4 - len(body[-1]) - len(item)
        if separator == ", " and room >= 0:
            body[-1] += f", {item}"
        else:
            body.append(item)
    return f"{line[0]}\n{inner}{f',\n{inner}'.join(body)}\n{' ' * indent}{line[-1]}"


def one_line(value: Any) -> str:
    """Return an answer as JSON on one line, decimals as they came."""
    if isinstance(value, Decimal):
        return format(value, "f")
    if isinstance(value, dict):
        items = (
            f"{json.dumps(key, ensure_ascii=False)}: {one_line(item)}"
            for key, item in value.items()
        )
        return f"{{{', '.join(items)}}}"
    if isinstance(value, list):
        return f"[{', '.join(one_line(item) for item in value)}]"
    return json.dumps(value, ensure_ascii=False)


def comparable(value: Any) -> Any:
    """Return an answer without what differs from run to run."""
    if isinstance(value, dict):
        return {
            key: "*" if key in VOLATILE and item is not None else comparable(item)
            for key, item in value.items()
        }
    return [comparable(item) for item in value] if isinstance(value, list) else value


def shown(text: str, kind: str | None) -> str:
    """Return what came back as the README shows it."""
    if kind == "csv":
        lines = text.splitlines()
        return "".join(f"{line}\n" for line in lines[:4]) + ("…\n" if len(lines) > 4 else "")
    return written(shortened(json.loads(text, parse_float=Decimal))) + "\n"


def check(example: Example, text: str) -> None:
    """Hold that the README shows what came back."""
    assert example.answer is not None
    if example.kind == "csv":
        assert example.answer == shown(text, "csv")
        return
    documented = json.loads(example.answer, parse_float=Decimal)
    found = json.loads(shown(text, "json"), parse_float=Decimal)
    assert comparable(documented) == comparable(found)


# The examples


async def test_every_example_answers_what_the_readme_shows(
    hass: HomeAssistant,
    entry: MockConfigEntry,
    home: None,
    hass_client_no_auth: Callable[[], Awaitable[Client]],
    hass_access_token: str,
    hass_admin_user: User,
) -> None:
    client = await hass_client_no_auth()
    recorder = await add_client(hass, entry)
    stand_ins = {
        hass.config.config_dir: "/config",
        hass_admin_user.id: USER,
        recorder.subentry_id: RECORDER,
    }
    answers: list[tuple[Example, str]] = []
    for example in examples():
        if example.is_action:
            text = await act(hass, example)
        else:
            text = await send(client, example, hass_access_token, webhook_of(recorder))
        for found, shown_as in stand_ins.items():
            text = text.replace(found, shown_as)
        if example.answer is None:
            assert text == "null", f"{example.request} answers: the README has to show it"
            continue
        answers.append((example, text))
        if not UPDATE:
            check(example, text)
    if UPDATE:
        await hass.async_add_executor_job(rewrite, answers)


async def send(client: Client, example: Example, token: str, recorder: str) -> str:
    curl = example.curl
    headers = {name: value.replace("$TOKEN", token) for name, value in curl.headers.items()}
    if not curl.of_client:
        assert headers["Authorization"] == f"Bearer {token}", example.request
    if curl.body is not None:
        assert headers["Content-Type"] == "application/json", example.request
    url = recorder if curl.of_client else curl.url
    response = await client.request(curl.method, url, headers=headers, data=curl.body)
    text = await response.text()
    assert response.status == example.status, f"{example.request}\n{text}"
    assert (
        response.content_type == {"json": "application/json", "csv": "text/csv"}[str(example.kind)]
    )
    return text


async def act(hass: HomeAssistant, example: Example) -> str:
    """Run an action as a script does, and return its response as JSON."""
    step = read_yaml(example.request)
    sequence = await async_validate_actions_config(hass, cv.SCRIPT_SCHEMA([step]))
    script = Script(hass, sequence, "README", DOMAIN)
    result = await script.async_run(context=Context())
    assert result is not None
    variable = step.get("response_variable")
    return json.dumps(None if variable is None else result.variables[variable])


def rewrite(answers: list[tuple[Example, str]]) -> None:
    """Write what came back into the README."""
    text = TEXT
    for example, answer in reversed(answers):
        first, last = example.place
        text = text[:first] + shown(answer, example.kind) + text[last:]
    README.write_text(text, encoding="utf-8")


def test_every_curl_shows_its_answer() -> None:
    curls = [example for example in examples() if not example.is_action]
    assert len(curls) == sum("curl" in code for code in blocks("bash"))
    assert [example.request for example in curls if example.answer is None] == []


def test_every_endpoint_has_an_example() -> None:
    used = set()
    patterns = [
        (route.method, route.path, re.compile(re.sub(r"\{\w+\}", "[^/]+", route.path)))
        for route in sorted(ROUTES, key=lambda route: "{" in route.path)
    ]
    for example in examples():
        if example.is_action or example.curl.of_client or (example.status or 0) >= 400:
            continue
        for method, path, pattern in patterns:
            if method == example.curl.method.lower() and pattern.fullmatch(example.curl.path):
                used.add((method, path))
                break
        else:
            pytest.fail(f"no such endpoint: {example.request}")
    assert {(route.method, route.path) for route in ROUTES} - used == set()


def test_every_action_has_an_example() -> None:
    used = {read_yaml(example.request)["action"] for example in examples() if example.is_action}
    assert used == {f"{DOMAIN}.{action.name}" for action in ACTIONS}


async def test_automations_of_the_readme_run(
    hass: HomeAssistant, home: None, caplog: pytest.LogCaptureFixture
) -> None:
    automations = [code for code in map(read_yaml, blocks("yaml")) if "triggers" in code]
    assert automations
    assert await async_setup_component(hass, "persistent_notification", {})
    assert await async_setup_component(hass, "automation", {"automation": automations})
    await hass.async_block_till_done()
    entities = hass.states.async_entity_ids("automation")
    assert len(entities) == len(automations)
    for entity_id in entities:
        await hass.services.async_call(
            "automation", "trigger", {"entity_id": entity_id}, blocking=True
        )
        assert hass.states.get(entity_id).attributes["last_triggered"] is not None  # type: ignore[union-attr]
    await hass.services.async_call("automation", "turn_off", {"entity_id": entities}, blocking=True)
    assert [record.message for record in caplog.records if record.levelname == "ERROR"] == []


async def test_python_examples_run(
    hass: HomeAssistant,
    entry: MockConfigEntry,
    hass_client_no_auth: Callable[[], Awaitable[Client]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    client = await hass_client_no_auth()
    path = webhook_of(await add_client(hass, entry))
    monkeypatch.setenv("CLIENT", str(client.make_url(path)))
    sources = blocks("python")
    assert sources
    for source in sources:
        namespace: dict[str, Any] = {"hass": hass}
        exec(compile(source, "README.md", "exec"), namespace)
        await namespace["main"]()
    summary = await entry.runtime_data.analytics.reports.summary()
    assert summary.today.totals.requests == 1


# The tables


def test_the_endpoint_table_is_the_code_s() -> None:
    documented = [
        (method.lower(), path.strip("`").removeprefix("/"), who == "administrators")
        for method, path, who, _ in table("endpoints")
    ]
    assert sorted(documented) == sorted((route.method, route.path, route.admin) for route in ROUTES)


def test_the_event_table_has_every_field() -> None:
    documented = [name for row in table("event") for name in re.findall(r"`(\w+)`", row[0])]
    assert sorted(documented) == sorted(str(marker) for marker in schemas.USAGE)


def test_the_options_table_has_every_option() -> None:
    labels = json.loads(
        (REPOSITORY / "custom_components" / DOMAIN / "translations" / "en.json").read_text(
            encoding="utf-8"
        )
    )["options"]["step"]["init"]["data"]
    rows = {name.strip("`"): label for label, name, *_ in table("options")}
    assert rows == {
        str(marker): labels[str(marker)] for marker in config_flow.OPTIONS_SCHEMA.schema
    }


async def test_the_sensor_table_has_every_sensor(
    hass: HomeAssistant, entry: MockConfigEntry
) -> None:
    documented = {name.strip("`"): unit for name, unit, *_ in table("sensors")}
    registry = er.async_get(hass)
    entities = er.async_entries_for_config_entry(registry, entry.entry_id)
    found = {
        entity.entity_id: entity.unit_of_measurement or "none"
        for entity in entities
        if entity.domain == "sensor"
    }
    at_home = {name for name, unit in found.items() if unit == "EUR"}
    assert documented == {name: unit for name, unit in found.items() if name not in at_home}
    assert len(documented) == len(SENSORS)
    # Those of the household's currency have a section of their own, which names them.
    assert len(at_home) == len(home_sensors("EUR"))
    text = section("## Household currency")
    assert all(name.removeprefix("sensor.llm_analytics") in text for name in at_home)


def test_the_tables_of_subentries_have_every_entity_and_field() -> None:
    sensors, binary = (ENGLISH["entity"][kind] for kind in ("sensor", "binary_sensor"))
    assert [tuple(row[:3]) for row in table("tracked")] == [
        (
            sensors[sensor.key]["name"],
            sensor.native_unit_of_measurement,
            "yes" if sensor.entity_registry_enabled_default else "no",
        )
        for sensor in TRACKED_SENSORS
    ]
    data = {"scope": "all", "unit": "cost", "amount": 1, "period": "day", "thresholds": []}
    budget = entry_options.budget("Any", data)
    named = [sensors[sensor.translation_key]["name"] for sensor in budget_sensors(budget)]
    named += [binary[sensor.translation_key]["name"] for sensor in BUDGET_BINARY_SENSORS]
    assert [name for name, *_ in table("budget")] == named
    steps = ENGLISH["config_subentries"]["budget"]["step"]
    assert {name.strip("`"): label for label, name, _ in table("budget-fields")} == (
        steps["user"]["data"] | steps["budget"]["data"]
    )


@pytest.mark.parametrize("heading", ["## Best practices", "## Troubleshooting"])
def test_every_advice_names_something_that_exists(heading: str) -> None:
    known = (
        {f"{route.method.upper()} /{route.path}" for route in ROUTES}
        | {str(marker) for marker in config_flow.OPTIONS_SCHEMA.schema}
        | {str(marker) for marker in schemas.USAGE}
        | {f"{DOMAIN}.{action.name}" for action in ACTIONS}
    )
    entries = re.split(r"^### ", section(heading), flags=re.MULTILINE)[1:]
    assert entries
    for entry in entries:
        title, _, text = entry.partition("\n")
        assert known & set(re.findall(r"`([^`\n]+)`", text)), title


# The text


def slug(heading: str) -> str:
    """Return the anchor that GitHub gives a heading."""
    return re.sub(r"[^\w\- ]", "", heading.strip().lower()).replace(" ", "-")


def test_the_contents_are_every_section_in_order() -> None:
    contents, _, _ = TEXT.partition("**Contents**")[2].partition("\n## ")
    listed = re.findall(r"\]\(#([^)]+)\)", contents)
    levels = {slug(name): level for level, name in re.findall(r"^(##+) (.*)$", TEXT, re.MULTILINE)}
    assert [one for one in listed if levels[one] == "##"] == [
        name for name, level in levels.items() if level == "##"
    ]


def test_every_link_leads_somewhere() -> None:
    prose = _BLOCK.sub("", TEXT)
    anchors = {slug(heading) for heading in re.findall(r"^#+ (.*)$", prose, re.MULTILINE)}
    links = re.findall(r"\]\(([^)\s]+)\)|(?:src|srcset|href)=\"([^\"]+)\"", prose)
    assert links
    for link in (one or other for one, other in links):
        if link.startswith("#"):
            assert link[1:] in anchors, link
        elif not urlsplit(link).scheme:
            assert (REPOSITORY / link.partition("#")[0]).exists(), link
        else:
            assert link.startswith("https://"), link


def test_json_and_yaml_can_be_read() -> None:
    for code in blocks("json"):
        json.loads(code)
    for code in blocks("yaml"):
        assert read_yaml(code)


@pytest.mark.parametrize("word", ["/home/"])
def test_nothing_of_one_machine_is_in_it(word: str) -> None:
    assert word not in TEXT
