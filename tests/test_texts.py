"""What is said twice is said the same: actions, texts, icons, versions and pins."""

import ast
from collections.abc import Iterator, Mapping
import json
from pathlib import Path
import re
import tomllib
from typing import Any

from awesomeversion import AwesomeVersion
from homeassistant import const
from homeassistant.helpers.selector import validate_selector
from homeassistant.util.yaml import load_yaml_dict
import pytest
import voluptuous as vol

from custom_components.llm_analytics import config_flow
from custom_components.llm_analytics.analytics import BUDGET_PERIODS, BudgetUnit
from custom_components.llm_analytics.contract.validators import (
    Choice,
    Flag,
    Number,
    Optional,
    Whole,
)
from custom_components.llm_analytics.flows import recording_client
from custom_components.llm_analytics.flows.scope import EVERYTHING, SCOPES
from custom_components.llm_analytics.home import options
from custom_components.llm_analytics.home.issues import ISSUES
from custom_components.llm_analytics.sensor import (
    SENSORS,
    TRACKED_SENSORS,
    budget_sensors,
    home_sensors,
)
from custom_components.llm_analytics.services import ACTIONS, ActionDescription

ROOT = Path(__file__).parent.parent
COMPONENT = ROOT / "custom_components" / "llm_analytics"
SHELL = sorted(COMPONENT.glob("*.py"))
# The largest integer that a browser writes exactly.
SAFE = 2**53 - 1
LANGUAGES = sorted((COMPONENT / "translations").glob("*.json"))


def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Return an object that says nothing twice; of two parts with one name a reader drops one."""
    assert len({name for name, _ in pairs}) == len(pairs), [name for name, _ in pairs]
    return dict(pairs)


def read(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"), object_pairs_hook=unique)


ENGLISH = read(COMPONENT / "translations" / "en.json")
ICONS = read(COMPONENT / "icons.json")
MANIFEST = read(COMPONENT / "manifest.json")
HACS = read(ROOT / "hacs.json")
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
SERVICES = load_yaml_dict(str(COMPONENT / "services.yaml"))

# The fields of the subentries' forms, and a budget as its form leaves it.
TRACKED = ["scope_name", "name"]
BUDGETED = ["scope_name", "amount", "period", "thresholds", "name"]
BUDGET = {"scope": "all", "unit": "cost", "amount": 10, "period": "day", "thresholds": []}

TESTED = AwesomeVersion(const.__version__)

BY_ACTION = pytest.mark.parametrize("action", ACTIONS, ids=lambda action: action.name)


def default_of(marker: vol.Marker) -> Any:
    """Return a field's default, None without one or if it is empty."""
    make = getattr(marker, "default", vol.UNDEFINED)
    default = make() if callable(make) else None
    return None if default == {} else default


def placeholders(text: str) -> set[str]:
    return set(re.findall(r"\{(\w+)\}", text))


def texts(tree: Any, path: str = "") -> dict[str, str]:
    """Return every text of a translation file by its path."""
    if isinstance(tree, str):
        return {path: tree}
    return {
        key: text
        for name, part in tree.items()
        for key, text in texts(part, f"{path}/{name}").items()
    }


# Actions


def test_the_same_actions_are_everywhere() -> None:
    names = {str(action.name) for action in ACTIONS}
    assert len(names) == len(ACTIONS)
    assert set(SERVICES) == names
    assert set(ENGLISH["services"]) == names
    assert set(ICONS["services"]) == names


@BY_ACTION
def test_an_actions_fields_are_the_same_everywhere(action: ActionDescription) -> None:
    fields = {str(marker): marker for marker in action.fields}
    described: dict[str, Any] = SERVICES[action.name].get("fields", {})
    assert set(described) == set(fields)
    assert set(ENGLISH["services"][action.name].get("fields", {})) == set(fields)
    for name, marker in fields.items():
        required = isinstance(marker, vol.Required)
        assert described[name].get("required", False) is required, name
        assert described[name].get("default") == default_of(marker), name


@BY_ACTION
def test_an_actions_selectors_offer_what_is_accepted(action: ActionDescription) -> None:
    for marker, leaf in action.fields.items():
        described = SERVICES[action.name]["fields"][str(marker)]
        validate_selector(described["selector"])
        ((kind, settings),) = described["selector"].items()
        inner = leaf.leaf if isinstance(leaf, Optional) else leaf
        match inner:
            case Choice():
                assert kind == "select"
                assert tuple(settings["options"]) == inner.words
                translated = ENGLISH["selector"][settings["translation_key"]]["options"]
                assert set(translated) >= set(inner.words)
            case Whole() | Number() if kind == "number":
                assert settings.get("min", inner.minimum) == inner.minimum, marker
                assert settings.get("max", inner.maximum) == min(inner.maximum, SAFE), marker
            case Flag():
                assert kind == "boolean"
            case _:
                assert kind not in {"select", "boolean"}


@BY_ACTION
def test_an_actions_examples_are_accepted(action: ActionDescription) -> None:
    for marker, leaf in action.fields.items():
        example = SERVICES[action.name]["fields"][str(marker)].get("example")
        if isinstance(example, str) and example[:1] in {"[", "{"}:
            example = json.loads(example)
        if example is not None:
            leaf(example)


# Texts


def code_calls() -> Iterator[tuple[Path, dict[str, ast.expr]]]:
    """Yield every call of the shell: its file and keywords."""
    for path in SHELL:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call):
                yield path, {one.arg: one.value for one in node.keywords if one.arg}


def used_texts() -> dict[str, list[set[str]]]:
    """Return the translation keys of exceptions in code, with their placeholders."""
    found: dict[str, list[set[str]]] = {}
    for path, keywords in code_calls():
        if not {"translation_key", "translation_domain"} <= set(keywords):
            continue
        key = keywords["translation_key"]
        assert isinstance(key, ast.Constant), f"{path.name}: a key that cannot be looked up"
        values = keywords.get("translation_placeholders")
        assert values is None or isinstance(values, ast.Dict)
        names = set() if values is None else {ast.literal_eval(one) for one in values.keys if one}
        found.setdefault(str(key.value), []).append(names)
    return found


def test_every_exception_has_its_text_and_every_text_its_exception() -> None:
    used = used_texts()
    assert len(used) >= 9
    assert set(used) == set(ENGLISH["exceptions"])
    for key, calls in used.items():
        for given in calls:
            assert given == placeholders(ENGLISH["exceptions"][key]["message"]), key


def test_every_issue_has_its_text_and_every_text_its_issue() -> None:
    assert set(ISSUES) == set(ENGLISH["issues"])
    for key, kind in ISSUES.items():
        said = ENGLISH["issues"][key]
        # What went wrong is known only once something has.
        written = placeholders(" ".join(texts(said).values())) - {"error"}
        assert written == kind.placeholders, key
        assert ("fix_flow" in said) is kind.fixable, key


@pytest.mark.parametrize(
    ("flow", "step", "schema"),
    [
        ("config", "user", config_flow.STORAGE_SCHEMA),
        ("config", "found", config_flow.STORAGE_SCHEMA),
        ("config", "reconfigure", config_flow.STORAGE_SCHEMA),
        ("options", "init", config_flow.OPTIONS_SCHEMA),
    ],
)
def test_every_form_field_is_named_and_described(flow: str, step: str, schema: vol.Schema) -> None:
    fields = {str(marker) for marker in schema.schema}
    said = ENGLISH[flow]["step"][step]
    assert set(said["data"]) == fields
    assert set(said["data_description"]) == fields
    assert said["title"]


@pytest.mark.parametrize(
    ("step", "schema"),
    [
        ("user", recording_client.CLIENT_SCHEMA),
        ("reconfigure", recording_client.RECONFIGURE_SCHEMA),
    ],
)
def test_every_field_of_a_recording_client_is_named_and_described(
    step: str, schema: vol.Schema
) -> None:
    fields = {str(marker) for marker in schema.schema}
    said = ENGLISH["config_subentries"]["client"]["step"][step]
    assert set(said["data"]) == fields
    assert set(said["data_description"]) == fields
    assert said["title"]


def test_every_error_of_a_recording_client_has_its_text() -> None:
    code = (COMPONENT / "flows" / "recording_client.py").read_text(encoding="utf-8")
    used = set(re.findall(r'"(invalid_\w+|two_devices)"', code))
    assert used == set(ENGLISH["config_subentries"]["client"]["error"])


def test_every_choice_of_the_options_has_its_text() -> None:
    for marker, selector in config_flow.OPTIONS_SCHEMA.schema.items():
        if (key := selector.config.get("translation_key")) is not None:
            assert key == marker
            options = ENGLISH["selector"][key]["options"]
            assert [*options] == selector.config["options"]


def test_every_error_of_the_forms_has_its_text() -> None:
    code = (COMPONENT / "config_flow.py").read_text(encoding="utf-8")
    used = set(re.findall(r'errors\[.+?\] = "(\w+)"', code))
    assert used == set(ENGLISH["config"]["error"])
    assert set(ENGLISH["options"]["error"]) <= used


@pytest.mark.parametrize(
    ("kind", "module", "steps"),
    [
        (
            "tracked",
            "tracked_usage.py",
            {"user": ["scope"], "name": TRACKED, "reconfigure": TRACKED},
        ),
        (
            "budget",
            "budget.py",
            {"user": ["scope", "unit"], "budget": BUDGETED, "reconfigure": BUDGETED},
        ),
    ],
)
def test_every_field_and_error_of_a_subentry_has_its_text(
    kind: str, module: str, steps: dict[str, list[str]]
) -> None:
    said = ENGLISH["config_subentries"][kind]
    assert set(said["step"]) == set(steps)
    for step, fields in steps.items():
        assert set(said["step"][step]["data"]) == set(fields)
        assert set(said["step"][step]["data_description"]) == set(fields)
    errors = {f"invalid_{scope}" for scope in SCOPES}
    code = (COMPONENT / "flows" / module).read_text(encoding="utf-8")
    errors |= set(re.findall(r'errors\[.+?\] = "(\w+)"', code))
    if kind == "budget":
        errors.add("invalid_amount")
    assert set(said["error"]) == errors
    chosen = {str(scope) for scope in SCOPES} | {EVERYTHING}
    assert set(ENGLISH["selector"]["scope"]["options"]) == chosen
    assert set(ENGLISH["selector"]["unit"]["options"]) == set(BudgetUnit)
    assert set(ENGLISH["selector"]["budget_period"]["options"]) == set(BUDGET_PERIODS)


def test_sensors_have_names_and_icons() -> None:
    keys = {sensor.translation_key for sensor in SENSORS}
    assert keys == {sensor.key for sensor in SENSORS}
    assert {sensor.translation_key for sensor in TRACKED_SENSORS} < keys
    of_budgets = budget_sensors(options.budget("Any", BUDGET))
    keys |= {sensor.translation_key for sensor in of_budgets}
    keys |= {sensor.translation_key for sensor in home_sensors("EUR")}
    assert keys == set(ENGLISH["entity"]["sensor"])
    assert keys == set(ICONS["entity"]["sensor"])
    assert len({said["name"] for said in ENGLISH["entity"]["sensor"].values()}) == len(keys)


def test_every_icon_is_one_of_material_design() -> None:
    icons = texts(ICONS)
    assert icons
    for path, icon in icons.items():
        assert re.fullmatch(r"mdi:[a-z0-9-]+", icon), path


@pytest.mark.parametrize("path", LANGUAGES, ids=lambda path: path.stem)
def test_every_language_says_the_same_things(path: Path) -> None:
    english, other = texts(ENGLISH), texts(read(path))
    assert set(other) == set(english)
    for key, text in other.items():
        assert text.strip() == text, key
        assert text, key
        assert placeholders(text) == placeholders(english[key]), key


# Versions and pins


def test_the_manifest_requires_what_the_project_pins() -> None:
    runtime = PROJECT["dependency-groups"]["runtime"]
    assert sorted(MANIFEST["requirements"]) == sorted(runtime)
    for requirement in runtime:
        assert re.fullmatch(r"[a-z0-9-]+==[0-9.]+", requirement)


def test_there_is_one_version() -> None:
    assert MANIFEST["version"] == PROJECT["project"]["version"]
    assert AwesomeVersion(MANIFEST["version"]).valid


def test_the_oldest_home_assistant_is_no_newer_than_the_one_tested() -> None:
    oldest = AwesomeVersion(HACS["homeassistant"])
    assert oldest.valid
    assert oldest <= TESTED
    assert (oldest.section(0), oldest.section(1)) == (
        TESTED.section(0),
        TESTED.section(1),
    )
    assert HACS["name"] == MANIFEST["name"]


def test_the_manifest_is_ordered_and_says_what_the_code_is() -> None:
    assert list(MANIFEST)[:2] == ["domain", "name"]
    assert list(MANIFEST)[2:] == sorted(list(MANIFEST)[2:])
    assert MANIFEST["domain"] == COMPONENT.name
    assert MANIFEST["single_config_entry"] is True
    assert MANIFEST["config_flow"] is True


def _imported(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            yield node.module
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)


def test_components_of_home_assistant_that_are_used_are_declared() -> None:
    """Platforms of this integration need no declaration: diagnostics has its own file."""
    declared: Mapping[str, Any] = dict.fromkeys(
        [*MANIFEST["dependencies"], *MANIFEST["after_dependencies"]] + [path.stem for path in SHELL]
    )
    for path in SHELL:
        for module in _imported(ast.parse(path.read_text(encoding="utf-8"))):
            if module.startswith("homeassistant.components."):
                assert module.split(".")[2] in declared, f"{path.name}: {module}"
