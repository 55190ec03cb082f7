"""Every example of every page runs, and answers what the page shows.

Every curl and every action is executed in the order of the pages on one small household at one
fixed time, those of the README before anything else is recorded. After a change

    DOCS_UPDATE=1 .venv-test/bin/pytest tests/docs

writes the answers anew, so a new example needs only its request and an empty ```` ```json ````.
"""

from argparse import ArgumentParser
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
import json
import re
import shlex
from typing import Any, Final

from aiohttp.test_utils import TestClient
from homeassistant.auth.models import User
from homeassistant.core import Context, HomeAssistant
from homeassistant.helpers import config_validation as cv
from homeassistant.helpers.script import Script, async_validate_actions_config
from homeassistant.helpers.template import Template
from homeassistant.setup import async_setup_component
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry
from yarl import URL

from custom_components.llm_analytics.api.views import PREFIX, ROUTES
from custom_components.llm_analytics.const import DOMAIN
from custom_components.llm_analytics.services import ACTIONS

from ..helpers import add_client, webhook_of
from .answers import check, is_shown, shown
from .household import record_household
from .pages import README, UPDATE, Example, Page, blocks, examples, read_yaml

CLIENT: Final = "$CLIENT"  # a recording client's address
USER: Final = "4f1d0c9a7be24c55a1f36d2e8b90c713"  # stands for the one who asks
RECORDER: Final = "01KAH9ZT5E8YV3XQ4N7M2B6C0D"  # stands for the recording client

type Client = TestClient[Any, Any]

pytestmark = pytest.mark.usefixtures("fixed_time")


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
    """Read the few options that the pages use; any other is an error."""
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


async def test_every_example_answers_what_its_page_shows(
    hass: HomeAssistant,
    entry: MockConfigEntry,
    furnished: None,
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
    first = len(README.examples)  # which are those of a ledger that is empty
    for number, example in enumerate(examples()):
        if number == first:
            await record_household(entry)
        if example.is_action:
            text = await act(hass, example)
        else:
            text = await send(client, example, hass_access_token, webhook_of(recorder))
        for found, shown_as in stand_ins.items():
            text = text.replace(found, shown_as)
        if example.answer is None:
            assert text == "null", f"{example.request} answers: the page has to show it"
            continue
        if not UPDATE:
            check(example, text)
        elif not is_shown(example, text):
            answers.append((example, text))
    if UPDATE:
        await hass.async_add_executor_job(rewrite, answers)


async def send(client: Client, example: Example, token: str, recorder: str) -> str:
    curl = parse_curl(example.request)
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
    script = Script(hass, sequence, "Example", DOMAIN)
    result = await script.async_run(context=Context())
    assert result is not None
    variable = step.get("response_variable")
    return json.dumps(None if variable is None else result.variables[variable])


def rewrite(answers: list[tuple[Example, str]]) -> None:
    """Write what came back into the pages."""
    texts: dict[Page, str] = {}
    for example, answer in reversed(answers):
        text = texts.get(example.page, example.page.text)
        first, last = example.place
        texts[example.page] = text[:first] + shown(answer, example.kind) + text[last:]
    for page, text in texts.items():
        page.path.write_text(text, encoding="utf-8")


async def test_the_first_figures_are_those_that_the_readme_shows(
    hass: HomeAssistant,
    entry: MockConfigEntry,
    hass_client_no_auth: Callable[[], Awaitable[Client]],
) -> None:
    client = await hass_client_no_auth()
    recorder = webhook_of(await add_client(hass, entry))
    (example,) = README.examples
    check(example, await send(client, example, "", recorder))
    await hass.async_block_till_done()
    shown_states = dict(re.findall(r"^\| `(sensor\.\w+)` \| (\S+) \|$", README.text, re.MULTILINE))
    assert len(shown_states) == 3
    for entity_id, shown_state in shown_states.items():
        state = hass.states.get(entity_id)
        assert state is not None
        assert state.state == shown_state


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
        if example.is_action or (example.status or 0) >= 400:
            continue
        curl = parse_curl(example.request)
        if curl.of_client:
            continue
        for method, path, pattern in patterns:
            if method == curl.method.lower() and pattern.fullmatch(curl.path):
                used.add((method, path))
                break
        else:
            pytest.fail(f"no such endpoint: {example.request}")
    assert {(route.method, route.path) for route in ROUTES} - used == set()


def test_every_action_has_an_example() -> None:
    used = {read_yaml(example.request)["action"] for example in examples() if example.is_action}
    assert used == {f"{DOMAIN}.{action.name}" for action in ACTIONS}


async def test_automations_run(
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
        exec(compile(source, "example", "exec"), namespace)
        await namespace["main"]()
    summary = await entry.runtime_data.analytics.reports.summary()
    assert summary.today.totals.requests == 1


async def test_templates_of_a_report_render(hass: HomeAssistant, home: None) -> None:
    report = await hass.services.async_call(
        DOMAIN, "generate_report", {"period": "month"}, blocking=True, return_response=True
    )
    templates = blocks("jinja")
    assert templates
    for template in templates:
        rendered = Template(template, hass).async_render({"report": report})
        assert float(rendered) > 0
